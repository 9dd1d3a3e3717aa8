//! Vtables and interfaces that break the part of `Interface`'s contract that the compiler can
//! check. Each would misplace a vtable slot of an aggregated object, or use a pointer as another
//! type.

use mapisync::abi::{IUnknown, IUnknownVtbl};
use mapisync::{Class, ComObject, GUID, HRESULT, ImplementedBy, Interface, Thunk};

type Method = unsafe extern "system" fn(this: *mut IUnknown) -> HRESULT;

unsafe extern "system" fn method(_: *mut IUnknown) -> HRESULT {
    HRESULT::S_OK
}

#[repr(C, align(16))]
struct OverAlignedVtbl {
    base: IUnknownVtbl,
    Advise: Method,
}

#[repr(C)]
struct OverAligned(*const OverAlignedVtbl);

// SAFETY: none. The contract requires the alignment of a pointer, and the compiler must refuse
// this.
unsafe impl Interface for OverAligned {
    type Vtbl = OverAlignedVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(1);
}

struct Store;

impl Class for Store {
    type Interfaces = (OverAligned,);
}

// SAFETY: none, since the interface's contract does not hold.
unsafe impl<const INDEX: usize> ImplementedBy<Store, INDEX> for OverAligned {
    const VTABLE: &'static OverAlignedVtbl = &OverAlignedVtbl {
        base: Thunk::<Store, INDEX>::UNKNOWN,
        Advise: method,
    };
}

#[repr(C)]
struct ShorterThanItsBase(*const IUnknownVtbl);

// SAFETY: none. The contract requires the whole vtable of the base.
unsafe impl Interface for ShorterThanItsBase {
    type Vtbl = IUnknownVtbl;
    type Base = mapisync::abi::IMAPISync;
    const IID: GUID = GUID::from_u128(2);
}

#[repr(C)]
struct TwoPointers(*const IUnknownVtbl, usize);

// SAFETY: none. The contract requires one pointer.
unsafe impl Interface for TwoPointers {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(3);
}

fn main() {
    let object = ComObject::new(Store);
    let unknown = object.cast::<IUnknown>().unwrap();
    let _ = unknown.cast::<ShorterThanItsBase>();
    let _ = unknown.cast::<TwoPointers>();
}
