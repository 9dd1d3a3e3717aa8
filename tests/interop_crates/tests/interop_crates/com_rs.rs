//! The crate com, with the declarations of `interop::com`: objects of its `class!` as stores and
//! callbacks for this crate, and its pointers as hosts of this crate's stores.

#![allow(non_snake_case)] // the methods' documented names

use crate::{check_runs, failing_store, failure, read, synchronize};
use com::interfaces::IUnknown as TheirUnknown;
use com::sys::HRESULT as Code;
use mapisync::abi::{self, HANDLE, IUnknown, MAPISIB};
use mapisync::interop::com::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::testing::{Call, Method, Recorder, reference_count};
use mapisync::{
    ComPtr, ComRef, DoneEvent, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncFlags,
    SyncHost, SyncRequest, host, provider,
};
use std::sync::Arc;
use test_support::{self, DropCounter, DropToken, TIMEOUT, garbage};

com::interfaces! {
    /// A store's own interface.
    #[uuid("00020306-0000-0000-C000-000000000046")]
    pub unsafe interface ITheirStore: com::interfaces::IUnknown {
        pub unsafe fn Number(&self) -> u32;
        /// A method whose in-parameter is an interface.
        pub unsafe fn Take(&self, unknown: TheirUnknown) -> Code;
    }
}

/// The part of the store that implements `MapiSync`.
pub struct Payload(#[allow(dead_code)] DropToken);

impl MapiSync for Payload {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        synchronize(request)
    }
}

com::class! {
    #[no_class_factory]
    pub class Dispatching: ITheirStore, IMAPISync {
        payload: Payload,
    }

    impl ITheirStore for Dispatching {
        fn Number(&self) -> u32 {
            42
        }
        fn Take(&self, unknown: TheirUnknown) -> Code {
            drop(unknown);
            0
        }
    }

    impl IMAPISync for Dispatching {
        unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> Code {
            // SAFETY: the caller keeps the documented contract of SynchronizeInBackground, which is
            // that of `dispatch`.
            unsafe { provider::dispatch(&self.payload, psibpb) }.0
        }
    }
}

/// Creates a store whose method calls `dispatch`.
pub fn store(counter: &DropCounter) -> ComPtr<abi::IMAPISync> {
    let provider = Dispatching::allocate(Payload(counter.token()));
    let theirs = provider.query_interface::<IMAPISync>().unwrap();
    // SAFETY: all fields of the class are `Send + Sync`, so it is free-threaded.
    unsafe { ComPtr::from_com(theirs) }
}

#[test]
fn their_store_runs_under_our_host_by_dispatch() {
    let counter = DropCounter::default();
    let sync = store(&counter);
    assert_eq!(reference_count(&sync), 1);
    check_runs(&sync);
    assert_eq!(reference_count(&sync), 1);

    let other: ITheirStore = sync.as_com().query_interface().unwrap();
    // SAFETY: `other` owns a reference to a live object.
    assert_eq!((unsafe { other.Number() }, reference_count(&sync)), (42, 2));
    let back: IMAPISync = other.query_interface().unwrap();
    assert_eq!(&back, sync.as_com());
    let unknown = sync.cast::<IUnknown>().unwrap();
    let identity: TheirUnknown = other.query_interface().unwrap();
    assert_eq!(&identity, unknown.as_com());
    let mut out = garbage();
    // SAFETY: the IID and the out parameter are valid.
    let code = unsafe { test_support::query(&sync, &mapisync::GUID::from_u128(7), &mut out) };
    assert_eq!((code, out.is_null()), (HRESULT::E_NOINTERFACE, true));
    drop((other, back, identity, unknown));
    assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
    drop(sync);
    assert_eq!(counter.drops(), 1);
}

#[test]
fn conversions_of_pointers_keep_the_count() {
    let counter = DropCounter::default();
    let token = counter.token();
    let sync = test_support::store(move |_| {
        let _ = &token;
        Ok(())
    });
    let raw = sync.as_raw().addr();
    assert_eq!(reference_count(&sync), 1);
    // Borrowed.
    assert_eq!(com::Interface::as_raw(sync.as_com()).as_ptr().addr(), raw);
    let cloned = sync.as_com().clone();
    assert_eq!(reference_count(&sync), 2);
    // SAFETY: `cloned` points to an object of this crate, which is free-threaded.
    let borrowed: ComRef<'_, abi::IMAPISync> = unsafe { ComRef::from_com(&cloned) };
    assert_eq!((borrowed.as_raw().addr(), reference_count(&sync)), (raw, 2));
    let kept = borrowed.to_ptr();
    assert_eq!(reference_count(&sync), 3);
    drop((kept, cloned));
    // Moved, there and back, for both interfaces.
    let theirs = sync.into_com();
    // SAFETY: the object is alive, and the added reference is released.
    assert_eq!(unsafe { (theirs.AddRef(), theirs.Release()) }, (2, 1));
    // SAFETY: `theirs` points to an object of this crate, which is free-threaded.
    let sync: ComPtr<abi::IMAPISync> = unsafe { ComPtr::from_com(theirs) };
    assert_eq!((sync.as_raw().addr(), reference_count(&sync)), (raw, 1));
    let unknown = sync.cast::<IUnknown>().unwrap().into_com();
    assert_eq!(reference_count(&sync), 2);
    drop(sync);
    assert_eq!(counter.drops(), 0);
    // SAFETY: `unknown` points to an object of this crate, which is free-threaded.
    let unknown: ComPtr<IUnknown> = unsafe { ComPtr::from_com(unknown) };
    assert_eq!(reference_count(&unknown), 1);
    drop(unknown);
    assert_eq!(counter.drops(), 1);
}

com::class! {
    /// A store without code of this crate. It reads the structure itself, and calls back on the
    /// caller's thread.
    #[no_class_factory]
    pub class Native: IMAPISync {}

    impl IMAPISync for Native {
        unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> Code {
            // SAFETY: the caller keeps the documented contract: the structure and its pointers are
            // valid for the call. The event is new, and `Done` takes its ownership.
            unsafe {
                let request = psibpb.read();
                assert_eq!((request.ulSize as usize, request.ulFlags), (size_of::<MAPISIB>(), 0x80));
                let unknown = ComRef::from_raw(request.punkCallBack).unwrap();
                let callback: IMAPISyncProgressCallback = unknown.as_com().query_interface().unwrap();
                let string: Vec<u16> = "Grüße\0".encode_utf16().collect();
                let busy = HRESULT::MAPI_E_BUSY.0;
                assert_eq!(callback.Progress(string.as_ptr(), 1u32, 2u32), busy);
                assert_eq!(callback.Progress(std::ptr::null::<u16>(), u32::MAX, 2u32), busy);
                assert_eq!(callback.Error(-1i32, string.as_ptr()), 0);
                let (event, owner) = test_support::event_pair();
                *request.phSyncDoneEvent = event.as_raw();
                assert_eq!(callback.Done(event.into_raw(), 7i32), 0);
                drop(owner);
            }
            0
        }
    }
}

#[test]
fn their_native_store_runs_under_our_host() {
    let native = Native::allocate();
    // SAFETY: the class has no fields, so it is free-threaded.
    let sync: ComPtr<abi::IMAPISync> =
        unsafe { ComPtr::from_com(native.query_interface::<IMAPISync>().unwrap()) };
    drop(native);
    let recorder = Arc::new(Recorder::new().returns(Method::Progress, HRESULT::MAPI_E_BUSY));
    let run = SyncHost::new(recorder.clone())
        .start(&sync, SyncFlags::DOWNLOAD_CONTENTS)
        .unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT(7));
    let expected = [
        Call::progress("Grüße", 1, 2),
        Call::position(u32::MAX, 2),
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

com::class! {
    #[no_class_factory]
    pub class Recording: IMAPISyncProgressCallback {
        recorder: Recorder,
        token: DropToken,
    }

    impl IMAPISyncProgressCallback for Recording {
        unsafe fn Progress(&self, step: *const u16, index: u32, max: u32) -> Code {
            // SAFETY: the caller keeps the documented contract: the string is NULL or ends with a
            // NUL.
            let step = unsafe { read(step) };
            self.recorder.progress(step.as_deref(), index, max).unwrap();
            1
        }
        unsafe fn Error(&self, code: Code, message: *const u16) -> Code {
            // SAFETY: the caller keeps the documented contract: the string is NULL or ends with a
            // NUL.
            let message = unsafe { read(message) };
            self.recorder.error(HRESULT(code), message.as_deref()).unwrap();
            0
        }
        unsafe fn Done(&self, event: HANDLE, status: Code) -> Code {
            // SAFETY: `Done` passes the ownership of the event to the callback.
            let event = unsafe { DoneEvent::from_raw(event) };
            self.recorder.done_with_event(event, HRESULT(status)).unwrap();
            0
        }
    }
}

/// Creates a callback that records its calls.
pub fn callback(counter: &DropCounter) -> ComPtr<abi::IMAPISyncProgressCallback> {
    let recording = Recording::allocate(Recorder::new(), counter.token());
    let theirs: IMAPISyncProgressCallback = recording.query_interface().unwrap();
    // SAFETY: all fields of the class are `Send + Sync`, so it is free-threaded.
    unsafe { ComPtr::from_com(theirs) }
}

#[test]
fn their_callback_and_host_run_our_store() {
    let counter = DropCounter::default();
    let recorder = Recorder::new().keeps_event();
    let recording = Recording::allocate(recorder.clone(), counter.token());
    let callback: IMAPISyncProgressCallback = recording.query_interface().unwrap();
    let our_store = failing_store();
    let sync: IMAPISync = our_store.clone().into_com();
    let mut event_handle = garbage();
    let mut request = test_support::request(
        com::Interface::as_raw(&callback).as_ptr().cast(),
        &mut event_handle,
    );
    // SAFETY: the structure and its pointers are valid for the call.
    let code = unsafe { sync.SynchronizeInBackground(&raw mut request) };
    assert_eq!(code, 0);
    assert!(recorder.wait_done(TIMEOUT).is_some());
    let event = recorder.take_event().unwrap();
    event.wait(Some(TIMEOUT)).unwrap();
    assert_eq!(event.as_raw(), event_handle);
    assert_eq!(recorder.calls(), failure());

    // Their `query_interface` finds the interfaces of our object.
    assert!(
        sync.query_interface::<IMAPISyncProgressCallback>()
            .is_none()
    );
    let again: IMAPISync = sync.query_interface().unwrap();
    assert_eq!((&again, reference_count(&our_store)), (&sync, 3));
    drop((sync, again));
    assert_eq!(reference_count(&our_store), 1);
    // SAFETY: all fields of the class are `Send + Sync`, so it is free-threaded.
    let callback: ComPtr<abi::IMAPISyncProgressCallback> = unsafe { ComPtr::from_com(callback) };
    assert_eq!(
        (reference_count(&callback), counter.drops()),
        (2, 0),
        "the pointer's and the allocation's"
    );
    assert_eq!(callback.progress(Some("a\0b"), 0, 0), HRESULT::S_FALSE);
    assert_eq!(recorder.calls()[4..], [Call::progress("a\u{FFFD}b", 0, 0)]);
    drop((callback, recording));
    assert_eq!(counter.drops(), 1);
}

com::class! {
    /// A callback whose methods call `dispatch_…`.
    #[no_class_factory]
    pub class Dialog: IMAPISyncProgressCallback {
        recorder: Arc<Recorder>,
    }

    impl IMAPISyncProgressCallback for Dialog {
        unsafe fn Progress(&self, step: *const u16, index: u32, max: u32) -> Code {
            // SAFETY: the caller keeps the documented contract of Progress, which is that of
            // `dispatch_progress`.
            unsafe { host::dispatch_progress(&self.recorder, step, index, max) }.0
        }
        unsafe fn Error(&self, code: Code, message: *const u16) -> Code {
            // SAFETY: the caller keeps the documented contract of Error, which is that of
            // `dispatch_error`.
            unsafe { host::dispatch_error(&self.recorder, HRESULT(code), message) }.0
        }
        unsafe fn Done(&self, event: HANDLE, status: Code) -> Code {
            // SAFETY: the caller keeps the documented contract of Done, which is that of
            // `dispatch_done`.
            unsafe { host::dispatch_done(&self.recorder, event, HRESULT(status)) }.0
        }
    }
}

#[test]
fn our_job_calls_their_callback_by_dispatch() {
    let recorder = Arc::new(Recorder::new());
    let dialog = Dialog::allocate(recorder.clone());
    let callback = dialog.query_interface::<TheirUnknown>().unwrap();
    let mut event_handle = garbage();
    let mut request = test_support::request(
        com::Interface::as_raw(&callback).as_ptr().cast(),
        &mut event_handle,
    );
    let store = failing_store();
    // SAFETY: the structure and its pointers are valid for the call.
    let code = unsafe { store.as_com().SynchronizeInBackground(&raw mut request) };
    assert_eq!(code, 0);
    assert!(recorder.wait_calls(4, TIMEOUT));
    assert_eq!(recorder.calls(), failure());
    assert_eq!(Arc::strong_count(&recorder), 2);
    // SAFETY: all fields of the class are `Send + Sync`, so it is free-threaded.
    let callback: ComPtr<IUnknown> = unsafe { ComPtr::from_com(callback) };
    test_support::wait_until(|| reference_count(&callback) == 2);
    drop((dialog, callback));
    assert_eq!(Arc::strong_count(&recorder), 1);
}

/// If a parameter of a `class!` method is an interface, com releases the borrowed reference. No
/// method of `interop::com` has such a parameter; the module's documentation warns of it.
#[test]
fn their_class_releases_an_interface_in_parameter_once_too_often() {
    let counter = DropCounter::default();
    let theirs = Dispatching::allocate(Payload(counter.token()));
    let store: ITheirStore = theirs.query_interface().unwrap();
    let ours = test_support::bare_object();
    let lent = ours.as_com();
    // SAFETY: both objects are alive. `AddRef` adds the reference that the method releases.
    let left = unsafe {
        lent.AddRef();
        assert_eq!(store.Take(lent), 0);
        reference_count(&ours)
    };
    assert_eq!(left, 1, "the callee released the borrowed reference");
}

/// Calls the function that the `ole32` of 32-bit MinGW lacks. The linked replacement must work.
#[cfg(windows)]
#[test]
fn their_runtime_initializes() {
    com::runtime::init_runtime().unwrap();
}
