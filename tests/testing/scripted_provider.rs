//! Every script of `ScriptedProvider`, with a host.

use crate::leaks::{done_twice, run_without_callback, scripts};
use crate::{CANCEL, OK, start, together};
use mapisync::abi::{IUnknown, MAPISIB};
use mapisync::testing::{Call, Method, Recorder, ScriptedProvider, ThreadNumber, reference_count};
use mapisync::{DoneEvent, Error, HRESULT};
use std::sync::mpsc;
use std::time::Duration;
use std::{ptr, thread};
use test_support::{TIMEOUT, bare_object, garbage, request, wait_until};

/// A timeout for a signal that the script withholds.
const SHORT: Duration = Duration::from_millis(20);

/// The script, the host's callback, the calls before `Done`, the status, and the results of all calls.
type Case<'a> = (
    fn(ScriptedProvider) -> ScriptedProvider,
    fn() -> Recorder,
    Vec<Call>,
    HRESULT,
    &'a [(&'static str, HRESULT)],
);

#[test]
fn a_script_makes_its_calls_in_order_on_one_thread_and_has_their_results() {
    let _together = together();
    const PARTIAL: HRESULT = HRESULT::MAPI_W_PARTIAL_COMPLETION;
    const OFFLINE: HRESULT = HRESULT::MAPI_E_NETWORK_ERROR;
    const FAIL: HRESULT = HRESULT::E_FAIL;
    const UNEXPECTED: HRESULT = HRESULT::E_UNEXPECTED;
    let recorder = Recorder::new;
    let cancels = || Recorder::new().cancel_at(0);
    let fails = || Recorder::new().returns(Method::Error, FAIL);
    let internal = "the synchronization was ended by an internal error";
    let reported = &[("Error", OK), ("Done", OK)];
    let [first, second] = [0, 1].map(|n| Call::position(n, 2));
    #[rustfmt::skip] // one case a line or two
    let cases: [Case<'_>; 9] = [
        (|new| new, recorder, vec![], OK, &[("Done", OK)]),
        (|new| new.step("«Inbox»", 0, 2).pause(SHORT).warning(PARTIAL, "«Drafts»").finish(HRESULT::S_FALSE), recorder,
            vec![Call::progress("«Inbox»", 0, 2), Call::error(PARTIAL, "«Drafts»")], HRESULT::S_FALSE, &[("Progress", OK), ("Error", OK), ("Done", OK)]),
        (|new| new.fail(OFFLINE, "the line is dead"), recorder, vec![Call::error(OFFLINE, "the line is dead")], OFFLINE, reported),
        // A success code is no failure.
        (|new| new.fail(HRESULT::S_FALSE, "no code"), recorder, vec![Call::error(FAIL, "no code")], FAIL, reported),
        (|new| new.panic("this panic belongs to the test"), recorder, vec![Call::error(UNEXPECTED, internal)], UNEXPECTED, reported),
        (|new| new.position(0, 2).position(1, 2), cancels, vec![first.clone()], CANCEL, &[("Progress", CANCEL), ("Done", OK)]),
        (|new| new.position(0, 2).position(1, 2).ignores_cancel(), cancels,
            vec![first, second], OK, &[("Progress", CANCEL), ("Progress", CANCEL), ("Done", OK)]),
        // A failing `Error` does not end the script.
        (|new| new.warning(OK, "a warning").position(1, 1), fails,
            vec![Call::error(OK, "a warning"), Call::position(1, 1)], OK, &[("Error", FAIL), ("Progress", OK), ("Done", OK)]),
        // The host refuses a second `Done`, and its callback receives one.
        (done_twice, recorder, vec![], OK, &[("Done", OK), ("Done", UNEXPECTED)]),
    ];
    let cases = cases.iter().flat_map(|case| [(case, false), (case, true)]);
    for ((script, recorder, calls, status, returned), is_early) in cases {
        let mut store = script(ScriptedProvider::new());
        if is_early {
            store = store.done_early();
        }
        let recorder = recorder();
        let run = start(&store.to_com(), &recorder);
        if is_early {
            assert_eq!(run.status(), Some(*status), "{store:?}");
            assert!(run.event().is_some_and(DoneEvent::is_signaled));
        }
        assert_eq!(run.wait(TIMEOUT).unwrap(), *status, "{store:?}");
        assert!(store.wait_ended(TIMEOUT));
        let expected = [&calls[..], &[Call::done(*status)]].concat();
        assert_eq!(recorder.calls(), expected, "{store:?}");
        assert!(recorder.calls()[calls.len()].has_event(), "{store:?}");
        assert_eq!(store.returned(), *returned);
        let threads = store.threads();
        assert_eq!(threads, vec![threads[0]; returned.len()], "{store:?}");
        assert_eq!(threads[0] == ThreadNumber::current(), is_early, "{store:?}");
    }
}

#[test]
fn a_run_without_done_or_signal_is_a_timeout() {
    let _together = together();
    let new = ScriptedProvider::new;
    let no_done = "Done was not called";
    let only_signal = "its event is signaled, but Done was not called";
    let no_signal = "Done was called, but its event is not signaled";
    let done = [("Done", OK)];
    // The third part says whether the event is signaled, if there is one.
    #[rustfmt::skip] // one case a line
    let cases = [
        (new().position(1, 1).never_done(), only_signal, Some(true), &[("Progress", OK)][..]),
        (new().never_signaled(), no_signal, Some(false), &done),
        (
            new().never_done().never_signaled(),
            no_done,
            Some(false),
            &[],
        ),
        (new().never_done().null_event(), no_done, None, &[]),
        (new().refuse(HRESULT::S_FALSE), no_done, None, &[]),
    ];
    for (store, expected, is_signaled, returned) in cases {
        let recorder = Recorder::new();
        let run = start(&store.to_com(), &recorder);
        assert!(store.wait_ended(TIMEOUT));
        if is_signaled == Some(true) {
            run.event().unwrap().wait(Some(TIMEOUT)).unwrap();
        }
        let Err(Error::Timeout { missing, .. }) = run.wait(SHORT) else {
            panic!("the run of {store:?} has ended");
        };
        assert_eq!(missing, expected, "{store:?}");
        let event = run.event().map(DoneEvent::is_signaled);
        assert_eq!(event, is_signaled, "{store:?}");
        let is_done = returned == done;
        assert_eq!(run.status(), is_done.then_some(OK), "{store:?}");
        assert_eq!(recorder.calls().len(), returned.len(), "{store:?}");
        assert_eq!(store.returned(), returned);
        if is_done {
            drop(store);
            assert_eq!(run.wait(TIMEOUT).unwrap(), OK, "the signal is sent");
        }
    }
}

#[test]
fn the_host_and_a_caller_without_a_callback_receive_the_event_of_the_script() {
    let _together = together();
    let new = ScriptedProvider::new;
    for (store, is_signaled) in [
        (new(), Some(true)),
        (new().never_signaled(), Some(false)),
        // `null_event` overrides `never_signaled` in either order.
        (new().null_event().never_signaled(), None),
        (new().never_signaled().null_event(), None),
    ] {
        let timeout = match is_signaled {
            Some(false) => SHORT,
            _ => TIMEOUT,
        };
        let event = run_without_callback(&store);
        let was_signaled = event.map(|event| event.wait(Some(timeout)).is_ok());
        assert_eq!(was_signaled, is_signaled, "{store:?}");

        let recorder = Recorder::new();
        let run = start(&store.to_com(), &recorder);
        let has_ended = run.wait(timeout).is_ok();
        assert_eq!(has_ended, is_signaled != Some(false), "{store:?}");
        let events = [run.event().is_some(), recorder.calls()[0].has_event()];
        assert_eq!(events, [is_signaled.is_some(); 2], "{store:?}");
    }
}

#[test]
fn a_blocked_call_returns_when_the_provider_is_dropped() {
    let _together = together();
    let store = ScriptedProvider::new().never_returns();
    let (returned, returns) = mpsc::channel();
    thread::scope(|scope| {
        let sync = store.to_com();
        scope.spawn(move || returned.send(start(&sync, &Recorder::new())).unwrap());
        wait_until(|| store.returned() == [("Done", OK)]);
        assert!(returns.recv_timeout(SHORT).is_err());
        drop(store);
        let run = returns.recv_timeout(TIMEOUT).unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), OK);
    });
}

#[test]
fn a_request_that_the_crate_refuses_is_refused_by_every_script() {
    let _together = together();
    for store in scripts() {
        let sync = store.to_com();
        let call = |psibpb: *mut MAPISIB| {
            // SAFETY: `psibpb` is NULL, or points to a structure whose pointers are NULL or valid.
            unsafe { sync.synchronize_in_background(psibpb) }
        };
        let mut event = garbage();
        let mut short = request(ptr::null_mut(), &mut event);
        short.ulSize = 4;
        let mut no_location = request(ptr::null_mut(), ptr::null_mut());
        let codes = [ptr::null_mut(), &mut short, &mut no_location].map(call);
        let invalid = HRESULT::E_INVALIDARG;
        assert_eq!(codes, [HRESULT::E_POINTER, invalid, invalid], "{store:?}");
        assert_eq!(reference_count(&sync), 1);
    }
    // The host's callback object lacks the interface.
    let (bare, mut event) = (bare_object(), garbage());
    let sync = ScriptedProvider::new().never_signaled().to_com();
    let mut request = request(bare.as_raw(), &mut event);
    // SAFETY: the structure is valid.
    let code = unsafe { sync.synchronize_in_background(&mut request) };
    assert_eq!((code, event), (HRESULT::E_NOINTERFACE, ptr::null_mut()));
    assert_eq!(reference_count(&bare), 1);
}

#[test]
fn the_count_of_an_object_is_that_of_its_references() {
    let sync = ScriptedProvider::new().to_com();
    let others = [(); 3].map(|()| sync.clone());
    assert_eq!(reference_count(&sync), 4);
    drop(others);
    assert_eq!(reference_count(&sync.cast::<IUnknown>().unwrap()), 2);
    assert_eq!(reference_count(&sync), 1);
}
