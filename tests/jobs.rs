//! Jobs: exactly one Done and then the event, however a run ends, and the ways to stop one.

mod common;

use common::{
    Call, DropCounter, PanicOnDrop, Recorder, TIMEOUT, code, count, event, garbage, request, step,
    store, wait_until,
};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{
    ComPtr, DoneEvent, Error, HRESULT, JobHandle, MapiSyncProgressCallback, Result, SyncFlags,
    SyncHost, SyncJob, SyncRequest,
};
use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

const FLAGS: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;

/// Runs a method under a host and answers what the callback heard, after checking what every run has to keep: one
/// Done, last of all, with an event that occurred, and no reference left.
fn run(method: impl Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static) -> Vec<Call> {
    let recorder = Recorder::new();
    let sync = store(method);
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let status = run.wait(TIMEOUT).unwrap();
    assert_eq!(run.status(), Some(status));
    assert!(run.event().is_some_and(DoneEvent::is_signaled));
    drop(run);
    assert_eq!((count(&sync), Arc::strong_count(&recorder)), (1, 1));
    let calls = recorder.calls();
    let done = |calls: &Call| matches!(calls, Call::Done(_));
    assert_eq!(calls.last(), Some(&Call::Done(status)));
    assert_eq!(
        (
            calls.iter().filter(|calls| done(calls)).count(),
            recorder.events.load(SeqCst)
        ),
        (1, 1)
    );
    calls
}

/// The same for a closure that runs on a thread of its own.
fn spawn<R: Into<HRESULT> + 'static>(
    work: impl Fn(&SyncJob) -> Result<R> + Send + Sync + 'static,
) -> Vec<Call> {
    let work = Arc::new(work);
    run(move |request| {
        let work = work.clone();
        request.spawn(move |job| work(job))
    })
}

fn error(code: HRESULT, text: &str) -> Call {
    Call::Error(code, Some(text.into()))
}

#[test]
fn what_a_closure_returns_is_what_done_gets() {
    assert_eq!(spawn(|_| Ok(())), [Call::Done(HRESULT::S_OK)]);
    let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
    assert_eq!(spawn(move |_| Ok(partial)), [Call::Done(partial)]);
    assert_eq!(
        spawn(|_| Ok(HRESULT::E_PENDING)),
        [Call::Done(HRESULT::E_PENDING)]
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
            error(network, "mail.example.org refused"),
            Call::Done(network)
        ]
    );

    let busy = HRESULT::MAPI_E_BUSY;
    let own = move |_: &SyncJob| Err::<(), _>(Error::new(busy, "the index is being rebuilt"));
    assert_eq!(
        spawn(own),
        [error(busy, "the index is being rebuilt"), Call::Done(busy)]
    );

    // An error with a success code would tell Outlook that all is well.
    let success = move |_: &SyncJob| Err::<(), _>(Error::new(partial, "half"));
    assert_eq!(
        spawn(success),
        [error(HRESULT::E_FAIL, "half"), Call::Done(HRESULT::E_FAIL)]
    );
}

#[test]
fn reports_arrive_as_they_were_made() {
    let calls = spawn(|job| {
        job.progress(Some("Größe 😀"), 0, 3)?;
        job.progress(Some("a\0b"), 1, 3)?;
        job.progress(Some("漢字"), 2, 3)?;
        job.progress(None, u32::MAX, 0)?;
        job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning")?;
        job.position(3, 3)
    });
    let expected = [
        step("Größe 😀", 0, 3),
        step("a\u{FFFD}b", 1, 3),
        step("漢字", 2, 3),
        Call::Progress(None, u32::MAX, 0),
        error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning"),
        Call::Progress(None, 3, 3),
        Call::Done(HRESULT::S_OK),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn a_panic_ends_the_run_with_e_unexpected_and_its_message() {
    let unexpected = HRESULT::E_UNEXPECTED;
    let expected = |text: &str| [error(unexpected, text), Call::Done(unexpected)];
    let panicked = expected("the store's synchronisation panicked: out of luck");
    assert_eq!(spawn::<()>(|_| panic!("out of luck")), panicked);
    let silent = expected("the store's synchronisation panicked: without a message");
    for bombs in [0, 1, 2] {
        assert_eq!(
            spawn::<()>(move |_| std::panic::panic_any(PanicOnDrop(bombs))),
            silent
        );
    }

    // What a closure has captured is dropped before its end is told, so a panic in there is its end.
    struct Falls;
    impl Drop for Falls {
        fn drop(&mut self) {
            panic!("out of luck");
        }
    }
    let captured = run(|request| {
        let falls = Falls;
        request.spawn(move |_| {
            let _captured = &falls;
            Ok(())
        })
    });
    assert_eq!(captured, panicked);

    // So are a status and an error whose conversion is the user's code.
    struct Status;
    impl From<Status> for HRESULT {
        fn from(_: Status) -> HRESULT {
            panic!("out of luck")
        }
    }
    assert_eq!(spawn(|_| Ok(Status)), panicked);
    #[derive(Debug)]
    struct Unspeakable;
    impl std::fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("out of luck")
        }
    }
    impl std::error::Error for Unspeakable {}
    assert_eq!(
        spawn::<()>(|_| Err(io::Error::other(Unspeakable).into())),
        panicked
    );
}

#[test]
fn a_method_that_starts_nothing_is_finished_for() {
    assert_eq!(run(|_| Ok(())), [Call::Done(HRESULT::S_OK)]);
}

#[test]
fn a_job_that_is_dropped_or_lost_to_a_panic_is_paid() {
    let aborted = [Call::Done(HRESULT::E_ABORT)];
    // In the method, which then succeeds.
    assert_eq!(run(|request| request.start().map(drop)), aborted);
    // On another thread.
    let elsewhere = run(|request| {
        let job = request.start()?;
        thread::spawn(move || drop(job));
        Ok(())
    });
    assert_eq!(elsewhere, aborted);
    // By a thread of the store's own that panics.
    let unexpected = HRESULT::E_UNEXPECTED;
    let panicked = run(|request| {
        let job = request.start()?;
        thread::spawn(move || {
            let _job = job;
            panic!("out of luck");
        });
        Ok(())
    });
    let text = "the store's synchronisation panicked: without a message";
    assert_eq!(panicked, [error(unexpected, text), Call::Done(unexpected)]);
}

#[test]
fn a_job_dropped_on_another_thread_is_paid_at_once_even_while_the_method_runs() {
    let recorder = Recorder::new();
    let calls = recorder.clone();
    let sync = store(move |request| {
        let job = request.start()?;
        thread::spawn(move || drop(job)).join().unwrap();
        // A method may wait for the run's end, as one that logs off does.
        assert_eq!(calls.calls(), [Call::Done(HRESULT::E_ABORT)]);
        Ok(())
    });
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::E_ABORT);
    assert_eq!(recorder.calls(), [Call::Done(HRESULT::E_ABORT)]);
}

#[test]
fn a_method_that_fails_after_the_start_pays_with_its_failure() {
    let busy = HRESULT::MAPI_E_BUSY;
    let unexpected = HRESULT::E_UNEXPECTED;
    let failed = [error(busy, "MAPI_E_BUSY (0x8004010B)"), Call::Done(busy)];
    // The job goes with the method.
    let dropped = run(move |request| {
        let _job = request.start()?;
        Err(busy.into())
    });
    assert_eq!(dropped, failed);
    let panicked = run(|request| {
        let _job = request.start()?;
        panic!("out of luck")
    });
    let text = "the store's synchronisation panicked: out of luck";
    assert_eq!(panicked, [error(unexpected, text), Call::Done(unexpected)]);
    // The job has been finished already: that stands.
    let finished = run(move |request| {
        request.start()?.finish(Ok(HRESULT::S_FALSE));
        Err(busy.into())
    });
    assert_eq!(finished, [Call::Done(HRESULT::S_FALSE)]);
    // The job is elsewhere, and dropped there when the method has failed.
    let elsewhere = run(move |request| {
        let job = request.start()?;
        thread::spawn(move || {
            wait_until(|| job.is_canceled());
            drop(job);
        });
        Err(busy.into())
    });
    assert_eq!(elsewhere, failed);
    // The job is at work elsewhere: it is stopped, and ends with the failure whatever it makes of that.
    for heeds in [true, false] {
        let working = run(move |request| {
            let (told, wait) = mpsc::channel::<()>();
            request.spawn(move |job| {
                let _ = wait.recv(); // until the method is about to fail
                while !job.is_canceled() {
                    thread::yield_now();
                }
                if heeds { job.position(1, 1) } else { Ok(()) }
            })?;
            drop(told);
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
        let text = "the store's synchronisation panicked: out of luck";
        let expected = [
            error(HRESULT::E_UNEXPECTED, text),
            Call::Done(HRESULT::E_UNEXPECTED),
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
fn a_warning_as_an_answer_is_no_request_to_stop() {
    for warning in [HRESULT::S_FALSE, HRESULT::MAPI_W_PARTIAL_COMPLETION] {
        struct Warns(HRESULT, Arc<Mutex<Vec<HRESULT>>>);
        impl mapisync::Class for Warns {
            type Interfaces = (IMAPISyncProgressCallback,);
        }
        impl MapiSyncProgressCallback for Warns {
            fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
                Ok(())
            }
            fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
                Ok(())
            }
            fn done(&self, status: HRESULT) -> Result<()> {
                self.1.lock().unwrap().push(status);
                Ok(())
            }
        }
        // The trait's methods can't answer a warning; a vtable of somebody else's can.
        unsafe extern "system" fn progress(
            this: *mut IMAPISyncProgressCallback,
            _: *const u16,
            _: u32,
            _: u32,
        ) -> HRESULT {
            // SAFETY: interface 0 of a `Warns`, behind the vtable below.
            unsafe { mapisync::Thunk::<Warns, 0>::payload(this) }.0
        }
        unsafe extern "system" fn error(
            this: *mut IMAPISyncProgressCallback,
            _: HRESULT,
            _: *const u16,
        ) -> HRESULT {
            // SAFETY: as above.
            unsafe { mapisync::Thunk::<Warns, 0>::payload(this) }.0
        }
        let mut vtbl; // outlives the object, which is released through it
        let done = Arc::default();
        let callback = mapisync::ComObject::new(Warns(warning, Arc::clone(&done)));
        let callback = callback.cast::<IMAPISyncProgressCallback>().unwrap();
        // SAFETY: a live object's vtable, of which a copy with two other methods takes the place while it lives.
        vtbl = unsafe { callback.vtbl().read() };
        (vtbl.Progress, vtbl.Error) = (progress, error);
        // SAFETY: as said; nobody else uses the object.
        unsafe { (*callback.as_raw()).lpVtbl = &raw const vtbl };

        let sync = store(|request| {
            let job = request.start()?;
            job.progress(Some("on"), 0, 1)?;
            job.error(HRESULT::E_FAIL, "x")?;
            assert!(!job.is_canceled());
            let end = job.position(1, 1);
            job.finish(end);
            Ok(())
        });
        let mut event_handle = garbage();
        let mut request = request(callback.as_raw().cast(), &mut event_handle);
        // SAFETY: a valid request.
        let code = unsafe { sync.synchronize_in_background(&mut request) };
        assert_eq!(
            (code, &**done.lock().unwrap()),
            (HRESULT::S_OK, &[HRESULT::S_OK][..])
        );
    }
}

#[test]
fn a_failing_progress_stops_the_job_with_its_code() {
    let (recorder, cancel) = (Recorder::new(), HRESULT::MAPI_E_USER_CANCEL);
    recorder.progress_code.store(cancel.0, SeqCst);
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
            // The host is not asked again, but can still be told.
            assert_eq!(code(job.position(1, 9)), cancel);
            job.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "four were received")?;
            Err::<(), _>(error)
        })
    });
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), cancel);
    assert_eq!(*seen.lock().unwrap(), [false, true, true]);
    // Its own answer is not told to the host as an error.
    let warning = error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "four were received");
    assert_eq!(
        recorder.calls(),
        [step("first", 0, 9), warning, Call::Done(cancel)]
    );
}

#[test]
fn failing_answers_to_error_and_done_change_nothing() {
    struct Grumpy(Mutex<Vec<HRESULT>>);
    impl MapiSyncProgressCallback for Grumpy {
        fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
            Ok(())
        }
        fn error(&self, code: HRESULT, _: Option<&str>) -> Result<()> {
            self.0.lock().unwrap().push(code);
            Err(HRESULT::E_ACCESSDENIED.into())
        }
        fn done(&self, status: HRESULT) -> Result<()> {
            self.0.lock().unwrap().push(status);
            Err(HRESULT::E_NOTIMPL.into())
        }
    }
    let sync = store(|request| {
        request.spawn(|job| {
            let error = job.error(HRESULT::E_PENDING, "x").unwrap_err();
            assert_eq!(
                (error.hresult(), error.is_canceled()),
                (HRESULT::E_ACCESSDENIED, false)
            );
            assert!(!job.is_canceled());
            job.position(1, 1)?;
            Err::<(), _>(error)
        })
    });
    let grumpy = Arc::new(Grumpy(Mutex::default()));
    let run = SyncHost::new(grumpy.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::E_ACCESSDENIED);
    // `x`, then Done; the host's own code is not sent back through Error.
    assert_eq!(
        *grumpy.0.lock().unwrap(),
        [HRESULT::E_PENDING, HRESULT::E_ACCESSDENIED]
    );
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
            // For ever, were it not stopped.
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
    let calls = recorder.calls();
    let told = Error::Canceled.to_string();
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    assert_eq!(
        calls[calls.len() - 2..],
        [error(cancel, &told), Call::Done(cancel)]
    );
}

#[test]
fn the_first_answer_with_which_the_host_stops_a_job_counts_and_the_stores_own_wish_before_it() {
    let (handles, taken) = mpsc::channel::<JobHandle>();
    let (go_on, wait) = mpsc::channel::<()>();
    let (errors, seen) = mpsc::channel::<Error>();
    let hands = Mutex::new(Some((handles, wait, errors)));
    let sync = store(move |request| {
        let (handles, wait, errors) = hands.lock().unwrap().take().unwrap();
        let handle = request.spawn_with_handle(move |job| {
            for n in 0..3 {
                let text = (n == 1).then_some("again");
                errors.send(job.progress(text, n, 3).unwrap_err()).unwrap();
                wait.recv().unwrap();
            }
            Ok(())
        })?;
        handles.send(handle).unwrap();
        Ok(())
    });
    let recorder = Recorder::new();
    recorder.progress_code.store(HRESULT::E_ABORT.0, SeqCst);
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let (handle, next) = (taken.recv().unwrap(), || seen.recv().unwrap());
    let by_host =
        |error: Error| matches!(error, Error::Host { code, .. } if code == HRESULT::E_ABORT);
    assert!(by_host(next()));
    // It is not asked again, so what it would answer now does not matter.
    recorder.progress_code.store(HRESULT::E_FAIL.0, SeqCst);
    go_on.send(()).unwrap();
    assert!(by_host(next()));
    handle.cancel();
    go_on.send(()).unwrap();
    assert!(matches!(next(), Error::Canceled));
    go_on.send(()).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let position = Call::Progress(None, 0, 3);
    assert_eq!(recorder.calls(), [position, Call::Done(HRESULT::S_OK)]);
}

#[test]
fn a_handle_is_not_needed_and_gives_the_status() {
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

/// Runs a job that gets its own handle, and returns what it sends.
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
    let refused = with_own_handle(|handle, codes| codes.send(code(handle.join())).unwrap());
    assert_eq!(refused, HRESULT::MAPI_E_UNABLE_TO_COMPLETE);
}

#[test]
fn joining_a_job_in_the_destructor_of_its_threads_local_is_refused() {
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
fn a_message_without_end_is_cut_off_and_done_comes() {
    /// Would fill the memory.
    #[derive(Debug)]
    struct Endless;
    impl std::fmt::Display for Endless {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            while f.write_str("the server said: ").is_ok() {}
            Ok(())
        }
    }
    impl std::error::Error for Endless {}
    let ways: [fn(&SyncJob) -> Result<()>; 3] = [
        |_| Err(io::Error::other(Endless).into()),
        |_| Err(Error::new(HRESULT::E_FAIL, "€".repeat(1 << 20))),
        |_| std::panic::panic_any("€".repeat(1 << 20)),
    ];
    for work in ways {
        let calls = spawn(work);
        let [Call::Error(_, Some(message)), Call::Done(_)] = &calls[..] else {
            panic!("one Error, then Done");
        };
        assert!(message.ends_with('…') && message.len() < 33 << 10);
    }
    // So does a job that is finished without `spawn`.
    let finished = run(move |request| {
        let job = request.start()?;
        job.finish::<()>(Err(Error::new(HRESULT::E_FAIL, "€".repeat(1 << 20))));
        Ok(())
    });
    let cut = |call: &Call| matches!(call, Call::Error(_, Some(message)) if message.ends_with('…'));
    assert!(finished.len() == 2 && cut(&finished[0]));
}

#[test]
fn captures_go_first_then_error_done_release_and_the_event() {
    /// Looks at the event and at the grave whenever it is called, and notes its own drop.
    struct Watch {
        log: Arc<Mutex<Vec<String>>>,
        counter: DropCounter,
        event: Arc<Mutex<Option<DoneEvent>>>,
    }
    impl Watch {
        fn note(&self, what: &str) {
            let signalled = self
                .event
                .lock()
                .unwrap()
                .as_ref()
                .is_some_and(DoneEvent::is_signaled);
            let line = format!(
                "{what} drops={} signalled={signalled}",
                self.counter.drops()
            );
            self.log.lock().unwrap().push(line);
        }
    }
    impl MapiSyncProgressCallback for Watch {
        fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
            self.note("progress");
            Ok(())
        }
        fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
            self.note("error");
            Ok(())
        }
        fn done(&self, _: HRESULT) -> Result<()> {
            unreachable!("done_with_event is the one that is called")
        }
        fn done_with_event(&self, event: Option<DoneEvent>, _: HRESULT) -> Result<()> {
            *self.event.lock().unwrap() = event;
            self.note("done");
            Ok(())
        }
    }
    impl Drop for Watch {
        fn drop(&mut self) {
            self.note("released");
        }
    }
    for panics in [false, true] {
        let (counter, log) = (DropCounter::default(), Arc::new(Mutex::new(vec![])));
        let kept = Arc::new(Mutex::new(None));
        let watch = Watch {
            log: log.clone(),
            counter: counter.clone(),
            event: kept.clone(),
        };
        let inner = counter.clone();
        let (go, gone) = std::sync::mpsc::channel();
        let gone = Mutex::new(Some(gone));
        let sync = store(move |request| {
            let (captured, thrown) = (inner.token(), inner.token());
            let gone = gone.lock().unwrap().take().unwrap();
            request.spawn(move |job| {
                let _ = &captured;
                gone.recv().unwrap();
                job.position(0, 0)?;
                if panics {
                    std::panic::panic_any(thrown)
                }
                Err::<(), _>(HRESULT::E_FAIL.into())
            })
        });
        let callback = ComPtr::<IMAPISyncProgressCallback>::new(watch);
        let mut event_handle = garbage();
        // SAFETY: a valid request.
        let code = unsafe {
            sync.synchronize_in_background(&mut request(
                callback.as_raw().cast(),
                &mut event_handle,
            ))
        };
        assert_eq!(code, HRESULT::S_OK);
        drop(callback);
        go.send(()).unwrap(); // the job has the last reference
        // The lock is not held while waiting: `note` wants it.
        let event = || {
            kept.lock()
                .unwrap()
                .as_ref()
                .map(|event| event.try_clone().unwrap())
        };
        wait_until(|| event().is_some());
        assert!(event().unwrap().wait(Some(TIMEOUT)).unwrap());
        let expected = [
            "progress drops=0 signalled=false",
            "error drops=2 signalled=false",
            "done drops=2 signalled=false",
            "released drops=2 signalled=false",
        ];
        assert_eq!(*log.lock().unwrap(), expected);
    }
}

#[test]
fn a_job_is_usable_from_several_threads_at_once() {
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
fn a_job_kept_for_ever_is_the_one_way_out() {
    static KEPT: Mutex<Vec<mapisync::SyncJob>> = Mutex::new(vec![]);
    let recorder = Recorder::new();
    let sync = store(|request| {
        KEPT.lock().unwrap().push(request.start()?);
        Ok(())
    });
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let error = run.wait(std::time::Duration::from_millis(20)).unwrap_err();
    assert_eq!(
        (error.hresult(), recorder.calls()),
        (HRESULT::MAPI_E_TIMEOUT, vec![])
    );
}

#[test]
fn two_thousand_runs_at_once_on_many_threads_keep_their_counts() {
    let (threads, rounds, at_once) = if cfg!(miri) { (2, 1, 3) } else { (8, 5, 50) };
    let all = threads * rounds * at_once;
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
                    let runs: Vec<_> = (0..at_once).map(start).collect();
                    for run in runs {
                        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
                    }
                }
            });
        }
    });
    assert_eq!((ended.load(SeqCst), counter.drops()), (all, all));
    assert_eq!(
        (recorder.calls().len(), recorder.events.load(SeqCst)),
        (all * 11, all)
    );
    assert_eq!(count(&sync), 1);
    drop(sync);
    assert_eq!(counter.drops(), all + 1);
}

#[test]
fn the_event_without_a_callback_is_the_callers() {
    let sync: ComPtr<IMAPISync> = store(|request| request.spawn(|_| Ok(())));
    let mut event_handle = garbage();
    // SAFETY: a valid request.
    let code = unsafe {
        sync.synchronize_in_background(&mut request(std::ptr::null_mut(), &mut event_handle))
    };
    assert_eq!(code, HRESULT::S_OK);
    let event = event(event_handle).unwrap();
    assert!(event.wait(Some(TIMEOUT)).unwrap());
    // Nobody has closed it: it is still the same open handle.
    assert!(event.try_clone().is_ok() && event.is_signaled());
}

/// A thread that is ending has destructors to run, after those of Rust's own thread data, and these may do anything.
#[cfg(target_os = "linux")]
#[test]
fn runs_may_start_and_jobs_be_dropped_on_a_thread_that_is_ending() {
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
        // Rust's destructors have their turn in the first round; another is asked for by setting the value again.
        if ROUND.fetch_add(1, SeqCst) % 3 < 2 {
            // SAFETY: a key that was made, and a value of our own.
            unsafe { pthread_setspecific(KEY.load(SeqCst), work) };
        } else {
            // SAFETY: the value is the box that `at_thread_end` has leaked, and is used this once.
            let work = unsafe { Box::from_raw(work.cast::<Work>()) };
            work();
        }
    }

    fn at_thread_end(work: impl FnOnce() + Send + 'static) {
        let work: Box<Work> = Box::new(Box::new(work));
        thread::spawn(move || {
            // SAFETY: a key that was made; the value is taken back by `at_the_end`.
            unsafe { pthread_setspecific(KEY.load(SeqCst), Box::into_raw(work).cast()) };
        })
        .join()
        .unwrap();
    }

    let mut key = 0;
    // SAFETY: a place for the key, and a destructor of the right type.
    assert_eq!(unsafe { pthread_key_create(&mut key, at_the_end) }, 0);
    KEY.store(key, SeqCst);

    let recorder = Recorder::new();
    for (drops, status) in [(false, HRESULT::S_OK), (true, HRESULT::E_ABORT)] {
        let calls = recorder.clone();
        at_thread_end(move || {
            let sync = store(move |request| {
                if drops {
                    request.start().map(drop)
                } else {
                    Ok(())
                }
            });
            let run = SyncHost::new(calls).start(&sync, FLAGS).unwrap();
            assert_eq!(run.status(), Some(status));
        });
    }
    let expected = [Call::Done(HRESULT::S_OK), Call::Done(HRESULT::E_ABORT)];
    assert_eq!(recorder.calls(), expected);
    assert_eq!(Arc::strong_count(&recorder), 1);

    // Another run's end can be waited for there, too.
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
