//! A vtable that meets the contract of `Interface`. Because this program must compile, trybuild
//! builds all programs completely, so the assertions in generic code are evaluated.

use mapisync::abi::{IUnknown, IUnknownVtbl};
use mapisync::{Class, ComObject, GUID, HRESULT, ImplementedBy, Interface, Thunk};

#[repr(C)]
struct IAdvise(*const IAdviseVtbl);

#[repr(C)]
struct IAdviseVtbl {
    base: IUnknownVtbl,
    Advise: unsafe extern "system" fn(this: *mut IAdvise) -> HRESULT,
}

// SAFETY: `Interface` requires one pointer to a vtable that begins with the base's slots, as the
// structs above have it. No other interface has this IID.
unsafe impl Interface for IAdvise {
    type Vtbl = IAdviseVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(1);
}

struct Store;

impl Class for Store {
    type Interfaces = (IAdvise,);
}

// SAFETY: the `IUnknown` slots are those of `Thunk` for this index. The method does not use `this`.
unsafe impl<const INDEX: usize> ImplementedBy<Store, INDEX> for IAdvise {
    const VTABLE: &'static IAdviseVtbl = &IAdviseVtbl {
        base: Thunk::<Store, INDEX>::UNKNOWN,
        Advise: advise,
    };
}

unsafe extern "system" fn advise(_: *mut IAdvise) -> HRESULT {
    HRESULT::S_OK
}

fn main() {
    ComObject::new(Store).cast::<IAdvise>().unwrap();
}
