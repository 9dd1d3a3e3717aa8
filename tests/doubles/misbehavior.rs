//! Scripts that break the protocol, with a host.

use crate::leaks::scripts;
use crate::{
    FLAGS, LONG, Missing, OK, SHORT, alone, done_twice, missing, run, run_without_callback, start,
};
use mapisync::abi::MAPISIB;
use mapisync::testing::{Call, Recorder, ScriptedProvider, ThreadNumber, reference_count};
use mapisync::{DoneEvent, HRESULT, SyncHost};
use std::ptr;
use std::sync::{Arc, mpsc};
use std::thread;
use test_support::{bare_object, garbage, request};

#[test]
fn an_early_done_is_called_on_the_hosts_thread_before_the_call_returns() {
    let _alone = alone();
    let (store, recorder) = (
        ScriptedProvider::new().position(1, 1).done_early(),
        Arc::default(),
    );
    let run = start(&store, &recorder);
    assert_eq!(run.status(), Some(OK));
    assert!(run.event().is_some_and(DoneEvent::is_signaled));
    assert_eq!(store.threads(), [ThreadNumber::current(); 2]);
}

#[test]
fn a_second_done_is_refused_by_the_host() {
    let _alone = alone();
    let store = done_twice(ScriptedProvider::new());
    let (status, calls) = run(&store);
    assert_eq!(status, OK);
    assert_eq!(calls, [Call::done(OK)], "the callback receives one");
    let expected = [("Done", OK), ("Done", HRESULT::E_UNEXPECTED)];
    assert_eq!(store.returned(), expected);
}

#[test]
fn a_missing_done_is_a_timeout_although_the_event_is_signaled() {
    let _alone = alone();
    let (store, recorder) = (
        ScriptedProvider::new().position(1, 1).never_done(),
        Arc::default(),
    );
    let run = start(&store, &recorder);
    run.event().unwrap().wait(Some(LONG)).unwrap();
    assert_eq!(missing(&run), Missing::DoneAfterEvent);
    assert_eq!(recorder.calls(), [Call::position(1, 1)]);
    assert_eq!(run.status(), None);
    assert_eq!(store.returned(), [("Progress", OK)]);
}

#[test]
fn a_null_event_leaves_the_host_with_done_alone() {
    let _alone = alone();
    // `null_event` overrides `never_signaled` in either order.
    for store in [
        ScriptedProvider::new().null_event().never_signaled(),
        ScriptedProvider::new().never_signaled().null_event(),
    ] {
        let recorder = Arc::default();
        let run = start(&store, &recorder);
        assert_eq!(run.wait(LONG).unwrap(), OK);
        assert!(run.event().is_none());
        assert!(!recorder.calls()[0].has_event());
    }
}

#[test]
fn an_event_that_is_never_signaled_is_a_timeout_after_done() {
    let _alone = alone();
    let (store, recorder) = (ScriptedProvider::new().never_signaled(), Arc::default());
    let run = start(&store, &recorder);
    assert!(store.wait_ended(LONG));
    assert_eq!(missing(&run), Missing::EventAfterDone);
    assert_eq!(run.status(), Some(OK));
    assert!(recorder.calls()[0].has_event());
    drop(store);
    assert_eq!(run.wait(LONG).unwrap(), OK, "the withheld signal is sent");
}

#[test]
fn a_run_without_done_and_event_is_a_timeout() {
    let _alone = alone();
    for store in [
        ScriptedProvider::new().never_done().never_signaled(),
        ScriptedProvider::new().never_done().null_event(),
    ] {
        let recorder = Arc::default();
        let run = start(&store, &recorder);
        assert!(store.wait_ended(LONG));
        assert_eq!(missing(&run), Missing::Done);
        assert!(run.event().is_none_or(|event| !event.is_signaled()));
        assert_eq!((recorder.calls().len(), store.returned()), (0, vec![]));
    }
}

#[test]
fn a_blocked_call_returns_when_the_provider_is_dropped() {
    let _alone = alone();
    let store = ScriptedProvider::new().never_returns();
    let (returned, returns) = mpsc::channel();
    thread::scope(|scope| {
        let (sync, host) = (store.to_com(), SyncHost::new(Recorder::new()));
        scope.spawn(move || returned.send(host.start(&sync, FLAGS).unwrap()).unwrap());
        while store.returned() != [("Done", OK)] {
            thread::yield_now();
        }
        assert!(returns.recv_timeout(SHORT).is_err());
        drop(store);
        assert_eq!(returns.recv_timeout(LONG).unwrap().wait(LONG).unwrap(), OK);
    });
}

#[test]
fn without_a_callback_the_caller_owns_the_event_of_the_script() {
    let _alone = alone();
    for (store, is_signaled) in [
        (ScriptedProvider::new(), Some(true)),
        (ScriptedProvider::new().never_signaled(), Some(false)),
        (ScriptedProvider::new().null_event(), None),
    ] {
        let event = run_without_callback(&store);
        let timeout = if is_signaled == Some(true) {
            LONG
        } else {
            SHORT
        };
        let was_signaled = event.map(|event| event.wait(Some(timeout)).is_ok());
        assert_eq!(was_signaled, is_signaled);
    }
}

#[test]
fn a_request_that_the_crate_refuses_is_refused_by_every_script() {
    let _alone = alone();
    let bare = bare_object();
    for store in scripts() {
        let sync = store.to_com();
        let call = |psibpb: *mut MAPISIB| {
            // SAFETY: `psibpb` is NULL, or points to a structure whose pointers are NULL or valid.
            unsafe { sync.synchronize_in_background(psibpb) }
        };
        assert_eq!(call(ptr::null_mut()), HRESULT::E_POINTER);
        let mut event = garbage();
        let whole = request(ptr::null_mut(), &mut event);
        assert_eq!(
            call(&mut MAPISIB { ulSize: 4, ..whole }),
            HRESULT::E_INVALIDARG
        );
        let no_location = MAPISIB {
            phSyncDoneEvent: ptr::null_mut(),
            ..whole
        };
        assert_eq!(call(&mut { no_location }), HRESULT::E_INVALIDARG);
        assert_eq!(reference_count(&sync), 1);
    }
    // The host's callback object lacks the interface.
    let mut event = garbage();
    let store = ScriptedProvider::new().never_signaled();
    let mut request = request(bare.as_raw(), &mut event);
    // SAFETY: the structure is valid.
    let code = unsafe { store.to_com().synchronize_in_background(&mut request) };
    assert_eq!((code, event), (HRESULT::E_NOINTERFACE, ptr::null_mut()));
    assert_eq!(reference_count(&bare), 1);
}
