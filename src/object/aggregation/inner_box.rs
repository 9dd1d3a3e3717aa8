//! `InnerBox`: the allocation of an inner, and its non-delegating `IUnknown`.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::object::class::private::{List, VtableSet};
use crate::object::object_box::ObjectBox;
use crate::object::query_interface::with_arguments;
use crate::object::{Class, Interface};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::mem::{MaybeUninit, offset_of};
use core::ptr::NonNull;

/// The allocation of an inner. The object is the last field, so the methods of a standalone object,
/// except those of `IUnknown`, work unchanged.
#[repr(C)]
pub(super) struct InnerBox<T: Class> {
    /// The address of this field is the non-delegating `IUnknown`.
    non_delegating: *const IUnknownVtbl,
    /// The controlling unknown. It does not change after the allocation.
    outer: *mut IUnknown,
    object: ObjectBox<T>,
}

impl<T: Class> InnerBox<T> {
    /// The vtable of the non-delegating `IUnknown`.
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

    /// Returns the object within the inner.
    pub(super) fn object(this: *mut InnerBox<T>) -> *mut ObjectBox<T> {
        this.wrapping_byte_add(offset_of!(InnerBox<T>, object)).cast()
    }

    /// Returns the outer of the inner to whose interface `index` the pointer points.
    ///
    /// # Safety
    ///
    /// `interface` must point to interface `index` of a live inner with payload `T`, and must be
    /// the pointer that the inner returned.
    #[inline(always)]
    pub(super) unsafe fn outer_of(interface: *mut IUnknown, index: usize) -> *mut IUnknown {
        let inner = ObjectBox::<T>::from_interface(interface, index)
            .wrapping_byte_sub(offset_of!(InnerBox<T>, object))
            .cast::<InnerBox<T>>();
        // SAFETY: the inner is alive, by this function's contract, and the field never changes.
        unsafe { (*inner).outer }
    }

    /// Finds the inner's interface for `iid` and adds a reference to the outer. Returns `None` for
    /// `IUnknown` and for an interface that is not in `T::Interfaces`. Nothing is added then.
    ///
    /// # Safety
    ///
    /// `this` must point to a live inner.
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

    /// Implements `QueryInterface` of the non-delegating `IUnknown`.
    ///
    /// # Safety
    ///
    /// `this` must point to a live inner. `riid` must be NULL or valid for a read, and `ppv` NULL
    /// or valid for a write, at any address.
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

    /// Releases a reference to the non-delegating `IUnknown`, and returns the new count. At 0 the
    /// payload is dropped and the inner is freed.
    ///
    /// # Safety
    ///
    /// `this` must point to a live inner. The caller must own a reference, which it gives up.
    pub(super) unsafe fn release(this: *mut InnerBox<T>) -> u32 {
        // SAFETY: the caller gives up a reference, by this function's contract. At 0 nothing else
        // uses the inner. `allocate` made the box. Its payload is dropped already, so it is freed
        // as a box of `MaybeUninit`, which has the same layout.
        unsafe {
            let object = Self::object(this);
            let count = ObjectBox::decrement(object);
            if count == 0 {
                // The memory is freed after the payload, whose `Drop` may call IUnknown of the
                // inner's interfaces, which read `outer`. A panic's payload is dropped last.
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
    // SAFETY: `this` comes from this vtable, so it points to the non-delegating IUnknown of an
    // inner with payload `T`. COM requires the caller to hold a reference and to pass valid
    // arguments.
    unsafe { InnerBox::<T>::query_interface(this.cast(), riid, ppv) }
}

unsafe extern "system" fn non_delegating_add_ref<T: Class>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it points to the non-delegating IUnknown of an
    // inner with payload `T`. COM requires the caller to hold a reference.
    unsafe { ObjectBox::add_ref(InnerBox::<T>::object(this.cast())) }
}

unsafe extern "system" fn non_delegating_release<T: Class>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it points to the non-delegating IUnknown of an
    // inner with payload `T`. COM requires the caller to own a reference and to give it up.
    unsafe { InnerBox::<T>::release(this.cast()) }
}
