//! windows-core 0.100: its `#[implement]`, its pointers and its strings.

#![allow(non_snake_case, missing_docs)] // for the methods' names, and for the macros' items

use crate::{Callback, Objects, Pointers, Subject, Unknown};
use mapisync::ComPtr;
use std::ffi::c_void;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use windows_core::{ComObject, HRESULT, HSTRING, Interface, PCWSTR, implement, interface};

/// The peer's name.
pub const NAME: &str = "windows-core 0.100";

#[interface("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
pub unsafe trait IMAPISync: windows_core::IUnknown {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut c_void) -> HRESULT;
}

#[interface("5024A386-2D44-486A-81A8-8F0ECB6071DD")]
pub unsafe trait IMAPISyncProgressCallback: windows_core::IUnknown {
    unsafe fn Progress(&self, string: PCWSTR, index: u32, max: u32) -> HRESULT;
    unsafe fn Error(&self, code: HRESULT, string: PCWSTR) -> HRESULT;
    unsafe fn Done(&self, event: *mut c_void, status: HRESULT) -> HRESULT;
}

#[interface("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4")]
pub unsafe trait IThird: windows_core::IUnknown {
    unsafe fn Number(&self) -> u32;
}

#[interface("2E9A7D10-41C6-4B7F-A358-0D6C92F17B44")]
pub unsafe trait IFourth: windows_core::IUnknown {
    unsafe fn Number(&self) -> u32;
}

#[interface("00020306-0000-0000-C000-000000000046")]
pub unsafe trait IMissing: windows_core::IUnknown {}

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

macro_rules! callback {
    ($implemented:ident) => {
        impl IMAPISyncProgressCallback_Impl for $implemented {
            unsafe fn Progress(&self, _: PCWSTR, index: u32, _: u32) -> HRESULT {
                self.0.store(index, Relaxed);
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

callback!(LastPosition_Impl);
callback!(Two_Impl);
callback!(Four_Impl);

impl IMAPISyncProgressCallback_Impl for MayPanic_Impl {
    unsafe fn Progress(&self, _: PCWSTR, index: u32, _: u32) -> HRESULT {
        crate::record(&self.0, index);
        HRESULT(0)
    }
    unsafe fn Error(&self, _: HRESULT, _: PCWSTR) -> HRESULT {
        HRESULT(0)
    }
    unsafe fn Done(&self, _: *mut c_void, _: HRESULT) -> HRESULT {
        HRESULT(0)
    }
}

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

impl IThird_Impl for Four_Impl {
    unsafe fn Number(&self) -> u32 {
        4
    }
}

impl IFourth_Impl for Four_Impl {
    unsafe fn Number(&self) -> u32 {
        4
    }
}

/// Turns a pointer of windows-core into one of this crate. The reference moves along.
fn ours<I: mapisync::Interface>(theirs: impl Interface) -> ComPtr<I> {
    // SAFETY: the callers name the same interface on both sides. `#[implement]` counts atomically and
    // the states are `Sync`, so the objects are free-threaded. No case makes a method panic.
    unsafe { ComPtr::from_raw(theirs.into_raw().cast()) }.unwrap()
}

fn last_position() -> Callback {
    ours(IMAPISyncProgressCallback::from(LastPosition::default()))
}

fn may_panic() -> Callback {
    ours(IMAPISyncProgressCallback::from(MayPanic::default()))
}

/// Makes an object with two interfaces.
pub fn two() -> Unknown {
    ours(windows_core::IUnknown::from(
        IMAPISync::from(Two::default()),
    ))
}

fn four() -> Unknown {
    ours(windows_core::IUnknown::from(IMAPISync::from(
        Four::default(),
    )))
}

fn create(n: u64) {
    for _ in 0..n {
        drop(black_box(ComObject::new(LastPosition::default())));
    }
}

fn create_interface(n: u64) {
    for _ in 0..n {
        drop(black_box(IMAPISyncProgressCallback::from(
            LastPosition::default(),
        )));
    }
}

/// Calls `work` with a pointer of this crate as one of windows-core.
fn with<I: Interface>(object: &ComPtr<impl mapisync::Interface>, work: impl FnOnce(&I)) {
    let raw = object.as_raw().cast();
    // SAFETY: the callers name the same interface on both sides.
    work(unsafe { I::from_raw_borrowed(&raw) }.unwrap());
}

fn call(callback: &Callback, n: u64) {
    with(callback, |callback: &IMAPISyncProgressCallback| {
        for _ in 0..n {
            // SAFETY: the object is live, and `Progress` accepts NULL.
            let _ = unsafe { callback.Progress(PCWSTR::null(), 1, 2) };
        }
    });
}

fn clone(callback: &Callback, n: u64) {
    with(callback, |callback: &IMAPISyncProgressCallback| {
        for _ in 0..n {
            drop(callback.clone());
        }
    });
}

fn cast(object: &Unknown, n: u64) {
    with(object, |object: &windows_core::IUnknown| {
        for _ in 0..n {
            drop(object.cast::<IMAPISyncProgressCallback>());
        }
    });
}

fn cast_miss(object: &Unknown, n: u64) {
    with(object, |object: &windows_core::IUnknown| {
        for _ in 0..n {
            drop(object.cast::<IMissing>());
        }
    });
}

fn string(callback: &Callback, string: &str, n: u64) {
    with(callback, |callback: &IMAPISyncProgressCallback| {
        for _ in 0..n {
            let string = HSTRING::from(string);
            // SAFETY: the object is live, and the string is terminated and outlives the call.
            let _ = unsafe { callback.Progress(PCWSTR(string.as_ptr()), 1, 2) };
        }
    });
}

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        last_position,
        may_panic,
        decoder: None,
        two,
        four: Some(four),
        create: Some(create),
        create_interface,
    };
    let pointers = Pointers {
        call,
        clone,
        cast,
        cast_miss,
        string,
    };
    let mut subjects = objects.subjects(NAME);
    subjects.extend(pointers.subjects(NAME));
    subjects
}
