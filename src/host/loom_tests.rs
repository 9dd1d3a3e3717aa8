//! Models of a run's end: Done and the event, while other threads or tasks wait for the run, drop
//! it, or cancel it.
//!
//! Both sides are the production code, from `start` to the end of the job. The event is that of
//! `event/loom.rs`, which checks that every handle is closed once. A missed wake-up is a deadlock,
//! which `loom` reports. It also reports state that leaks or is freed twice.

use crate::SyncFlags;
use crate::abi::{HRESULT, IMAPISync, IMAPISyncProgressCallback};
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::host::run_callback::RunCallback;
use crate::host::run_state::{RunEvent, SharedState};
use crate::host::{MapiSyncProgressCallback, SyncHost, SyncRun};
use crate::object::ComPtr;
use crate::primitive::Condvar;
use crate::provider::{ExclusiveRun, MapiSync, SyncJob, SyncRequest};
use crate::trace::RunSpan;
use alloc::sync::{Arc, Weak};
use core::future::{Future, IntoFuture, poll_fn};
use core::pin::pin;
use core::ptr;
use core::task::{Context, Poll};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, JoinHandle};
use std::sync::Mutex; // not `loom`'s, so that recording orders nothing
use std::task::{Wake, Waker};
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

/// Starts a run. Returns it with the thread that ends its job. That thread then opens a second
/// event, whose handle may have the number of the run's handle. The store's method returns
/// `result`.
fn start_run(
    recorder: &Recorder,
    end: fn(SyncJob),
    result: fn() -> Result<()>,
) -> (SyncRun, JoinHandle<()>) {
    let work = move |job| {
        end(job);
        drop(DoneEvent::pair().unwrap());
    };
    let worker = Arc::new(Mutex::new(None));
    let worker_location = worker.clone();
    let sync = ComPtr::<IMAPISync>::new(Store(move |request: SyncRequest<'_>| {
        let job = request.start()?;
        *worker_location.lock().unwrap() = Some(thread::spawn(move || work(job)));
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
    start_run(recorder, finish, || Ok(()))
}

#[test]
fn a_waiting_thread_is_woken_after_done_has_returned() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (run, worker) = run(&recorder);
        assert_eq!(run.wait(FOREVER).unwrap(), STATUS);
        assert_eq!((recorder.statuses(), run.status()), (vec![STATUS], Some(STATUS)));
        assert!(run.event().is_some_and(DoneEvent::is_signaled));
        worker.join().unwrap();
    });
}

#[test]
fn a_thread_that_does_not_wait_sees_done_before_the_event() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (run, worker) = run(&recorder);
        if run.event().is_some_and(DoneEvent::is_signaled) {
            assert_eq!(run.status(), Some(STATUS), "Done, then the event");
        }
        if let Some(status) = run.status() {
            assert_eq!(status, STATUS, "known from before `done` runs");
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
        assert_eq!(Arc::strong_count(&recorder.0), 1, "the run leaves nothing behind");
    });
}

#[test]
fn a_method_that_fails_while_its_job_ends_causes_one_done() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (run, worker) = start_run(&recorder, finish, || Err(HRESULT::MAPI_E_BUSY.into()));
        let status = run.wait(FOREVER).unwrap();
        assert!([STATUS, HRESULT::MAPI_E_BUSY].contains(&status), "{status}");
        worker.join().unwrap();
        assert_eq!(recorder.statuses(), [status]);
    });
}

#[test]
fn a_job_that_is_dropped_while_its_method_returns_causes_one_done() {
    type Case = (fn() -> Result<()>, HRESULT);
    // All threads have one id here, so the job may seem dropped on the method's thread.
    let cases: [Case; 2] = [
        (|| Ok(()), HRESULT::E_ABORT),
        (|| Err(HRESULT::MAPI_E_BUSY.into()), HRESULT::MAPI_E_BUSY),
    ];
    for (result, expected) in cases {
        loom::model(move || {
            let recorder = Recorder::default();
            let (run, worker) = start_run(&recorder, drop, result);
            assert_eq!(run.wait(FOREVER).unwrap(), expected);
            worker.join().unwrap();
            assert_eq!(recorder.statuses(), [expected]);
        });
    }
}

/// The state and the callback object of a run, without a store.
fn state_and_callback(
    recorder: &Recorder,
) -> (SharedState, RunEvent, ComPtr<IMAPISyncProgressCallback>) {
    let (state, event) = (SharedState::default(), RunEvent::default());
    let span = RunSpan::host(SyncFlags::empty());
    let callback = RunCallback::new(Arc::new(recorder.clone()), state.clone(), &event, span);
    (state, event, ComPtr::<IMAPISyncProgressCallback>::new(callback))
}

#[test]
fn one_of_two_concurrent_dones_ends_the_run_and_closes_the_handle() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (state, own, callback) = state_and_callback(&recorder);
        let (event, signal) = DoneEvent::pair().unwrap();
        let handle = event.into_raw().addr();
        let dones = [HRESULT::S_OK, STATUS].map(|status| {
            let callback = callback.clone();
            let handle = move || ptr::without_provenance_mut(handle);
            // SAFETY: the callback is alive. The host takes the handle of the first Done only,
            // which this model checks.
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
fn two_concurrent_dones_close_the_handle_of_the_run_once() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (state, own, callback) = state_and_callback(&recorder);
        let (event, _signal) = DoneEvent::pair().unwrap();
        let handle = event.into_raw().addr();
        // SAFETY: the state is alive, and no other thread uses the location yet.
        unsafe { state.event_handle_location().write(ptr::without_provenance_mut(handle)) };
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
        let (state, _own, callback) = state_and_callback(&Recorder::default());
        let other = state.clone();
        let waiter = thread::spawn(move || other.wait(FOREVER));
        // SAFETY: the callback is alive, and its run ends here, once.
        let done = thread::spawn(move || unsafe { callback.done(None, STATUS) });
        assert_eq!(state.wait(FOREVER), Some(STATUS));
        assert_eq!(waiter.join().unwrap(), Some(STATUS));
        assert_eq!(done.join().unwrap(), HRESULT::S_OK);
    });
}

/// An executor of one task, which sleeps until its task is woken.
fn block_on<F: IntoFuture>(future: F) -> F::Output {
    #[derive(Default)]
    struct Task {
        is_woken: loom::sync::Mutex<bool>,
        woken: Condvar,
    }
    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            *self.is_woken.lock().unwrap() = true;
            self.woken.notify_all();
        }
    }
    let task = Arc::new(Task::default());
    let waker = Waker::from(task.clone());
    let mut future = pin!(future.into_future());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let is_woken = task.is_woken.lock().unwrap();
        let woken = task.woken.wait_timeout_while(is_woken, FOREVER, |is_woken| !*is_woken);
        *woken.unwrap().0 = false;
    }
}

/// The end of a run as its callback object records it, without the object and its count. The task,
/// the store and the thread that waits for the event make too many orders for a model without a
/// bound.
#[test]
fn a_task_is_woken_after_done_and_the_event() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let (state, event) = (SharedState::default(), RunEvent::default());
        let (done_event, signal) = DoneEvent::pair().unwrap();
        event.set(done_event).unwrap();
        let ending = state.clone();
        let worker = thread::spawn(move || {
            let (_, done_returns) = ending.done_called(STATUS, None, &Weak::new()).unwrap();
            drop(done_returns);
            drop(signal);
        });
        let run = SyncRun::new(state, event);
        assert_eq!(block_on(&run).unwrap(), STATUS);
        assert!(run.event().is_some_and(DoneEvent::is_signaled));
        worker.join().unwrap();
    });
}

#[test]
fn two_futures_of_one_run_are_woken() {
    loom::model(|| {
        let (state, event, callback) = state_and_callback(&Recorder::default());
        let run = SyncRun::new(state, event);
        // SAFETY: the callback is alive, and its run ends here, once.
        let done = thread::spawn(move || unsafe { callback.done(None, STATUS) });
        let mut futures = [(&run).into_future(), run.into_future()];
        let mut statuses = [None, None];
        block_on(poll_fn(|context| {
            for (future, status) in futures.iter_mut().zip(&mut statuses) {
                if status.is_none() {
                    if let Poll::Ready(result) = pin!(future).poll(context) {
                        *status = Some(result.unwrap());
                    }
                }
            }
            if statuses.contains(&None) { Poll::Pending } else { Poll::Ready(()) }
        }));
        assert_eq!(statuses, [Some(STATUS); 2]);
        assert_eq!(done.join().unwrap(), HRESULT::S_OK);
    });
}

#[test]
fn a_task_may_be_dropped_while_it_is_woken() {
    loom::model(|| {
        let (state, event, callback) = state_and_callback(&Recorder::default());
        let mut future = SyncRun::new(state, event).into_future();
        // SAFETY: the callback is alive, and its run ends here, once.
        let done = thread::spawn(move || unsafe { callback.done(None, STATUS) });
        let poll = pin!(&mut future).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(poll, Poll::Pending | Poll::Ready(Ok(STATUS))));
        drop(future);
        assert_eq!(done.join().unwrap(), HRESULT::S_OK);
    });
}

#[test]
fn a_task_is_woken_by_a_request_to_stop() {
    loom::model(|| {
        let recorder = Recorder::default();
        let (run, worker) = start_run(
            &recorder,
            |job| {
                let handle = job.cancel_handle();
                let cancel = thread::spawn(move || handle.cancel());
                let error = block_on(job.canceled());
                assert!(error.is_canceled());
                cancel.join().unwrap();
                job.fail(error);
            },
            || Ok(()),
        );
        worker.join().unwrap();
        assert_eq!(run.status(), Some(HRESULT::MAPI_E_USER_CANCEL));
    });
}

#[test]
fn a_stop_at_any_time_leaves_no_run_and_no_later_report_succeeds() {
    loom::model(|| {
        let recorder = Recorder::default();
        let exclusive = ExclusiveRun::default();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (starting, stopped) = (exclusive.clone(), is_stopped.clone());
        let sync = ComPtr::<IMAPISync>::new(Store(move |request: SyncRequest<'_>| {
            let (job, stopped) = (starting.start(request)?, stopped.clone());
            drop(thread::spawn(move || {
                let must_fail = stopped.load(Ordering::Acquire);
                let result = job.position(1, 1);
                assert!(!must_fail || result.is_err());
                job.finish(result);
            }));
            Ok(())
        }));
        let stop = thread::spawn(move || {
            assert!(exclusive.stop(FOREVER), "no run is left");
            is_stopped.store(true, Ordering::Release);
        });
        let run = SyncHost::new(recorder.clone()).start(&sync, SyncFlags::empty());
        stop.join().unwrap();
        match run {
            Ok(run) => {
                let statuses = recorder.statuses();
                let [status] = statuses[..] else { panic!("{statuses:?}") };
                assert!([HRESULT::S_OK, HRESULT::MAPI_E_USER_CANCEL].contains(&status));
                assert!(run.event().is_none_or(DoneEvent::is_signaled));
            }
            Err(error) => assert_eq!(error.hresult(), HRESULT::MAPI_E_OFFLINE),
        }
    });
}
