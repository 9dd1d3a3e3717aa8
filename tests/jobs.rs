//! Jobs: every run ends with exactly one `Done` and then the event, and a job can be canceled.

use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Method, RecordedCall, Recorder, reference_count};
use mapisync::{
    CallbackMethod, ComPtr, DoneEvent, Error, HRESULT, JobHandle, Result, SyncFlags, SyncHost,
    SyncJob, SyncRequest,
};
use std::cell::RefCell;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;
use test_support::{
    DropCounter, PanicOnDrop, TIMEOUT, code, event, garbage, outlook, request, store, wait_until,
};

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
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let status = run.wait(TIMEOUT).unwrap();
    assert_eq!(run.status(), Some(status));
    assert!(run.event().is_some_and(DoneEvent::is_signaled));
    drop(run);
    assert_eq!(
        (reference_count(&sync), Arc::strong_count(&recorder)),
        (1, 1)
    );
    let calls = recorder.calls();
    assert_eq!(*calls.last().unwrap(), Call::done(status));
    let is_done = |call: &&RecordedCall| call.method() == Method::Done;
    assert_eq!(calls.iter().filter(is_done).count(), 1);
    assert!(calls.last().unwrap().has_event());
    calls.iter().map(|call| call.call().clone()).collect()
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

#[test]
fn done_gets_the_result_of_the_closure() {
    assert_eq!(spawn(|_| Ok(())), [Call::done(HRESULT::S_OK)]);
    let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
    assert_eq!(spawn(move |_| Ok(partial)), [Call::done(partial)]);
    assert_eq!(
        spawn(|_| Ok(HRESULT::E_PENDING)),
        [Call::done(HRESULT::E_PENDING)]
    );

    let network = HRESULT::MAPI_E_NETWORK_ERROR;
    let refused = |_: &SyncJob| -> Result<()> {
        Err(io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "mail.example.org refused",
        ))?
    };
    assert_eq!(
        spawn(refused),
        [
            Call::error(network, "mail.example.org refused"),
            Call::done(network)
        ]
    );

    let busy = HRESULT::MAPI_E_BUSY;
    let own = move |_: &SyncJob| Err::<(), _>(Error::new(busy, "the index is being rebuilt"));
    assert_eq!(
        spawn(own),
        [
            Call::error(busy, "the index is being rebuilt"),
            Call::done(busy)
        ]
    );

    // An error with a success code must not report success to Outlook.
    let success = move |_: &SyncJob| Err::<(), _>(Error::new(partial, "half"));
    assert_eq!(
        spawn(success),
        [
            Call::error(HRESULT::E_FAIL, "half"),
            Call::done(HRESULT::E_FAIL)
        ]
    );
}

#[test]
fn reports_arrive_as_they_were_made() {
    let calls = spawn(|job| {
        job.progress(Some("Größe 😀"), 0, 3)?;
        job.progress(Some("a\0b"), 1, 3)?;
        job.progress(Some("漢字"), 2, 3)?;
        job.progress(None, u32::MAX, 0)?;
        job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning");
        job.position(3, 3)
    });
    let expected = [
        Call::progress("Größe 😀", 0, 3),
        Call::progress("a\u{FFFD}b", 1, 3),
        Call::progress("漢字", 2, 3),
        Call::position(u32::MAX, 0),
        Call::error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning"),
        Call::position(3, 3),
        Call::done(HRESULT::S_OK),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn a_panic_ends_the_run_with_e_unexpected_and_its_message_is_not_reported() {
    let unexpected = HRESULT::E_UNEXPECTED;
    let panicked = [
        Call::error(unexpected, INTERNAL_ERROR),
        Call::done(unexpected),
    ];
    assert_eq!(spawn::<()>(|_| panic!("out of luck")), panicked);
    for nested in [0, 1, 2] {
        assert_eq!(
            spawn::<()>(move |_| std::panic::panic_any(PanicOnDrop(nested))),
            panicked
        );
    }

    // A closure's captures are dropped before the completion, so a panic in their `Drop` ends the
    // run.
    struct DropPanics;
    impl Drop for DropPanics {
        fn drop(&mut self) {
            panic!("out of luck");
        }
    }
    let captured = run(|request| {
        let captured = DropPanics;
        request.spawn(move |_| {
            let _captured = &captured;
            Ok(())
        })
    });
    assert_eq!(captured, panicked);

    // A panic in the conversion of a status or an error, which is the user's code, ends the run
    // too.
    struct Status;
    impl From<Status> for HRESULT {
        fn from(_: Status) -> HRESULT {
            panic!("out of luck")
        }
    }
    assert_eq!(spawn(|_| Ok(Status)), panicked);
    #[derive(Debug)]
    struct DisplayPanics;
    impl std::fmt::Display for DisplayPanics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("out of luck")
        }
    }
    impl std::error::Error for DisplayPanics {}
    assert_eq!(
        spawn::<()>(|_| Err(io::Error::other(DisplayPanics).into())),
        panicked
    );
}

#[test]
fn a_run_that_the_method_did_not_start_ends_with_s_ok() {
    assert_eq!(run(|_| Ok(())), [Call::done(HRESULT::S_OK)]);
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
    assert_eq!(
        panicked,
        [
            Call::error(unexpected, INTERNAL_ERROR),
            Call::done(unexpected)
        ]
    );
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
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::E_ABORT);
    assert_eq!(recorder.calls(), [Call::done(HRESULT::E_ABORT)]);
}

#[test]
fn a_method_that_fails_after_the_start_completes_the_run_with_its_failure() {
    let busy = HRESULT::MAPI_E_BUSY;
    let unexpected = HRESULT::E_UNEXPECTED;
    let failed = [
        Call::error(busy, "MAPI_E_BUSY (0x8004010B)"),
        Call::done(busy),
    ];
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
    assert_eq!(
        panicked,
        [
            Call::error(unexpected, INTERNAL_ERROR),
            Call::done(unexpected)
        ]
    );
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
                if returns_error {
                    job.position(1, 1)
                } else {
                    Ok(())
                }
            })?;
            drop(about_to_fail);
            Err(busy.into())
        });
        assert_eq!(working, failed);
    }
}

#[test]
fn an_error_that_panics_when_shown_or_dropped_is_a_panic_of_the_method() {
    #[derive(Debug)]
    struct Panics {
        shown: bool,
    }
    impl std::fmt::Display for Panics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            assert!(!self.shown, "out of luck");
            Ok(())
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(self.shown, "out of luck");
        }
    }
    impl std::error::Error for Panics {}
    for shown in [true, false] {
        let fail = move || -> Result<()> { Err(io::Error::other(Panics { shown }).into()) };
        let before = store(move |_| fail());
        let code = code(SyncHost::new(Recorder::new()).start(&before, FLAGS));
        assert_eq!(code, HRESULT::E_UNEXPECTED);
        let expected = [
            Call::error(HRESULT::E_UNEXPECTED, INTERNAL_ERROR),
            Call::done(HRESULT::E_UNEXPECTED),
        ];
        let after = run(move |request| {
            let _job = request.start()?;
            fail()
        });
        assert_eq!(after, expected);
        assert_eq!(spawn(move |_| fail()), expected);
    }
}

#[test]
fn a_warning_from_the_host_does_not_stop_the_job() {
    for warning in [HRESULT::S_FALSE, HRESULT::MAPI_W_PARTIAL_COMPLETION] {
        let recorder = Recorder::new().returns(Method::Progress, warning);
        let recorder = recorder.returns(Method::Error, warning);
        let sync = store(|request| {
            let job = request.start()?;
            job.progress(Some("on"), 0, 1)?;
            job.error(HRESULT::E_FAIL, "x");
            assert!(!job.is_canceled());
            let end = job.position(1, 1);
            job.finish(end);
            Ok(())
        });
        let outcome = outlook().recorder(recorder).run(&sync);
        let expected = [
            Call::progress("on", 0, 1),
            Call::error(HRESULT::E_FAIL, "x"),
            Call::position(1, 1),
            Call::done(HRESULT::S_OK),
        ];
        assert_eq!(outcome.assert_ok().calls(), expected);
    }
}

#[test]
fn a_failing_progress_stops_the_job_with_its_code() {
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    let recorder = Recorder::new().returns(Method::Progress, cancel);
    let seen = Arc::new(Mutex::new(vec![]));
    let kept = seen.clone();
    let sync = store(move |request| {
        let seen = kept.clone();
        request.spawn(move |job| {
            seen.lock().unwrap().push(job.is_canceled());
            let error = job.progress(Some("first"), 0, 9).unwrap_err();
            seen.lock()
                .unwrap()
                .extend([error.is_canceled(), job.is_canceled()]);
            assert_eq!(error.hresult(), cancel);
            // The host's `Progress` is not called again, but its `Error` still is.
            assert_eq!(code(job.position(1, 9)), cancel);
            job.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "four were received");
            Err::<(), _>(error)
        })
    });
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), cancel);
    assert_eq!(*seen.lock().unwrap(), [false, true, true]);
    // The host's own code is not reported back through `Error`.
    let warning = Call::error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "four were received");
    assert_eq!(
        recorder.calls(),
        [Call::progress("first", 0, 9), warning, Call::done(cancel)]
    );
}

#[test]
fn failures_of_error_and_done_change_nothing() {
    let sync = store(|request| {
        request.spawn(|job| {
            job.error(HRESULT::E_PENDING, "x");
            assert!(!job.is_canceled());
            job.position(1, 1)
        })
    });
    let recorder = Recorder::new().returns(Method::Error, HRESULT::E_ACCESSDENIED);
    let recorder = recorder.returns(Method::Done, HRESULT::E_NOTIMPL);
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let expected = [
        Call::error(HRESULT::E_PENDING, "x"),
        Call::position(1, 1),
        Call::done(HRESULT::S_OK),
    ];
    assert_eq!(recorder.calls(), expected);
}

#[test]
fn a_cancellation_that_error_returns_is_reported_by_the_next_progress() {
    for cancel in [HRESULT::MAPI_E_USER_CANCEL, HRESULT::MAPI_E_CANCEL] {
        let sync = store(move |request| {
            request.spawn(move |job| {
                job.error(HRESULT::S_FALSE, "a warning");
                assert!(job.is_canceled());
                let error = job.position(1, 1).unwrap_err();
                let method = CallbackMethod::Error;
                assert!(
                    matches!(error, Error::Host { method: by, code, .. } if (by, code) == (method, cancel))
                );
                Err::<(), _>(error)
            })
        });
        let recorder = Recorder::new().returns(Method::Error, cancel);
        let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), cancel);
        // The cancellation is no error: only the warning reaches `Error`.
        let warning = Call::error(HRESULT::S_FALSE, "a warning");
        assert_eq!(recorder.calls(), [warning, Call::done(cancel)]);
    }
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
fn a_handle_cancels_and_joins() {
    let (handles, taken) = mpsc::channel::<JobHandle>();
    let handles = Mutex::new(handles);
    let counter = DropCounter::default();
    let captured = counter.clone();
    let sync = store(move |request| {
        let token = captured.token();
        let handle = request.spawn_with_handle(move |job| {
            let _ = &token;
            // This loop ends only when the job is canceled.
            (0..).try_for_each(|n| {
                thread::yield_now();
                job.position(n, 0)
            })
        })?;
        handles.lock().unwrap().send(handle).unwrap();
        Ok(())
    });
    let recorder = Recorder::new();
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let handle = taken.recv().unwrap();
    assert_eq!((run.status(), counter.drops()), (None, 0));
    handle.cancel();
    assert_eq!(handle.join().unwrap(), HRESULT::MAPI_E_USER_CANCEL);
    assert!(
        run.event().is_none_or(DoneEvent::is_signaled),
        "after join the event has occurred"
    );
    assert_eq!(
        (run.status(), counter.drops()),
        (Some(HRESULT::MAPI_E_USER_CANCEL), 1)
    );
    // The cancellation is no error, so `Error` is not called.
    let (calls, cancel) = (recorder.calls(), HRESULT::MAPI_E_USER_CANCEL);
    assert!(
        calls[..calls.len() - 1]
            .iter()
            .all(|call| matches!(**call, Call::Progress(..)))
    );
    assert_eq!(calls[calls.len() - 1], Call::done(cancel));
}

#[test]
fn progress_keeps_the_hosts_first_failure_until_the_store_cancels_the_job() {
    let (handles, taken) = mpsc::channel::<JobHandle>();
    let (go_on, wait) = mpsc::channel::<()>();
    let (errors, seen) = mpsc::channel::<Error>();
    let channels = Mutex::new(Some((handles, wait, errors)));
    let sync = store(move |request| {
        let (handles, wait, errors) = channels.lock().unwrap().take().unwrap();
        let handle = request.spawn_with_handle(move |job| {
            for n in 0..3 {
                let step = (n == 1).then_some("again");
                errors.send(job.progress(step, n, 3).unwrap_err()).unwrap();
                wait.recv().unwrap();
            }
            Ok(())
        })?;
        handles.send(handle).unwrap();
        Ok(())
    });
    let recorder = Recorder::new().returns(Method::Progress, HRESULT::E_ABORT);
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let (handle, next) = (taken.recv().unwrap(), || seen.recv().unwrap());
    let by_host =
        |error: Error| matches!(error, Error::Host { code, .. } if code == HRESULT::E_ABORT);
    assert!(by_host(next()));
    // The host's `Progress` is not called again, so this code has no effect.
    let recorder = recorder.returns(Method::Progress, HRESULT::E_FAIL);
    go_on.send(()).unwrap();
    assert!(by_host(next()));
    handle.cancel();
    go_on.send(()).unwrap();
    assert!(matches!(next(), Error::Canceled));
    go_on.send(()).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let position = Call::position(0, 3);
    assert_eq!(recorder.calls(), [position, Call::done(HRESULT::S_OK)]);
}

#[test]
fn a_handle_may_be_dropped_and_join_returns_the_status() {
    let (handles, taken) = mpsc::channel::<JobHandle>();
    let handles = Mutex::new(handles);
    let sync = store(move |request| {
        let handle = request.spawn_with_handle(|_| Ok(HRESULT::S_FALSE))?;
        handles.lock().unwrap().send(handle).unwrap();
        Ok(())
    });
    let run = SyncHost::new(Recorder::new()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_FALSE);
    assert_eq!(taken.recv().unwrap().join().unwrap(), HRESULT::S_FALSE);
    let dropped = store(|request| request.spawn_with_handle(|_| Ok(())).map(drop));
    let run = SyncHost::new(Recorder::new())
        .start(&dropped, FLAGS)
        .unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
}

/// Runs a job that gets its own handle, and returns the code that the job sends.
fn with_own_handle(work: fn(JobHandle, mpsc::Sender<HRESULT>)) -> HRESULT {
    let (codes, sent) = mpsc::channel();
    let (handles, taken) = mpsc::channel::<JobHandle>();
    let (handles, taken) = (Mutex::new(handles), Arc::new(Mutex::new(taken)));
    let sync = store(move |request| {
        let (codes, taken) = (codes.clone(), taken.clone());
        let handle = request.spawn_with_handle(move |_| {
            let handle = taken.lock().unwrap().recv().unwrap();
            work(handle, codes);
            Ok(())
        })?;
        handles.lock().unwrap().send(handle).unwrap();
        Ok(())
    });
    let run = SyncHost::new(Recorder::new()).start(&sync, FLAGS).unwrap();
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
    for join in [JobHandle::join as Join, |handle| {
        handle.join_timeout(TIMEOUT)
    }] {
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

#[test]
fn an_endless_message_is_truncated_and_done_comes() {
    /// An error whose complete message would fill the memory.
    #[derive(Debug)]
    struct Endless;
    impl std::fmt::Display for Endless {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            while f.write_str("the server said: ").is_ok() {}
            Ok(())
        }
    }
    impl std::error::Error for Endless {}
    let ways: [fn(&SyncJob) -> Result<()>; 2] = [
        |_| Err(io::Error::other(Endless).into()),
        |_| Err(Error::new(HRESULT::E_FAIL, "€".repeat(1 << 20))),
    ];
    for work in ways {
        let calls = spawn(work);
        let [Call::Error(_, Some(message)), Call::Done(_)] = &calls[..] else {
            panic!("one Error, then Done");
        };
        assert!(message.ends_with('…') && message.len() < 33 << 10);
    }
    // `finish` truncates too.
    let finished = run(move |request| {
        let job = request.start()?;
        job.finish::<()>(Err(Error::new(HRESULT::E_FAIL, "€".repeat(1 << 20))));
        Ok(())
    });
    let truncated =
        |call: &Call| matches!(call, Call::Error(_, Some(message)) if message.ends_with('…'));
    assert!(finished.len() == 2 && truncated(&finished[0]));
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
            lines
                .lock()
                .unwrap()
                .push(format!("{call} drops={drops} signaled={signaled}"));
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
fn only_a_job_that_is_kept_forever_is_never_completed() {
    static KEPT: Mutex<Vec<mapisync::SyncJob>> = Mutex::new(vec![]);
    let recorder = Recorder::new();
    let sync = store(|request| {
        KEPT.lock().unwrap().push(request.start()?);
        Ok(())
    });
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let error = run.wait(std::time::Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.hresult(), HRESULT::MAPI_E_TIMEOUT);
    assert_eq!(recorder.calls(), []);
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

#[test]
fn without_a_callback_the_caller_owns_the_event() {
    let sync: ComPtr<IMAPISync> = store(|request| request.spawn(|_| Ok(())));
    let mut event_handle = garbage();
    // SAFETY: the request is valid for the call.
    let code = unsafe {
        sync.synchronize_in_background(&mut request(std::ptr::null_mut(), &mut event_handle))
    };
    assert_eq!(code, HRESULT::S_OK);
    let event = event(event_handle).unwrap();
    event.wait(Some(TIMEOUT)).unwrap();
    // The handle is still open.
    assert!(event.try_clone().is_ok() && event.is_signaled());
}

/// POSIX destructors of thread-specific data run after those of Rust's thread-locals, and may call
/// anything.
#[cfg(target_os = "linux")]
#[test]
fn runs_may_start_and_jobs_may_be_dropped_while_their_thread_ends() {
    use std::ffi::{c_int, c_uint, c_void};
    use std::sync::atomic::AtomicU32;

    type Work = Box<dyn FnOnce() + Send>;
    static KEY: AtomicU32 = AtomicU32::new(0);
    static ROUND: AtomicU32 = AtomicU32::new(0);

    unsafe extern "C" {
        fn pthread_key_create(
            key: *mut c_uint,
            destructor: unsafe extern "C" fn(*mut c_void),
        ) -> c_int;
        fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int;
    }

    unsafe extern "C" fn at_the_end(work: *mut c_void) {
        // Rust's destructors run in the first round. To set the value again requests another round.
        if ROUND.fetch_add(1, SeqCst) % 3 < 2 {
            // SAFETY: `KEY` holds a key of `pthread_key_create`, which accepts any value.
            unsafe { pthread_setspecific(KEY.load(SeqCst), work) };
        } else {
            // SAFETY: the value comes from `Box::into_raw` in `at_thread_end`, and only this line
            // takes it back, in the last round.
            let work = unsafe { Box::from_raw(work.cast::<Work>()) };
            work();
        }
    }

    fn at_thread_end(work: impl FnOnce() + Send + 'static) {
        let work: Box<Work> = Box::new(Box::new(work));
        thread::spawn(move || {
            // SAFETY: `KEY` holds a key of `pthread_key_create`, which accepts any value.
            unsafe { pthread_setspecific(KEY.load(SeqCst), Box::into_raw(work).cast()) };
        })
        .join()
        .unwrap();
    }

    let mut key = 0;
    // SAFETY: `key` is writable, and the destructor has the type that POSIX requires.
    assert_eq!(unsafe { pthread_key_create(&mut key, at_the_end) }, 0);
    KEY.store(key, SeqCst);

    let recorder = Arc::new(Recorder::new());
    for (drops_job, status) in [(false, HRESULT::S_OK), (true, HRESULT::E_ABORT)] {
        let callback = recorder.clone();
        at_thread_end(move || {
            let sync = store(move |request| {
                if drops_job {
                    request.start().map(drop)
                } else {
                    Ok(())
                }
            });
            let run = SyncHost::new(callback).start(&sync, FLAGS).unwrap();
            assert_eq!(run.status(), Some(status));
        });
    }
    let expected = [Call::done(HRESULT::S_OK), Call::done(HRESULT::E_ABORT)];
    assert_eq!(recorder.calls(), expected);
    assert_eq!(Arc::strong_count(&recorder), 1);

    // Such a destructor may also wait for the end of another run.
    let (handles, taken) = mpsc::channel::<JobHandle>();
    let handles = Mutex::new(handles);
    let sync = store(move |request| {
        let handle = request.spawn_with_handle(|_| Ok(HRESULT::S_FALSE))?;
        handles.lock().unwrap().send(handle).unwrap();
        Ok(())
    });
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let (statuses, status) = mpsc::channel();
    let handle = taken.recv().unwrap();
    at_thread_end(move || statuses.send(handle.join().unwrap()).unwrap());
    assert_eq!(status.recv(), Ok(HRESULT::S_FALSE));
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_FALSE);
}

#[test]
fn a_job_of_start_is_canceled_by_its_handle() {
    let sync = store(|request| {
        let job = request.start()?;
        let handle = job.cancel_handle();
        job.position(0, 2)?;
        handle.clone().cancel();
        assert_eq!(format!("{handle:?}"), "CancelHandle { is_canceled: true }");
        let error = job.position(1, 2).unwrap_err();
        assert!(matches!(error, Error::Canceled) && job.is_canceled());
        job.fail(error);
        handle.cancel(); // has no effect after the end
        Ok(())
    });
    let outcome = outlook().run(&sync);
    let done = Call::done(HRESULT::MAPI_E_USER_CANCEL);
    outcome.assert_canceled();
    assert_eq!(outcome.calls(), [Call::position(0, 2), done]);
}

#[test]
fn a_handle_waits_for_a_bounded_time_and_can_wait_again() {
    let (handles, taken) = mpsc::channel::<JobHandle>();
    let (release, wait) = mpsc::channel::<()>();
    let channels = Mutex::new(Some((handles, wait)));
    let sync = store(move |request| {
        let (handles, wait) = channels.lock().unwrap().take().unwrap();
        let handle = request.spawn_with_handle(move |_| {
            wait.recv().unwrap();
            Ok(HRESULT::S_FALSE)
        })?;
        handles.send(handle).unwrap();
        Ok(())
    });
    let run = SyncHost::new(Recorder::new()).start(&sync, FLAGS).unwrap();
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
