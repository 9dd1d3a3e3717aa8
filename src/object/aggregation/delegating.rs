//! The vtables of an object inside another: copies of the usual ones, made while the crate compiles, whose `IUnknown` methods
//! are the outer's.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::object::aggregation::inner::InnerBox;
use crate::object::class::Slot;
use crate::object::interface::assert_contract;
use crate::object::query_interface::{query_checked, with_arguments};
use crate::object::{Class, Implements, Interface};
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr;

/// The vtable of interface `I`, number `INDEX` of an inner's: that of a standalone object, but for `IUnknown`'s slots.
pub(in crate::object) struct Delegating<T, I, const INDEX: usize>(PhantomData<(T, I)>);

/// More slots than any interface has. (A constant of exactly the vtable's type can't be referred to for ever: it could
/// have interior mutability, for all that the compiler knows.)
const MOST: usize = 256;

impl<T: Implements<I, INDEX>, I: Interface, const INDEX: usize> Delegating<T, I, INDEX> {
    const TABLE: [*const c_void; MOST] = {
        assert_contract::<I>();
        let slots = size_of::<I::Vtbl>() / size_of::<Slot>();
        assert!(
            slots <= MOST,
            "an interface of more than 256 slots cannot be part of an aggregate"
        );
        let mut table = [ptr::null(); MOST];
        let from = (&raw const *T::VTABLE).cast::<*const c_void>();
        // SAFETY: a vtable consists of function pointers, by `Interface`'s contract, so it is `slots` words, aligned as such (as
        // asserted), all of them within `T::VTABLE`; they fit into `table`, as asserted, which is new and so does not overlap it. The
        // first three are IUnknown's, by that contract too, and are written here as what they are.
        unsafe {
            let to = table.as_mut_ptr();
            ptr::copy_nonoverlapping(from, to, slots);
            to.cast::<IUnknownVtbl>().write(IUnknownVtbl {
                QueryInterface: delegate_query_interface::<T, INDEX>,
                AddRef: delegate_add_ref::<T, INDEX>,
                Release: delegate_release::<T, INDEX>,
            });
        }
        table
    };

    pub(in crate::object) const SLOT: Slot = ptr::from_ref(&Self::TABLE).cast();
}

unsafe extern "system" fn delegate_query_interface<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM requires of the caller that it holds a reference and that `riid` and `ppv` are NULL or valid. `this` is
    // interface number INDEX of a live inner with payload `T`, since no other vtable has this function. The outer outlives it
    // and does not unwind, by `aggregate`'s contract.
    unsafe {
        let outer = InnerBox::<T>::outer_of(this, INDEX);
        with_arguments(riid, ppv, |iid, found| query_checked(outer, iid, found))
    }
}

unsafe extern "system" fn delegate_add_ref<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: as above.
    unsafe {
        let outer = InnerBox::<T>::outer_of(this, INDEX);
        ((*(*outer).lpVtbl).AddRef)(outer)
    }
}

unsafe extern "system" fn delegate_release<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: as above. The inner may be gone when this returns, so nothing of it is used after that.
    unsafe {
        let outer = InnerBox::<T>::outer_of(this, INDEX);
        ((*(*outer).lpVtbl).Release)(outer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Thunk;
    use crate::object::class::private::List;

    /// Three interfaces of 4, 3 and 256 slots, which are never called here.
    struct Many;

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

            // SAFETY: nobody calls them.
            unsafe impl<const INDEX: usize> Implements<$interface, INDEX> for Many {
                const VTABLE: &'static $vtbl = &$vtbl {
                    base: Thunk::<Many, INDEX>::UNKNOWN,
                    more: [method::<INDEX>; $slots],
                };
            }
        };
    }

    unsafe extern "system" fn method<const INDEX: usize>() {}

    interface!(IOne OneVtbl 1);
    interface!(ILarge LargeVtbl 253);

    impl Class for Many {
        type Interfaces = (IOne, IUnknown, ILarge);
    }

    #[test]
    fn delegating_vtables_are_the_others_but_for_iunknown() {
        let slots = [4, 3, 256];
        let pairs = <(IOne, IUnknown, ILarge) as List<Many>>::SLOTS
            .into_iter()
            .zip(<(IOne, IUnknown, ILarge) as List<Many>>::DELEGATING);
        for ((own, delegating), slots) in pairs.zip(slots) {
            for slot in 0..slots {
                // SAFETY: both vtables have that many slots, each of them a word.
                let (own, delegating) = unsafe {
                    let word = |vtable: Slot| vtable.cast::<*const c_void>().add(slot).read();
                    (word(own), word(delegating))
                };
                assert!(!delegating.is_null());
                assert_eq!(own == delegating, slot >= 3, "slot {slot} of {slots}");
            }
        }
    }
}
