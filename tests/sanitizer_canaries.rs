//! Faults on purpose, behind a cfg: `.ci/run sound` shows by them that its sanitizers would see such a thing.
#![cfg(mapisync_fault)]

mod common;

use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::{Class, ComObject, ComPtr, MapiSync, Result, SyncRequest};
use std::cell::UnsafeCell;
use std::ptr;
use std::thread;

/// A count that a caller has given back once too often.
#[test]
fn address() {
    let unknown = common::bare_object().into_raw();
    // SAFETY: there is none, on purpose.
    unsafe {
        let vtbl = (*unknown).lpVtbl;
        ((*vtbl).Release)(unknown);
        ((*vtbl).Release)(unknown);
    }
}

/// A reference that nobody gives back.
#[test]
fn leak() {
    let _ = common::bare_object().into_raw();
}

/// A payload that says it can be used on several threads, and can't.
struct Careless(UnsafeCell<u32>);

// SAFETY: there is none, on purpose.
unsafe impl Sync for Careless {}

impl Class for Careless {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Careless {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        // SAFETY: there is none, on purpose.
        unsafe { *self.0.get() += 1 };
        Ok(())
    }
}

#[test]
fn thread() {
    let sync: ComPtr<IMAPISync> = ComObject::new(Careless(UnsafeCell::new(0))).cast().unwrap();
    let call = |sync: ComPtr<IMAPISync>| {
        let mut event_handle = ptr::null_mut();
        let mut request = common::request(ptr::null_mut::<IUnknown>(), &mut event_handle);
        for _ in 0..1000 {
            // SAFETY: a valid request.
            let _ = unsafe { sync.synchronize_in_background(&mut request) };
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            let sync = sync.clone();
            scope.spawn(move || call(sync));
        }
    });
}
