//! The crate com, with the declarations of `interop::com`.

#![allow(non_snake_case)] // the methods' documented names

use crate::{Payload, Peer};
use com::interfaces::IUnknown as TheirUnknown;
use com::sys::HRESULT as Code;
use mapisync::abi::{self, HANDLE, IUnknown, MAPISIB};
use mapisync::interop::com::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::testing::{Recorder, reference_count};
use mapisync::{ComPtr, ComRef, HRESULT, host, provider};
use test_support::DropCounter;

pub const PEER: Peer = Peer {
    name: "com",
    store: |payload| {
        let store = Dispatching::allocate(payload);
        let theirs = store.query_interface::<IMAPISync>().unwrap();
        // SAFETY: all fields of the class are `Send + Sync`, so it is free-threaded.
        unsafe { ComPtr::from_com(theirs) }
    },
    callback: |recorder| {
        let dialog = Dialog::allocate(recorder);
        let theirs = dialog.query_interface::<IMAPISyncProgressCallback>().unwrap();
        // SAFETY: all fields of the class are `Send + Sync`, so it is free-threaded.
        unsafe { ComPtr::from_com(theirs) }
    },
    synchronize: |store, request| {
        let theirs = store.into_com();
        assert!(theirs.query_interface::<IMAPISyncProgressCallback>().is_none());
        assert_eq!(theirs.query_interface::<IMAPISync>().as_ref(), Some(&theirs));
        // SAFETY: the structure and its pointers are valid for the call.
        HRESULT(unsafe { theirs.SynchronizeInBackground(request) })
    },
    checks_null: false,
};

com::interfaces! {
    /// A store's own interface.
    #[uuid("00020306-0000-0000-C000-000000000046")]
    pub unsafe interface ITheirStore: com::interfaces::IUnknown {
        /// A method whose in-parameter is an interface.
        pub unsafe fn Take(&self, unknown: TheirUnknown) -> Code;
    }
}

com::class! {
    #[no_class_factory]
    pub class Dispatching: ITheirStore, IMAPISync {
        payload: Payload,
    }

    impl ITheirStore for Dispatching {
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

com::class! {
    #[no_class_factory]
    pub class Dialog: IMAPISyncProgressCallback {
        recorder: Recorder,
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

com::class! {
    #[no_class_factory]
    pub class Native: IMAPISync {}

    impl IMAPISync for Native {
        unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> Code {
            type Callback = IMAPISyncProgressCallback;
            // SAFETY: the caller keeps the documented contract of SynchronizeInBackground. The
            // arguments of the callback's methods are valid.
            unsafe {
                crate::native(
                    psibpb,
                    |unknown| unknown.as_com().query_interface::<Callback>().unwrap(),
                    |callback, step, index, max| callback.Progress(step, index, max),
                    |callback, code, message| callback.Error(code, message),
                    |callback, event, status| callback.Done(event, status),
                )
            }
        }
    }
}

/// Creates a store without code of this crate.
pub fn native_store() -> ComPtr<abi::IMAPISync> {
    let theirs = Native::allocate().query_interface::<IMAPISync>().unwrap();
    // SAFETY: the class has no fields, so it is free-threaded.
    unsafe { ComPtr::from_com(theirs) }
}

#[test]
fn conversions_of_pointers_keep_the_count() {
    let sync = test_support::store(|_| Ok(()));
    let raw = sync.as_raw().addr();
    // Borrowed.
    assert_eq!(com::Interface::as_raw(sync.as_com()).as_ptr().addr(), raw);
    // SAFETY: the object is of this crate, so it is free-threaded.
    let borrowed: ComRef<'_, abi::IMAPISync> = unsafe { ComRef::from_com(sync.as_com()) };
    assert_eq!((borrowed.as_raw().addr(), reference_count(&sync)), (raw, 1));
    // Moved, there and back.
    let unknown = sync.cast::<IUnknown>().unwrap().into_com();
    // SAFETY: the object is alive, and the added reference is released.
    assert_eq!(unsafe { (unknown.AddRef(), unknown.Release()) }, (3, 2));
    drop(sync);
    // SAFETY: the object is of this crate, so it is free-threaded.
    let unknown: ComPtr<IUnknown> = unsafe { ComPtr::from_com(unknown) };
    assert_eq!(reference_count(&unknown), 1);
}

/// If a parameter of a `class!` method is an interface, com releases the borrowed reference. No
/// method of `interop::com` has such a parameter; the module's documentation warns of it.
#[test]
fn their_class_releases_an_interface_in_parameter_once_too_often() {
    let theirs = Dispatching::allocate(Payload(DropCounter::default().token()));
    let store: ITheirStore = theirs.query_interface().unwrap();
    let ours = test_support::bare_object();
    let lent = ours.as_com();
    // SAFETY: both objects are alive. `AddRef` adds the reference that the method releases.
    unsafe {
        assert_eq!((lent.AddRef(), store.Take(lent)), (2, 0));
    }
    assert_eq!(reference_count(&ours), 1, "the callee released the borrowed reference");
}

/// Calls the function that the `ole32` of 32-bit MinGW lacks. The linked replacement must work.
#[cfg(windows)]
#[test]
fn their_runtime_initializes() {
    com::runtime::init_runtime().unwrap();
}
