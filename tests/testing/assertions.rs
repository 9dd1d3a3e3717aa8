//! Each assertion fails for a store that does not meet it.

use crate::{OK, SHORT, sentence, session, spawns, together};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::testing::{Method, Outcome, Outlook, Recorder, reference_count};
use mapisync::{ComPtr, DoneEvent, Error, HRESULT, SyncRequest};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use std::{ptr, thread};
use test_support::{
    HostRequest, TIMEOUT, callback_of, done, event_pair, foreign_sync, outlook, store, wait_until,
};

const BUSY: HRESULT = HRESULT::MAPI_E_BUSY;

/// Values that a store keeps.
type Kept = Arc<Mutex<Vec<Box<dyn Send>>>>;

/// Creates a store that keeps a value of each request.
fn keeps<T: Send + 'static>(
    kept: &Kept,
    value: impl Fn(SyncRequest<'_>) -> T + Send + Sync + 'static,
) -> ComPtr<IMAPISync> {
    let kept = kept.clone();
    store(move |request| {
        let value = value(request);
        kept.lock().unwrap().push(Box::new(value));
        Ok(())
    })
}

/// Ends a run in the call, as a foreign store may do.
fn end(psibpb: HostRequest<'_>, event: Option<DoneEvent>) -> HRESULT {
    done(&callback_of(psibpb), event, OK)
}

/// The request, the store, the assertion, and the sentence with which it fails.
type Case<'a> = (&'a Outlook, &'a ComPtr<IMAPISync>, fn(&Outcome) -> &Outcome, &'a str);

#[test]
fn every_assertion_fails_if_the_store_does_not_meet_it() {
    let _together = together();
    let kept = Kept::default();
    let refuses = store(|_| Err(BUSY.into()));
    let refuses_late = store(|request| {
        let callback = request.callback().unwrap();
        let callback = callback.cast::<IMAPISyncProgressCallback>()?;
        let _ = callback.progress(None, 0, 1);
        Err(BUSY.into())
    });
    let never_done = keeps(&kept, |request| request.start().unwrap());
    let twice = foreign_sync(|psibpb| {
        let _ = end(psibpb, None);
        end(psibpb, None)
    });
    let late = foreign_sync(|psibpb| {
        let _ = end(psibpb, None);
        callback_of(psibpb).progress(None, 1, 1)
    });
    let signals_early = foreign_sync(|psibpb| {
        let (event, signal) = event_pair();
        drop(signal);
        end(psibpb, Some(event))
    });
    let signals_without_done = foreign_sync(|psibpb| {
        let (event, signal) = event_pair();
        drop(signal);
        // SAFETY: the event handle location is valid during the call.
        unsafe { *psibpb.phSyncDoneEvent = event.into_raw() };
        OK
    });
    let signals = kept.clone();
    let never_signals = foreign_sync(move |psibpb| {
        let (event, signal) = event_pair();
        signals.lock().unwrap().push(Box::new(signal));
        end(psibpb, Some(event))
    });
    let no_handle = foreign_sync(|psibpb| {
        // SAFETY: the event handle location is valid during the call.
        unsafe { *psibpb.phSyncDoneEvent = ptr::without_provenance_mut(0x7FFF_FFF0) };
        OK
    });
    let no_event = foreign_sync(|_| OK);
    let ok = spawns(|job| job.position(1, 1));
    let failed = spawns(|_| Err::<(), _>(Error::new(BUSY, "the index is being rebuilt")));
    let partial = spawns(|_| Ok(HRESULT::S_FALSE));

    let slow_done = Recorder::new().on_call(|call| {
        if call.method() == Method::Done {
            thread::sleep(2 * SHORT);
        }
    });
    let (long, short) = (outlook(), Outlook::new().timeout(SHORT));
    let slow = Outlook::new().timeout(SHORT).recorder(slow_done.clone());
    let no_callback = outlook().without_callback();
    #[rustfmt::skip] // one case a line
    let cases: [Case<'_>; 22] = [
        (&long, &refuses, Outcome::assert_ok, "SynchronizeInBackground failed: MAPI_E_BUSY (0x8004010B)"),
        (&long, &refuses, |run| run.assert_refused(HRESULT::E_FAIL), "SynchronizeInBackground returned MAPI_E_BUSY (0x8004010B), not MAPI_E_CALL_FAILED (0x80004005)"),
        (&long, &refuses_late, |run| run.assert_refused(BUSY), "the store called Progress, although SynchronizeInBackground failed"),
        (&long, &ok, |run| run.assert_refused(BUSY), "SynchronizeInBackground returned S_OK (0x00000000), not MAPI_E_BUSY (0x8004010B)"),
        (&long, &ok, |run| run.assert_refused(OK), "SynchronizeInBackground returned S_OK (0x00000000), which is a success code"),
        (&short, &never_done, Outcome::assert_ok, "the store did not call Done within 500ms"),
        (&short, &never_done, Outcome::assert_no_leaks, "the store did not call Done within 500ms"),
        (&short, &signals_without_done, Outcome::assert_ok, "the store did not call Done within 500ms, although it signaled the event"),
        (&long, &twice, Outcome::assert_ok, "the store called Done 2 times"),
        (&long, &late, Outcome::assert_ok, "the store called Progress after Done"),
        (&slow, &ok, Outcome::assert_ok, "Done did not return within 500ms"),
        (&long, &signals_early, Outcome::assert_ok, "the event was signaled before Done"),
        (&short, &never_signals, Outcome::assert_ok, "the event was not signaled within 500ms"),
        (&no_callback, &no_handle, Outcome::assert_ok, "the store returned an event handle that is not open"),
        (&no_callback, &no_event, Outcome::assert_ok, "the store returned no event, and there is no callback"),
        (&no_callback, &ok, |run| run.assert_status(HRESULT::S_FALSE), "the run has no status, because it had no callback"),
        (&long, &partial, Outcome::assert_ok, "the run ended with S_FALSE (0x00000001), not with S_OK (0x00000000)"),
        (&long, &ok, |run| run.assert_status(HRESULT::S_FALSE), "the run ended with S_OK (0x00000000), not with S_FALSE (0x00000001)"),
        (&long, &ok, Outcome::assert_canceled, "the run ended with S_OK (0x00000000), not with MAPI_E_USER_CANCEL (0x80040113)"),
        (&long, &ok, |run| run.assert_failed(BUSY, "try again"), "the run ended with S_OK (0x00000000), not with MAPI_E_BUSY (0x8004010B)"),
        (&long, &failed, |run| run.assert_failed(BUSY, "try again"), "the store did not report the message \"try again\" with MAPI_E_BUSY (0x8004010B)"),
        (&long, &failed, |run| run.assert_failed(BUSY, None), "the store reported an error with MAPI_E_BUSY (0x8004010B)"),
    ];
    for (outlook, store, assertion, expected) in cases {
        assert_eq!(sentence(&outlook.run(store), assertion), expected);
    }
    // The threads of the late stores must end before the test does.
    assert_eq!(slow_done.wait_done(TIMEOUT), Some(OK));
    wait_until(|| reference_count(&ok) == 1);
}

#[test]
fn a_store_that_never_returns_fails_the_test() {
    let _together = together();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let sync = store(move |_| {
        let _ = wait.lock().unwrap().recv();
        Ok(())
    });
    let recorder = Recorder::new();
    let outlook = Outlook::new().timeout(SHORT).recorder(recorder.clone());
    let outcome = outlook.run(&sync);
    let expected = "SynchronizeInBackground did not return within 500ms";
    assert_eq!(sentence(&outcome, Outcome::assert_ok), expected);
    let known = (outcome.returned(), outcome.status(), outcome.calls().len());
    assert_eq!(known, (None, None, 0));
    let line = "SynchronizeInBackground has not returned on thread";
    assert!(outcome.to_string().contains(line));
    // The memory of the request is still valid for the store.
    drop(go_on);
    assert_eq!(recorder.wait_done(TIMEOUT), Some(OK));
    wait_until(|| reference_count(&sync) == 1);
}

#[test]
fn leaks_are_reported_after_a_wait_for_late_releases() {
    let _together = together();
    let (kept, own) = (Kept::default(), Arc::new(Mutex::new(None)));
    let leaks_callback = keeps(&kept, |request| {
        let callback = request.callback().unwrap();
        callback.cast::<IMAPISyncProgressCallback>().unwrap()
    });
    let leaks_session = keeps(&kept, |request| {
        let session = request.session().unwrap();
        [session.to_ptr(), session.to_ptr()]
    });
    let itself = own.clone();
    let leaks_itself = keeps(&kept, move |_| itself.lock().unwrap().clone());
    *own.lock().unwrap() = Some(leaks_itself.clone());
    let releases_too_often = foreign_sync(|psibpb| {
        // SAFETY: this deliberately releases a reference of Outlook, which owns several, so the
        // object stays alive.
        drop(unsafe { ComPtr::from_raw(callback_of(psibpb).as_raw()) });
        end(psibpb, None)
    });
    #[rustfmt::skip] // one case a line
    let cases = [
        (&leaks_callback, "callback was 1 before the run and is 2 after it: 1 reference leaked"),
        (&leaks_session, "session was 1 before the run and is 3 after it: 2 references leaked"),
        (&leaks_itself, "store was 2 before the run and is 3 after it: 1 reference leaked"),
        (&releases_too_often, "callback was 1 before the run and is 0 after it: 1 reference too many was released"),
    ];
    for (sync, expected) in cases {
        let outcome = outlook().session(session()).run(sync);
        let sentence = sentence(outcome.assert_ok(), Outcome::assert_no_leaks);
        assert_eq!(sentence, format!("the count of the {expected}"));
    }
    // These own each other.
    *own.lock().unwrap() = None;
    kept.lock().unwrap().clear();

    // A pointer that the test drops during the run is missing afterwards.
    let (sync, recorder) = (spawns(|job| job.position(1, 1)), Recorder::new().blocks());
    let run = outlook().recorder(recorder.clone()).start(&sync);
    drop(sync);
    recorder.release();
    let expected = "the count of the store was 1 before the run and is 0 after it: \
                    1 reference too many was released";
    let outcome = run.wait();
    let sentence = sentence(outcome.assert_ok(), Outcome::assert_no_leaks);
    assert_eq!(sentence, expected);

    let releases_late = store(|request| {
        let callback = request.callback().unwrap();
        let callback = callback.cast::<IMAPISyncProgressCallback>()?;
        let session = request.session().unwrap().to_ptr();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            drop((callback, session));
        });
        Ok(())
    });
    let outcome = outlook().session(session()).run(&releases_late);
    outcome.assert_ok().assert_no_leaks();
}
