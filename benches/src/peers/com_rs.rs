//! com 0.6: its `class!` and its pointers.

#![allow(non_snake_case, missing_docs)] // for the methods' names, and for the macros' items

use crate::{Peer, record, repeat, store, to_utf16};
use com::interfaces::IUnknown as TheirUnknown;
use com::sys::HRESULT as Code;
use mapisync::ComPtr;
use mapisync::abi::{HANDLE, MAPISIB};
use mapisync::interop::com::{IMAPISync, IMAPISyncProgressCallback, Mirrored};
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::AtomicU32;

/// The peer's name.
pub const NAME: &str = "com 0.6";

com::interfaces! {
    #[uuid("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4")]
    pub unsafe interface IThird: TheirUnknown {}
    #[uuid("2E9A7D10-41C6-4B7F-A358-0D6C92F17B44")]
    pub unsafe interface IFourth: TheirUnknown {}
    #[uuid("00020306-0000-0000-C000-000000000046")]
    pub unsafe interface IMissing: TheirUnknown {}
}

/// Declares a class whose `Progress` calls a function with the index.
macro_rules! class {
    ($class:ident: [$($interfaces:ident),+] $store:ident $($more:tt)*) => {
        com::class! {
            #[no_class_factory]
            pub class $class: $($interfaces),+ {
                last: AtomicU32,
            }
            impl IMAPISyncProgressCallback for $class {
                unsafe fn Progress(&self, _string: *const u16, index: u32, _max: u32) -> Code {
                    $store(&self.last, index);
                    0
                }
                unsafe fn Error(&self, _code: Code, _string: *const u16) -> Code { 0 }
                unsafe fn Done(&self, _event: HANDLE, _status: Code) -> Code { 0 }
            }
            $($more)*
        }
    };
}

class! { LastPosition: [IMAPISyncProgressCallback] store }

class! { MayPanic: [IMAPISyncProgressCallback] record }

class! {
    Two: [IMAPISync, IMAPISyncProgressCallback] store
    impl IMAPISync for Two {
        unsafe fn SynchronizeInBackground(&self, _request: *mut MAPISIB) -> Code { 1 }
    }
}

class! {
    Four: [IMAPISync, IMAPISyncProgressCallback, IThird, IFourth] store
    impl IMAPISync for Four {
        unsafe fn SynchronizeInBackground(&self, _request: *mut MAPISIB) -> Code { 1 }
    }
    impl IThird for Four {}
    impl IFourth for Four {}
}

/// Turns a pointer of theirs into one of this crate. The reference moves along.
fn ours<I: Mirrored>(theirs: Option<I::Com>) -> ComPtr<I> {
    // SAFETY: each class has `Sync` state and an atomic count, so its objects are free-threaded. A
    // panic in a method of `class!` ends the process, so no method unwinds.
    unsafe { ComPtr::from_com(theirs.unwrap()) }
}

fn new_last_position() -> com::production::ClassAllocation<LastPosition> {
    LastPosition::allocate(AtomicU32::new(0))
}

pub(crate) const PEER: Peer = Peer {
    name: NAME,
    last_position: || ours(new_last_position().query_interface()),
    may_panic: || ours(MayPanic::allocate(AtomicU32::new(0)).query_interface()),
    two: || ours(Two::allocate(AtomicU32::new(0)).query_interface()),
    four: || ours(Four::allocate(AtomicU32::new(0)).query_interface()),
    create: |n| repeat(n, || black_box(new_last_position())),
    create_interface: |n| {
        repeat(n, || {
            let object = new_last_position();
            drop(black_box(object.query_interface::<IMAPISyncProgressCallback>()));
        });
    },
    call: |callback, n| {
        // SAFETY: the object is live, and `Progress` accepts NULL.
        repeat(n, || unsafe { callback.as_com().Progress(ptr::null(), 1, 2) });
    },
    clone: |callback, n| repeat(n, || callback.as_com().clone()),
    cast: |object, n| {
        repeat(n, || object.as_com().query_interface::<IMAPISyncProgressCallback>());
    },
    cast_miss: |object, n| repeat(n, || object.as_com().query_interface::<IMissing>()),
    string: |callback, string, n| {
        repeat(n, || {
            let utf16 = to_utf16(string);
            // SAFETY: the object is live, and the string is terminated and outlives the call.
            unsafe { callback.as_com().Progress(utf16.as_ptr(), 1, 2) }
        });
    },
};
