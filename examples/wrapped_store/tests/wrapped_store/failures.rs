//! Runs in which something fails, and runs that are canceled: the next run completes them.

use crate::delivery::{NONE, host_with, run, subjects};
use crate::stand_in::host::Host;
use mapisync::HRESULT;
use mapisync::testing::{Call, Outlook, Recorder};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use wrapped_store32::settings::PR_MAILDIR;

#[test]
fn a_failure_of_each_call_is_reported_and_the_next_run_completes() {
    // Each call of the inner store, and whether its failure ends the run or leaves out the messages.
    for (failing, ends_the_run) in [
        ("GetReceiveFolder", true),
        ("OpenEntry", true),
        ("CreateMessage", false),
        ("SetProps", false),
        ("SetProps with a problem", false),
        ("ModifyRecipients", false),
        ("SaveChanges", false),
    ] {
        let host = host_with(&["a", "b"]);
        let sync = host.sync();
        let code = HRESULT::MAPI_E_NOT_ENOUGH_DISK;
        host.fail(Some((failing, code)));
        let outcome = Outlook::new().run(&sync);
        outcome.assert_no_leaks();
        let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
        let expected = if ends_the_run { (code, 1) } else { (partial, 2) };
        let is_error = |call: &Call| matches!(call, Call::Error(reported, _) if *reported == code);
        let errors = outcome.calls().iter().filter(|call| is_error(call.call()));
        let found = (outcome.status().unwrap(), errors.count());
        assert_eq!(found, expected, "{failing}");
        assert_eq!(subjects(&host), NONE, "{failing}");
        host.fail(None);
        run(&sync);
        assert_eq!(subjects(&host), ["a", "b"], "{failing}");
    }
}

#[test]
fn one_message_that_fails_does_not_hold_up_the_others() {
    let host = host_with(&["a", "b", "c"]);
    let (state, saves) = (host.state.clone(), AtomicU32::new(0));
    host.on_call(move |method| {
        if method == "SaveChanges" {
            let is_second = saves.fetch_add(1, SeqCst) == 1;
            let failure = ("SaveChanges", HRESULT::MAPI_E_DISK_ERROR);
            *state.failing.lock().unwrap() = is_second.then_some(failure);
        }
    });
    let sync = host.sync();
    let outcome = Outlook::new().run(&sync);
    outcome.assert_status(HRESULT::MAPI_W_PARTIAL_COMPLETION);
    let error = Call::error(HRESULT::MAPI_E_DISK_ERROR, "«b»: it cannot be saved");
    assert!(outcome.calls().iter().any(|call| *call == error));
    assert_eq!(subjects(&host), ["a", "c"]);
    run(&sync);
    assert_eq!(subjects(&host), ["b"]);
}

#[test]
fn a_canceled_run_keeps_what_it_has_delivered() {
    let host = host_with(&["a", "b", "c", "d"]);
    let sync = host.sync();
    // The first report is 0: one for opening, then one before each message.
    let outlook = Outlook::new().recorder(Recorder::new().cancel_at(3));
    let outcome = outlook.run(&sync);
    outcome.assert_status(HRESULT::MAPI_E_USER_CANCEL).assert_no_leaks();
    assert_eq!(subjects(&host), ["a", "b"]);
    run(&sync);
    assert_eq!(subjects(&host), ["c", "d"]);
}

#[test]
fn a_store_without_a_maildir_says_so() {
    let host = Host::new();
    host.set(PR_MAILDIR, None);
    let outcome = Outlook::new().run(&host.sync());
    outcome.assert_failed(HRESULT::MAPI_E_UNCONFIGURED, "the profile names no Maildir");
    host.set(PR_MAILDIR, Some("/there/is/no/Maildir"));
    let outcome = Outlook::new().run(&host.sync());
    outcome.assert_status(HRESULT::MAPI_E_NOT_FOUND);
}
