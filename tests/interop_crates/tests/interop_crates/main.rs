//! Stores, hosts and callbacks of other COM crates on the other side of this crate. Each crate's
//! module declares the interfaces and makes the objects. The tests are the same for all crates.

#![allow(missing_docs)] // the macros of windows-core and com generate undocumented items

mod com_rs;
mod com_scrape;
mod windows_core;

use mapisync::abi::{IID_IMAPISync, IID_IMAPISyncProgressCallback};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, MAPISIB};
use mapisync::testing::conformance::Conformance;
use mapisync::testing::{Call, Method, Recorder, reference_count};
use mapisync::{
    ComPtr, ComRef, Error, GUID, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncRequest,
};
use std::ptr;
use test_support::{DropCounter, DropToken, TIMEOUT, garbage, outlook, store, wait_until};

/// The objects of another crate, and a call through its pointer.
struct Peer {
    name: &'static str,
    /// Creates a store with the interface [`MSG_STORE`], whose method calls `dispatch`.
    store: fn(Payload) -> ComPtr<IMAPISync>,
    /// Creates a callback whose methods call `dispatch_…`.
    callback: fn(Recorder) -> ComPtr<IMAPISyncProgressCallback>,
    /// Calls a store.
    synchronize: fn(ComPtr<IMAPISync>, &mut MAPISIB) -> HRESULT,
    /// Whether QueryInterface checks for NULL. That of the other crates would crash.
    checks_null: bool,
}

const PEERS: [Peer; 4] =
    [com_rs::PEER, com_scrape::PEER, windows_core::DISPATCHING, windows_core::AGGREGATING];

/// A store's own interface.
const MSG_STORE: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);

/// The part of a store that implements `MapiSync`.
pub struct Payload(#[allow(dead_code)] DropToken);

impl MapiSync for Payload {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        request.spawn(|job| {
            job.progress(Some("Grüße"), 1, 2)?;
            Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
        })
    }
}

impl Peer {
    fn conformance(&self) -> Conformance {
        let iids = [MSG_STORE, IID_IMAPISync, IID_IMAPISyncProgressCallback];
        let conformance = Conformance::new().timeout(TIMEOUT);
        let conformance = iids.into_iter().fold(conformance, Conformance::iid);
        if !self.checks_null {
            return conformance;
        }
        // SAFETY: the objects of this crate check for NULL.
        unsafe { conformance.null_arguments() }
    }
}

#[test]
fn their_stores_run_under_our_host_and_keep_every_rule() {
    for peer in PEERS {
        let counter = DropCounter::default();
        let sync = (peer.store)(Payload(counter.token()));
        assert_eq!(reference_count(&sync), 1, "{}", peer.name);
        let recorder = Recorder::new();
        let host = SyncHost::new(recorder.clone());
        let run = host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
        let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
        assert_eq!(run.wait(TIMEOUT).unwrap(), partial);
        let expected = [Call::progress("Grüße", 1, 2), Call::done(partial)];
        assert_eq!(recorder.calls(), expected);
        drop(run);
        let outcome = outlook().run(&sync);
        assert_eq!(outcome.assert_status(partial).assert_no_leaks().calls(), expected);

        let own = sync.query_interface(&MSG_STORE).unwrap();
        assert!(own.is_same_object(&sync), "{}", peer.name);
        assert_eq!(reference_count(&sync), 2);
        drop(own);
        let report = peer.conformance().check_provider(&sync);
        assert!(report.broken().is_empty(), "{}: {report}", peer.name);
        assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
        drop(sync);
        assert_eq!(counter.drops(), 1, "{}", peer.name);
    }
}

#[test]
fn their_hosts_and_callbacks_run_our_store() {
    for peer in PEERS {
        let recorder = Recorder::new().keeps_event();
        let callback = (peer.callback)(recorder.clone());
        let our_store = store(|request| {
            request.spawn(|job| {
                job.progress(Some("Grüße"), 1, 2)?;
                job.position(2, u32::MAX)?;
                Err::<(), _>(Error::new(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"))
            })
        });
        let mut handle = garbage();
        let mut request = test_support::request(callback.as_raw().cast(), &mut handle);
        let code = (peer.synchronize)(our_store.clone(), &mut request);
        assert_eq!(code, HRESULT::S_OK, "{}", peer.name);
        assert!(recorder.wait_done(TIMEOUT).is_some(), "{}", peer.name);
        let event = recorder.take_event().unwrap();
        event.wait(Some(TIMEOUT)).unwrap();
        assert_eq!(event.as_raw(), handle, "{}", peer.name);
        let expected = [
            Call::progress("Grüße", 1, 2),
            Call::position(2, u32::MAX),
            Call::error(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"),
            Call::done(HRESULT::MAPI_E_DISK_ERROR),
        ];
        assert_eq!(recorder.calls(), expected, "{}", peer.name);
        assert_eq!((reference_count(&our_store), reference_count(&callback)), (1, 1));

        let busy = HRESULT::MAPI_E_BUSY;
        drop(recorder.returns(Method::Progress, busy));
        assert_eq!(callback.progress(Some("a\0b"), 0, 0), busy, "{}", peer.name);
        let callback = (peer.callback)(Recorder::new());
        // SAFETY: no store has the callback.
        let report = unsafe { peer.conformance().check_callback(&callback) };
        assert!(report.broken().is_empty(), "{}: {report}", peer.name);
    }
}

/// The method of a store without code of this crate. It reads the structure itself, and calls back
/// on the caller's thread, through the other crate's pointer, which `callback` converts.
///
/// # Safety
///
/// The caller must keep the documented contract of SynchronizeInBackground.
unsafe fn native<C>(
    psibpb: *mut MAPISIB,
    callback: impl Fn(ComRef<'_, mapisync::abi::IUnknown>) -> C,
    progress: impl Fn(&C, *const u16, u32, u32) -> i32,
    error: impl Fn(&C, i32, *const u16) -> i32,
    done: impl Fn(&C, mapisync::abi::HANDLE, i32) -> i32,
) -> i32 {
    // SAFETY: the structure and its callback are valid for the call by this function's contract.
    let (request, unknown) = unsafe {
        let request = psibpb.read();
        (request, ComRef::from_raw(request.punkCallBack).unwrap())
    };
    assert_eq!((request.ulSize as usize, request.ulFlags), (size_of::<MAPISIB>(), 0x80));
    let callback = callback(unknown);
    let string: Vec<u16> = "Grüße\0".encode_utf16().collect();
    assert_eq!(progress(&callback, string.as_ptr(), 1, 2), HRESULT::MAPI_E_BUSY.0);
    assert_eq!(progress(&callback, ptr::null(), u32::MAX, 2), HRESULT::MAPI_E_BUSY.0);
    assert_eq!(error(&callback, -1, string.as_ptr()), 0);
    let (event, owner) = test_support::event_pair();
    // SAFETY: the event handle location is valid for the call by this function's contract.
    unsafe { request.phSyncDoneEvent.write(event.as_raw()) };
    assert_eq!(done(&callback, event.into_raw(), 7), 0);
    drop(owner);
    0
}

#[test]
fn their_native_stores_run_under_our_host() {
    for sync in [com_rs::native_store(), windows_core::native_store()] {
        let recorder = Recorder::new().returns(Method::Progress, HRESULT::MAPI_E_BUSY);
        let host = SyncHost::new(recorder.clone());
        let run = host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT(7));
        let expected = [
            Call::progress("Grüße", 1, 2),
            Call::position(u32::MAX, 2),
            Call::error(HRESULT(-1), "Grüße"),
            Call::done(HRESULT(7)),
        ];
        assert_eq!(recorder.calls(), expected);
        drop(run);
        wait_until(|| reference_count(&sync) == 1);
    }
}
