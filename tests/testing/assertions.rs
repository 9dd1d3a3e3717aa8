//! Each assertion fails for a store that does not meet it.

use crate::{SHORT, is_ok, sentence, session, spawns};
use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback};
use mapisync::testing::{Method, Outcome, Outlook, Recorder, reference_count};
use mapisync::{ComPtr, Error, HRESULT, SyncJob};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use std::{mem, ptr, thread};
use test_support::{
    TIMEOUT, callback_of, done, event_pair, foreign_sync, outlook, store, wait_until,
};

/// A store that starts a job and keeps it until the process ends.
fn never_done() -> ComPtr<IMAPISync> {
    static KEPT: Mutex<Vec<SyncJob>> = Mutex::new(vec![]);
    store(|request| {
        KEPT.lock().unwrap().push(request.start()?);
        Ok(())
    })
}

fn has_no_leaks(outcome: &Outcome) {
    outcome.assert_no_leaks();
}

/// The request, the store, the assertion, and the sentence with which it fails.
type Case<'a> = (&'a Outlook, &'a ComPtr<IMAPISync>, fn(&Outcome), &'a str);

#[test]
fn every_assertion_fails_if_the_store_does_not_meet_it() {
    const BUSY: HRESULT = HRESULT::MAPI_E_BUSY;
    let short = Outlook::new().timeout(SHORT);
    let refuses_late = store(|request| {
        let callback = request.callback().unwrap();
        let callback = callback.cast::<IMAPISyncProgressCallback>()?;
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
        let (event, signal) = event_pair();
        drop(signal);
        done(&callback_of(psibpb), Some(event), HRESULT::S_OK)
    });
    let signals_without_done = foreign_sync(|psibpb| {
        let (event, signal) = event_pair();
        drop(signal);
        // SAFETY: the event handle location is valid during the call.
        unsafe { *psibpb.phSyncDoneEvent = event.into_raw() };
        HRESULT::S_OK
    });
    let signals = Arc::new(Mutex::new(vec![]));
    let kept = signals.clone();
    let never_signals = foreign_sync(move |psibpb| {
        let (event, signal) = event_pair();
        kept.lock().unwrap().push(Box::new(signal) as Box<dyn Send>);
        done(&callback_of(psibpb), Some(event), HRESULT::S_OK)
    });
    let no_handle = foreign_sync(|psibpb| {
        // SAFETY: the event handle location is valid during the call.
        unsafe { *psibpb.phSyncDoneEvent = ptr::without_provenance_mut(0x7FFF_FFF0) };
        HRESULT::S_OK
    });
    let no_event = foreign_sync(|_| HRESULT::S_OK);
    let no_callback = outlook().without_callback();
    let slow_done = Recorder::new().on_call(|call| {
        if call.method() == Method::Done {
            thread::sleep(2 * SHORT);
        }
    });
    let slow = Outlook::new().timeout(SHORT).recorder(slow_done.clone());
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
    let is_refused_with_success: fn(&Outcome) = |outcome| {
        outcome.assert_refused(HRESULT::S_OK);
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
    let cases: [Case<'_>; 22] = [
        (&outlook(), &refuses, is_ok, "SynchronizeInBackground failed: MAPI_E_BUSY (0x8004010B)"),
        (&outlook(), &refuses, is_refused_otherwise, "SynchronizeInBackground returned MAPI_E_BUSY (0x8004010B), not MAPI_E_CALL_FAILED (0x80004005)"),
        (&outlook(), &refuses_late, is_refused, "the store called Progress, although SynchronizeInBackground failed"),
        (&outlook(), &ok, is_refused, "SynchronizeInBackground returned S_OK (0x00000000), not MAPI_E_BUSY (0x8004010B)"),
        (&outlook(), &ok, is_refused_with_success, "SynchronizeInBackground returned S_OK (0x00000000), which is a success code"),
        (&short, &never_done(), is_ok, "the store did not call Done within 500ms"),
        (&short, &never_done(), has_no_leaks, "the store did not call Done within 500ms"),
        (&short, &signals_without_done, is_ok, "the store did not call Done within 500ms, although it signaled the event"),
        (&outlook(), &twice, is_ok, "the store called Done 2 times"),
        (&outlook(), &late, is_ok, "the store called Progress after Done"),
        (&slow, &ok, is_ok, "Done did not return within 500ms"),
        (&outlook(), &signals_early, is_ok, "the event was signaled before Done"),
        (&short, &never_signals, is_ok, "the event was not signaled within 500ms"),
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
    // The threads of the late stores must end before the test does.
    assert_eq!(slow_done.wait_done(TIMEOUT), Some(HRESULT::S_OK));
    wait_until(|| reference_count(&ok) == 1);
}

#[test]
fn a_store_that_never_returns_fails_the_test() {
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
    // The memory of the request is still valid for the store.
    drop(go_on);
    assert_eq!(recorder.wait_done(TIMEOUT), Some(HRESULT::S_OK));
    wait_until(|| reference_count(&sync) == 1);
}

#[test]
fn leaks_are_reported_after_a_wait_for_late_releases() {
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
        // SAFETY: this deliberately releases a reference of Outlook, which owns several, so the
        // object stays alive.
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
    let _itself = mem::take(&mut *stores.lock().unwrap());

    // A pointer that the test drops during the run is missing afterwards.
    let (sync, recorder) = (spawns(|job| job.position(1, 1)), Recorder::new().blocks());
    let run = outlook().recorder(recorder.clone()).start(&sync);
    drop(sync);
    recorder.release();
    let expected = "the count of the store was 1 before the run and is 0 after it: \
                    1 reference too many was released";
    assert_eq!(sentence(run.wait().assert_ok(), has_no_leaks), expected);

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
