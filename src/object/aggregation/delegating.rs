//! The vtables of an inner, whose `IUnknown` methods delegate to the outer.
//!
//! They are copies of the standalone object's vtables, made at compile time. A standalone object
//! therefore pays nothing for the possibility of aggregation.

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

/// The greatest number of slots in a vtable that can be copied. The copy has this length because an
/// array cannot have a length that depends on `T`.
const MAX_SLOTS: usize = 256;

impl<T: Class, const INDEX: usize> DelegatingVtable<T, INDEX> {
    const SLOTS: [*const c_void; MAX_SLOTS] = {
        let vtable = &T::Interfaces::VTABLES[INDEX];
        assert!(
            vtable.slot_count <= MAX_SLOTS,
            "an interface of more than 256 slots cannot be part of an aggregate"
        );
        let mut slots: [*const c_void; MAX_SLOTS] = [ptr::null(); MAX_SLOTS];
        // SAFETY: the list's vtable consists of that many function pointers, the first three of
        // them IUnknown's, by the contract of `Interface`; `assert_contract` has checked its size
        // and alignment. The copy fits, as asserted, and does not overlap, because the array is
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
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an inner with payload `T`.
    // COM requires of the caller that it holds a reference and that the arguments are valid. The
    // outer outlives the inner and does not unwind, by the contract of `InnerObject::new`.
    unsafe {
        let outer = InnerBox::<T>::outer_of(this, INDEX);
        with_arguments(riid, ppv, |iid, found| query_checked(outer, iid, found))
    }
}

unsafe extern "system" fn delegate_add_ref<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an inner with payload `T`.
    // COM requires of the caller that it holds a reference. The outer outlives the inner, by the
    // contract of `InnerObject::new`.
    unsafe {
        let outer = InnerBox::<T>::outer_of(this, INDEX);
        ((*(*outer).lpVtbl).AddRef)(outer)
    }
}

unsafe extern "system" fn delegate_release<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an inner with payload `T`.
    // COM requires of the caller that it owns a reference and gives it up. The outer outlives the
    // inner, by the contract of `InnerObject::new`. Both may be gone when Release returns, and
    // neither is used after it.
    unsafe {
        let outer = InnerBox::<T>::outer_of(this, INDEX);
        ((*(*outer).lpVtbl).Release)(outer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{ImplementedBy, Interface, Thunk};

    /// Three interfaces of 4, 3 and 256 slots, which are never called here.
    struct ThreeInterfaces;

    macro_rules! interface {
        ($interface:ident $vtbl:ident $slots:literal) => {
            #[repr(C)]
            struct $interface(*const $vtbl);

            #[repr(C)]
            struct $vtbl {
                base: IUnknownVtbl,
                more: [unsafe extern "system" fn(); $slots],
            }

            // SAFETY: one pointer to a vtable that begins with IUnknown's.
            unsafe impl Interface for $interface {
                type Vtbl = $vtbl;
                type Base = IUnknown;
                const IID: GUID = GUID::from_u128($slots);
            }

            // SAFETY: no test calls them.
            unsafe impl<const INDEX: usize> ImplementedBy<ThreeInterfaces, INDEX> for $interface {
                const VTABLE: &'static $vtbl = &$vtbl {
                    base: Thunk::<ThreeInterfaces, INDEX>::UNKNOWN,
                    more: [method::<INDEX>; $slots],
                };
            }
        };
    }

    unsafe extern "system" fn method<const INDEX: usize>() {}

    interface!(IOne OneVtbl 1);
    interface!(ILarge LargeVtbl 253);

    impl Class for ThreeInterfaces {
        type Interfaces = (IOne, IUnknown, ILarge);
    }

    #[test]
    fn a_delegating_vtable_differs_from_the_standalone_one_in_iunknown() {
        let slots = [4, 3, 256];
        type Interfaces = (IOne, IUnknown, ILarge);
        let standalone = <Interfaces as List<ThreeInterfaces>>::VTABLES;
        let delegating =
            <Interfaces as List<ThreeInterfaces>>::pointers::<Delegating<ThreeInterfaces>>();
        for ((own, delegating), slots) in standalone.iter().zip(delegating).zip(slots) {
            assert_eq!(own.slot_count, slots);
            for slot in 0..slots {
                // SAFETY: both vtables have that many slots, each of the size of a pointer.
                let (own, delegating) = unsafe {
                    let word =
                        |vtable: VtablePointer| vtable.cast::<*const c_void>().add(slot).read();
                    (word(own.pointer), word(delegating))
                };
                assert!(!delegating.is_null());
                assert_eq!(own == delegating, slot >= 3, "slot {slot} of {slots}");
            }
        }
    }
}
