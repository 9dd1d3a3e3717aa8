//! com-scrape-types, with the bindings of this package's library.

use crate::{MSG_STORE, Payload, Peer};
use com_scrape_types::{Class, ComPtr as TheirPtr, ComWrapper, Interface};
use mapisync::abi::{HANDLE, IMAPISync, IMAPISyncProgressCallback, MAPISIB};
use mapisync::testing::Recorder;
use mapisync::{ComPtr, FreeThreaded, HRESULT, host, provider};
use mapisync_interop_crates::{Empty, Their, TheirCallback, TheirSync};

pub const PEER: Peer = Peer {
    name: "com-scrape-types",
    store: |payload| ours(ComWrapper::new(Store(payload)).to_com_ptr::<Their<IMAPISync>>()),
    callback: |recorder| {
        ours(ComWrapper::new(Dialog(recorder)).to_com_ptr::<Their<IMAPISyncProgressCallback>>())
    },
    synchronize: |store, request| {
        // SAFETY: both types are the same interface, and the reference passes to the new pointer.
        // The structure and its pointers are valid for the call.
        unsafe {
            let theirs = TheirPtr::<Their<IMAPISync>>::from_raw(store.into_raw().cast()).unwrap();
            assert!(theirs.cast::<Their<IMAPISyncProgressCallback>>().is_none());
            assert_eq!(theirs.cast::<Their<IMAPISync>>().unwrap().as_ptr(), theirs.as_ptr());
            let vtbl = (*theirs.as_ptr()).0;
            ((*vtbl).SynchronizeInBackground)(theirs.as_ptr().cast(), request)
        }
    },
    checks_null: false,
};

/// Converts com-scrape-types' pointer to a pointer of this crate and passes the reference on.
fn ours<I: FreeThreaded>(theirs: Option<TheirPtr<impl Interface>>) -> ComPtr<I> {
    // SAFETY: every caller converts to the same interface. The objects of these tests are
    // free-threaded and do not unwind.
    unsafe { ComPtr::from_raw(theirs.unwrap().into_raw().cast()) }.unwrap()
}

/// The payload of a store, which also has an interface of its own.
struct Store(Payload);

impl Class for Store {
    type Interfaces = (Their<IMAPISync>, Their<Empty<{ MSG_STORE.to_u128() }>>);
}

impl TheirSync for Store {
    unsafe fn synchronize(&self, psibpb: *mut MAPISIB) -> HRESULT {
        // SAFETY: the contract is this function's.
        unsafe { provider::dispatch(&self.0, psibpb) }
    }
}

/// The payload of a callback.
struct Dialog(Recorder);

impl Class for Dialog {
    type Interfaces = (Their<IMAPISyncProgressCallback>,);
}

impl TheirCallback for Dialog {
    unsafe fn progress(&self, string: *const u16, index: u32, max: u32) -> HRESULT {
        // SAFETY: the contract is this function's.
        unsafe { host::dispatch_progress(&self.0, string, index, max) }
    }
    unsafe fn error(&self, code: HRESULT, string: *const u16) -> HRESULT {
        // SAFETY: the contract is this function's.
        unsafe { host::dispatch_error(&self.0, code, string) }
    }
    unsafe fn done(&self, event: HANDLE, status: HRESULT) -> HRESULT {
        // SAFETY: the contract is this function's.
        unsafe { host::dispatch_done(&self.0, event, status) }
    }
}
