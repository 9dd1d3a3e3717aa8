//! The testing kit: five tests of a store as users write them, and each assertion failing on a store that breaks it.

mod common;

use common::{LONG, callback_of, done, foreign_sync, pair, store, until};
use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::testing::{
    Call, Counts, EventState, Method, Outcome, Outlook, Recorder, ThreadNumber,
};
use mapisync::{
    Class, ComObject, ComPtr, DoneEvent, Error, HRESULT, MapiSync, Result, SyncFlags, SyncHost,
    SyncRequest,
};
use std::io::ErrorKind::ConnectionRefused;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use std::{io, mem, ptr, thread};

/// The store under test. Its server returns the number of new messages.
struct Store {
    server: fn() -> io::Result<u32>,
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let server = self.server;
        request.spawn(move |job| {
            let max = server()?;
            job.progress(Some("Receiving"), 0, max)?;
            (1..=max).try_for_each(|n| job.position(n, max))
        })
    }
}

#[test]
fn a_normal_run_makes_exactly_these_calls() {
    let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
    let outcome = Outlook::new().run(&sync);
    outcome.assert_ok();
    let receiving = Call::progress("Receiving", 0, 2);
    let done = Call::done(HRESULT::S_OK);
    assert_eq!(
        outcome.calls(),
        [receiving, Call::position(1, 2), Call::position(2, 2), done]
    );
}

#[test]
fn the_user_cancels() {
    let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
    let recorder = Recorder::new().cancel_at(1);
    let outcome = Outlook::new().recorder(recorder).run(&sync);
    outcome.assert_canceled();
    assert_eq!(outcome.calls().len(), 3);
}

#[test]
fn the_network_fails_and_the_user_sees_why() {
    let offline = || Err(io::Error::new(ConnectionRefused, "the server is down"));
    let sync = ComPtr::<IMAPISync>::new(Store { server: offline });
    let outcome = Outlook::new().run(&sync);
    outcome.assert_failed(HRESULT::MAPI_E_NETWORK_ERROR, "the server is down");
}

#[test]
#[should_panic = "the store did not call Done within 50ms"]
#[cfg_attr(miri, ignore = "Miri reports the thread that never ends")]
fn a_store_that_never_finishes_fails_the_test() {
    let hangs = || loop {
        thread::park()
    };
    let sync = ComPtr::<IMAPISync>::new(Store { server: hangs });
    let outcome = Outlook::new().timeout(Duration::from_millis(50)).run(&sync);
    outcome.assert_ok();
}

#[test]
fn a_run_leaks_nothing() {
    let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
    Outlook::new().run(&sync).assert_ok().assert_no_leaks();
}

const SHORT: Duration = Duration::from_millis(50);

/// Long enough for a slow machine, so that only stores that never end meet it.
fn outlook() -> Outlook {
    Outlook::new().timeout(LONG)
}

/// An object to pass as a session. No store in these tests calls its methods.
fn session() -> ComPtr<IMAPISession> {
    struct Session;
    impl Class for Session {
        type Interfaces = (IUnknown,);
    }
    let unknown = ComObject::new(Session).cast::<IUnknown>().unwrap();
    // SAFETY: only the slots of IUnknown are declared and called. The object is free-threaded.
    unsafe { ComPtr::from_raw(unknown.into_raw().cast()) }.unwrap()
}

/// A store whose job runs a closure.
fn spawns<R: Into<HRESULT> + 'static>(
    work: fn(&mapisync::SyncJob) -> Result<R>,
) -> ComPtr<IMAPISync> {
    store(move |request| request.spawn(work))
}

/// A store that starts a job and keeps it until the process ends.
fn never_done() -> ComPtr<IMAPISync> {
    static KEPT: Mutex<Vec<mapisync::SyncJob>> = Mutex::new(vec![]);
    store(|request| {
        KEPT.lock().unwrap().push(request.start()?);
        Ok(())
    })
}

/// The sentence with which an assertion fails.
#[track_caller]
fn sentence(outcome: &Outcome, assertion: fn(&Outcome)) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| assertion(outcome))).expect_err("it must fail");
    let message = panic.downcast::<String>().unwrap();
    let (sentence, table) = message.split_once("\n\n").unwrap();
    assert_eq!(table, outcome.to_string());
    sentence.into()
}

fn is_ok(outcome: &Outcome) {
    outcome.assert_ok();
}

fn has_no_leaks(outcome: &Outcome) {
    outcome.assert_no_leaks();
}

#[test]
fn every_assertion_fails_on_a_store_that_breaks_the_protocol() {
    const BUSY: HRESULT = HRESULT::MAPI_E_BUSY;
    let short = Outlook::new().timeout(SHORT);
    let refuses_late = store(|request| {
        let callback = request
            .callback()
            .unwrap()
            .cast::<mapisync::abi::IMAPISyncProgressCallback>()?;
        let _ = callback.progress(None, 0, 1);
        Err(BUSY.into())
    });
    let twice = foreign_sync(|psibpb| {
        let _ = done(&callback_of(psibpb), None, HRESULT::S_OK);
        done(&callback_of(psibpb), None, HRESULT::S_OK)
    });
    let late = foreign_sync(|psibpb| {
        let _ = done(&callback_of(psibpb), None, HRESULT::S_OK);
        callback_of(psibpb).progress(None, 1, 1)
    });
    let signals_early = foreign_sync(|psibpb| {
        let (event, signal) = pair();
        drop(signal);
        done(&callback_of(psibpb), Some(event), HRESULT::S_OK)
    });
    let signals_without_done = foreign_sync(|psibpb| {
        let (event, signal) = pair();
        drop(signal);
        // SAFETY: the event handle location is valid during the call.
        unsafe { *(*psibpb).phSyncDoneEvent = event.into_raw() };
        HRESULT::S_OK
    });
    let signals = Arc::new(Mutex::new(vec![]));
    let kept = signals.clone();
    let never_signals = foreign_sync(move |psibpb| {
        let (event, signal) = pair();
        kept.lock().unwrap().push(Box::new(signal) as Box<dyn Send>);
        done(&callback_of(psibpb), Some(event), HRESULT::S_OK)
    });
    let no_handle = foreign_sync(|psibpb| {
        // SAFETY: the event handle location is valid during the call.
        unsafe { *(*psibpb).phSyncDoneEvent = ptr::without_provenance_mut(0x7FFF_FFF0) };
        HRESULT::S_OK
    });
    let no_event = foreign_sync(|_| HRESULT::S_OK);
    let no_callback = outlook().without_callback();
    let slow_done = Recorder::new().on_call(|call| {
        if call.method() == Method::Done {
            thread::sleep(4 * SHORT);
        }
    });
    let slow = Outlook::new().timeout(SHORT).recorder(slow_done);
    let refuses = store(|_| Err(BUSY.into()));
    let ok = spawns(|job| job.position(1, 1));
    let failed = spawns(|_| Err::<(), _>(Error::new(BUSY, "the index is being rebuilt")));
    let partial = spawns(|_| Ok(HRESULT::S_FALSE));
    let busy_message: fn(&Outcome) = |outcome| {
        outcome.assert_failed(BUSY, "try again");
    };
    let no_message: fn(&Outcome) = |outcome| {
        outcome.assert_failed(BUSY, None);
    };
    let is_refused: fn(&Outcome) = |outcome| {
        outcome.assert_refused(BUSY);
    };
    let is_refused_otherwise: fn(&Outcome) = |outcome| {
        outcome.assert_refused(HRESULT::E_FAIL);
    };
    let is_canceled: fn(&Outcome) = |outcome| {
        outcome.assert_canceled();
    };
    let has_status: fn(&Outcome) = |outcome| {
        outcome.assert_status(HRESULT::S_FALSE);
    };
    #[rustfmt::skip]
    let cases: [(&Outlook, &ComPtr<IMAPISync>, fn(&Outcome), &str); 21] = [
        (&outlook(), &refuses, is_ok, "SynchronizeInBackground failed: MAPI_E_BUSY (0x8004010B)"),
        (&outlook(), &refuses, is_refused_otherwise, "SynchronizeInBackground returned MAPI_E_BUSY (0x8004010B), not MAPI_E_CALL_FAILED (0x80004005)"),
        (&outlook(), &refuses_late, is_refused, "the store called Progress, although SynchronizeInBackground failed"),
        (&outlook(), &ok, is_refused, "SynchronizeInBackground returned S_OK (0x00000000), not MAPI_E_BUSY (0x8004010B)"),
        (&short, &never_done(), is_ok, "the store did not call Done within 50ms"),
        (&short, &never_done(), has_no_leaks, "the store did not call Done within 50ms"),
        (&short, &signals_without_done, is_ok, "the store did not call Done within 50ms, although its event has occurred"),
        (&outlook(), &twice, is_ok, "the store called Done 2 times"),
        (&outlook(), &late, is_ok, "the store called Progress after Done"),
        (&slow, &ok, is_ok, "Done did not return within 50ms"),
        (&outlook(), &signals_early, is_ok, "the event occurred before Done"),
        (&short, &never_signals, is_ok, "the event did not occur within 50ms"),
        (&no_callback, &no_handle, is_ok, "the store returned an event handle that is not open"),
        (&no_callback, &no_event, is_ok, "the store returned no event, and there is no callback"),
        (&no_callback, &ok, has_status, "the run has no status, because it had no callback"),
        (&outlook(), &partial, is_ok, "the run ended with S_FALSE (0x00000001), not with S_OK (0x00000000)"),
        (&outlook(), &ok, has_status, "the run ended with S_OK (0x00000000), not with S_FALSE (0x00000001)"),
        (&outlook(), &ok, is_canceled, "the run ended with S_OK (0x00000000), not with MAPI_E_USER_CANCEL (0x80040113)"),
        (&outlook(), &ok, busy_message, "the run ended with S_OK (0x00000000), not with MAPI_E_BUSY (0x8004010B)"),
        (&outlook(), &failed, busy_message, "the store did not report the message \"try again\" with MAPI_E_BUSY (0x8004010B)"),
        (&outlook(), &failed, no_message, "the store reported an error with MAPI_E_BUSY (0x8004010B)"),
    ];
    for (outlook, store, assertion, expected) in cases {
        assert_eq!(sentence(&outlook.run(store), assertion), expected);
    }
}

#[test]
fn a_store_that_never_returns_fails_the_test() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let (sync, is_over) = (
        store(move |_| {
            let _ = wait.lock().unwrap().recv();
            Ok(())
        }),
        Recorder::new(),
    );
    let outlook = Outlook::new().timeout(SHORT).recorder(is_over.clone());
    let outcome = outlook.run(&sync);
    let expected = "SynchronizeInBackground did not return within 50ms";
    assert_eq!(sentence(&outcome, is_ok), expected);
    assert_eq!(
        (outcome.returned(), outcome.status(), outcome.calls().len()),
        (None, None, 0)
    );
    assert!(
        outcome
            .to_string()
            .contains("SynchronizeInBackground has not returned on thread")
    );
    // The store may still use the request.
    drop(go_on);
    assert_eq!(is_over.wait_done(LONG), Some(HRESULT::S_OK));
    until(|| common::count(&sync) == 1);
}

#[test]
fn leaks_are_found_and_late_releases_are_waited_for() {
    type Kept<I> = Arc<Mutex<Vec<ComPtr<I>>>>;
    let callbacks = Kept::<IMAPISyncProgressCallback>::default();
    let (sessions, stores) = (
        Kept::<IMAPISession>::default(),
        Kept::<IMAPISync>::default(),
    );
    let kept = callbacks.clone();
    let leaks_callback = store(move |request| {
        kept.lock()
            .unwrap()
            .push(request.callback().unwrap().cast()?);
        Ok(())
    });
    let kept = sessions.clone();
    let leaks_session = store(move |request| {
        let session = request.session().unwrap();
        kept.lock()
            .unwrap()
            .extend([session.to_ptr(), session.to_ptr()]);
        Ok(())
    });
    let kept = stores.clone();
    let leaks_itself = store(move |_| {
        let mut kept = kept.lock().unwrap();
        let itself = kept[0].clone();
        kept.push(itself);
        Ok(())
    });
    stores.lock().unwrap().push(leaks_itself.clone());
    let releases_too_often = foreign_sync(|psibpb| {
        let callback = callback_of(psibpb);
        // SAFETY: deliberately wrong: the reference is Outlook's, which has more of them.
        drop(unsafe { ComPtr::from_raw(callback.as_raw()) });
        done(&callback, None, HRESULT::S_OK)
    });
    for (sync, expected) in [
        (
            &leaks_callback,
            "callback was 1 before the run and is 2 after it: 1 reference leaked",
        ),
        (
            &leaks_session,
            "session was 1 before the run and is 3 after it: 2 references leaked",
        ),
        (
            &leaks_itself,
            "store was 2 before the run and is 3 after it: 1 reference leaked",
        ),
        (
            &releases_too_often,
            "callback was 1 before the run and is 0 after it: 1 reference too many was released",
        ),
    ] {
        let outcome = Outlook::new().session(session()).run(sync);
        let sentence = sentence(outcome.assert_ok(), has_no_leaks);
        assert_eq!(sentence, format!("the count of the {expected}"));
    }
    for kept in [
        &callbacks.lock().unwrap().len(),
        &sessions.lock().unwrap().len(),
    ] {
        assert!(*kept > 0);
    }
    drop(mem::take(&mut *stores.lock().unwrap()));

    let releases_late = store(|request| {
        let callback = request
            .callback()
            .unwrap()
            .cast::<IMAPISyncProgressCallback>()?;
        let session = request.session().unwrap().to_ptr();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            drop((callback, session));
        });
        Ok(())
    });
    outlook()
        .session(session())
        .run(&releases_late)
        .assert_ok()
        .assert_no_leaks();
}

#[test]
fn the_request_is_that_of_outlook() {
    let (session, flags) = (session(), SyncFlags::UPLOAD_CONTENTS | SyncFlags::ON_DEMAND);
    let address = session.as_raw().addr();
    for (size, bytes) in [
        (None, size_of::<MAPISIB>()),
        (Some(4), 4),
        (Some(0x1_0000), 0x1_0000),
    ] {
        let sync = foreign_sync(move |psibpb| {
            // SAFETY: the structure and its pointers are valid during the call.
            let request = unsafe { psibpb.read() };
            assert_eq!(
                (request.ulSize as usize, request.ulFlags),
                (bytes, flags.bits())
            );
            assert_eq!(request.psesSync.addr(), address);
            // SAFETY: the event handle location is valid during the call.
            assert!(unsafe { *request.phSyncDoneEvent }.is_null());
            let all = bytes.max(size_of::<MAPISIB>());
            // SAFETY: the structure is readable for the bytes that it states.
            let rest = unsafe { std::slice::from_raw_parts(psibpb.cast::<u8>(), all) };
            assert!(rest[size_of::<MAPISIB>()..].iter().all(|byte| *byte == 0));
            done(&callback_of(psibpb), None, HRESULT::S_OK)
        });
        let mut outlook = outlook().flags(flags).session(session.clone());
        if let Some(size) = size {
            outlook = outlook.struct_size(size);
        }
        outlook.run(&sync).assert_ok();
    }
    let sync = spawns(|_| Ok(()));
    Outlook::new()
        .struct_size(4)
        .run(&sync)
        .assert_refused(HRESULT::E_INVALIDARG);
    // SAFETY: the store is one of this crate.
    let outlook = unsafe { Outlook::new().without_event_location() };
    outlook
        .run(&sync)
        .assert_refused(HRESULT::E_INVALIDARG)
        .assert_no_leaks();
    let panics = catch_unwind(|| Outlook::new().struct_size(0x1_0001));
    assert!(panics.is_err());
}

#[test]
fn an_outcome_has_everything_that_is_known_of_a_run() {
    let sync = spawns(|job| {
        job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning")?;
        Ok(HRESULT::S_FALSE)
    });
    let outcome = outlook().session(session()).run(&sync);
    outcome.assert_status(HRESULT::S_FALSE).assert_no_leaks();
    assert_eq!(outcome.returned(), Some(HRESULT::S_OK));
    assert_eq!(outcome.status(), Some(HRESULT::S_FALSE));
    assert_eq!(outcome.event(), EventState::Occurred);
    let one = Counts {
        before: 1,
        after: 1,
    };
    assert_eq!(outcome.store_count(), one);
    assert_eq!(
        (outcome.callback_count(), outcome.session_count()),
        (Some(one), Some(one))
    );
    assert_eq!(outcome.threads().len(), 1);
    assert!(!outcome.threads().contains(&outcome.outlook_thread()));
    let [warning, done] = outcome.calls() else {
        panic!("{outcome}");
    };
    assert!(Call::error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning") == *warning);
    assert_eq!(
        (warning.returned(), done.returned()),
        (Some(HRESULT::S_OK), Some(HRESULT::S_OK))
    );
    assert!(done.has_event() && !warning.has_event() && !done.event_had_occurred());
    assert!(warning.time() <= done.time() && warning.thread() == done.thread());

    // Without a callback, the event is the end.
    let outcome = outlook().without_callback().run(&sync);
    outcome.assert_ok().assert_no_leaks();
    assert_eq!((outcome.status(), outcome.callback_count()), (None, None));
    assert_eq!(outcome.event(), EventState::Occurred);

    // The recorder has all calls, an outcome those of its run.
    let recorder = Recorder::new();
    let outlook = outlook().recorder(recorder.clone());
    let runs = [outlook.start(&sync), outlook.start(&sync)];
    for run in runs {
        assert_eq!(run.wait().assert_status(HRESULT::S_FALSE).calls().len(), 2);
    }
    assert_eq!(recorder.calls().len(), 4);
}

#[test]
fn calls_print_as_a_table_and_in_one_line() {
    let sync = spawns(|job| {
        job.progress(Some("Receiving"), 0, 2)?;
        job.position(1, 2)
    });
    let recorder = Recorder::new().returns(Method::Progress, HRESULT(-9));
    let outcome = outlook().recorder(recorder.clone()).run(&sync);
    outcome.assert_canceled().assert_failed(HRESULT(-9), None);
    assert_eq!(
        format!("{:?}", outcome.calls()),
        "[Progress(\"Receiving\", 0, 2), Done(0xFFFFFFF7)]"
    );
    assert_eq!(
        format!("{recorder:?}"),
        format!("Recorder({:?})", outcome.calls())
    );
    let (call, outlook) = (&outcome.calls()[0], outcome.outlook_thread());
    let time = |n: usize| format!("{:.3} s", outcome.calls()[n].time().as_secs_f64());
    let line = "Progress(\"Receiving\", 0, 2) returned 0xFFFFFFF7";
    assert_eq!(
        call.to_string(),
        format!("{}, thread {}: {line}", time(0), call.thread())
    );
    let (thread, first, second) = (call.thread().to_string(), time(0), time(1));
    let expected = format!(
        "      time  thread  call                         returned
  {first:>8}  {thread:>6}  Progress(\"Receiving\", 0, 2)  0xFFFFFFF7
  {second:>8}  {thread:>6}  Done(0xFFFFFFF7)             S_OK
SynchronizeInBackground returned S_OK on thread {outlook}; the event occurred after Done"
    );
    assert_eq!(outcome.to_string(), expected);

    let refused = Outlook::new().run(&store(|_| Err(HRESULT::E_FAIL.into())));
    refused.assert_refused(HRESULT::E_FAIL).assert_no_leaks();
    assert!(refused.to_string().contains("(no calls)"));
    assert!(refused.to_string().ends_with("there was no event"));
}

#[test]
fn a_test_can_act_while_the_store_is_blocked_in_progress() {
    let sync = spawns(|job| (0..9).try_for_each(|n| job.position(n, 9)));
    let recorder = Recorder::new().blocks();
    let run = outlook().recorder(recorder.clone()).start(&sync);
    assert!(recorder.wait_calls(1, LONG));
    assert!(!recorder.wait_calls(2, Duration::from_millis(1)));
    assert_eq!(recorder.calls()[0].returned(), None);
    assert_eq!(
        format!("{run:?}"),
        "OutlookRun { calls: [Progress(None, 0, 9)], .. }"
    );
    // The user cancels during the call.
    let recorder = recorder.cancel_at(0);
    recorder.release();
    assert_eq!(recorder.wait_done(LONG), Some(HRESULT::MAPI_E_USER_CANCEL));
    let outcome = run.wait();
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    assert_eq!(
        outcome.assert_canceled().calls(),
        [Call::position(0, 9), Call::done(cancel)]
    );

    // A forgotten release shows in the table.
    let recorder = Recorder::new().blocks();
    let outcome = Outlook::new()
        .timeout(SHORT)
        .recorder(recorder.clone())
        .run(&sync);
    assert!(sentence(&outcome, is_ok).starts_with("the store did not call Done"));
    assert!(
        outcome
            .to_string()
            .contains("Progress(None, 0, 9)  (running)")
    );
    recorder.release();
    assert_eq!(recorder.wait_done(LONG), Some(HRESULT::S_OK));

    // A run that nobody waits for goes on, too.
    let recorder = Recorder::new();
    drop(outlook().recorder(recorder.clone()).start(&sync));
    assert_eq!(recorder.wait_done(LONG), Some(HRESULT::S_OK));
    until(|| common::count(&sync) == 1);
}

#[test]
fn the_script_of_a_recorder_decides_what_the_store_gets() {
    let unexpected = HRESULT::E_UNEXPECTED;
    let recorder = Recorder::new()
        .cancel_at_step("Sent")
        .returns(Method::Error, HRESULT::S_FALSE)
        .panics_in(Method::Done);
    let callback = recorder.object();
    let progress = |step| callback.progress(step, 0, 1);
    assert_eq!(progress(Some("Inbox")), HRESULT::S_OK);
    assert_eq!(progress(Some("Sent")), HRESULT::MAPI_E_USER_CANCEL);
    assert_eq!(progress(None), HRESULT::MAPI_E_USER_CANCEL);
    assert_eq!(callback.error(HRESULT::E_FAIL, "no luck"), HRESULT::S_FALSE);
    assert_eq!(done(&callback, None, HRESULT::S_OK), unexpected);
    assert_eq!(recorder.calls()[4].returned(), Some(unexpected));
    assert_eq!(recorder.wait_done(LONG), Some(HRESULT::S_OK));
    // Each object is a run of its own, in which the user has not canceled.
    assert_eq!(
        recorder.object().progress(Some("Inbox"), 0, 1),
        HRESULT::S_OK
    );

    // A warning is no request to stop, and a panic is one.
    let sync = spawns(|job| job.position(0, 1).and_then(|()| job.position(1, 1)));
    let warns = Recorder::new().returns(Method::Progress, HRESULT::S_FALSE);
    let outcome = outlook().recorder(warns).run(&sync);
    outcome.assert_ok();
    assert_eq!(outcome.calls()[1].returned(), Some(HRESULT::S_FALSE));
    let panics = Recorder::new().on_call(|call| assert_ne!(call, &Call::position(1, 1)));
    let outcome = outlook().recorder(panics).run(&sync);
    outcome.assert_canceled().assert_status(unexpected);
    assert_eq!(outcome.calls()[1].returned(), Some(unexpected));

    // The same through the trait.
    let recorder = Recorder::default().panics_in(Method::Progress);
    let run = SyncHost::new(recorder.clone())
        .start(&sync, SyncFlags::default())
        .unwrap();
    assert_eq!(run.wait(LONG).unwrap(), unexpected);
    assert_eq!(
        recorder.calls(),
        [Call::position(0, 1), Call::done(unexpected)]
    );
    let recorder = Recorder::default().returns(Method::Error, HRESULT::E_ABORT);
    let sync = spawns(|job| job.error(HRESULT::E_FAIL, "no luck"));
    let run = SyncHost::new(recorder.clone())
        .start(&sync, SyncFlags::default())
        .unwrap();
    assert_eq!(run.wait(LONG).unwrap(), HRESULT::E_ABORT);
    assert_eq!(recorder.calls()[0], Call::error(HRESULT::E_FAIL, "no luck"));
}

#[test]
fn the_event_is_closed_or_kept_and_a_second_one_is_left_alone() {
    let recorder = Recorder::new().keeps_event();
    outlook()
        .recorder(recorder.clone())
        .run(&spawns(|_| Ok(())))
        .assert_ok();
    let event = recorder.take_event().unwrap();
    assert!(event.is_signaled() && recorder.take_event().is_none());

    let (callback, (first, signal), (second, _unused)) = (Recorder::new().object(), pair(), pair());
    let (closed, left_open) = (first.try_clone().unwrap(), second.as_raw());
    let _ = done(&callback, Some(first), HRESULT::S_OK);
    let _ = done(&callback, Some(second), HRESULT::S_OK);
    drop(signal);
    assert!(closed.wait(Some(LONG)).unwrap());
    // SAFETY: the recorder has left the handle open.
    assert!(
        !unsafe { DoneEvent::from_raw(left_open) }
            .unwrap()
            .is_signaled()
    );
}

#[test]
fn every_thread_has_its_own_number() {
    let here = ThreadNumber::current();
    let there = thread::spawn(ThreadNumber::current).join().unwrap();
    assert!(here == ThreadNumber::current() && here != there);
    assert_ne!(there, thread::spawn(ThreadNumber::current).join().unwrap());
    assert_eq!(format!("{here:>3}").len(), 3);
}
