//! The crate com 0.6: its `class!` and its pointers.

#![allow(non_snake_case, missing_docs)] // the methods' documented names, and what the macros make

use crate::texts::{self, by_vec};
use crate::{Callback, Objects, Pointers, Subject, Unknown};
use com::interfaces::IUnknown as TheirUnknown;
use com::sys::HRESULT as Code;
use mapisync::abi::{HANDLE, MAPISIB};
use mapisync::interop::com::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{ComPtr, abi};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Its name.
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
    pub unsafe interface INobodys: TheirUnknown {}
}

com::class! {
    #[no_class_factory]
    pub class Listener: IMAPISyncProgressCallback {
        last: AtomicU32,
    }
    impl IMAPISyncProgressCallback for Listener {
        unsafe fn Progress(&self, _text: *const u16, index: u32, _max: u32) -> Code {
            self.last.store(index, Relaxed);
            0
        }
        unsafe fn Error(&self, _code: Code, _text: *const u16) -> Code { 0 }
        unsafe fn Done(&self, _event: HANDLE, _status: Code) -> Code { 0 }
    }
}

com::class! {
    #[no_class_factory]
    pub class Doubter: IMAPISyncProgressCallback {
        last: AtomicU32,
    }
    impl IMAPISyncProgressCallback for Doubter {
        unsafe fn Progress(&self, _text: *const u16, index: u32, _max: u32) -> Code {
            crate::note(&self.last, index);
            0
        }
        unsafe fn Error(&self, _code: Code, _text: *const u16) -> Code { 0 }
        unsafe fn Done(&self, _event: HANDLE, _status: Code) -> Code { 0 }
    }
}

com::class! {
    #[no_class_factory]
    pub class Reader: IMAPISyncProgressCallback {
        length: AtomicU32,
    }
    impl IMAPISyncProgressCallback for Reader {
        unsafe fn Progress(&self, text: *const u16, _index: u32, _max: u32) -> Code {
            // SAFETY: terminated, says the documentation.
            let read = unsafe { texts::read(text) };
            self.length.store(read.len() as u32, Relaxed);
            0
        }
        unsafe fn Error(&self, _code: Code, _text: *const u16) -> Code { 0 }
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
        unsafe fn Progress(&self, _text: *const u16, index: u32, _max: u32) -> Code {
            self.last.store(index, Relaxed);
            0
        }
        unsafe fn Error(&self, _code: Code, _text: *const u16) -> Code { 0 }
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
        unsafe fn Progress(&self, _text: *const u16, index: u32, _max: u32) -> Code {
            self.last.store(index, Relaxed);
            0
        }
        unsafe fn Error(&self, _code: Code, _text: *const u16) -> Code { 0 }
        unsafe fn Done(&self, _event: HANDLE, _status: Code) -> Code { 0 }
    }
    impl IThird for Four {
        fn Number(&self) -> u32 { 4 }
    }
    impl IFourth for Four {
        fn Number(&self) -> u32 { 4 }
    }
}

fn listener() -> Callback {
    let made = Listener::allocate(AtomicU32::new(0));
    // SAFETY: its state is `Sync` and its count an `AtomicU32`, so it may be used on any thread; what panics in `class!` ends
    // the process.
    unsafe { ComPtr::from_com(made.query_interface().unwrap()) }
}

fn doubter() -> Callback {
    let made = Doubter::allocate(AtomicU32::new(0));
    // SAFETY: as above.
    unsafe { ComPtr::from_com(made.query_interface().unwrap()) }
}

fn reader() -> Callback {
    let made = Reader::allocate(AtomicU32::new(0));
    // SAFETY: as above.
    unsafe { ComPtr::from_com(made.query_interface().unwrap()) }
}

/// A callback that is a store as well.
pub fn two() -> Unknown {
    let made = Two::allocate(AtomicU32::new(0));
    // SAFETY: as above.
    unsafe { ComPtr::<abi::IUnknown>::from_com(made.query_interface().unwrap()) }
}

fn four() -> Unknown {
    let made = Four::allocate(AtomicU32::new(0));
    // SAFETY: as above.
    unsafe { ComPtr::<abi::IUnknown>::from_com(made.query_interface().unwrap()) }
}

fn create(n: u64) {
    for _ in 0..n {
        drop(black_box(Listener::allocate(AtomicU32::new(0))));
    }
}

fn create_interface(n: u64) {
    for _ in 0..n {
        drop(black_box(
            Listener::allocate(AtomicU32::new(0)).query_interface::<IMAPISyncProgressCallback>(),
        ));
    }
}

fn call(callback: &Callback, n: u64) {
    let callback = callback.as_com();
    for _ in 0..n {
        // SAFETY: a live object, which bears these arguments.
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
        drop(object.query_interface::<INobodys>());
    }
}

fn text(callback: &Callback, text: &str, n: u64) {
    let callback = callback.as_com();
    for _ in 0..n {
        // SAFETY: a live object and a terminated text.
        by_vec(text, |text| unsafe { callback.Progress(text, 1, 2) });
    }
}

fn wide(callback: &Callback, n: u64) {
    let callback = callback.as_com();
    for _ in 0..n {
        // SAFETY: a live object and a terminated text.
        unsafe { callback.Progress(texts::WIDE.as_ptr(), 1, 2) };
    }
}

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        listener,
        doubter,
        reader: Some(reader),
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
        text,
        wide,
    };
    let mut subjects = objects.subjects(NAME);
    subjects.extend(pointers.subjects(NAME));
    subjects
}
