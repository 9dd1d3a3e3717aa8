//! A store that windows-core builds, with `IMAPISync` by dispatch.
#![allow(non_snake_case)]

use mapisync::{MapiSync, Result, SyncRequest, provider};
use std::ffi::c_void;
use windows_core::{HRESULT, implement, interface};

#[interface("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
pub unsafe trait IMAPISync: windows_core::IUnknown {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT;
}

#[implement(IMAPISync)]
pub struct Store {
    half: Half,
}

impl IMAPISync_Impl for Store_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT {
        // SAFETY: COM and Outlook's documentation require a valid structure of the caller.
        HRESULT(unsafe { provider::dispatch(&self.half, psibpb.cast()) }.0)
    }
}

struct Half;

impl MapiSync for Half {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        request.spawn(|job| job.progress(Some("Receiving"), 1, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mapisync::testing::Outlook;
    use mapisync::{ComPtr, abi};
    use windows_core::Interface;

    #[test]
    fn a_run_ends_with_done() {
        let theirs = IMAPISync::from(Store { half: Half }).into_raw();
        // SAFETY: the pointer is an IMAPISync of a free-threaded object, and its reference is passed on.
        let sync = unsafe { ComPtr::<abi::IMAPISync>::from_raw(theirs.cast()) }.unwrap();
        Outlook::new().run(&sync).assert_ok().assert_no_leaks();
    }
}
