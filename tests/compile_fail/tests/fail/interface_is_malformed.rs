//! `com_interface!` needs `unsafe`, with which its user states that the interface is the documented
//! one, and the IID as a string. A method is declared as on the page of its interface, without `self`.

use mapisync::HRESULT;
use mapisync::abi::IUnknown;

mapisync::com_interface! {
    pub interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
        vtable ICounterVtbl;
        trait Counter;
        calls ICounterCalls;
        fn Increase(by: u32) -> HRESULT;
    }
}

mapisync::com_interface! {
    unsafe interface ISelf: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
        vtable ISelfVtbl;
        trait Self_;
        calls ISelfCalls;
        fn Increase(&self, by: u32) -> HRESULT;
    }
}

mapisync::com_interface! {
    pub unsafe interface IMissing: IUnknown {
        vtable IMissingVtbl;
        trait Missing;
        calls IMissingCalls;
    }
}

mapisync::com_interface! {
    unsafe interface INoString: IUnknown(IID_INoString) {
        vtable INoStringVtbl;
        trait NoString;
        calls INoStringCalls;
    }
}

fn main() {}
