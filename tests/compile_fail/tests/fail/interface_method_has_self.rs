//! A method is declared as on the page of its interface, without `self`.

use mapisync::HRESULT;
use mapisync::abi::IUnknown;

mapisync::com_interface! {
    // SAFETY: an interface of this program only.
    unsafe interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
        vtable ICounterVtbl;
        trait Counter;
        calls ICounterCalls;
        fn Increase(&self, by: u32) -> HRESULT;
    }
}

fn main() {}
