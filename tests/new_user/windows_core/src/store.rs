use mapisync::{MapiSync, Result, SyncRequest, provider};
use std::ffi::c_void;
use windows_core::{HRESULT, IUnknown, Interface, implement, interface};

#[interface("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
pub unsafe trait IMAPISync: IUnknown {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT;
}

#[implement(IMAPISync)]                                 // and IMsgStore, with its IMsgStore_Impl for Store_Impl
pub struct Store { pub half: Half }

impl IMAPISync_Impl for Store_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT {
        // SAFETY: the caller must pass NULL or a valid structure (COM, and Microsoft's page of the method).
        HRESULT(unsafe { provider::dispatch(&self.half, psibpb.cast()) }.0)
    }
}

pub struct Half;

impl MapiSync for Half {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let session = request.session().map(|session| session.to_ptr());    // a reference for the worker
        request.spawn(move |job| {
            // MAPIInitialize first
            // SAFETY: the pointer is an IUnknown, and its reference is passed on.
            let session = session.map(|ours| unsafe { IUnknown::from_raw(ours.into_raw().cast()) });
            job.progress(Some(if session.is_some() { "With a session" } else { "Without" }), 1, 1)
            // MAPIUninitialize last, after the session is dropped
        })
    }
}
