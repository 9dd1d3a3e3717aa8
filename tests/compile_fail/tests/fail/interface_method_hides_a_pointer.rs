//! A method with a pointer must be an `unsafe fn`, even if an alias hides the pointer.

use mapisync::HRESULT;
use mapisync::abi::IUnknown;

type LPULONG = *mut u32;

mapisync::com_interface! {
    // SAFETY: only `unsafe` is missing.
    unsafe interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
        vtable ICounterVtbl;
        trait Counter;
        calls ICounterCalls;
        fn Total(base: u32, total: LPULONG) -> HRESULT;
    }
}

fn main() {}
