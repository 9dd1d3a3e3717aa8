//! `InnerBox`: the allocation of an inner, and its own `IUnknown`.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::object::class::private::{List, VtableSet};
use crate::object::object_box::ObjectBox;
use crate::object::query_interface::with_arguments;
use crate::object::{Class, Interface};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::mem::{MaybeUninit, offset_of};
use core::ptr::NonNull;

/// The allocation of an inner. The additional fields lie before the object, so the thunks of a
/// standalone object work for an inner, too.
#[repr(C)]
pub(super) struct InnerBox<T: Class> {
    /// The address of this field is the inner's own `IUnknown`.
    non_delegating: *const IUnknownVtbl,
    /// The controlling unknown. It is never written after the creation.
    outer: *mut IUnknown,
    object: ObjectBox<T>,
}

impl<T: Class> InnerBox<T> {
    /// The vtable of the own `IUnknown`, which does not delegate.
    const NON_DELEGATING_VTABLE: &'static IUnknownVtbl = &IUnknownVtbl {
        QueryInterface: non_delegating_query_interface::<T>,
        AddRef: non_delegating_add_ref::<T>,
        Release: non_delegating_release::<T>,
    };

    /// Allocates an inner with a count of 1 and the vtables of `V`.
    pub(super) fn allocate<V: VtableSet>(
        outer: NonNull<IUnknown>,
        payload: T,
    ) -> NonNull<InnerBox<T>> {
        NonNull::from(Box::leak(Box::new(InnerBox {
            non_delegating: Self::NON_DELEGATING_VTABLE,
            outer: outer.as_ptr(),
            object: ObjectBox::with_vtables::<V>(payload),
        })))
    }

    pub(super) fn object(this: *mut InnerBox<T>) -> *mut ObjectBox<T> {
        this.wrapping_byte_add(offset_of!(InnerBox<T>, object))
            .cast()
    }

    /// The outer of the inner with this interface number `index`.
    ///
    /// # Safety
    ///
    /// `interface` must be interface number `index` of a live inner with payload `T`, and must be
    /// the pointer that the inner handed out.
    #[inline(always)]
    pub(super) unsafe fn outer_of(interface: *mut IUnknown, index: usize) -> *mut IUnknown {
        let inner = ObjectBox::<T>::from_interface(interface, index)
            .wrapping_byte_sub(offset_of!(InnerBox<T>, object))
            .cast::<InnerBox<T>>();
        // SAFETY: the inner is alive, by this function's contract, and the field never changes.
        unsafe { (*inner).outer }
    }

    /// The inner's interface for `iid`, with a new reference: to the outer, of which the interface
    /// is a part. `None` for `IUnknown` and for an interface that is not in the list.
    ///
    /// # Safety
    ///
    /// `this` must be alive.
    pub(super) unsafe fn find(this: *mut InnerBox<T>, iid: &GUID) -> Option<NonNull<c_void>> {
        let index = T::Interfaces::find(iid)?;
        // SAFETY: the inner is alive, so its outer is alive and its AddRef can be called, by the
        // contract of `InnerObject::new`.
        unsafe {
            let outer = (*this).outer;
            ((*(*outer).lpVtbl).AddRef)(outer);
        }
        NonNull::new(ObjectBox::interface(Self::object(this), index))
    }

    /// `QueryInterface` of the own `IUnknown`.
    ///
    /// # Safety
    ///
    /// `this` must be alive. `riid` must be NULL or valid for a read, and `ppv` NULL or valid for a
    /// write, at any address.
    pub(super) unsafe fn query_interface(
        this: *mut InnerBox<T>,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: the inner is alive, and the arguments are NULL or valid, by this function's
        // contract.
        unsafe {
            with_arguments(riid, ppv, |iid, found| {
                if *iid == IUnknown::IID {
                    ObjectBox::add_ref(Self::object(this));
                    *found = this.cast();
                } else if let Some(interface) = InnerBox::find(this, iid) {
                    *found = interface.as_ptr();
                } else {
                    return HRESULT::E_NOINTERFACE;
                }
                HRESULT::S_OK
            })
        }
    }

    /// Releases a reference to the own `IUnknown`, and returns the new count. At 0 the inner is
    /// dropped and freed.
    ///
    /// # Safety
    ///
    /// `this` must be alive, and the caller must own a reference, which it gives up.
    pub(super) unsafe fn release(this: *mut InnerBox<T>) -> u32 {
        // SAFETY: the caller gives up a reference, by this function's contract. At 0 nothing else
        // uses the inner. It came from the box in `allocate`, and its payload is dropped already,
        // so it is freed as a box of `MaybeUninit`, which has the same layout.
        unsafe {
            let object = Self::object(this);
            let count = ObjectBox::decrement(object);
            if count == 0 {
                // The memory goes last: the payload's `Drop` may call IUnknown of the inner's
                // interfaces, and these find the outer in the box.
                let _panic = ObjectBox::drop_payload(object);
                drop(Box::from_raw(this.cast::<MaybeUninit<InnerBox<T>>>()));
            }
            count
        }
    }
}

unsafe extern "system" fn non_delegating_query_interface<T: Class>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is the own IUnknown of an inner with payload
    // `T`. COM requires of the caller that it holds a reference and that the arguments are valid.
    unsafe { InnerBox::<T>::query_interface(this.cast(), riid, ppv) }
}

unsafe extern "system" fn non_delegating_add_ref<T: Class>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it is the own IUnknown of an inner with payload
    // `T`. COM requires of the caller that it holds a reference.
    unsafe { ObjectBox::add_ref(InnerBox::<T>::object(this.cast())) }
}

unsafe extern "system" fn non_delegating_release<T: Class>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it is the own IUnknown of an inner with payload
    // `T`. COM requires of the caller that it owns a reference and gives it up.
    unsafe { InnerBox::<T>::release(this.cast()) }
}
