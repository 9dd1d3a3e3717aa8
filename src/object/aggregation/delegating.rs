//! The vtables of an inner, whose `IUnknown` methods delegate to the outer.
//!
//! They are copies of the standalone object's vtables, made at compile time. A standalone object
//! therefore has no overhead from aggregation.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::object::Class;
use crate::object::aggregation::inner_box::InnerBox;
use crate::object::class::VtablePointer;
use crate::object::class::private::{List, VtableSet};
use crate::object::query_interface::{query_checked, with_arguments};
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr;

/// The vtables of an inner with payload `T`.
pub(super) struct Delegating<T>(PhantomData<T>);

impl<T: Class> VtableSet for Delegating<T> {
    fn pointer<const INDEX: usize>() -> VtablePointer {
        const { ptr::from_ref(&DelegatingVtable::<T, INDEX>::SLOTS).cast() }
    }
}

struct DelegatingVtable<T, const INDEX: usize>(PhantomData<T>);

/// The maximum number of slots in a vtable that can be copied. The copy has this length, because
/// the length of an array cannot depend on `T`.
const MAX_SLOTS: usize = 256;

impl<T: Class, const INDEX: usize> DelegatingVtable<T, INDEX> {
    const SLOTS: [*const c_void; MAX_SLOTS] = {
        let vtable = &T::Interfaces::VTABLES[INDEX];
        assert!(
            vtable.slot_count <= MAX_SLOTS,
            "an interface of more than 256 slots cannot be part of an aggregate"
        );
        let mut slots: [*const c_void; MAX_SLOTS] = [ptr::null(); MAX_SLOTS];
        // SAFETY: the vtable consists of `vtable.slot_count` function pointers, by the contract of
        // `Interface`. The first three are IUnknown's. `assert_contract` has checked its size and
        // alignment. The copy fits, as asserted. The ranges do not overlap, because the array is
        // new.
        unsafe {
            let copy = slots.as_mut_ptr();
            ptr::copy_nonoverlapping(vtable.pointer.cast(), copy, vtable.slot_count);
            copy.cast::<IUnknownVtbl>().write(IUnknownVtbl {
                QueryInterface: delegate_query_interface::<T, INDEX>,
                AddRef: delegate_add_ref::<T, INDEX>,
                Release: delegate_release::<T, INDEX>,
            });
        }
        slots
    };
}

unsafe extern "system" fn delegate_query_interface<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an inner with
    // payload `T`. COM requires the caller to hold a reference, and to pass valid arguments. The
    // outer outlives the inner and does not unwind, by the contract of `InnerObject::new`.
    unsafe {
        let outer = InnerBox::<T>::outer_of(this, INDEX);
        with_arguments(riid, ppv, |iid, found| query_checked(outer, iid, found))
    }
}

unsafe extern "system" fn delegate_add_ref<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an inner with
    // payload `T`. COM requires the caller to hold a reference. The outer outlives the inner, by
    // the contract of `InnerObject::new`.
    unsafe {
        let outer = InnerBox::<T>::outer_of(this, INDEX);
        ((*(*outer).lpVtbl).AddRef)(outer)
    }
}

unsafe extern "system" fn delegate_release<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an inner with
    // payload `T`. COM requires the caller to own a reference and to give it up. The outer outlives
    // the inner, by the contract of `InnerObject::new`. Release may destroy both, and neither is
    // used after it.
    unsafe {
        let outer = InnerBox::<T>::outer_of(this, INDEX);
        ((*(*outer).lpVtbl).Release)(outer)
    }
}
