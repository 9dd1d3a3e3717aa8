//! Models of a run's end: Done, and the event after it, against whoever waits, looks or lets go of
//! the run meanwhile.
//!
//! Both sides are the real ones, from `start` to the job's last breath, and so are the objects
//! between them. The event is that of `event/loom.rs`, which sees to it that every handle is closed
//! once. A wake-up that is missed is a deadlock, which `loom` reports, as it does state that is
//! left or freed twice.

use crate::SyncFlags;
use crate::abi::{HRESULT, IMAPISync, IMAPISyncProgressCallback};
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::host::state::{OwnEvent, RunCallback, Shared};
use crate::host::{MapiSyncProgressCallback, SyncHost, SyncRun};
use crate::object::ComPtr;
use crate::provider::{MapiSync, SyncJob, SyncRequest};
use alloc::sync::Arc;
use core::ptr;
use loom::thread::{self, JoinHandle};
use std::sync::Mutex; // not `loom`'s: what a model notes for itself is not its subject
use std::time::Duration;

const STATUS: HRESULT = HRESULT::S_FALSE;
const ENDLESS: Duration = Duration::MAX;

/// Notes every Done.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<HRESULT>>>);

impl Ear {
    fn heard(&self) -> Vec<HRESULT> {
        self.0.lock().unwrap().clone()
    }
}

impl MapiSyncProgressCallback for Ear {
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

/// A run under way, and the thread that makes its end and opens an event afterwards, whose handle
/// may well have the number of the run's. The store's method itself returns `outcome`.
fn run_of(ear: &Ear, outcome: fn() -> Result<()>) -> (SyncRun, JoinHandle<()>) {
    fn work(job: SyncJob) {
        job.finish(Ok(STATUS));
        drop(DoneEvent::pair().unwrap());
    }
    let worker = Arc::new(Mutex::new(None));
    let place = worker.clone();
    let sync = ComPtr::<IMAPISync>::new(Store(move |request: SyncRequest<'_>| {
        let job = request.start()?;
        *place.lock().unwrap() = Some(thread::spawn(move || work(job)));
        outcome()
    }));
    let host = SyncHost::new(ear.clone());
    let run = host.start(&sync, SyncFlags::empty()).unwrap();
    let worker = worker.lock().unwrap().take().unwrap();
    (run, worker)
}

fn run(ear: &Ear) -> (SyncRun, JoinHandle<()>) {
    run_of(ear, || Ok(()))
}

#[test]
fn who_waits_is_woken_after_done_was_handled() {
    loom::model(|| {
        let ear = Ear::default();
        let (run, worker) = run(&ear);
        assert_eq!(run.wait(ENDLESS).unwrap(), STATUS);
        assert_eq!((ear.heard(), run.status()), (vec![STATUS], Some(STATUS)));
        assert!(run.event().is_some_and(DoneEvent::is_signaled));
        worker.join().unwrap();
    });
}

#[test]
fn who_only_looks_sees_nothing_or_all() {
    loom::model(|| {
        let ear = Ear::default();
        let (run, worker) = run(&ear);
        if run.event().is_some_and(DoneEvent::is_signaled) {
            assert_eq!(run.status(), Some(STATUS), "Done, then the event");
        }
        if let Some(status) = run.status() {
            assert_eq!((status, ear.heard()), (STATUS, vec![STATUS]));
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
fn a_run_may_be_dropped_at_any_moment() {
    loom::model(|| {
        let ear = Ear::default();
        let (run, worker) = run(&ear);
        drop(run);
        worker.join().unwrap();
        assert_eq!(ear.heard(), [STATUS]);
        assert_eq!(Arc::strong_count(&ear.0), 1, "nothing of the run is left");
    });
}

#[test]
fn a_method_that_fails_beside_its_job_makes_no_second_done() {
    loom::model(|| {
        let ear = Ear::default();
        let (run, worker) = run_of(&ear, || Err(HRESULT::MAPI_E_BUSY.into()));
        let status = run.wait(ENDLESS).unwrap();
        assert!([STATUS, HRESULT::MAPI_E_BUSY].contains(&status), "{status}");
        worker.join().unwrap();
        assert_eq!(ear.heard(), [status]);
    });
}

/// A run's state and its callback object, for a store that makes the calls by hand.
fn by_hand(ear: &Ear) -> (Shared, OwnEvent, ComPtr<IMAPISyncProgressCallback>) {
    let (state, event) = (Shared::default(), OwnEvent::default());
    let callback = RunCallback::new(Arc::new(ear.clone()), state.clone(), &event);
    (
        state,
        event,
        ComPtr::<IMAPISyncProgressCallback>::new(callback),
    )
}

#[test]
fn of_two_dones_at_once_one_ends_the_run_and_closes_the_handle() {
    loom::model(|| {
        let ear = Ear::default();
        let (state, own, callback) = by_hand(&ear);
        let (event, signal) = DoneEvent::pair().unwrap();
        let handle = event.into_raw().addr();
        let dones = [HRESULT::S_OK, STATUS].map(|status| {
            let callback = callback.clone();
            let handle = move || ptr::without_provenance_mut(handle);
            // SAFETY: of two Dones with one handle the host takes the first one's alone; that is
            // tried here.
            thread::spawn(move || (status, unsafe { callback.raw_done(handle(), status) }))
        });
        drop(callback);
        let ended = state.wait(ENDLESS).unwrap();
        for (status, answer) in dones.map(|done| done.join().unwrap()) {
            let first = status == ended;
            assert_eq!(answer.is_ok(), first, "{status}: {answer}");
        }
        assert_eq!(ear.heard(), [ended]);
        assert!(!own.get().unwrap().is_signaled());
        drop(signal);
        assert!(own.get().unwrap().is_signaled());
    });
}

#[test]
fn of_two_dones_at_once_the_one_with_the_runs_handle_closes_it() {
    loom::model(|| {
        let ear = Ear::default();
        let (state, own, callback) = by_hand(&ear);
        let (event, _signal) = DoneEvent::pair().unwrap();
        let handle = event.into_raw().addr();
        // SAFETY: the state is alive, and no other thread uses its slot yet.
        unsafe { state.slot().write(ptr::without_provenance_mut(handle)) };
        let dones = [handle, 0].map(|handle| {
            let callback = callback.clone();
            let handle = move || ptr::without_provenance_mut(handle);
            // SAFETY: the callback is alive. One of the two Dones hands the handle over, and this
            // model owns it no longer.
            thread::spawn(move || unsafe { callback.raw_done(handle(), STATUS) })
        });
        drop(callback);
        let codes = dones.map(|done| done.join().unwrap());
        assert_eq!(codes.iter().filter(|code| code.is_ok()).count(), 1);
        // The run has an event if that Done was the first.
        assert_eq!(own.get().is_some(), codes[0].is_ok());
        assert_eq!(ear.heard(), [STATUS]);
    });
}

#[test]
fn all_who_wait_are_woken() {
    loom::model(|| {
        let (state, _own, callback) = by_hand(&Ear::default());
        let other = state.clone();
        let waiter = thread::spawn(move || other.wait(ENDLESS));
        // SAFETY: the run of this callback ends here, once.
        let done = thread::spawn(move || unsafe { callback.done(None, STATUS) });
        assert_eq!(state.wait(ENDLESS), Some(STATUS));
        assert_eq!(waiter.join().unwrap(), Some(STATUS));
        assert_eq!(done.join().unwrap(), HRESULT::S_OK);
    });
}
