//! Vtables whose fields have other offsets than their lists require.

use mapisync::HRESULT;
use mapisync::abi::{IUnknown, IUnknownVtbl};

type Method = unsafe extern "system" fn(this: *mut IUnknown) -> HRESULT;

#[repr(C)]
struct WrongWayRound {
    base: IUnknownVtbl,
    Unadvise: Method,
    Advise: Method,
}
mapisync::vtable_layout! { WrongWayRound { base: IUnknownVtbl, Advise, Unadvise } }

#[repr(C)]
struct BaseLast {
    Advise: Method,
    base: IUnknownVtbl,
}
mapisync::vtable_layout! { BaseLast { base: IUnknownVtbl, Advise } }

#[repr(C)]
struct TwoWordsWide {
    base: IUnknownVtbl,
    Advise: [Method; 2],
}
mapisync::vtable_layout! { TwoWordsWide { base: IUnknownVtbl, Advise } }

#[repr(C, align(16))]
struct OverAligned {
    base: IUnknownVtbl,
    Advise: Method,
}
mapisync::vtable_layout! { OverAligned { base: IUnknownVtbl, Advise } }

#[repr(C)]
struct InterfaceAsBase {
    base: IUnknown,
    Advise: Method,
}
mapisync::vtable_layout! { InterfaceAsBase { base: IUnknown, Advise } }

fn main() {}
