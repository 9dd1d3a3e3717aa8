//! The scripts of a store that follows the rules, as a host sees them.

use crate::{Dialog, FLAGS, Missing, OK, SHORT, alone, missing, run, run_with, start};
use mapisync::testing::ScriptedProvider;
use mapisync::{Error, HRESULT, SyncHost};
use std::sync::Arc;
use std::thread;

#[test]
fn a_script_without_reports_ends_with_s_ok() {
    let _alone = alone();
    let store = ScriptedProvider::default();
    assert_eq!(
        run(&store),
        (
            OK,
            ["Done S_OK (0x00000000)", "with an event"]
                .map(String::from)
                .into()
        )
    );
    assert_eq!(store.returned(), [("Done", OK)]);
}

#[test]
fn reports_reach_the_host_in_their_order_from_one_thread() {
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
    let (status, lines) = run(&store);
    assert_eq!(status, HRESULT::S_FALSE);
    assert_eq!(
        lines,
        [
            "Receiving «Inbox» 0/2",
            "- 1/2",
            "MAPI_W_PARTIAL_COMPLETION (0x00040680): «Drafts» cannot be read",
            "Done S_FALSE (0x00000001)",
            "with an event",
        ]
    );
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
    assert_ne!(threads[0], thread::current().id());
}

#[test]
fn an_error_reaches_the_host_before_done() {
    let _alone = alone();
    let store = ScriptedProvider::new().fail(HRESULT::MAPI_E_NETWORK_ERROR, "the line is dead");
    let (status, lines) = run(&store);
    assert_eq!(status, HRESULT::MAPI_E_NETWORK_ERROR);
    assert_eq!(
        lines[..2],
        [
            "MAPI_E_NETWORK_ERROR (0x80040115): the line is dead",
            "Done MAPI_E_NETWORK_ERROR (0x80040115)",
        ]
    );
    let store = ScriptedProvider::new().fail(HRESULT::S_FALSE, "");
    assert_eq!(run(&store).0, HRESULT::E_FAIL);
}

#[test]
fn a_panic_is_e_unexpected_on_either_thread() {
    let _alone = alone();
    for store in [
        ScriptedProvider::new(),
        ScriptedProvider::new().done_early(),
    ] {
        let store = store.panic("this panic belongs to the test");
        let (status, lines) = run(&store);
        assert_eq!(status, HRESULT::E_UNEXPECTED);
        assert!(
            lines[0].ends_with("ended by an internal error"),
            "{lines:?}"
        );
        assert_eq!(store.returned(), [("Error", OK), ("Done", OK)]);
    }
}

#[test]
fn a_refusal_starts_nothing() {
    let _alone = alone();
    let (store, dialog) = (
        ScriptedProvider::new().refuse(HRESULT::MAPI_E_BUSY),
        Dialog::default(),
    );
    let dialog = Arc::new(dialog);
    let host = SyncHost::new(dialog.clone());
    let error = host.start(&store.to_com(), FLAGS).unwrap_err();
    assert!(matches!(
        error,
        Error::Refused {
            code: HRESULT::MAPI_E_BUSY
        }
    ));
    drop(host);
    assert_eq!((dialog.lines(), store.returned()), (vec![], vec![]));
    assert_eq!(Arc::strong_count(&dialog), 1);

    let store = ScriptedProvider::new().refuse(HRESULT::S_FALSE);
    let run = start(&store, &dialog);
    assert_eq!(missing(&run), Missing::Done);
    assert!(run.event().is_none());
}

#[test]
fn the_hosts_cancellation_ends_the_script() {
    let _alone = alone();
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    let dialog = || Dialog {
        cancel_with: cancel,
        ..Dialog::default()
    };
    let script = || ScriptedProvider::new().position(0, 2).position(1, 2);
    let store = script();
    assert_eq!(run_with(&store, dialog()).0, cancel);
    assert_eq!(store.returned(), [("Progress", cancel), ("Done", OK)]);

    let store = script().ignores_cancel();
    assert_eq!(run_with(&store, dialog()).0, OK);
    let expected = [("Progress", cancel), ("Progress", cancel), ("Done", OK)];
    assert_eq!(store.returned(), expected);
}

#[test]
fn a_failing_error_does_not_end_the_script() {
    let _alone = alone();
    let dialog = Dialog {
        return_from_error: HRESULT::E_FAIL,
        ..Dialog::default()
    };
    let store = ScriptedProvider::new().warning(OK, "").position(1, 1);
    assert_eq!(run_with(&store, dialog).0, OK);
    let expected = [("Error", HRESULT::E_FAIL), ("Progress", OK), ("Done", OK)];
    assert_eq!(store.returned(), expected);
}
