//! Deliberate faults, behind a cfg. They prove to `.ci/run sound` that its sanitizers detect such
//! faults.
#![cfg(mapisync_fault)]

use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::{Class, ComObject, ComPtr, MapiSync, Result, SyncRequest};
use std::cell::UnsafeCell;
use std::ptr;
use std::thread;

/// Releases a reference twice.
#[test]
fn address() {
    let unknown = test_support::bare_object().into_raw();
    // SAFETY: none. The second `Release` accesses freed memory, which AddressSanitizer must detect.
    unsafe {
        let vtbl = (*unknown).lpVtbl;
        ((*vtbl).Release)(unknown);
        ((*vtbl).Release)(unknown);
    }
}

/// Does not release a reference.
#[test]
fn leak() {
    let _ = test_support::bare_object().into_raw();
}

/// A payload that claims to be `Sync` and is not.
struct Careless(UnsafeCell<u32>);

// SAFETY: none. The data race of `thread` needs this.
unsafe impl Sync for Careless {}

impl Class for Careless {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Careless {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        // SAFETY: none. Two threads write at the same time, which ThreadSanitizer must detect.
        unsafe { *self.0.get() += 1 };
        Ok(())
    }
}

#[test]
fn thread() {
    let sync: ComPtr<IMAPISync> = ComObject::new(Careless(UnsafeCell::new(0))).cast().unwrap();
    let call = |sync: ComPtr<IMAPISync>| {
        let mut event_handle = ptr::null_mut();
        let mut request = test_support::request(ptr::null_mut::<IUnknown>(), &mut event_handle);
        for _ in 0..1000 {
            // SAFETY: the request is valid for the call.
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
