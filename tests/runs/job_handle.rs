//! `JobHandle`: cancels a job and waits for its thread.

use crate::{start, start_with, store_with_handles};
use mapisync::testing::{Call, Recorder};
use mapisync::{DoneEvent, Error, HRESULT, JobHandle, Result};
use std::cell::RefCell;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;
use test_support::{TIMEOUT, code, store};

#[test]
fn a_handle_cancels_and_joins() {
    let (sync, taken) = store_with_handles(|job| {
        // This loop ends only when the job is canceled.
        (0..).try_for_each(|n| {
            thread::yield_now();
            job.position(n, 0)
        })
    });
    let recorder = Recorder::new();
    let run = start_with(recorder.clone(), &sync);
    let handle = taken.recv().unwrap();
    assert_eq!(run.status(), None);
    handle.cancel();
    assert_eq!(handle.join().unwrap(), HRESULT::MAPI_E_USER_CANCEL);
    assert!(run.event().is_none_or(DoneEvent::is_signaled), "after join the event has occurred");
    assert_eq!(run.status(), Some(HRESULT::MAPI_E_USER_CANCEL));
    // The cancellation is no error, so `Error` is not called.
    let (calls, cancel) = (recorder.calls(), HRESULT::MAPI_E_USER_CANCEL);
    assert!(calls[..calls.len() - 1].iter().all(|call| matches!(**call, Call::Progress(..))));
    assert_eq!(calls[calls.len() - 1], Call::done(cancel));
}

#[test]
fn a_handle_waits_for_a_bounded_time_and_can_wait_again() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let (sync, taken) = store_with_handles(move |_| {
        wait.lock().unwrap().recv().unwrap();
        Ok(HRESULT::S_FALSE)
    });
    let run = start(&sync);
    let handle = taken.recv().unwrap();
    let early = handle.join_timeout(Duration::from_millis(5)).unwrap_err();
    assert!(matches!(early, Error::Timeout { .. }) && !handle.is_finished());
    assert_eq!(run.status(), None);
    release.send(()).unwrap();
    for _ in 0..2 {
        assert_eq!(handle.join_timeout(TIMEOUT).unwrap(), HRESULT::S_FALSE);
        assert!(handle.is_finished());
    }
    assert!(run.event().is_none_or(DoneEvent::is_signaled));
    assert_eq!(handle.join().unwrap(), HRESULT::S_FALSE);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_FALSE);
}

#[test]
fn a_handle_may_be_dropped_and_join_returns_the_status() {
    let (sync, taken) = store_with_handles(|_| Ok(HRESULT::S_FALSE));
    let run = start(&sync);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_FALSE);
    assert_eq!(taken.recv().unwrap().join().unwrap(), HRESULT::S_FALSE);
    let dropped = store(|request| request.spawn_with_handle(|_| Ok(())).map(drop));
    let run = start(&dropped);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
}

/// Runs a job that gets its own handle, and returns the code that the job sends.
fn with_own_handle(work: fn(JobHandle, mpsc::Sender<HRESULT>)) -> HRESULT {
    let (codes, sent) = mpsc::channel();
    let (own, handle) = mpsc::channel();
    let given = Mutex::new((handle, codes));
    let (sync, taken) = store_with_handles(move |_| {
        let (handle, codes) = &*given.lock().unwrap();
        work(handle.recv().unwrap(), codes.clone());
        Ok(())
    });
    let run = start(&sync);
    own.send(taken.recv().unwrap()).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    sent.recv_timeout(TIMEOUT).unwrap()
}

#[test]
fn joining_a_job_on_its_own_thread_is_refused() {
    type Join = fn(JobHandle) -> Result<HRESULT>;
    fn refused(join: Join) -> HRESULT {
        static JOIN: Mutex<Option<Join>> = Mutex::new(None);
        *JOIN.lock().unwrap() = Some(join);
        with_own_handle(|handle, codes| {
            let join = JOIN.lock().unwrap().take().unwrap();
            codes.send(code(join(handle))).unwrap();
        })
    }
    for join in [JobHandle::join as Join, |handle| handle.join_timeout(TIMEOUT)] {
        assert_eq!(refused(join), HRESULT::MAPI_E_UNABLE_TO_COMPLETE);
    }
}

#[test]
fn joining_a_job_in_the_destructor_of_a_thread_local_of_its_thread_is_refused() {
    struct Joins(Option<(JobHandle, mpsc::Sender<HRESULT>)>);
    impl Drop for Joins {
        fn drop(&mut self) {
            if let Some((handle, codes)) = self.0.take() {
                codes.send(code(handle.join())).unwrap();
            }
        }
    }
    thread_local!(static AT_THE_END: RefCell<Joins> = const { RefCell::new(Joins(None)) });
    let refused = with_own_handle(|handle, codes| {
        AT_THE_END.with_borrow_mut(|end| end.0 = Some((handle, codes)));
    });
    assert_eq!(refused, HRESULT::MAPI_E_UNABLE_TO_COMPLETE);
}
