//! `com_interface!` needs the IID, as a string.

mapisync::com_interface! {
    pub unsafe interface IMissing: mapisync::abi::IUnknown {
        vtable IMissingVtbl;
        trait Missing;
        calls IMissingCalls;
        fn Increase(by: u32) -> mapisync::HRESULT;
    }
}

mapisync::com_interface! {
    unsafe interface INumber: mapisync::abi::IUnknown(0x0002031F) {
        vtable INumberVtbl;
        trait Number;
        calls INumberCalls;
    }

    unsafe interface INoString: mapisync::abi::IUnknown(IID_INoString) {
        vtable INoStringVtbl;
        trait NoString;
        calls INoStringCalls;
    }
}

fn main() {}
