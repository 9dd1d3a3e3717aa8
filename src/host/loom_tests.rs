//! Models of a run's end: Done and the event, while other threads wait for the run or drop it.
//!
//! Both sides and the objects between them are the real ones, from `start` to the end of the job.
//! The event is that of `event/loom.rs`, which checks that every handle is closed once. A missed
//! wake-up is a deadlock, which `loom` reports. It also reports state that leaks or is freed twice.

use crate::SyncFlags;
use crate::abi::{HRESULT, IMAPISync, IMAPISyncProgressCallback};
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::host::run_callback::RunCallback;
use crate::host::run_state::{RunEvent, SharedState};
use crate::host::{MapiSyncProgressCallback, SyncHost, SyncRun};
use crate::object::ComPtr;
use crate::provider::{MapiSync, SyncJob, SyncRequest};
use alloc::sync::Arc;
use core::ptr;
use loom::thread::{self, JoinHandle};
use std::sync::Mutex; // not `loom`'s, so that recording orders nothing
use std::time::Duration;

const STATUS: HRESULT = HRESULT::S_FALSE;
const FOREVER: Duration = Duration::MAX;

/// Records every Done.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<HRESULT>>>);

impl Recorder {
    fn statuses(&self) -> Vec<HRESULT> {
        self.0.lock().unwrap().clone()
    }
}

impl MapiSyncProgressCallback for Recorder {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.0.lock().unwrap().push(status);
        Ok(())
    }
}

/// A store whose method is a closure.
struct Store<F>(F);

impl<F: Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static> MapiSync for Store<F> {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        (self.0)(request)
    }
}

/// A run, and the thread that ends its job. The thread then opens an event, whose handle may have
/// the number of the run's. The store's method returns `result`.
fn run_of(
    recorder: &Recorder,
    end: fn(SyncJob),
    result: fn() -> Result<()>,
) -> (SyncRun, JoinHandle<()>) {
    let work = move |job| {
        end(job);
        drop(DoneEvent::pair().unwrap());
    };
    let worker = Arc::new(Mutex::new(None));
    let place = worker.clone();
    let sync = ComPtr::<IMAPISync>::new(Store(move |request: SyncRequest<'_>| {
        let job = request.start()?;
        *place.lock().unwrap() = Some(thread::spawn(move || work(job)));
        result()
    }));
    let host = SyncHost::new(recorder.clone());
    let run = host.start(&sync, SyncFlags::empty()).unwrap();
    let worker = worker.lock().unwrap().take().unwrap();
    (run, worker)
}

fn finish(job: SyncJob) {
    job.finish(Ok(STATUS));
}

fn run(recorder: &Recorder) -> (SyncRun, JoinHandle<()>) {
    run_of(recorder, finish, || Ok(()))
}

#[test]
fn a_waiting_thread_is_woken_after_done_has_returned() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (run, worker) = run(&recorder);
        assert_eq!(run.wait(FOREVER).unwrap(), STATUS);
        assert_eq!(
            (recorder.statuses(), run.status()),
            (vec![STATUS], Some(STATUS))
        );
        assert!(run.event().is_some_and(DoneEvent::is_signaled));
        worker.join().unwrap();
    });
}

#[test]
fn a_thread_that_does_not_wait_sees_nothing_or_all() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (run, worker) = run(&recorder);
        if run.event().is_some_and(DoneEvent::is_signaled) {
            assert_eq!(run.status(), Some(STATUS), "Done, then the event");
        }
        if let Some(status) = run.status() {
            assert_eq!((status, recorder.statuses()), (STATUS, vec![STATUS]));
        }
        match run.wait(Duration::ZERO) {
            Ok(status) => assert_eq!((status, run.status()), (STATUS, Some(STATUS))),
            Err(error) => assert!(matches!(error, Error::Timeout { .. })),
        }
        worker.join().unwrap();
        assert_eq!(run.wait(Duration::ZERO).unwrap(), STATUS);
    });
}

#[test]
fn a_run_may_be_dropped_at_any_time() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (run, worker) = run(&recorder);
        drop(run);
        worker.join().unwrap();
        assert_eq!(recorder.statuses(), [STATUS]);
        assert_eq!(
            Arc::strong_count(&recorder.0),
            1,
            "the run leaves nothing behind"
        );
    });
}

#[test]
fn a_method_that_fails_while_its_job_ends_makes_no_second_done() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (run, worker) = run_of(&recorder, finish, || Err(HRESULT::MAPI_E_BUSY.into()));
        let status = run.wait(FOREVER).unwrap();
        assert!([STATUS, HRESULT::MAPI_E_BUSY].contains(&status), "{status}");
        worker.join().unwrap();
        assert_eq!(recorder.statuses(), [status]);
    });
}

#[test]
fn a_job_that_is_dropped_while_its_method_returns_makes_one_done() {
    type Case = (fn() -> Result<()>, HRESULT);
    // All threads have one number here, so the job may also be dropped "on the call's thread".
    let cases: [Case; 2] = [
        (|| Ok(()), HRESULT::E_ABORT),
        (|| Err(HRESULT::MAPI_E_BUSY.into()), HRESULT::MAPI_E_BUSY),
    ];
    for (result, expected) in cases {
        loom::model(move || {
            let recorder = Recorder::default();
            let (run, worker) = run_of(&recorder, drop, result);
            assert_eq!(run.wait(FOREVER).unwrap(), expected);
            worker.join().unwrap();
            assert_eq!(recorder.statuses(), [expected]);
        });
    }
}

/// The state and the callback object of a run, without a store.
fn by_hand(recorder: &Recorder) -> (SharedState, RunEvent, ComPtr<IMAPISyncProgressCallback>) {
    let (state, event) = (SharedState::default(), RunEvent::default());
    let callback = RunCallback::new(Arc::new(recorder.clone()), state.clone(), &event);
    (
        state,
        event,
        ComPtr::<IMAPISyncProgressCallback>::new(callback),
    )
}

#[test]
fn of_two_dones_at_once_one_ends_the_run_and_closes_the_handle() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (state, own, callback) = by_hand(&recorder);
        let (event, signal) = DoneEvent::pair().unwrap();
        let handle = event.into_raw().addr();
        let dones = [HRESULT::S_OK, STATUS].map(|status| {
            let callback = callback.clone();
            let handle = move || ptr::without_provenance_mut(handle);
            // SAFETY: the callback is alive. The host takes the handle of the first Done only, which
            // this model checks.
            thread::spawn(move || (status, unsafe { callback.raw_done(handle(), status) }))
        });
        drop(callback);
        let ended = state.wait(FOREVER).unwrap();
        for (status, code) in dones.map(|done| done.join().unwrap()) {
            let first = status == ended;
            assert_eq!(code.is_ok(), first, "{status}: {code}");
        }
        assert_eq!(recorder.statuses(), [ended]);
        assert!(!own.get().unwrap().is_signaled());
        drop(signal);
        assert!(own.get().unwrap().is_signaled());
    });
}

#[test]
fn of_two_dones_at_once_the_one_with_the_runs_handle_closes_it() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (state, own, callback) = by_hand(&recorder);
        let (event, _signal) = DoneEvent::pair().unwrap();
        let handle = event.into_raw().addr();
        // SAFETY: the state is alive, and no other thread uses the location yet.
        unsafe {
            state
                .event_handle_location()
                .write(ptr::without_provenance_mut(handle))
        };
        let dones = [handle, 0].map(|handle| {
            let callback = callback.clone();
            let handle = move || ptr::without_provenance_mut(handle);
            // SAFETY: the callback is alive. One of the two Dones gives up the handle.
            thread::spawn(move || unsafe { callback.raw_done(handle(), STATUS) })
        });
        drop(callback);
        let codes = dones.map(|done| done.join().unwrap());
        assert_eq!(codes.iter().filter(|code| code.is_ok()).count(), 1);
        // The run has an event if the first Done was the one with the handle.
        assert_eq!(own.get().is_some(), codes[0].is_ok());
        assert_eq!(recorder.statuses(), [STATUS]);
    });
}

#[test]
fn all_waiting_threads_are_woken() {
    loom::model(|| {
        let (state, _own, callback) = by_hand(&Recorder::default());
        let other = state.clone();
        let waiter = thread::spawn(move || other.wait(FOREVER));
        // SAFETY: the callback is alive, and its run ends here, once.
        let done = thread::spawn(move || unsafe { callback.done(None, STATUS) });
        assert_eq!(state.wait(FOREVER), Some(STATUS));
        assert_eq!(waiter.join().unwrap(), Some(STATUS));
        assert_eq!(done.join().unwrap(), HRESULT::S_OK);
    });
}
