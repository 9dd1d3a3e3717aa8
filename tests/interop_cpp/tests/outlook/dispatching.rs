//! A store by `#[implement]`. windows-core generates the object and both vtables, and the method of
//! IMAPISync calls `provider::dispatch`.

use crate::msg_store::{Calls, IMsgStore, Payload, msg_store};
use mapisync::provider;
use std::ffi::c_void;
use windows_core::{HRESULT, implement, interface};

#[interface("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
unsafe trait ISync: windows_core::IUnknown {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT;
}

#[implement(IMsgStore, ISync)]
struct Dispatching {
    payload: Payload,
    calls: Calls,
}

impl ISync_Impl for Dispatching_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT {
        // SAFETY: a caller of this method must pass NULL or a valid `MAPISIB`.
        HRESULT(unsafe { provider::dispatch(&self.payload, psibpb.cast()) }.0)
    }
}

msg_store!(Dispatching_Impl);

pub fn store(payload: Payload, calls: Calls) -> IMsgStore {
    Dispatching { payload, calls }.into()
}
