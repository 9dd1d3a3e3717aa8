//! Awaiting a run and a request to stop, on an executor of two functions.

use crate::{FLAGS, start};
use mapisync::testing::Recorder;
use mapisync::{Canceled, Error, HRESULT, SyncHost, SyncJob, SyncRun};
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;
use test_support::{TIMEOUT, callback_of, done, event_pair, foreign_sync, store};

/// Polls a future until it is ready, and sleeps until its waker is called.
fn block_on<F: IntoFuture>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future.into_future());
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A task that counts its wake-ups.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Task {
    fn poll<F: Future + Unpin>(self: &Arc<Self>, future: &mut F) -> Poll<F::Output> {
        let waker = Waker::from(self.clone());
        pin!(future).poll(&mut Context::from_waker(&waker))
    }

    fn wakes(&self) -> usize {
        self.0.load(SeqCst)
    }
}

/// Starts a run whose store calls `Done` and signals its event only when told to. Returns the
/// functions that do so.
fn start_run(host: SyncHost) -> (SyncRun, impl FnOnce() -> HRESULT, impl FnOnce()) {
    let (event, owner) = event_pair();
    let (callbacks, callback) = mpsc::channel();
    let callbacks = Mutex::new(callbacks);
    let sync = foreign_sync(move |psibpb| {
        callbacks.lock().unwrap().send(callback_of(psibpb)).unwrap();
        HRESULT::S_OK
    });
    let run = host.start(&sync, FLAGS).unwrap();
    let callback = callback.recv().unwrap();
    let end = move || done(&callback, Some(event), HRESULT::S_FALSE);
    (run, end, move || drop(owner))
}

#[test]
fn a_run_is_awaited_by_reference_and_by_value() {
    let sync = store(|request| {
        request.spawn(|job| {
            job.position(1, 1)?;
            Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
        })
    });
    for _ in 0..100 {
        let run = start(&sync);
        let status = block_on(&run).unwrap();
        assert_eq!(status, HRESULT::MAPI_W_PARTIAL_COMPLETION);
        assert!(run.event().unwrap().is_signaled());
        assert_eq!(block_on(run).unwrap(), status);
    }
}

#[test]
fn a_task_is_woken_by_done_and_then_by_the_event() {
    let (run, end, signal) = start_run(SyncHost::new(Recorder::new()));
    let mut future = run.into_future();
    let (first, task) = (Arc::new(Task::default()), Arc::new(Task::default()));
    assert!(first.poll(&mut future).is_pending());
    assert!(task.poll(&mut future).is_pending());
    assert!(end().is_ok());
    assert_eq!((first.wakes(), task.wakes()), (0, 1), "the last waker");
    assert!(task.poll(&mut future).is_pending(), "no event yet");
    signal();
    assert_eq!(block_on(&mut future).unwrap(), HRESULT::S_FALSE);
    drop(future);
    assert_eq!(Arc::strong_count(&first), 1);
    assert_eq!(Arc::strong_count(&task), 1);
}

#[test]
fn a_future_of_an_ended_run_is_ready_at_once() {
    let (run, end, signal) = start_run(SyncHost::new(Recorder::new()));
    signal();
    assert!(end().is_ok());
    let shown = format!("{:?}", (&run).into_future());
    assert!(shown.starts_with("RunFuture { status: Some(HRESULT(S_FALSE, "), "{shown}");
    let task = Arc::new(Task::default());
    for _ in 0..2 {
        let ready = task.poll(&mut (&run).into_future());
        assert!(matches!(ready, Poll::Ready(Ok(HRESULT::S_FALSE))));
    }
    assert_eq!((task.wakes(), Arc::strong_count(&task)), (0, 1));
}

#[test]
fn a_future_that_is_dropped_leaves_no_waker() {
    let (run, end, signal) = start_run(SyncHost::new(Recorder::new()));
    let tasks = [(); 3].map(|()| Arc::new(Task::default()));
    let mut futures = [(); 3].map(|()| (&run).into_future());
    for (task, future) in tasks.iter().zip(&mut futures) {
        assert!(task.poll(future).is_pending());
    }
    let [first, dropped, last] = futures;
    drop(dropped);
    assert_eq!(Arc::strong_count(&tasks[1]), 1);
    assert!(end().is_ok());
    assert_eq!(tasks.each_ref().map(|task| task.wakes()), [1, 0, 1]);
    signal();
    assert_eq!(block_on(first).unwrap(), HRESULT::S_FALSE);
    assert_eq!(block_on(last).unwrap(), HRESULT::S_FALSE);
}

#[test]
fn a_waker_that_panics_stops_neither_done_nor_other_wakers() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker panics, as this test demands");
        }
    }
    let (run, end, signal) = start_run(SyncHost::new(Recorder::new()));
    let (mut panics, mut future) = ((&run).into_future(), (&run).into_future());
    let waker = Waker::from(Arc::new(Panics));
    let poll = pin!(&mut panics).poll(&mut Context::from_waker(&waker));
    assert!(poll.is_pending());
    let task = Arc::new(Task::default());
    assert!(task.poll(&mut future).is_pending());
    assert_eq!((end(), task.wakes()), (HRESULT::S_OK, 1));
    signal();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_FALSE);
}

#[test]
fn the_status_is_known_while_done_runs_and_the_end_only_after_it() {
    let (entered, is_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel();
    let channels = Mutex::new((entered, may_leave));
    let recorder = Recorder::new().on_call(move |_done| {
        let (entered, may_leave) = &*channels.lock().unwrap();
        entered.send(()).unwrap();
        may_leave.recv().unwrap();
    });
    let (run, end, signal) = start_run(SyncHost::new(recorder));
    assert_eq!(run.status(), None);
    signal();
    thread::scope(|scope| {
        let ending = scope.spawn(end);
        is_entered.recv().unwrap();
        assert_eq!(run.status(), Some(HRESULT::S_FALSE));
        let error = run.wait(Duration::from_millis(5)).unwrap_err().to_string();
        assert!(error.ends_with("`done` has not returned"), "{error}");
        let task = Arc::new(Task::default());
        let mut future = (&run).into_future();
        assert!(task.poll(&mut future).is_pending());
        leave.send(()).unwrap();
        assert_eq!(block_on(future).unwrap(), HRESULT::S_FALSE);
        assert!(ending.join().unwrap().is_ok());
    });
}

#[test]
fn a_request_to_stop_wakes_the_job() {
    /// The sides that can ask a job to stop.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum By {
        Store,
        Host,
        Method,
    }
    for by in [By::Store, By::Host, By::Method] {
        let jobs = Arc::new(Mutex::new(None::<(SyncJob, Canceled)>));
        let kept = jobs.clone();
        let task = Arc::new(Task::default());
        let polled = task.clone();
        let sync = store(move |request| {
            let job = request.start()?;
            let mut canceled = job.canceled();
            assert!(polled.poll(&mut canceled).is_pending());
            *kept.lock().unwrap() = Some((job, canceled)); // its waker stays registered
            if by == By::Method { Err(HRESULT::MAPI_E_BUSY.into()) } else { Ok(()) }
        });
        let host = SyncHost::new(Recorder::new().cancel_at(0));
        let run = host.start(&sync, FLAGS).unwrap();
        let (job, _canceled) = jobs.lock().unwrap().take().unwrap();
        let expected = match by {
            By::Store => {
                job.cancel_handle().cancel();
                HRESULT::MAPI_E_USER_CANCEL
            }
            By::Host => {
                assert!(job.position(0, 1).unwrap_err().is_canceled());
                HRESULT::MAPI_E_USER_CANCEL
            }
            By::Method => HRESULT::MAPI_E_BUSY,
        };
        assert_eq!(task.wakes(), 1, "{by:?}");
        let error = block_on(job.canceled());
        let is_host = matches!(error, Error::Host { .. });
        assert_eq!((is_host, error.is_canceled()), (by == By::Host, true));
        job.fail(error);
        assert_eq!(run.wait(TIMEOUT).unwrap(), expected);
    }
}

#[test]
fn a_wait_for_a_request_to_stop_that_is_dropped_leaves_no_waker() {
    let task = Arc::new(Task::default());
    let polled = task.clone();
    let sync = store(move |request| {
        let job = request.start()?;
        let mut canceled = job.canceled();
        assert!(polled.poll(&mut canceled).is_pending());
        assert_eq!(format!("{canceled:?}"), "Canceled { .. }");
        assert_eq!(Arc::strong_count(&polled), 3, "the test's, the store's and the waker's");
        drop(canceled);
        assert_eq!(Arc::strong_count(&polled), 2);
        job.finish(Ok(()));
        Ok(())
    });
    assert_eq!(start(&sync).wait(TIMEOUT).unwrap(), HRESULT::S_OK);
}

#[test]
fn an_event_converts_to_what_other_libraries_wait_for() {
    let (event, owner) = event_pair();
    let number = event.as_raw().addr();
    #[cfg(all(unix, not(miri)))]
    let number_again = {
        use std::os::fd::{AsRawFd, OwnedFd};
        assert_eq!(event.as_raw_fd() as usize, number);
        OwnedFd::from(event).as_raw_fd() as usize
    };
    #[cfg(all(windows, not(miri)))]
    let number_again = {
        use std::os::windows::io::{AsRawHandle, OwnedHandle};
        assert_eq!(event.as_raw_handle().addr(), number);
        OwnedHandle::from(event).as_raw_handle().addr()
    };
    #[cfg(miri)]
    let number_again = event.as_raw().addr();
    assert_eq!(number_again, number);
    drop(owner);
}
