//! Scripts that follow the protocol, with a host.

use crate::{FLAGS, Missing, OK, SHORT, alone, missing, run, run_with, start};
use mapisync::testing::{Call, Method, Recorder, ScriptedProvider, ThreadNumber};
use mapisync::{Error, HRESULT, SyncHost};
use std::sync::Arc;

#[test]
fn a_script_without_reports_ends_with_s_ok() {
    let _alone = alone();
    let store = ScriptedProvider::default();
    let (status, calls) = run(&store);
    assert_eq!(status, OK);
    assert_eq!(calls, [Call::done(OK)]);
    assert!(calls[0].has_event());
    assert_eq!(store.returned(), [("Done", OK)]);
}

#[test]
fn reports_reach_the_host_in_order_on_one_thread() {
    let _alone = alone();
    let store = ScriptedProvider::new()
        .step("Receiving «Inbox»", 0, 2)
        .pause(SHORT)
        .position(1, 2)
        .warning(
            HRESULT::MAPI_W_PARTIAL_COMPLETION,
            "«Drafts» cannot be read",
        )
        .finish(HRESULT::S_FALSE);
    let (status, calls) = run(&store);
    assert_eq!(status, HRESULT::S_FALSE);
    let warning = HRESULT::MAPI_W_PARTIAL_COMPLETION;
    let expected = [
        Call::progress("Receiving «Inbox»", 0, 2),
        Call::position(1, 2),
        Call::error(warning, "«Drafts» cannot be read"),
        Call::done(HRESULT::S_FALSE),
    ];
    assert_eq!(calls, expected);
    assert!(calls[3].has_event());
    let expected = [
        ("Progress", OK),
        ("Progress", OK),
        ("Error", OK),
        ("Done", OK),
    ];
    assert_eq!(store.returned(), expected);
    let threads = store.threads();
    assert_eq!(threads.len(), 4);
    assert!(threads.iter().all(|thread| *thread == threads[0]));
    assert_ne!(threads[0], ThreadNumber::current());
}

#[test]
fn an_error_reaches_the_host_before_done() {
    let _alone = alone();
    let code = HRESULT::MAPI_E_NETWORK_ERROR;
    let (status, calls) = run(&ScriptedProvider::new().fail(code, "the line is dead"));
    assert_eq!(status, code);
    let error = Call::error(code, "the line is dead");
    assert_eq!(calls, [error, Call::done(code)]);
    let store = ScriptedProvider::new().fail(HRESULT::S_FALSE, "");
    assert_eq!(run(&store).0, HRESULT::E_FAIL);
}

#[test]
fn a_panic_ends_a_run_on_either_thread_with_e_unexpected() {
    let _alone = alone();
    for store in [
        ScriptedProvider::new(),
        ScriptedProvider::new().done_early(),
    ] {
        let store = store.panic("this panic belongs to the test");
        let (status, calls) = run(&store);
        assert_eq!(status, HRESULT::E_UNEXPECTED);
        let message = "the synchronization was ended by an internal error";
        assert_eq!(calls[0], Call::error(status, message));
        assert_eq!(store.returned(), [("Error", OK), ("Done", OK)]);
    }
}

#[test]
fn a_refusal_starts_no_run() {
    let _alone = alone();
    let store = ScriptedProvider::new().refuse(HRESULT::MAPI_E_BUSY);
    let recorder = Arc::new(Recorder::new());
    let host = SyncHost::new(recorder.clone());
    let error = host.start(&store.to_com(), FLAGS).unwrap_err();
    assert!(matches!(
        error,
        Error::Refused {
            code: HRESULT::MAPI_E_BUSY,
            ..
        }
    ));
    drop(host);
    assert_eq!((recorder.calls().len(), store.returned()), (0, vec![]));
    assert_eq!(Arc::strong_count(&recorder), 1);

    let store = ScriptedProvider::new().refuse(HRESULT::S_FALSE);
    let run = start(&store, &recorder);
    assert_eq!(missing(&run), Missing::Done);
    assert!(run.event().is_none());
}

#[test]
fn the_hosts_cancellation_ends_the_script() {
    let _alone = alone();
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    let recorder = || Recorder::new().cancel_at(0);
    let script = || ScriptedProvider::new().position(0, 2).position(1, 2);
    let store = script();
    assert_eq!(run_with(&store, recorder()).0, cancel);
    assert_eq!(store.returned(), [("Progress", cancel), ("Done", OK)]);

    let store = script().ignores_cancel();
    assert_eq!(run_with(&store, recorder()).0, OK);
    let expected = [("Progress", cancel), ("Progress", cancel), ("Done", OK)];
    assert_eq!(store.returned(), expected);
}

#[test]
fn a_failing_error_does_not_end_the_script() {
    let _alone = alone();
    let recorder = Recorder::new().returns(Method::Error, HRESULT::E_FAIL);
    let store = ScriptedProvider::new().warning(OK, "").position(1, 1);
    assert_eq!(run_with(&store, recorder).0, OK);
    let expected = [("Error", HRESULT::E_FAIL), ("Progress", OK), ("Done", OK)];
    assert_eq!(store.returned(), expected);
}
