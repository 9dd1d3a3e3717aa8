//! windows-core. Raw pointers cross the boundary, so any version of windows-core works.

#![allow(non_snake_case)] // the methods' documented names

use crate::{Payload, Peer};
use mapisync::abi::{IMAPISync, IUnknown, MAPISIB};
use mapisync::testing::Recorder;
use mapisync::{Class, ComPtr, FreeThreaded, InnerObject, host, provider};
use std::ffi::c_void;
use std::ptr::NonNull;
use windows_core::{Compose, HRESULT, IInspectable, Interface as _, implement, interface};

/// The calls of [`DISPATCHING`] with a store that aggregates an `IMAPISync` of this crate.
pub const AGGREGATING: Peer = Peer {
    name: "windows-core, aggregating",
    store: |payload| {
        // SAFETY: `InnerObject::new` requires that the outer outlives the inner. The outer's
        // destructor drops `base`, and so releases the inner. `base` is set before other code gets
        // the object, and windows-core calls only its `IUnknown` methods. The payload's `Drop` uses
        // no interface of the aggregate.
        let outer = unsafe {
            let (outer, base) = Aggregating::compose(Aggregating);
            let unknown = NonNull::new(outer.as_raw()).unwrap().cast::<IUnknown>();
            let inner = InnerObject::new(unknown, payload);
            *base = Some(IInspectable::from_raw(inner.into_raw().cast()));
            outer
        };
        ours(outer.cast::<ITheirSync>().unwrap())
    },
    ..DISPATCHING
};

pub const DISPATCHING: Peer = Peer {
    name: "windows-core",
    store: |payload| ours(ITheirSync::from(Dispatching { payload })),
    callback: |recorder| ours(ITheirCallback::from(Dialog { recorder })),
    synchronize: |store, request| {
        // SAFETY: both types are the same interface. The structure and its pointers are valid for
        // the call.
        mapisync::HRESULT(unsafe {
            let theirs = ITheirSync::from_raw(store.into_raw().cast());
            assert!(theirs.cast::<ITheirCallback>().is_err());
            assert_eq!(theirs.cast::<ITheirSync>().unwrap(), theirs);
            theirs.SynchronizeInBackground(request).0
        })
    },
    checks_null: true,
};

/// windows-core's declarations of the two interfaces, and of a store's own interface.
#[interface("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
unsafe trait ITheirSync: windows_core::IUnknown {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> HRESULT;
}

#[interface("5024A386-2D44-486A-81A8-8F0ECB6071DD")]
unsafe trait ITheirCallback: windows_core::IUnknown {
    unsafe fn Progress(&self, step: *const u16, index: u32, max: u32) -> HRESULT;
    unsafe fn Error(&self, code: HRESULT, message: *const u16) -> HRESULT;
    unsafe fn Done(&self, event: *mut c_void, status: HRESULT) -> HRESULT;
}

#[interface("00020306-0000-0000-C000-000000000046")]
unsafe trait ITheirStore: windows_core::IUnknown {}

/// Converts windows-core's pointer to a pointer of this crate and passes the reference on.
fn ours<I: FreeThreaded>(theirs: impl windows_core::Interface) -> ComPtr<I> {
    // SAFETY: every caller converts to the same interface. The objects of these tests are
    // free-threaded and do not unwind.
    unsafe { ComPtr::from_raw(theirs.into_raw().cast()) }.unwrap()
}

#[implement(ITheirSync, ITheirStore)]
struct Dispatching {
    payload: Payload,
}

impl ITheirSync_Impl for Dispatching_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> HRESULT {
        // SAFETY: the caller keeps the documented contract of SynchronizeInBackground, which is
        // that of `dispatch`.
        HRESULT(unsafe { provider::dispatch(&self.payload, psibpb) }.0)
    }
}

impl ITheirStore_Impl for Dispatching_Impl {}

impl Class for Payload {
    type Interfaces = (IMAPISync,);
}

#[implement(ITheirStore)]
struct Aggregating;

impl ITheirStore_Impl for Aggregating_Impl {}

#[implement(ITheirCallback)]
struct Dialog {
    recorder: Recorder,
}

impl ITheirCallback_Impl for Dialog_Impl {
    unsafe fn Progress(&self, step: *const u16, index: u32, max: u32) -> HRESULT {
        // SAFETY: the caller keeps the documented contract of Progress, which is that of
        // `dispatch_progress`.
        HRESULT(unsafe { host::dispatch_progress(&self.recorder, step, index, max) }.0)
    }
    unsafe fn Error(&self, code: HRESULT, message: *const u16) -> HRESULT {
        let code = mapisync::HRESULT(code.0);
        // SAFETY: the caller keeps the documented contract of Error, which is that of
        // `dispatch_error`.
        HRESULT(unsafe { host::dispatch_error(&self.recorder, code, message) }.0)
    }
    unsafe fn Done(&self, event: *mut c_void, status: HRESULT) -> HRESULT {
        let status = mapisync::HRESULT(status.0);
        // SAFETY: the caller keeps the documented contract of Done, which is that of
        // `dispatch_done`.
        HRESULT(unsafe { host::dispatch_done(&self.recorder, event, status) }.0)
    }
}

#[implement(ITheirSync)]
struct Native;

impl ITheirSync_Impl for Native_Impl {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> HRESULT {
        // SAFETY: the caller keeps the documented contract of SynchronizeInBackground. The arguments
        // of the callback's methods are valid.
        HRESULT(unsafe {
            crate::native(
                psibpb,
                |unknown| {
                    let raw = unknown.as_raw().cast();
                    let unknown = windows_core::IUnknown::from_raw_borrowed(&raw).unwrap();
                    unknown.cast::<ITheirCallback>().unwrap()
                },
                |callback, step, index, max| callback.Progress(step, index, max).0,
                |callback, code, message| callback.Error(HRESULT(code), message).0,
                |callback, event, status| callback.Done(event, HRESULT(status)).0,
            )
        })
    }
}

/// Creates a store without code of this crate.
pub fn native_store() -> ComPtr<IMAPISync> {
    ours(ITheirSync::from(Native))
}
