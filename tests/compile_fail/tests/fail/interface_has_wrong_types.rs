//! An IID is a string. A method with a pointer must be an `unsafe fn`, even if an alias hides the pointer. A method that
//! returns no HRESULT needs the value that it returns after a panic. A class must implement the trait
//! of every interface in its list, and those of their bases.

use mapisync::abi::IUnknown;
use mapisync::{Class, HRESULT};

type LPULONG = *mut u32;

mapisync::com_interface! {
    // SAFETY: interfaces of this program only.
    unsafe interface IHidden: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F2") {
        vtable IHiddenVtbl;
        trait Hidden;
        calls IHiddenCalls;
        fn Total(base: u32, total: LPULONG) -> HRESULT;
    }

    unsafe interface IValue: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F3") {
        vtable IValueVtbl;
        trait Value;
        calls IValueCalls;
        fn Total() -> u32;
    }

    unsafe interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
        vtable ICounterVtbl;
        trait Counter;
        calls ICounterCalls;
        fn Increase(by: u32) -> HRESULT;
    }

    unsafe interface IStepCounter: ICounter("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F5") {
        vtable IStepCounterVtbl;
        trait StepCounter;
        calls IStepCounterCalls;
        fn Step(by: u32) -> HRESULT;
    }
}

mapisync::com_interface! {
    unsafe interface INumber: IUnknown(0x0002031F) {
        vtable INumberVtbl;
        trait Number;
        calls INumberCalls;
    }
}

struct Total;

impl Class for Total {
    type Interfaces = (ICounter,);
}

struct Steps;

impl Class for Steps {
    type Interfaces = (IStepCounter,);
}

impl StepCounter for Steps {}

fn main() {}
