//! A pointer has the calls of its interface and of the bases, and those with pointers are unsafe.

use mapisync::abi::IUnknown;
use mapisync::{ComPtr, HRESULT};

mapisync::com_interface! {
    // SAFETY: interfaces of this program only.
    unsafe interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
        vtable ICounterVtbl;
        trait Counter;
        calls ICounterCalls;
        unsafe fn Total(total: *mut u32) -> HRESULT;
    }

    unsafe interface IStepCounter: ICounter("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F5") {
        vtable IStepCounterVtbl;
        trait StepCounter;
        calls IStepCounterCalls;
        fn Step(by: u32) -> HRESULT;
    }
}

fn step(counter: &ComPtr<ICounter>) {
    let _ = counter.Step(1);
}

fn total(counter: &ComPtr<IStepCounter>, total: &mut u32) {
    let _ = counter.Total(total);
}

fn main() {
    let _ = (step, total);
}
