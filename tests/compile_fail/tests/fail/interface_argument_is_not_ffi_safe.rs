//! The arguments and the result of a method must be types that C has.

use mapisync::HRESULT;
use mapisync::abi::IUnknown;

mapisync::com_interface! {
    // SAFETY: only the types are wrong.
    unsafe interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
        vtable ICounterVtbl;
        trait Counter;
        calls ICounterCalls;
        unsafe fn Increase(by: u32, name: &str) -> HRESULT;
        fn Total() -> (u32, u32) = (0, 0);
    }
}

fn main() {}
