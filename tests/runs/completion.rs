//! The end of a run: exactly one `Done` and then the event, whatever the store does.

use crate::{FLAGS, INTERNAL_ERROR, run, spawn, start_with};
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Recorder, reference_count};
use mapisync::{ComPtr, DoneEvent, Error, HRESULT, Result, SyncHost, SyncJob};
use std::io;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use test_support::{DropCounter, TIMEOUT, event, garbage, outlook, request, store, wait_until};

#[test]
fn done_gets_the_result_of_the_closure() {
    assert_eq!(spawn(|_| Ok(())), [Call::done(HRESULT::S_OK)]);
    let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
    assert_eq!(spawn(move |_| Ok(partial)), [Call::done(partial)]);
    assert_eq!(spawn(|_| Ok(HRESULT::E_PENDING)), [Call::done(HRESULT::E_PENDING)]);

    let network = HRESULT::MAPI_E_NETWORK_ERROR;
    let refused = |_: &SyncJob| -> Result<()> {
        Err(io::Error::new(io::ErrorKind::ConnectionRefused, "mail.example.org refused"))?
    };
    assert_eq!(
        spawn(refused),
        [Call::error(network, "mail.example.org refused"), Call::done(network)]
    );

    let busy = HRESULT::MAPI_E_BUSY;
    let own = move |_: &SyncJob| Err::<(), _>(Error::new(busy, "the index is being rebuilt"));
    assert_eq!(spawn(own), [Call::error(busy, "the index is being rebuilt"), Call::done(busy)]);

    // An error with a success code must not report success to Outlook.
    let success = move |_: &SyncJob| Err::<(), _>(Error::new(partial, "half"));
    assert_eq!(spawn(success), [Call::error(HRESULT::E_FAIL, "half"), Call::done(HRESULT::E_FAIL)]);
}

#[test]
fn a_run_that_the_method_did_not_start_ends_with_s_ok() {
    assert_eq!(run(|_| Ok(())), [Call::done(HRESULT::S_OK)]);
}

#[test]
fn a_job_that_fails_reports_its_error() {
    let sync = store(|request| {
        request.start()?.fail(HRESULT::MAPI_E_BUSY);
        Ok(())
    });
    let busy = HRESULT::MAPI_E_BUSY;
    let outcome = outlook().run(&sync);
    outcome.assert_failed(busy, Error::from(busy).to_string().as_str());
}

#[test]
fn a_job_that_is_dropped_is_completed() {
    let aborted = [Call::done(HRESULT::E_ABORT)];
    // In the method, which then returns success.
    assert_eq!(run(|request| request.start().map(drop)), aborted);
    // On another thread.
    let elsewhere = run(|request| {
        let job = request.start()?;
        thread::spawn(move || drop(job));
        Ok(())
    });
    assert_eq!(elsewhere, aborted);
    // During a panic of the store's own thread.
    let unexpected = HRESULT::E_UNEXPECTED;
    let panicked = run(|request| {
        let job = request.start()?;
        thread::spawn(move || {
            let _job = job;
            panic!("out of luck");
        });
        Ok(())
    });
    assert_eq!(panicked, [Call::error(unexpected, INTERNAL_ERROR), Call::done(unexpected)]);
}

#[test]
fn a_job_dropped_on_another_thread_is_completed_while_the_method_runs() {
    let recorder = Recorder::new();
    let store_recorder = recorder.clone();
    let sync = store(move |request| {
        let job = request.start()?;
        thread::spawn(move || drop(job)).join().unwrap();
        // A method may wait for the end of the run, for example during a logoff.
        assert_eq!(store_recorder.calls(), [Call::done(HRESULT::E_ABORT)]);
        Ok(())
    });
    let run = start_with(recorder.clone(), &sync);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::E_ABORT);
    assert_eq!(recorder.calls(), [Call::done(HRESULT::E_ABORT)]);
}

#[test]
fn a_method_that_fails_after_the_start_completes_the_run_with_its_failure() {
    let busy = HRESULT::MAPI_E_BUSY;
    let unexpected = HRESULT::E_UNEXPECTED;
    let failed = [Call::error(busy, "MAPI_E_BUSY (0x8004010B)"), Call::done(busy)];
    // The method drops the job.
    let dropped = run(move |request| {
        let _job = request.start()?;
        Err(busy.into())
    });
    assert_eq!(dropped, failed);
    let panicked = run(|request| {
        let _job = request.start()?;
        panic!("out of luck")
    });
    assert_eq!(panicked, [Call::error(unexpected, INTERNAL_ERROR), Call::done(unexpected)]);
    // The job is already finished, so the failure changes nothing.
    let finished = run(move |request| {
        request.start()?.finish(Ok(HRESULT::S_FALSE));
        Err(busy.into())
    });
    assert_eq!(finished, [Call::done(HRESULT::S_FALSE)]);
    // Another thread drops the job after the method has failed.
    let elsewhere = run(move |request| {
        let job = request.start()?;
        thread::spawn(move || {
            wait_until(|| job.is_canceled());
            drop(job);
        });
        Err(busy.into())
    });
    assert_eq!(elsewhere, failed);
    // Another thread runs the job. The job is canceled, and the run ends with the method's failure,
    // whether the closure returns an error or not.
    for returns_error in [true, false] {
        let working = run(move |request| {
            let (about_to_fail, wait) = mpsc::channel::<()>();
            request.spawn(move |job| {
                let _ = wait.recv(); // until the method is about to fail
                while !job.is_canceled() {
                    thread::yield_now();
                }
                if returns_error { job.position(1, 1) } else { Ok(()) }
            })?;
            drop(about_to_fail);
            Err(busy.into())
        });
        assert_eq!(working, failed);
    }
}

#[test]
fn a_run_drops_the_captures_then_calls_error_and_done_releases_the_callback_and_signals() {
    /// Logs when it is dropped.
    struct LogRelease<F: Fn(&str)>(F);
    impl<F: Fn(&str)> Drop for LogRelease<F> {
        fn drop(&mut self) {
            (self.0)("released");
        }
    }
    for panics in [false, true] {
        let (counter, log) = (DropCounter::default(), Arc::new(Mutex::new(vec![])));
        let event = Arc::new(OnceLock::<DoneEvent>::new());
        let (inner, lines, seen) = (counter.clone(), log.clone(), event.clone());
        let release = LogRelease(move |call| {
            let (drops, signaled) = (counter.drops(), seen.get().unwrap().is_signaled());
            lines.lock().unwrap().push(format!("{call} drops={drops} signaled={signaled}"));
        });
        let recorder = Recorder::new().on_call(move |call| (release.0)(&call.method().to_string()));
        let (go, gone) = std::sync::mpsc::channel();
        let gone = Mutex::new(Some(gone));
        let sync = store(move |request| {
            let (captured, payload) = (inner.token(), inner.token());
            let gone = gone.lock().unwrap().take().unwrap();
            request.spawn(move |job| {
                let _ = &captured;
                gone.recv().unwrap();
                job.position(0, 0)?;
                if panics {
                    std::panic::panic_any(payload)
                }
                Err::<(), _>(HRESULT::E_FAIL.into())
            })
        });
        let callback = recorder.object();
        let mut event_handle = garbage();
        // SAFETY: the request is valid for the call.
        let code = unsafe {
            sync.synchronize_in_background(&mut request(
                callback.as_raw().cast(),
                &mut event_handle,
            ))
        };
        assert_eq!(code, HRESULT::S_OK);
        // SAFETY: the handle is open until `Done`. `ManuallyDrop` leaves it to `Done`.
        let runs = unsafe { DoneEvent::from_raw(event_handle) }.map(ManuallyDrop::new);
        event.set(runs.unwrap().try_clone().unwrap()).unwrap();
        drop((recorder, callback));
        go.send(()).unwrap(); // the job now owns the last reference
        event.get().unwrap().wait(Some(TIMEOUT)).unwrap();
        let expected = [
            "Progress drops=0 signaled=false",
            "Error drops=2 signaled=false",
            "Done drops=2 signaled=false",
            "released drops=2 signaled=false",
        ];
        assert_eq!(*log.lock().unwrap(), expected);
    }
}

#[test]
fn only_a_job_that_is_kept_forever_is_never_completed() {
    static KEPT: Mutex<Vec<mapisync::SyncJob>> = Mutex::new(vec![]);
    let recorder = Recorder::new();
    let sync = store(|request| {
        KEPT.lock().unwrap().push(request.start()?);
        Ok(())
    });
    let run = start_with(recorder.clone(), &sync);
    let error = run.wait(std::time::Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.hresult(), HRESULT::MAPI_E_TIMEOUT);
    assert_eq!(recorder.calls(), []);
}

#[test]
fn without_a_callback_the_caller_owns_the_event() {
    let sync: ComPtr<IMAPISync> = store(|request| request.spawn(|_| Ok(())));
    let mut event_handle = garbage();
    // SAFETY: the request is valid for the call.
    let code = unsafe {
        sync.synchronize_in_background(&mut request(std::ptr::null_mut(), &mut event_handle))
    };
    assert_eq!(code, HRESULT::S_OK);
    // SAFETY: the request had no callback, so this test owns the handle.
    let event = unsafe { event(event_handle) }.unwrap();
    event.wait(Some(TIMEOUT)).unwrap();
    // The handle is still open.
    assert!(event.try_clone().is_ok() && event.is_signaled());
}

#[test]
fn several_threads_may_use_a_job_at_the_same_time() {
    const EACH: u32 = if cfg!(miri) { 5 } else { 100 };
    let calls = run(|request| {
        let job = Arc::new(request.start()?);
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let job = job.clone();
                thread::spawn(move || (0..EACH).try_for_each(|i| job.position(i, n)))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap()?;
        }
        Arc::into_inner(job).unwrap().finish(Ok(()));
        Ok(())
    });
    assert_eq!(calls.len(), 4 * EACH as usize + 1);
}

#[test]
fn two_thousand_concurrent_runs_leave_the_counts_correct() {
    let (threads, rounds, concurrent) = if cfg!(miri) { (2, 1, 3) } else { (8, 5, 50) };
    let all = threads * rounds * concurrent;
    let (counter, ended) = (DropCounter::default(), Arc::new(AtomicUsize::new(0)));
    let (inner, token) = (counter.clone(), counter.token());
    let counted = ended.clone();
    let sync = store(move |request| {
        let _ = &token;
        let (captured, counted) = (inner.token(), counted.clone());
        request.spawn(move |job| {
            let _ = &captured;
            (0..10).try_for_each(|n| job.progress(Some("step"), n, 10))?;
            counted.fetch_add(1, SeqCst);
            Ok(())
        })
    });
    let recorder = Recorder::new();
    let host = SyncHost::new(recorder.clone());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..rounds {
                    let start = |_| host.start(&sync, FLAGS).unwrap();
                    let runs: Vec<_> = (0..concurrent).map(start).collect();
                    for run in runs {
                        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
                    }
                }
            });
        }
    });
    assert_eq!((ended.load(SeqCst), counter.drops()), (all, all));
    let calls = recorder.calls();
    let events = calls.iter().filter(|call| call.has_event()).count();
    assert_eq!((calls.len(), events), (all * 11, all));
    assert_eq!(reference_count(&sync), 1);
    drop(sync);
    assert_eq!(counter.drops(), all + 1);
}
