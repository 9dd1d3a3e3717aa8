//! The testing kit's doubles: every script of `ScriptedProvider` with a host, and the counts of
//! `Probe` on both sides.

mod leaks;
mod misbehavior;
mod probe;
mod well_behaved;

use mapisync::abi::IUnknown;
use mapisync::testing::{RecordedCall, Recorder, ScriptedProvider, reference_count};
use mapisync::{DoneEvent, Error, HRESULT, SyncFlags, SyncHost, SyncRun};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use test_support::{event, garbage, request};

const FLAGS: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;
const LONG: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(20);
const OK: HRESULT = HRESULT::S_OK;

/// Adds a second `Done` to a script.
fn done_twice(store: ScriptedProvider) -> ScriptedProvider {
    // SAFETY: the hosts of these tests are `SyncHost`s, which refuse a second `Done`, or have no
    // callback.
    unsafe { store.done_twice() }
}

/// Starts a run of the script.
fn start(store: &ScriptedProvider, recorder: &Arc<Recorder>) -> SyncRun {
    let host = SyncHost::new(recorder.clone());
    host.start(&store.to_com(), FLAGS).unwrap()
}

/// Runs the script to its end. Returns the status, and the calls of the callback.
fn run(store: &ScriptedProvider) -> (HRESULT, Vec<RecordedCall>) {
    run_with(store, Recorder::new())
}

fn run_with(store: &ScriptedProvider, recorder: Recorder) -> (HRESULT, Vec<RecordedCall>) {
    let recorder = Arc::new(recorder);
    let run = start(store, &recorder);
    let status = run.wait(LONG).unwrap();
    drop(run);
    assert!(store.wait_ended(LONG));
    assert_eq!(Arc::strong_count(&recorder), 1, "the callback is released");
    (status, recorder.calls())
}

/// Starts a run of the script without a callback. Returns the event, which the caller then owns.
fn run_without_callback(store: &ScriptedProvider) -> Option<DoneEvent> {
    let mut handle = garbage();
    let mut request = request(ptr::null_mut(), &mut handle);
    // SAFETY: the structure is readable for its `ulSize`, and each pointer is NULL or valid during
    // the call.
    let code = unsafe { store.to_com().synchronize_in_background(&mut request) };
    assert!(code.is_ok(), "{code}");
    // SAFETY: the request has no callback, so the caller owns the handle.
    unsafe { event(handle) }
}

/// The missing part of a run's end.
#[derive(Debug, PartialEq)]
enum Missing {
    Done,
    DoneAfterEvent,
    EventAfterDone,
}

/// Waits until the timeout, and returns the part that is missing according to the host's error.
fn missing(run: &SyncRun) -> Missing {
    let missing = match run.wait(SHORT) {
        Err(Error::Timeout { missing, .. }) => missing,
        other => panic!("{other:?}"),
    };
    match (run.status(), missing.contains("event")) {
        (None, false) => Missing::Done,
        (None, true) => Missing::DoneAfterEvent,
        (Some(_), true) => Missing::EventAfterDone,
        (Some(status), false) => panic!("{missing}, although the status is {status}"),
    }
}

/// Prevents the other tests of this program from running, because one of them counts handles.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn the_count_of_an_object_is_that_of_its_references() {
    let sync = ScriptedProvider::new().to_com();
    let others = [(); 3].map(|()| sync.clone());
    assert_eq!(reference_count(&sync), 4);
    drop(others);
    assert_eq!(reference_count(&sync.cast::<IUnknown>().unwrap()), 2);
    assert_eq!(reference_count(&sync), 1);
}

#[test]
fn the_doubles_are_send_and_sync() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    is_send_and_sync(&probe::callback_probe().0);
    is_send_and_sync(&ScriptedProvider::new());
}
