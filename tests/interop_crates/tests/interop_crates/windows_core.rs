//! windows-core: its objects as stores and callbacks for this crate, and its pointers as hosts of
//! this crate's stores. Raw pointers cross the boundary, so any version of windows-core works.

#![allow(non_snake_case)] // the methods' documented names

use crate::{check_runs, failing_store, failure, read, synchronize};
use mapisync::abi::{HANDLE, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::testing::{Call, Method, Recorder, reference_count};
use mapisync::{
    Class, ComPtr, DoneEvent, HRESULT, InnerObject, MapiSync, MapiSyncProgressCallback, Result,
    SyncFlags, SyncHost, SyncRequest, provider,
};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use test_support::{self, DropCounter, DropToken, TIMEOUT, garbage};
use windows_core::{Compose, IInspectable, Interface as _, implement, interface};

/// windows-core's declarations of the two interfaces, and of a store's own interface.
#[interface("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
unsafe trait ITheirSync: windows_core::IUnknown {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> windows_core::HRESULT;
}

#[interface("5024A386-2D44-486A-81A8-8F0ECB6071DD")]
unsafe trait ITheirCallback: windows_core::IUnknown {
    unsafe fn Progress(&self, step: *const u16, index: u32, max: u32) -> windows_core::HRESULT;
    unsafe fn Error(
        &self,
        code: windows_core::HRESULT,
        message: *const u16,
    ) -> windows_core::HRESULT;
    unsafe fn Done(
        &self,
        event: *mut c_void,
        status: windows_core::HRESULT,
    ) -> windows_core::HRESULT;
}

#[interface("00020306-0000-0000-C000-000000000046")]
unsafe trait ITheirStore: windows_core::IUnknown {
    unsafe fn Number(&self) -> u32;
}

/// Converts windows-core's pointer to a pointer of this crate and passes the reference on.
fn ours<I: mapisync::FreeThreaded>(theirs: impl windows_core::Interface) -> ComPtr<I> {
    // SAFETY: every caller converts to the same interface. The objects of these tests are
    // free-threaded and do not unwind.
    unsafe { ComPtr::from_raw(theirs.into_raw().cast()) }.unwrap()
}

/// Converts a pointer of this crate to windows-core's pointer and passes the reference on.
fn theirs<I: windows_core::Interface>(ours: ComPtr<impl mapisync::Interface>) -> I {
    // SAFETY: every caller converts to the same interface.
    unsafe { I::from_raw(ours.into_raw().cast()) }
}

/// The part of both stores that implements `MapiSync`.
struct Payload(#[allow(dead_code)] DropToken);

impl MapiSync for Payload {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        synchronize(request)
    }
}

#[implement(ITheirSync, ITheirStore)]
struct Dispatching {
    payload: Payload,
}

impl ITheirSync_Impl for Dispatching_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> windows_core::HRESULT {
        // SAFETY: the caller keeps the documented contract of SynchronizeInBackground, which is
        // that of `dispatch`.
        windows_core::HRESULT(unsafe { provider::dispatch(&self.payload, psibpb.cast()) }.0)
    }
}

impl ITheirStore_Impl for Dispatching_Impl {
    unsafe fn Number(&self) -> u32 {
        42
    }
}

/// Runs the store under this crate's host. Then checks that `QueryInterface` on its `IMAPISync`
/// finds its other interface and its identity.
fn check_store(sync: ComPtr<IMAPISync>, counter: &DropCounter) {
    assert_eq!(reference_count(&sync), 1);
    check_runs(&sync);
    assert_eq!(reference_count(&sync), 1);

    let unknown = sync.cast::<IUnknown>().unwrap();
    let theirs: ITheirSync = theirs(sync.clone());
    let other: ITheirStore = theirs.cast().unwrap();
    // SAFETY: `other` owns a reference to a live object.
    assert_eq!((unsafe { other.Number() }, reference_count(&sync)), (42, 4));
    let back: ITheirSync = other.cast().unwrap();
    assert_eq!(back.as_raw().addr(), sync.as_raw().addr());
    let identity: windows_core::IUnknown = other.cast().unwrap();
    assert_eq!(identity.as_raw().addr(), unknown.as_raw().addr());
    let mut out = garbage();
    // SAFETY: the IID and the out parameter are valid.
    let code = unsafe { test_support::query(&sync, &mapisync::GUID::from_u128(7), &mut out) };
    assert_eq!((code, out.is_null()), (HRESULT::E_NOINTERFACE, true));
    drop((theirs, other, back, identity, unknown));
    assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
    drop(sync);
    assert_eq!(counter.drops(), 1);
}

/// Creates a store whose method calls `dispatch`.
pub fn store(counter: &DropCounter) -> ComPtr<IMAPISync> {
    let payload = Payload(counter.token());
    ours(ITheirSync::from(Dispatching { payload }))
}

#[test]
fn their_store_runs_under_our_host_by_dispatch() {
    let counter = DropCounter::default();
    check_store(store(&counter), &counter);
}

impl Class for Payload {
    type Interfaces = (IMAPISync,);
}

#[implement(ITheirStore)]
struct Aggregating;

impl ITheirStore_Impl for Aggregating_Impl {
    unsafe fn Number(&self) -> u32 {
        42
    }
}

/// Creates a store that aggregates an `IMAPISync` of this crate.
pub fn aggregating(counter: &DropCounter) -> ComPtr<IMAPISync> {
    // SAFETY: `InnerObject::new` requires that the outer outlives the inner. The outer's destructor
    // drops `base`, and so releases the inner. `base` is set before other code gets the object, and
    // windows-core calls only its `IUnknown` methods. The payload's `Drop` uses no interface of the
    // aggregate.
    let outer = unsafe {
        let (outer, base) = Aggregating::compose(Aggregating);
        let unknown = NonNull::new(outer.as_raw()).unwrap().cast::<IUnknown>();
        let inner = InnerObject::new(unknown, Payload(counter.token()));
        *base = Some(IInspectable::from_raw(inner.into_raw().cast()));
        outer
    };
    let sync: ITheirSync = outer.cast().unwrap();
    ours(sync)
}

#[test]
fn their_store_aggregates_our_imapisync_and_runs_under_our_host() {
    let counter = DropCounter::default();
    check_store(aggregating(&counter), &counter);
}

/// A store without code of this crate. It reads the structure itself, and calls back on the
/// caller's thread.
#[implement(ITheirSync)]
struct Native;

impl ITheirSync_Impl for Native_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> windows_core::HRESULT {
        // SAFETY: the caller keeps the documented contract: the structure and its pointers are
        // valid for the call. The event is new, and `Done` takes its ownership.
        unsafe {
            let request = psibpb.cast::<MAPISIB>().read();
            assert_eq!(
                (request.ulSize as usize, request.ulFlags),
                (size_of::<MAPISIB>(), 0x80)
            );
            let unknown = request.punkCallBack.cast::<c_void>();
            let callback: ITheirCallback = windows_core::IUnknown::from_raw_borrowed(&unknown)
                .unwrap()
                .cast()
                .unwrap();
            let string: Vec<u16> = "Grüße\0".encode_utf16().collect();
            assert_eq!(
                callback.Progress(string.as_ptr(), 1, 2).0,
                HRESULT::MAPI_E_BUSY.0
            );
            assert_eq!(
                callback.Progress(ptr::null(), 0xFFFF_FFFF, 2).0,
                HRESULT::MAPI_E_BUSY.0
            );
            assert_eq!(
                callback.Error(windows_core::HRESULT(-1), string.as_ptr()).0,
                0
            );
            let (event, owner) = test_support::event_pair();
            *request.phSyncDoneEvent = event.as_raw();
            assert_eq!(
                callback.Done(event.into_raw(), windows_core::HRESULT(7)).0,
                0
            );
            drop(owner);
        }
        windows_core::HRESULT(0)
    }
}

#[test]
fn their_native_store_runs_under_our_host() {
    let sync: ComPtr<IMAPISync> = ours(ITheirSync::from(Native));
    let recorder = Arc::new(Recorder::new().returns(Method::Progress, HRESULT::MAPI_E_BUSY));
    let run = SyncHost::new(recorder.clone())
        .start(&sync, SyncFlags::DOWNLOAD_CONTENTS)
        .unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT(7));
    let expected = [
        Call::progress("Grüße", 1, 2),
        Call::position(0xFFFF_FFFF, 2),
        Call::error(HRESULT(-1), "Grüße"),
        Call::done(HRESULT(7)),
    ];
    assert_eq!(recorder.calls(), expected);
    drop(run);
    assert_eq!(
        (reference_count(&sync), Arc::strong_count(&recorder)),
        (1, 1)
    );
}

#[implement(ITheirCallback)]
struct Recording {
    recorder: Recorder,
    _token: DropToken,
}

impl ITheirCallback_Impl for Recording_Impl {
    unsafe fn Progress(&self, step: *const u16, index: u32, max: u32) -> windows_core::HRESULT {
        // SAFETY: the caller keeps the documented contract: the string is NULL or ends with a NUL.
        let step = unsafe { read(step) };
        self.recorder.progress(step.as_deref(), index, max).unwrap();
        windows_core::HRESULT(1)
    }
    unsafe fn Error(
        &self,
        code: windows_core::HRESULT,
        message: *const u16,
    ) -> windows_core::HRESULT {
        // SAFETY: the caller keeps the documented contract: the string is NULL or ends with a NUL.
        let message = unsafe { read(message) };
        let code = HRESULT(code.0);
        self.recorder.error(code, message.as_deref()).unwrap();
        windows_core::HRESULT(0)
    }
    unsafe fn Done(
        &self,
        event: *mut c_void,
        status: windows_core::HRESULT,
    ) -> windows_core::HRESULT {
        // SAFETY: `Done` passes the ownership of the event to the callback.
        let event = unsafe { DoneEvent::from_raw(event as HANDLE) };
        let status = HRESULT(status.0);
        self.recorder.done_with_event(event, status).unwrap();
        windows_core::HRESULT(0)
    }
}

/// Creates a callback that records its calls.
pub fn callback(counter: &DropCounter) -> ComPtr<IMAPISyncProgressCallback> {
    ours(ITheirCallback::from(Recording {
        recorder: Recorder::new(),
        _token: counter.token(),
    }))
}

#[test]
fn their_callback_and_host_run_our_store() {
    let (counter, recorder) = (DropCounter::default(), Recorder::new().keeps_event());
    let recording = windows_core::ComObject::new(Recording {
        recorder: recorder.clone(),
        _token: counter.token(),
    });
    let callback: ITheirCallback = recording.to_interface();
    let our_store = failing_store();
    let mut event_handle = garbage();
    let sync: ITheirSync = theirs(our_store.clone());
    let mut request = test_support::request(callback.as_raw().cast(), &mut event_handle);
    // SAFETY: the structure and its pointers are valid for the call.
    let code = unsafe { sync.SynchronizeInBackground((&raw mut request).cast()) };
    assert_eq!(code.0, 0);
    assert!(recorder.wait_done(TIMEOUT).is_some());
    let event = recorder.take_event().unwrap();
    event.wait(Some(TIMEOUT)).unwrap();
    assert_eq!(event.as_raw(), event_handle);
    assert_eq!(recorder.calls(), failure());
    drop(sync);
    assert_eq!(reference_count(&our_store), 1);
    let callback: ComPtr<IMAPISyncProgressCallback> = ours(callback);
    assert_eq!(
        (reference_count(&callback), counter.drops()),
        (2, 0),
        "the pointer's and the ComObject's"
    );
    assert_eq!(callback.progress(Some("a\0b"), 0, 0), HRESULT::S_FALSE);
    assert_eq!(recorder.calls()[4..], [Call::progress("a\u{FFFD}b", 0, 0)]);
    drop((callback, recording));
    assert_eq!(counter.drops(), 1);
}
