//! A host that unloads a store's library when the event is signaled, while the worker still runs
//! code of the library.

#![cfg(any(windows, target_os = "linux"))]

use libloading::{Library, Symbol};
use mapisync::abi::{HANDLE, IMAPISync};
use mapisync::testing::Recorder;
use mapisync::{ComPtr, HRESULT, SyncFlags, SyncHost};
use std::sync::atomic::{AtomicU32, Ordering};
use test_support::{TIMEOUT, wait_until};

#[test]
fn a_library_can_be_unloaded_right_after_the_event() {
    type Make = unsafe extern "C" fn(HANDLE, *const AtomicU32, bool) -> *mut IMAPISync;
    static FINISHED: AtomicU32 = AtomicU32::new(0);
    let library = test_support::example_library("unload");
    for n in 0..1000 {
        // SAFETY: the library has no initializers except those of Rust's runtime.
        let loaded = unsafe { Library::new(&library) }.unwrap();
        let (event, release) = test_support::event_pair();
        // SAFETY: the function has this signature. The counter is static, and `into_raw` gives up
        // the ownership of the event. The result is a new object, whose reference is passed on.
        let sync = unsafe {
            let make: Symbol<'_, Make> = loaded.get(b"held_store").unwrap();
            ComPtr::from_raw(make(event.into_raw(), &FINISHED, n % 4 == 3)).unwrap()
        };
        let run = SyncHost::new(Recorder::new()).start(&sync, SyncFlags::empty()).unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        drop((run, sync));
        loaded.close().unwrap();
        drop(release); // the worker continues in code of the library
        wait_until(|| FINISHED.load(Ordering::SeqCst) == n + 1);
    }
}
