//! com 0.6: its `class!` and its pointers.

#![allow(non_snake_case, missing_docs)] // for the methods' names, and for the macros' items

use crate::strings::to_utf16;
use crate::{Callback, Objects, Pointers, Subject, Unknown};
use com::interfaces::IUnknown as TheirUnknown;
use com::sys::HRESULT as Code;
use mapisync::abi::{HANDLE, MAPISIB};
use mapisync::interop::com::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{ComPtr, abi};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The peer's name.
pub const NAME: &str = "com 0.6";

com::interfaces! {
    #[uuid("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4")]
    pub unsafe interface IThird: TheirUnknown {
        pub unsafe fn Number(&self) -> u32;
    }
    #[uuid("2E9A7D10-41C6-4B7F-A358-0D6C92F17B44")]
    pub unsafe interface IFourth: TheirUnknown {
        pub unsafe fn Number(&self) -> u32;
    }
    #[uuid("00020306-0000-0000-C000-000000000046")]
    pub unsafe interface IMissing: TheirUnknown {}
}

com::class! {
    #[no_class_factory]
    pub class LastPosition: IMAPISyncProgressCallback {
        last: AtomicU32,
    }
    impl IMAPISyncProgressCallback for LastPosition {
        unsafe fn Progress(&self, _string: *const u16, index: u32, _max: u32) -> Code {
            self.last.store(index, Relaxed);
            0
        }
        unsafe fn Error(&self, _code: Code, _string: *const u16) -> Code { 0 }
        unsafe fn Done(&self, _event: HANDLE, _status: Code) -> Code { 0 }
    }
}

com::class! {
    #[no_class_factory]
    pub class MayPanic: IMAPISyncProgressCallback {
        last: AtomicU32,
    }
    impl IMAPISyncProgressCallback for MayPanic {
        unsafe fn Progress(&self, _string: *const u16, index: u32, _max: u32) -> Code {
            crate::record(&self.last, index);
            0
        }
        unsafe fn Error(&self, _code: Code, _string: *const u16) -> Code { 0 }
        unsafe fn Done(&self, _event: HANDLE, _status: Code) -> Code { 0 }
    }
}

com::class! {
    #[no_class_factory]
    pub class Two: IMAPISync, IMAPISyncProgressCallback {
        last: AtomicU32,
    }
    impl IMAPISync for Two {
        unsafe fn SynchronizeInBackground(&self, _request: *mut MAPISIB) -> Code { 1 }
    }
    impl IMAPISyncProgressCallback for Two {
        unsafe fn Progress(&self, _string: *const u16, index: u32, _max: u32) -> Code {
            self.last.store(index, Relaxed);
            0
        }
        unsafe fn Error(&self, _code: Code, _string: *const u16) -> Code { 0 }
        unsafe fn Done(&self, _event: HANDLE, _status: Code) -> Code { 0 }
    }
}

com::class! {
    #[no_class_factory]
    pub class Four: IMAPISync, IMAPISyncProgressCallback, IThird, IFourth {
        last: AtomicU32,
    }
    impl IMAPISync for Four {
        unsafe fn SynchronizeInBackground(&self, _request: *mut MAPISIB) -> Code { 1 }
    }
    impl IMAPISyncProgressCallback for Four {
        unsafe fn Progress(&self, _string: *const u16, index: u32, _max: u32) -> Code {
            self.last.store(index, Relaxed);
            0
        }
        unsafe fn Error(&self, _code: Code, _string: *const u16) -> Code { 0 }
        unsafe fn Done(&self, _event: HANDLE, _status: Code) -> Code { 0 }
    }
    impl IThird for Four {
        fn Number(&self) -> u32 { 4 }
    }
    impl IFourth for Four {
        fn Number(&self) -> u32 { 4 }
    }
}

// Each class has `Sync` state and an atomic count, so its objects may be used on any thread. A panic
// in a method of `class!` ends the process, so no method unwinds.

fn last_position() -> Callback {
    let object = LastPosition::allocate(AtomicU32::new(0));
    // SAFETY: the comment above shows that `LastPosition` is free-threaded and does not unwind.
    unsafe { ComPtr::from_com(object.query_interface().unwrap()) }
}

fn may_panic() -> Callback {
    let object = MayPanic::allocate(AtomicU32::new(0));
    // SAFETY: the comment above shows that `MayPanic` is free-threaded and does not unwind.
    unsafe { ComPtr::from_com(object.query_interface().unwrap()) }
}

/// Makes an object with two interfaces.
pub fn two() -> Unknown {
    let object = Two::allocate(AtomicU32::new(0));
    // SAFETY: the comment above shows that `Two` is free-threaded and does not unwind.
    unsafe { ComPtr::<abi::IUnknown>::from_com(object.query_interface().unwrap()) }
}

fn four() -> Unknown {
    let object = Four::allocate(AtomicU32::new(0));
    // SAFETY: the comment above shows that `Four` is free-threaded and does not unwind.
    unsafe { ComPtr::<abi::IUnknown>::from_com(object.query_interface().unwrap()) }
}

fn create(n: u64) {
    for _ in 0..n {
        drop(black_box(LastPosition::allocate(AtomicU32::new(0))));
    }
}

fn create_interface(n: u64) {
    for _ in 0..n {
        drop(black_box(
            LastPosition::allocate(AtomicU32::new(0))
                .query_interface::<IMAPISyncProgressCallback>(),
        ));
    }
}

fn call(callback: &Callback, n: u64) {
    let callback = callback.as_com();
    for _ in 0..n {
        // SAFETY: the object is live, and `Progress` accepts NULL.
        unsafe { callback.Progress(std::ptr::null(), 1, 2) };
    }
}

fn clone(callback: &Callback, n: u64) {
    let callback = callback.as_com();
    for _ in 0..n {
        drop(callback.clone());
    }
}

fn cast(object: &Unknown, n: u64) {
    let object = object.as_com();
    for _ in 0..n {
        drop(object.query_interface::<IMAPISyncProgressCallback>());
    }
}

fn cast_miss(object: &Unknown, n: u64) {
    let object = object.as_com();
    for _ in 0..n {
        drop(object.query_interface::<IMissing>());
    }
}

fn string(callback: &Callback, string: &str, n: u64) {
    let callback = callback.as_com();
    for _ in 0..n {
        let utf16 = to_utf16(string);
        // SAFETY: the object is live, and the string is terminated and outlives the call.
        unsafe { callback.Progress(utf16.as_ptr(), 1, 2) };
    }
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
