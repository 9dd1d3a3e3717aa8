//! A store by `#[implement]`: windows-core makes the object and both vtables, and IMAPISync's method dispatches to us.

use crate::msg_store::{Calls, Half, IMsgStore, msg_store};
use mapisync::provider;
use std::ffi::c_void;
use windows_core::{HRESULT, implement, interface};

#[interface("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
unsafe trait ISync: windows_core::IUnknown {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT;
}

#[implement(IMsgStore, ISync)]
struct Dispatching {
    half: Half,
    calls: Calls,
}

impl ISync_Impl for Dispatching_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT {
        // SAFETY: as COM and the documentation demand of who called this.
        HRESULT(unsafe { provider::dispatch(&self.half, psibpb.cast()) }.0)
    }
}

msg_store!(Dispatching_Impl);

pub fn store(half: Half, calls: Calls) -> IMsgStore {
    Dispatching { half, calls }.into()
}
