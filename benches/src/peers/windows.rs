//! windows-core 0.100: its `#[implement]`, its pointers and its strings.

#![allow(non_snake_case, missing_docs)] // for the methods' names, and for the macros' items

use crate::{Peer, record, repeat, store};
use mapisync::ComPtr;
use std::ffi::c_void;
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::AtomicU32;
use windows_core::{
    ComObject, HRESULT, HSTRING, IUnknown, Interface, PCWSTR, implement, interface,
};

/// The peer's name.
pub const NAME: &str = "windows-core 0.100";

#[interface("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
pub unsafe trait IMAPISync: IUnknown {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT;
}

#[interface("5024A386-2D44-486A-81A8-8F0ECB6071DD")]
pub unsafe trait IMAPISyncProgressCallback: IUnknown {
    unsafe fn Progress(&self, string: PCWSTR, index: u32, max: u32) -> HRESULT;
    unsafe fn Error(&self, code: HRESULT, string: PCWSTR) -> HRESULT;
    unsafe fn Done(&self, event: *mut c_void, status: HRESULT) -> HRESULT;
}

#[interface("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4")]
pub unsafe trait IThird: IUnknown {}

#[interface("2E9A7D10-41C6-4B7F-A358-0D6C92F17B44")]
pub unsafe trait IFourth: IUnknown {}

#[interface("00020306-0000-0000-C000-000000000046")]
pub unsafe trait IMissing: IUnknown {}

#[implement(IMAPISyncProgressCallback)]
#[derive(Default)]
struct LastPosition(AtomicU32);

#[implement(IMAPISyncProgressCallback)]
#[derive(Default)]
struct MayPanic(AtomicU32);

#[implement(IMAPISync, IMAPISyncProgressCallback)]
#[derive(Default)]
struct Two(AtomicU32);

#[implement(IMAPISync, IMAPISyncProgressCallback, IThird, IFourth)]
#[derive(Default)]
struct Four(AtomicU32);

/// Implements the callback. `Progress` calls a function with the index.
macro_rules! callback {
    ($class:ident $store:ident) => {
        impl IMAPISyncProgressCallback_Impl for $class {
            unsafe fn Progress(&self, _: PCWSTR, index: u32, _: u32) -> HRESULT {
                $store(&self.0, index);
                HRESULT(0)
            }
            unsafe fn Error(&self, _: HRESULT, _: PCWSTR) -> HRESULT {
                HRESULT(0)
            }
            unsafe fn Done(&self, _: *mut c_void, _: HRESULT) -> HRESULT {
                HRESULT(0)
            }
        }
    };
}

callback!(LastPosition_Impl store);
callback!(MayPanic_Impl record);
callback!(Two_Impl store);
callback!(Four_Impl store);

impl IMAPISync_Impl for Two_Impl {
    unsafe fn SynchronizeInBackground(&self, _: *mut c_void) -> HRESULT {
        HRESULT(1)
    }
}

impl IMAPISync_Impl for Four_Impl {
    unsafe fn SynchronizeInBackground(&self, _: *mut c_void) -> HRESULT {
        HRESULT(1)
    }
}

impl IThird_Impl for Four_Impl {}
impl IFourth_Impl for Four_Impl {}

/// Turns a pointer of windows-core into one of this crate. The reference moves along.
fn ours<I: mapisync::Interface>(theirs: impl Interface) -> ComPtr<I> {
    // SAFETY: the callers name the same interface on both sides. `#[implement]` counts atomically and
    // the states are `Sync`, so the objects are free-threaded. No case makes a method panic.
    unsafe { ComPtr::from_raw(theirs.into_raw().cast()) }.unwrap()
}

/// Borrows a pointer of this crate as one of windows-core.
fn borrow<I: Interface>(ours: &ComPtr<impl mapisync::Interface>) -> &I {
    // SAFETY: the callers name the same interface on both sides, and each is one pointer to it.
    unsafe { &*ptr::from_ref(ours).cast() }
}

pub(crate) const PEER: Peer = Peer {
    name: NAME,
    last_position: || ours(IMAPISyncProgressCallback::from(LastPosition::default())),
    may_panic: || ours(IMAPISyncProgressCallback::from(MayPanic::default())),
    two: || ours(IUnknown::from(IMAPISync::from(Two::default()))),
    four: || ours(IUnknown::from(IMAPISync::from(Four::default()))),
    create: |n| repeat(n, || black_box(ComObject::new(LastPosition::default()))),
    create_interface: |n| {
        repeat(n, || black_box(IMAPISyncProgressCallback::from(LastPosition::default())));
    },
    call: |callback, n| {
        let callback: &IMAPISyncProgressCallback = borrow(callback);
        // SAFETY: the object is live, and `Progress` accepts NULL.
        repeat(n, || unsafe { callback.Progress(PCWSTR::null(), 1, 2) });
    },
    clone: |callback, n| {
        let callback: &IMAPISyncProgressCallback = borrow(callback);
        repeat(n, || callback.clone());
    },
    cast: |object, n| {
        let object: &IUnknown = borrow(object);
        repeat(n, || object.cast::<IMAPISyncProgressCallback>());
    },
    cast_miss: |object, n| {
        let object: &IUnknown = borrow(object);
        repeat(n, || object.cast::<IMissing>());
    },
    string: |callback, string, n| {
        let callback: &IMAPISyncProgressCallback = borrow(callback);
        repeat(n, || {
            let string = HSTRING::from(string);
            // SAFETY: the object is live, and the string is terminated and outlives the call.
            unsafe { callback.Progress(PCWSTR(string.as_ptr()), 1, 2) }
        });
    },
};
