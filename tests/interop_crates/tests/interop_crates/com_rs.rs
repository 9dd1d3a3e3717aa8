//! The crate com: objects of its `class!` as stores and callbacks of ours, its pointers as hosts of our stores, by the
//! declarations of `interop::com`.

#![allow(non_snake_case)] // the methods' documented names

use crate::common::{self, Call, DropCounter, DropToken, Recorder, TIMEOUT, count, garbage, step};
use crate::{failing_store, failure, is_driven_by_our_host, read, synchronize};
use com::interfaces::IUnknown as TheirUnknown;
use com::sys::HRESULT as Code;
use mapisync::abi::{self, HANDLE, IUnknown, MAPISIB};
use mapisync::interop::com::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{
    ComPtr, ComRef, DoneEvent, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncRequest, host,
    provider,
};
use std::sync::{Arc, Mutex};

com::interfaces! {
    /// An interface that a store has of its own.
    #[uuid("00020306-0000-0000-C000-000000000046")]
    pub unsafe interface ITheirStore: com::interfaces::IUnknown {
        pub unsafe fn Number(&self) -> u32;
        /// With an interface for an in-parameter.
        pub unsafe fn Take(&self, unknown: TheirUnknown) -> Code;
    }
}

/// The Rust half of the store.
pub struct Half(#[allow(dead_code)] DropToken);

impl MapiSync for Half {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        synchronize(request)
    }
}

com::class! {
    #[no_class_factory]
    pub class Dispatching: ITheirStore, IMAPISync {
        half: Half,
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
            // SAFETY: as COM and the documentation demand of who called this.
            unsafe { provider::dispatch(&self.half, psibpb) }.0
        }
    }
}

#[test]
fn a_store_of_theirs_by_dispatch_under_our_host() {
    let counter = DropCounter::default();
    let provider = Dispatching::allocate(Half(counter.token()));
    let theirs = provider.query_interface::<IMAPISync>().unwrap();
    drop(provider);
    // SAFETY: what the class holds is `Send + Sync`.
    let sync: ComPtr<abi::IMAPISync> = unsafe { ComPtr::from_com(theirs) };
    assert_eq!(count(&sync), 1);
    is_driven_by_our_host(&sync);
    assert_eq!(count(&sync), 1);

    let other: ITheirStore = sync.as_com().query_interface().unwrap();
    // SAFETY: a live object.
    assert_eq!((unsafe { other.Number() }, count(&sync)), (42, 2));
    let back: IMAPISync = other.query_interface().unwrap();
    assert_eq!(&back, sync.as_com());
    let unknown = sync.cast::<IUnknown>().unwrap();
    let identity: TheirUnknown = other.query_interface().unwrap();
    assert_eq!(&identity, unknown.as_com());
    let mut out = garbage();
    // SAFETY: both pointers are valid.
    let code = unsafe { common::query(&sync, &mapisync::GUID::from_u128(7), &mut out) };
    assert_eq!((code, out.is_null()), (HRESULT::E_NOINTERFACE, true));
    drop((other, back, identity, unknown));
    assert_eq!((count(&sync), counter.drops()), (1, 0));
    drop(sync);
    assert_eq!(counter.drops(), 1);
}

#[test]
fn pointers_turn_into_theirs_and_back_with_the_count_as_it_was() {
    let counter = DropCounter::default();
    let token = counter.token();
    let sync = common::store(move |_| {
        let _ = &token;
        Ok(())
    });
    let raw = sync.as_raw().addr();
    assert_eq!(count(&sync), 1);
    // Lent.
    assert_eq!(com::Interface::as_raw(sync.as_com()).as_ptr().addr(), raw);
    let cloned = sync.as_com().clone();
    assert_eq!(count(&sync), 2);
    // SAFETY: an object of ours; so below.
    let borrowed: ComRef<'_, abi::IMAPISync> = unsafe { ComRef::from_com(&cloned) };
    assert_eq!((borrowed.as_raw().addr(), count(&sync)), (raw, 2));
    let kept = borrowed.to_ptr();
    assert_eq!(count(&sync), 3);
    drop((kept, cloned));
    // Handed over, there and back, as either interface that both sides have.
    let theirs = sync.into_com();
    // SAFETY: a live object, and a pair.
    assert_eq!(unsafe { (theirs.AddRef(), theirs.Release()) }, (2, 1));
    // SAFETY: as above.
    let sync: ComPtr<abi::IMAPISync> = unsafe { ComPtr::from_com(theirs) };
    assert_eq!((sync.as_raw().addr(), count(&sync)), (raw, 1));
    let unknown = sync.cast::<IUnknown>().unwrap().into_com();
    assert_eq!(count(&sync), 2);
    drop(sync);
    assert_eq!(counter.drops(), 0);
    // SAFETY: as above.
    let unknown: ComPtr<IUnknown> = unsafe { ComPtr::from_com(unknown) };
    assert_eq!(count(&unknown), 1);
    drop(unknown);
    assert_eq!(counter.drops(), 1);
}

com::class! {
    /// A store that is all theirs: it reads the structure itself, and calls back on the caller's thread.
    #[no_class_factory]
    pub class Native: IMAPISync {}

    impl IMAPISync for Native {
        unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> Code {
            // SAFETY: as the documentation has it; the pointers are borrowed for the call.
            unsafe {
                let request = psibpb.read();
                assert_eq!((request.ulSize as usize, request.ulFlags), (size_of::<MAPISIB>(), 0x80));
                let unknown = ComRef::from_raw(request.punkCallBack).unwrap();
                let callback: IMAPISyncProgressCallback = unknown.as_com().query_interface().unwrap();
                let text: Vec<u16> = "Grüße\0".encode_utf16().collect();
                let busy = HRESULT::MAPI_E_BUSY.0;
                assert_eq!(callback.Progress(text.as_ptr(), 1u32, 2u32), busy);
                assert_eq!(callback.Progress(std::ptr::null::<u16>(), u32::MAX, 2u32), busy);
                assert_eq!(callback.Error(-1i32, text.as_ptr()), 0);
                let (event, owner) = common::event_pair();
                *request.phSyncDoneEvent = event.as_raw();
                assert_eq!(callback.Done(event.into_raw(), 7i32), 0);
                drop(owner);
            }
            0
        }
    }
}

#[test]
fn a_store_that_is_all_theirs_under_our_host() {
    let native = Native::allocate();
    // SAFETY: what the class holds is `Send + Sync`.
    let sync: ComPtr<abi::IMAPISync> =
        unsafe { ComPtr::from_com(native.query_interface::<IMAPISync>().unwrap()) };
    drop(native);
    let recorder = Recorder::new();
    let busy = HRESULT::MAPI_E_BUSY.0;
    recorder
        .progress_code
        .store(busy, std::sync::atomic::Ordering::SeqCst);
    let run = SyncHost::new(recorder.clone())
        .start(&sync, SyncFlags::DOWNLOAD_CONTENTS)
        .unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT(7));
    let expected = [
        step("Grüße", 1, 2),
        Call::Progress(None, u32::MAX, 2),
        Call::Error(HRESULT(-1), Some("Grüße".into())),
        Call::Done(HRESULT(7)),
    ];
    assert_eq!(recorder.calls(), expected);
    drop(run);
    assert_eq!((count(&sync), Arc::strong_count(&recorder)), (1, 1));
}

com::class! {
    #[no_class_factory]
    pub class Listening: IMAPISyncProgressCallback {
        calls: Arc<Mutex<Vec<Call>>>,
        event: Mutex<Option<DoneEvent>>,
        token: DropToken,
    }

    impl IMAPISyncProgressCallback for Listening {
        unsafe fn Progress(&self, text: *const u16, index: u32, max: u32) -> Code {
            // SAFETY: as the documentation has it.
            let text = unsafe { read(text) };
            self.calls.lock().unwrap().push(Call::Progress(text, index, max));
            1
        }
        unsafe fn Error(&self, code: Code, text: *const u16) -> Code {
            // SAFETY: as the documentation has it.
            let text = unsafe { read(text) };
            self.calls.lock().unwrap().push(Call::Error(HRESULT(code), text));
            0
        }
        unsafe fn Done(&self, event: HANDLE, status: Code) -> Code {
            self.calls.lock().unwrap().push(Call::Done(HRESULT(status)));
            // SAFETY: the event is handed over.
            *self.event.lock().unwrap() = unsafe { DoneEvent::from_raw(event) };
            0
        }
    }
}

#[test]
fn a_callback_and_a_host_of_theirs_over_our_store() {
    let counter = DropCounter::default();
    let listening = Listening::allocate(Arc::default(), Mutex::default(), counter.token());
    let callback: IMAPISyncProgressCallback = listening.query_interface().unwrap();
    let our_store = failing_store();
    let sync: IMAPISync = our_store.clone().into_com();
    let mut event_handle = garbage();
    let mut request = common::request(
        com::Interface::as_raw(&callback).as_ptr().cast(),
        &mut event_handle,
    );
    // SAFETY: everything in the structure is valid for the call.
    let code = unsafe { sync.SynchronizeInBackground(&raw mut request) };
    assert_eq!(code, 0);
    common::wait_until(|| listening.event.lock().unwrap().is_some());
    let event = listening.event.lock().unwrap().take().unwrap();
    assert!(event.wait(Some(TIMEOUT)).unwrap());
    assert_eq!(event.as_raw(), event_handle);
    assert_eq!(*listening.calls.lock().unwrap(), failure());

    // From their pointer to our object's other faces.
    assert!(
        sync.query_interface::<IMAPISyncProgressCallback>()
            .is_none()
    );
    let again: IMAPISync = sync.query_interface().unwrap();
    assert_eq!((&again, count(&our_store)), (&sync, 3));
    drop((sync, again));
    assert_eq!(count(&our_store), 1);
    // SAFETY: what the class holds is `Send + Sync`.
    let callback: ComPtr<abi::IMAPISyncProgressCallback> = unsafe { ComPtr::from_com(callback) };
    assert_eq!(
        (count(&callback), counter.drops()),
        (2, 0),
        "ours, and the allocation's"
    );
    assert_eq!(callback.progress(Some("a\0b"), 0, 0), HRESULT::S_FALSE);
    let last = listening.calls.lock().unwrap().last().cloned();
    assert_eq!(last, Some(step("a\u{FFFD}b", 0, 0)));
    drop((callback, listening));
    assert_eq!(counter.drops(), 1);
}

com::class! {
    /// A callback by dispatch.
    #[no_class_factory]
    pub class Dialog: IMAPISyncProgressCallback {
        recorder: Arc<Recorder>,
    }

    impl IMAPISyncProgressCallback for Dialog {
        unsafe fn Progress(&self, text: *const u16, index: u32, max: u32) -> Code {
            // SAFETY: as the documentation demands of who called this; so below.
            unsafe { host::dispatch_progress(&self.recorder, text, index, max) }.0
        }
        unsafe fn Error(&self, code: Code, text: *const u16) -> Code {
            // SAFETY: as above.
            unsafe { host::dispatch_error(&self.recorder, HRESULT(code), text) }.0
        }
        unsafe fn Done(&self, event: HANDLE, status: Code) -> Code {
            // SAFETY: as above; the event is handed over.
            unsafe { host::dispatch_done(&self.recorder, event, HRESULT(status)) }.0
        }
    }
}

#[test]
fn a_callback_of_theirs_by_dispatch_is_driven_by_our_job() {
    let recorder = Recorder::new();
    let dialog = Dialog::allocate(recorder.clone());
    let callback = dialog.query_interface::<TheirUnknown>().unwrap();
    let mut event_handle = garbage();
    let mut request = common::request(
        com::Interface::as_raw(&callback).as_ptr().cast(),
        &mut event_handle,
    );
    let store = failing_store();
    // SAFETY: everything in the structure is valid for the call.
    let code = unsafe { store.as_com().SynchronizeInBackground(&raw mut request) };
    assert_eq!(code, 0);
    common::wait_until(|| Arc::strong_count(&recorder) == 2 && recorder.calls().len() == 4);
    assert_eq!(recorder.calls(), failure());
    // SAFETY: what the class holds is `Send + Sync`.
    let callback: ComPtr<IUnknown> = unsafe { ComPtr::from_com(callback) };
    common::wait_until(|| count(&callback) == 2);
    drop((dialog, callback));
    assert_eq!(Arc::strong_count(&recorder), 1);
}

/// Their `class!` gives back a reference that it was only lent, where a parameter has the type of an interface. No method of
/// `interop::com` has one; this is what the module's documentation warns of.
#[test]
fn an_interface_as_in_parameter_is_released_once_too_often_by_their_class() {
    let counter = DropCounter::default();
    let theirs = Dispatching::allocate(Half(counter.token()));
    let store: ITheirStore = theirs.query_interface().unwrap();
    let ours = common::bare_object();
    let lent = ours.as_com();
    // SAFETY: a live object, and one reference more for what the method takes.
    let left = unsafe {
        lent.AddRef();
        assert_eq!(store.Take(lent), 0);
        count(&ours)
    };
    assert_eq!(left, 1, "the callee has released what it was lent");
}

/// What 32-bit MinGW's ole32 lacks is not only linked, it is the function.
#[cfg(windows)]
#[test]
fn their_runtime_initialises() {
    com::runtime::init_runtime().unwrap();
}
