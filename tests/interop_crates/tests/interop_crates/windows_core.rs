//! windows-core: its objects as stores and callbacks of ours, its pointers as hosts of our stores. Pointers change hands
//! as raw pointers, so any version of windows-core does.

#![allow(non_snake_case)] // the methods' documented names

use crate::common::{self, Call, DropCounter, DropToken, Recorder, TIMEOUT, count, garbage, step};
use crate::{failing_store, failure, is_driven_by_our_host, read, synchronize};
use mapisync::abi::{HANDLE, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::{
    Class, ComPtr, DoneEvent, HRESULT, InnerObject, MapiSync, Result, SyncFlags, SyncHost,
    SyncRequest, provider,
};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex};
use windows_core::{Compose, IInspectable, Interface as _, implement, interface};

/// Their declarations of the two interfaces, and of one that a store has of its own.
#[interface("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
unsafe trait ITheirSync: windows_core::IUnknown {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> windows_core::HRESULT;
}

#[interface("5024A386-2D44-486A-81A8-8F0ECB6071DD")]
unsafe trait ITheirCallback: windows_core::IUnknown {
    unsafe fn Progress(&self, text: *const u16, index: u32, max: u32) -> windows_core::HRESULT;
    unsafe fn Error(&self, code: windows_core::HRESULT, text: *const u16) -> windows_core::HRESULT;
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

/// A pointer of theirs as one of ours. The reference is handed over.
fn ours<I: mapisync::FreeThreaded>(theirs: impl windows_core::Interface) -> ComPtr<I> {
    // SAFETY: the callers convert to the same interface; these objects are free-threaded and do not unwind.
    unsafe { ComPtr::from_raw(theirs.into_raw().cast()) }.unwrap()
}

/// A pointer of ours as one of theirs. The reference is handed over.
fn theirs<I: windows_core::Interface>(ours: ComPtr<impl mapisync::Interface>) -> I {
    // SAFETY: the callers convert to the same interface.
    unsafe { I::from_raw(ours.into_raw().cast()) }
}

/// The Rust half of both kinds of store.
struct Half(#[allow(dead_code)] DropToken);

impl MapiSync for Half {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        synchronize(request)
    }
}

#[implement(ITheirSync, ITheirStore)]
struct Dispatching {
    half: Half,
}

impl ITheirSync_Impl for Dispatching_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> windows_core::HRESULT {
        // SAFETY: as COM and the documentation demand of who called this.
        windows_core::HRESULT(unsafe { provider::dispatch(&self.half, psibpb.cast()) }.0)
    }
}

impl ITheirStore_Impl for Dispatching_Impl {
    unsafe fn Number(&self) -> u32 {
        42
    }
}

/// Whoever made the store: our host drives it, and from IMAPISync its other interface and its identity are reached.
fn is_a_good_store(sync: ComPtr<IMAPISync>, counter: &DropCounter) {
    assert_eq!(count(&sync), 1);
    is_driven_by_our_host(&sync);
    assert_eq!(count(&sync), 1);

    let unknown = sync.cast::<IUnknown>().unwrap();
    let theirs: ITheirSync = theirs(sync.clone());
    let other: ITheirStore = theirs.cast().unwrap();
    // SAFETY: a live object.
    assert_eq!((unsafe { other.Number() }, count(&sync)), (42, 4));
    let back: ITheirSync = other.cast().unwrap();
    assert_eq!(back.as_raw().addr(), sync.as_raw().addr());
    let identity: windows_core::IUnknown = other.cast().unwrap();
    assert_eq!(identity.as_raw().addr(), unknown.as_raw().addr());
    let mut out = garbage();
    // SAFETY: both pointers are valid.
    let code = unsafe { common::query(&sync, &mapisync::GUID::from_u128(7), &mut out) };
    assert_eq!((code, out.is_null()), (HRESULT::E_NOINTERFACE, true));
    drop((theirs, other, back, identity, unknown));
    assert_eq!((count(&sync), counter.drops()), (1, 0));
    drop(sync);
    assert_eq!(counter.drops(), 1);
}

#[test]
fn a_store_of_theirs_by_dispatch_under_our_host() {
    let counter = DropCounter::default();
    let sync: ITheirSync = Dispatching {
        half: Half(counter.token()),
    }
    .into();
    is_a_good_store(ours(sync), &counter);
}

impl Class for Half {
    type Interfaces = (IMAPISync,);
}

#[implement(ITheirStore)]
struct Aggregating;

impl ITheirStore_Impl for Aggregating_Impl {
    unsafe fn Number(&self) -> u32 {
        42
    }
}

#[test]
fn a_store_of_theirs_that_aggregates_our_imapisync_under_our_host() {
    let counter = DropCounter::default();
    // SAFETY: `base` is filled in before anybody else knows the object; what is put there is an IUnknown, of which
    // nothing more is used; it is dropped, and the inner released, in the outer's destructor. The half's drop uses no
    // interface of the aggregate.
    let outer = unsafe {
        let (outer, base) = Aggregating::compose(Aggregating);
        let unknown = NonNull::new(outer.as_raw()).unwrap().cast::<IUnknown>();
        let inner = InnerObject::new(unknown, Half(counter.token()));
        *base = Some(IInspectable::from_raw(inner.into_raw().cast()));
        outer
    };
    let sync: ITheirSync = outer.cast().unwrap();
    drop(outer);
    is_a_good_store(ours(sync), &counter);
}

/// A store that is all theirs: it reads the structure itself, and calls back on the caller's thread.
#[implement(ITheirSync)]
struct Native;

impl ITheirSync_Impl for Native_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> windows_core::HRESULT {
        // SAFETY: as the documentation has it.
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
            let text: Vec<u16> = "Grüße\0".encode_utf16().collect();
            assert_eq!(
                callback.Progress(text.as_ptr(), 1, 2).0,
                HRESULT::MAPI_E_BUSY.0
            );
            assert_eq!(
                callback.Progress(ptr::null(), 0xFFFF_FFFF, 2).0,
                HRESULT::MAPI_E_BUSY.0
            );
            assert_eq!(
                callback.Error(windows_core::HRESULT(-1), text.as_ptr()).0,
                0
            );
            let (event, owner) = common::event_pair();
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
fn a_store_that_is_all_theirs_under_our_host() {
    let sync: ComPtr<IMAPISync> = ours(ITheirSync::from(Native));
    let recorder = Recorder::new();
    recorder
        .progress_code
        .store(HRESULT::MAPI_E_BUSY.0, std::sync::atomic::Ordering::SeqCst);
    let run = SyncHost::new(recorder.clone())
        .start(&sync, SyncFlags::DOWNLOAD_CONTENTS)
        .unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT(7));
    let expected = [
        step("Grüße", 1, 2),
        Call::Progress(None, 0xFFFF_FFFF, 2),
        Call::Error(HRESULT(-1), Some("Grüße".into())),
        Call::Done(HRESULT(7)),
    ];
    assert_eq!(recorder.calls(), expected);
    drop(run);
    assert_eq!((count(&sync), Arc::strong_count(&recorder)), (1, 1));
}

/// What a callback of theirs hears.
type Calls = Arc<Mutex<Vec<Call>>>;

#[implement(ITheirCallback)]
struct Listening {
    calls: Calls,
    event: Mutex<Option<DoneEvent>>,
    _token: DropToken,
}

impl ITheirCallback_Impl for Listening_Impl {
    unsafe fn Progress(&self, text: *const u16, index: u32, max: u32) -> windows_core::HRESULT {
        // SAFETY: as the documentation has it.
        self.calls
            .lock()
            .unwrap()
            .push(Call::Progress(unsafe { read(text) }, index, max));
        windows_core::HRESULT(1)
    }
    unsafe fn Error(&self, code: windows_core::HRESULT, text: *const u16) -> windows_core::HRESULT {
        // SAFETY: as the documentation has it.
        self.calls
            .lock()
            .unwrap()
            .push(Call::Error(HRESULT(code.0), unsafe { read(text) }));
        windows_core::HRESULT(0)
    }
    unsafe fn Done(
        &self,
        event: *mut c_void,
        status: windows_core::HRESULT,
    ) -> windows_core::HRESULT {
        self.calls
            .lock()
            .unwrap()
            .push(Call::Done(HRESULT(status.0)));
        // SAFETY: the event is handed over.
        *self.event.lock().unwrap() = unsafe { DoneEvent::from_raw(event as HANDLE) };
        windows_core::HRESULT(0)
    }
}

#[test]
fn a_callback_and_a_host_of_theirs_over_our_store() {
    let (counter, calls) = (DropCounter::default(), Calls::default());
    let listening = windows_core::ComObject::new(Listening {
        calls: calls.clone(),
        event: Mutex::default(),
        _token: counter.token(),
    });
    let callback: ITheirCallback = listening.to_interface();
    let our_store = failing_store();
    let mut event_handle = garbage();
    let sync: ITheirSync = theirs(our_store.clone());
    let mut request = common::request(callback.as_raw().cast(), &mut event_handle);
    // SAFETY: everything in the structure is valid for the call.
    let code = unsafe { sync.SynchronizeInBackground((&raw mut request).cast()) };
    assert_eq!(code.0, 0);
    common::wait_until(|| listening.event.lock().unwrap().is_some());
    let event = listening.event.lock().unwrap().take().unwrap();
    assert!(event.wait(Some(TIMEOUT)).unwrap());
    assert_eq!(event.as_raw(), event_handle);
    assert_eq!(*calls.lock().unwrap(), failure());
    drop(sync);
    assert_eq!(count(&our_store), 1);
    let callback: ComPtr<IMAPISyncProgressCallback> = ours(callback);
    assert_eq!(
        (count(&callback), counter.drops()),
        (2, 0),
        "ours, and the ComObject's"
    );
    assert_eq!(callback.progress(Some("a\0b"), 0, 0), HRESULT::S_FALSE);
    assert_eq!(
        calls.lock().unwrap().last(),
        Some(&step("a\u{FFFD}b", 0, 0))
    );
    drop((callback, listening));
    assert_eq!(counter.drops(), 1);
}
