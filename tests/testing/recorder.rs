//! The recorder: its script, blocked calls, and the event.

use crate::{SHORT, is_ok, sentence, spawns};
use mapisync::testing::{Call, Method, Outlook, Recorder, ThreadNumber, reference_count};
use mapisync::{DoneEvent, Error, HRESULT, MapiSyncProgressCallback, SyncFlags, SyncHost};
use std::thread;
use std::time::Duration;
use test_support::{TIMEOUT, done, event_pair, outlook, wait_until};

#[test]
fn a_test_can_act_while_the_store_is_blocked_in_progress() {
    let sync = spawns(|job| (0..9).try_for_each(|n| job.position(n, 9)));
    let recorder = Recorder::new().blocks();
    let run = outlook().recorder(recorder.clone()).start(&sync);
    assert!(recorder.wait_calls(1, TIMEOUT));
    assert!(!recorder.wait_calls(2, Duration::from_millis(1)));
    assert_eq!(recorder.calls()[0].returned(), None);
    assert_eq!(
        format!("{run:?}"),
        "OutlookRun { calls: [Progress(None, 0, 9)], .. }"
    );
    // The user cancels during the call.
    let recorder = recorder.cancel_at(0);
    recorder.release();
    assert_eq!(
        recorder.wait_done(TIMEOUT),
        Some(HRESULT::MAPI_E_USER_CANCEL)
    );
    let outcome = run.wait();
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    assert_eq!(
        outcome.assert_canceled().calls(),
        [Call::position(0, 9), Call::done(cancel)]
    );

    // A forgotten release appears in the table.
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
    assert_eq!(recorder.wait_done(TIMEOUT), Some(HRESULT::S_OK));

    // A run whose `OutlookRun` is dropped continues.
    let recorder = Recorder::new();
    drop(outlook().recorder(recorder.clone()).start(&sync));
    assert_eq!(recorder.wait_done(TIMEOUT), Some(HRESULT::S_OK));
    wait_until(|| reference_count(&sync) == 1);
}

#[test]
fn the_script_of_a_recorder_decides_the_result_of_each_call() {
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
    assert_eq!(recorder.wait_done(TIMEOUT), Some(HRESULT::S_OK));
    // Each object is a run of its own, in which the user has not canceled.
    assert_eq!(
        recorder.object().progress(Some("Inbox"), 0, 1),
        HRESULT::S_OK
    );

    // A success code does not stop the store, and a panic does.
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
    assert_eq!(run.wait(TIMEOUT).unwrap(), unexpected);
    assert_eq!(
        recorder.calls(),
        [Call::position(0, 1), Call::done(unexpected)]
    );
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    let recorder = Recorder::default().returns(Method::Error, cancel);
    let sync = spawns(|job| {
        job.error(HRESULT::E_FAIL, "no luck");
        job.position(1, 1)
    });
    let run = SyncHost::new(recorder.clone())
        .start(&sync, SyncFlags::default())
        .unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), cancel);
    let error = Call::error(HRESULT::E_FAIL, "no luck");
    assert_eq!(recorder.calls(), [error, Call::done(cancel)]);
}

#[test]
fn returns_with_decides_the_result_of_each_call() {
    let (abort, cancel) = (HRESULT::E_ABORT, HRESULT::MAPI_E_USER_CANCEL);
    let decides = |call: &Call| match call {
        Call::Progress(_, 0, _) => Ok(HRESULT::S_FALSE),
        Call::Progress(_, 1, _) => Ok(HRESULT::E_ABORT),
        Call::Progress(..) => panic!("the hook panics"),
        // An error with a success code is a failure.
        _ => Err(HRESULT::S_FALSE.into()),
    };
    let recorder = Recorder::new()
        .returns(Method::Error, cancel)
        .returns_with(decides)
        .cancel_at(3);
    let callback = recorder.object();
    let codes = [0, 1, 2, 0].map(|n| callback.progress(None, n, 3));
    let expected = [HRESULT::S_FALSE, abort, HRESULT::E_UNEXPECTED, cancel];
    assert_eq!(codes, expected);
    assert_eq!(callback.error(abort, "no luck"), HRESULT::E_FAIL);
    let returned: Vec<_> = recorder
        .calls()
        .iter()
        .map(|call| call.returned())
        .collect();
    let expected = expected.into_iter().chain([HRESULT::E_FAIL]).map(Some);
    assert!(returned.into_iter().eq(expected));

    // The same through the trait, which has no success code but S_OK.
    let recorder = Recorder::new().returns_with(decides);
    assert!(recorder.progress(None, 0, 3).is_ok());
    assert_eq!(recorder.progress(None, 1, 3).unwrap_err().hresult(), abort);
    let error = recorder.error(abort, None).unwrap_err();
    assert!(matches!(error, Error::Code(HRESULT::S_FALSE)));
    let returned: Vec<_> = recorder
        .calls()
        .iter()
        .map(|call| call.returned())
        .collect();
    let expected = [HRESULT::S_OK, abort, HRESULT::E_FAIL].map(Some);
    assert_eq!(returned, expected);
}

#[test]
fn the_event_is_closed_or_kept_and_a_second_one_stays_open() {
    let recorder = Recorder::new().keeps_event();
    outlook()
        .recorder(recorder.clone())
        .run(&spawns(|_| Ok(())))
        .assert_ok();
    let event = recorder.take_event().unwrap();
    assert!(event.is_signaled() && recorder.take_event().is_none());

    // The events of several runs are all kept, and taken in their order.
    let ((first, signal), (second, _unused)) = (event_pair(), event_pair());
    for event in [first, second] {
        let _ = done(&recorder.object(), Some(event), HRESULT::S_OK);
    }
    drop(signal);
    assert!(recorder.take_event().unwrap().is_signaled());
    assert!(!recorder.take_event().unwrap().is_signaled());
    assert!(recorder.take_event().is_none());

    let (callback, (first, signal), (second, _unused)) =
        (Recorder::new().object(), event_pair(), event_pair());
    let (closed, left_open) = (first.try_clone().unwrap(), second.as_raw());
    let _ = done(&callback, Some(first), HRESULT::S_OK);
    let _ = done(&callback, Some(second), HRESULT::S_OK);
    drop(signal);
    closed.wait(Some(TIMEOUT)).unwrap();
    // SAFETY: the recorder has left the handle open.
    let left_open = unsafe { DoneEvent::from_raw(left_open) };
    assert!(!left_open.unwrap().is_signaled());
}

#[test]
fn every_thread_has_its_own_number() {
    let here = ThreadNumber::current();
    let there = thread::spawn(ThreadNumber::current).join().unwrap();
    assert!(here == ThreadNumber::current() && here != there);
    assert_ne!(there, thread::spawn(ThreadNumber::current).join().unwrap());
    assert_eq!(format!("{here:>3}").len(), 3);
}
