//! Runs, from the host's call to the event: the store's side, and the host's.

mod cancellation;
mod completion;
mod exclusive_run;
mod failures;
mod forwarding;
mod futures;
mod host;
mod job_handle;
mod progress;
mod spawn_with;
mod thread_end;

use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Method, RecordedCall, Recorder, reference_count};
use mapisync::{
    ComPtr, DoneEvent, HRESULT, JobHandle, MapiSyncProgressCallback, Result, SyncFlags, SyncHost,
    SyncJob, SyncRequest, SyncRun,
};
use std::sync::{Arc, Mutex, mpsc};
use test_support::{TIMEOUT, store};

const FLAGS: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;

/// The message of a run that a panic ended.
const INTERNAL_ERROR: &str = "the synchronization was ended by an internal error";

/// Runs a store with this method and returns the calls of the callback. It first checks the rules
/// for every run:
///
/// - `Done` is called once, as the last call, with an event.
/// - The event is signaled.
/// - No reference to the store or the callback is left.
fn run(method: impl Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static) -> Vec<Call> {
    let recorder = Arc::new(Recorder::new());
    let sync = store(method);
    let run = start_with(recorder.clone(), &sync);
    let status = run.wait(TIMEOUT).unwrap();
    assert_eq!(run.status(), Some(status));
    assert!(run.event().is_some_and(DoneEvent::is_signaled));
    drop(run);
    assert_eq!((reference_count(&sync), Arc::strong_count(&recorder)), (1, 1));
    let calls = recorder.calls();
    assert_eq!(*calls.last().unwrap(), Call::done(status));
    let is_done = |call: &&RecordedCall| call.method() == Method::Done;
    assert_eq!(calls.iter().filter(is_done).count(), 1);
    assert!(calls.last().unwrap().has_event());
    calls.iter().map(|call| call.call().clone()).collect()
}

/// Starts a run whose callback is `callback`.
fn start_with(
    callback: impl MapiSyncProgressCallback + 'static,
    sync: &ComPtr<IMAPISync>,
) -> SyncRun {
    SyncHost::new(callback).start(sync, FLAGS).unwrap()
}

/// Starts a run.
fn start(sync: &ComPtr<IMAPISync>) -> SyncRun {
    start_with(Recorder::new(), sync)
}

/// Creates a store that runs `work` with `spawn_with_handle`, and returns the receiver of its
/// handles.
fn store_with_handles<R: Into<HRESULT> + 'static>(
    work: impl Fn(&SyncJob) -> Result<R> + Send + Sync + 'static,
) -> (ComPtr<IMAPISync>, mpsc::Receiver<JobHandle>) {
    let (handles, taken) = mpsc::channel();
    let (work, handles) = (Arc::new(work), Mutex::new(handles));
    let sync = store(move |request| {
        let work = work.clone();
        let handle = request.spawn_with_handle(move |job| work(job))?;
        handles.lock().unwrap().send(handle).unwrap();
        Ok(())
    });
    (sync, taken)
}

/// Does the same for a closure that `spawn` runs.
fn spawn<R: Into<HRESULT> + 'static>(
    work: impl Fn(&SyncJob) -> Result<R> + Send + Sync + 'static,
) -> Vec<Call> {
    let work = Arc::new(work);
    run(move |request| {
        let work = work.clone();
        request.spawn(move |job| work(job))
    })
}
