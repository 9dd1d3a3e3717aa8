//! A vtable that is as `Interface` requires. Having a case that must compile also makes the others be compiled to the end, where
//! the assertions of generic code are evaluated.

use mapisync::abi::{IUnknown, IUnknownVtbl};
use mapisync::{Class, ComObject, GUID, HRESULT, ImplementedBy, Interface, Thunk};

#[repr(C)]
struct IAdvise(*const IAdviseVtbl);

#[repr(C)]
struct IAdviseVtbl {
    base: IUnknownVtbl,
    Advise: unsafe extern "system" fn(this: *mut IAdvise) -> HRESULT,
}

// SAFETY: one pointer to a vtable that begins with IUnknown's, under an IID of its own.
unsafe impl Interface for IAdvise {
    type Vtbl = IAdviseVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(1);
}

struct Store;

impl Class for Store {
    type Interfaces = (IAdvise,);
}

// SAFETY: the IUnknown slots are `Thunk`'s; the method uses nothing.
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
