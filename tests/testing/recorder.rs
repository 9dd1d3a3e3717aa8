//! The recorder: its script, blocked calls, and the event.

use crate::{CANCEL, OK, SHORT, sentence, spawns, start, together};
use mapisync::testing::{Call, Method, Outcome, Outlook, Recorder, ThreadNumber, reference_count};
use mapisync::{DoneEvent, Error, HRESULT, MapiSyncProgressCallback};
use std::thread;
use std::time::Duration;
use test_support::{TIMEOUT, done, event_pair, outlook, wait_until};

fn returned(recorder: &Recorder) -> Vec<HRESULT> {
    let calls = recorder.calls();
    calls.iter().map(|call| call.returned().unwrap()).collect()
}

#[test]
fn a_test_can_act_while_the_store_is_blocked_in_progress() {
    let _together = together();
    let sync = spawns(|job| (0..9).try_for_each(|n| job.position(n, 9)));
    let recorder = Recorder::new().blocks();
    let run = outlook().recorder(recorder.clone()).start(&sync);
    assert!(recorder.wait_calls(1, TIMEOUT));
    assert!(!recorder.wait_calls(2, Duration::from_millis(1)));
    assert_eq!(recorder.calls()[0].returned(), None);
    let expected = "OutlookRun { calls: [Progress(None, 0, 9)], .. }";
    assert_eq!(format!("{run:?}"), expected);
    // The user cancels during the call.
    let recorder = recorder.cancel_at(0);
    recorder.release();
    assert_eq!(recorder.wait_done(TIMEOUT), Some(CANCEL));
    let outcome = run.wait();
    let expected = [Call::position(0, 9), Call::done(CANCEL)];
    assert_eq!(outcome.assert_canceled().calls(), expected);

    // A forgotten release appears in the table.
    let recorder = Recorder::new().blocks();
    let short = Outlook::new().timeout(SHORT);
    let outcome = short.recorder(recorder.clone()).run(&sync);
    let sentence = sentence(&outcome, Outcome::assert_ok);
    assert!(sentence.starts_with("the store did not call Done"));
    let line = "Progress(None, 0, 9)  (running)";
    assert!(outcome.to_string().contains(line));
    recorder.release();
    assert_eq!(recorder.wait_done(TIMEOUT), Some(OK));

    // A run whose `OutlookRun` is dropped continues.
    let recorder = Recorder::new();
    drop(outlook().recorder(recorder.clone()).start(&sync));
    assert_eq!(recorder.wait_done(TIMEOUT), Some(OK));
    wait_until(|| reference_count(&sync) == 1);
}

#[test]
fn the_script_of_a_recorder_decides_the_result_of_each_call() {
    let _together = together();
    let unexpected = HRESULT::E_UNEXPECTED;
    let recorder = Recorder::new()
        .cancel_at_step("Sent")
        .returns(Method::Error, HRESULT::S_FALSE)
        .panics_in(Method::Done);
    let callback = recorder.object();
    let expected = [OK, CANCEL, CANCEL, HRESULT::S_FALSE, unexpected];
    let codes = [
        callback.progress(Some("Inbox"), 0, 1),
        callback.progress(Some("Sent"), 0, 1),
        callback.progress(None, 0, 1),
        callback.error(HRESULT::E_FAIL, "no luck"),
        done(&callback, None, OK),
    ];
    assert_eq!((codes, returned(&recorder)), (expected, expected.into()));
    assert_eq!(recorder.wait_done(TIMEOUT), Some(OK));
    // Each object is a run of its own, in which the user has not canceled.
    assert_eq!(recorder.object().progress(Some("Inbox"), 0, 1), OK);

    // A success code does not stop the store, and a panic does.
    let sync = spawns(|job| job.position(0, 1).and_then(|()| job.position(1, 1)));
    let warns = Recorder::new().returns(Method::Progress, HRESULT::S_FALSE);
    outlook().recorder(warns.clone()).run(&sync).assert_ok();
    assert_eq!(returned(&warns), [HRESULT::S_FALSE, HRESULT::S_FALSE, OK]);
    let panics = Recorder::new().on_call(|call| assert_ne!(call, &Call::position(1, 1)));
    let outcome = outlook().recorder(panics.clone()).run(&sync);
    outcome.assert_canceled().assert_status(unexpected);
    assert_eq!(returned(&panics), [OK, unexpected, OK]);

    // The same through the trait.
    let recorder = Recorder::new().panics_in(Method::Progress);
    let status = start(&sync, &recorder).wait(TIMEOUT).unwrap();
    let expected = [Call::position(0, 1), Call::done(status)];
    assert_eq!(status, unexpected);
    assert_eq!(recorder.calls(), expected);
    let recorder = Recorder::new().returns(Method::Error, CANCEL);
    let error = recorder.error(HRESULT::E_FAIL, None).unwrap_err();
    assert_eq!(error.hresult(), CANCEL);
}

#[test]
fn returns_with_decides_the_result_of_each_call() {
    let (abort, fail) = (HRESULT::E_ABORT, HRESULT::E_FAIL);
    let decides = |call: &Call| match call {
        Call::Progress(_, 0, _) => Ok(HRESULT::S_FALSE),
        Call::Progress(_, 1, _) => Ok(HRESULT::E_ABORT),
        Call::Progress(..) => panic!("the hook panics"),
        // An error with a success code is a failure.
        _ => Err(HRESULT::S_FALSE.into()),
    };
    let recorder =
        Recorder::new().returns(Method::Error, CANCEL).returns_with(decides).cancel_at(3);
    let callback = recorder.object();
    let expected = [HRESULT::S_FALSE, abort, HRESULT::E_UNEXPECTED, CANCEL, fail];
    let progress = [0, 1, 2, 0].map(|n| callback.progress(None, n, 3));
    assert_eq!(progress, expected[..4]);
    assert_eq!(callback.error(abort, "no luck"), fail);
    assert_eq!(returned(&recorder), expected);

    // The same through the trait, which has no success code but S_OK.
    let recorder = Recorder::new().returns_with(decides);
    assert!(recorder.progress(None, 0, 3).is_ok());
    assert_eq!(recorder.progress(None, 1, 3).unwrap_err().hresult(), abort);
    let error = recorder.error(abort, None).unwrap_err();
    assert!(matches!(error, Error::Code(HRESULT::S_FALSE)));
    assert_eq!(returned(&recorder), [OK, abort, fail]);
}

#[test]
fn the_event_is_closed_or_kept_and_a_second_one_stays_open() {
    let _together = together();
    let recorder = Recorder::new().keeps_event();
    let outlook = outlook().recorder(recorder.clone());
    outlook.run(&spawns(|_| Ok(()))).assert_ok();
    let event = recorder.take_event().unwrap();
    assert!(event.is_signaled() && recorder.take_event().is_none());

    // The events of several runs are all kept, and taken in their order.
    let ((first, signal), (second, _unused)) = (event_pair(), event_pair());
    for event in [first, second] {
        let _ = done(&recorder.object(), Some(event), OK);
    }
    drop(signal);
    let taken = [(); 3].map(|()| recorder.take_event().map(|event| event.is_signaled()));
    assert_eq!(taken, [Some(true), Some(false), None]);

    let (callback, (first, signal), (second, _unused)) =
        (Recorder::new().object(), event_pair(), event_pair());
    let (closed, left_open) = (first.try_clone().unwrap(), second.as_raw());
    let _ = done(&callback, Some(first), OK);
    let _ = done(&callback, Some(second), OK);
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
}
