//! A run whose thread cannot be started. The test is alone in its program, because a new thread
//! could reuse the stack of a thread that has ended.

#![cfg(all(target_os = "linux", not(miri)))]

use mapisync::HRESULT;
use mapisync::testing::{Recorder, reference_count};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs;
use std::thread;
use test_support::{DropCounter, garbage, open_handles, request, store};

#[test]
fn without_a_thread_no_run_is_started() {
    if let Some(emulator) = test_support::emulator() {
        eprintln!("skipped: {emulator} does not enforce the limit on address space");
        return;
    }
    let (recorder, counter) = (Recorder::new(), DropCounter::default());
    let captured = counter.clone();
    let sync = store(move |request| {
        let token = captured.token();
        request.spawn(move |_| {
            drop(token);
            Ok(())
        })
    });
    let callback = recorder.object();
    let mut event_handle = garbage();
    let before = open_handles();

    // The limit leaves 1 MiB of address space, too little for a thread's stack of 2 MiB.
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    let limit = getrlimit(Resource::As);
    let mut lowered = limit;
    lowered.current = Some(pages * rustix::param::page_size() as u64 + (1 << 20));
    setrlimit(Resource::As, lowered).unwrap();
    let none = thread::Builder::new().spawn(|| ()).is_err();
    // SAFETY: the request is valid for the call.
    let code = unsafe {
        sync.synchronize_in_background(&mut request(callback.as_raw().cast(), &mut event_handle))
    };
    setrlimit(Resource::As, limit).unwrap();

    assert!(none, "the limit prevents a new thread");
    assert_eq!((code, event_handle.is_null()), (HRESULT::MAPI_E_NOT_ENOUGH_RESOURCES, true));
    assert_eq!(
        (recorder.calls().len(), reference_count(&callback)),
        (0, 1),
        "no Done and no reference"
    );
    assert_eq!(
        (counter.drops(), open_handles()),
        (1, before),
        "no capture and no descriptor is left"
    );
}
