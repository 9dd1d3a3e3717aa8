//! A method that returns no HRESULT needs the value that it returns after a panic.

use mapisync::abi::IUnknown;

mapisync::com_interface! {
    // SAFETY: only the value is missing.
    unsafe interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
        vtable ICounterVtbl;
        trait Counter;
        calls ICounterCalls;
        fn Total() -> u32;
    }
}

fn main() {}
