//! Whoever declares an interface states that it is the documented one.

mapisync::com_interface! {
    pub interface ICounter: mapisync::abi::IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
        vtable ICounterVtbl;
        trait Counter;
        calls ICounterCalls;
        fn Increase(by: u32) -> mapisync::HRESULT;
    }
}

fn main() {}
