//! A class must implement the trait of every interface in its list, and those of their bases.

use mapisync::abi::IUnknown;
use mapisync::{Class, HRESULT};

mapisync::com_interface! {
    // SAFETY: interfaces of this program only.
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
