//! One object for each rule, which breaks it, and otherwise only the rules that it entails.

use super::broken_callback::{Fault as CallbackFault, broken_callback};
use super::broken_object::{Fault as ObjectFault, X, Y, broken_object};
use super::broken_store::{Fault as StoreFault, broken_store};
use super::{SHORT, assert_keeps, thorough};
use crate::{alone, together};
use mapisync::testing::conformance::{Conformance, RULES, Report, Severity, Verdict};
use std::sync::Mutex;
use std::thread;

#[derive(Clone, Copy)]
pub enum Broken {
    Object(ObjectFault),
    Callback(CallbackFault),
    Store(StoreFault),
    /// A store that does not end its run or its call, so that the timeout is short.
    Hanging(StoreFault),
    /// A store that is checked together with the threads and handles of this process.
    Lasting(StoreFault),
}

use Broken::{Callback, Hanging, Lasting, Object, Store};

/// The rule, the object that breaks it, its fault in words that follow "The object", and the other
/// rules that it breaks, because the first one entails them.
pub type Case = (&'static str, Broken, &'static str, &'static [&'static str]);

#[rustfmt::skip] // one case a line
pub const CASES: &[Case] = &[
    ("com-counts", Object(ObjectFault::AddsNoReference), "adds no reference for one IID", &[]),
    ("com-counts", Object(ObjectFault::AddsTwoReferences), "adds two references for one IID", &[]),
    ("com-static-set", Object(ObjectFault::ChangesItsInterfaces), "loses an interface and regains it", &[]),
    ("com-identity", Object(ObjectFault::HasTwoIdentities), "returns `this` for `IUnknown`, from every interface", &[]),
    ("com-reflexivity", Object(ObjectFault::IsNotReflexive), "has an interface that does not find itself", &[]),
    ("com-symmetry", Object(ObjectFault::IsNotSymmetric), "has an interface that does not find the one that finds it", &["com-transitivity"]),
    ("com-transitivity", Object(ObjectFault::IsNotTransitive), "has two interfaces that do not find each other", &[]),
    ("com-no-interface", Object(ObjectFault::ReturnsAnotherCode), "returns `E_FAIL`", &[]),
    ("com-out-parameter", Object(ObjectFault::KeepsTheOutParameter), "leaves the out parameter as it was", &[]),
    ("com-null-ppv", Object(ObjectFault::AcceptsNullPpv), "returns `S_OK`", &[]),

    ("callback-any-thread", Callback(CallbackFault::BelongsToItsThread), "returns `RPC_E_WRONG_THREAD`", &[]),
    ("callback-null-step", Callback(CallbackFault::NeedsAStep), "refuses a NULL string", &[]),
    ("callback-zero-maximum", Callback(CallbackFault::NeedsAMaximum), "refuses a maximum of 0", &[]),
    ("callback-warning", Callback(CallbackFault::RefusesWarnings), "refuses success codes", &[]),
    ("callback-warning", Callback(CallbackFault::Hangs), "never returns from `Error`", &[]),
    ("callback-null-message", Callback(CallbackFault::NeedsAMessage), "refuses a NULL string", &[]),
    ("callback-null-event", Callback(CallbackFault::NeedsAnEvent), "refuses a NULL event", &[]),
    ("callback-counts", Callback(CallbackFault::KeepsItself), "adds a reference to itself in `Progress`", &[]),

    ("returns", Hanging(StoreFault::NeverReturns), "never returns", &[]),
    ("done-once", Hanging(StoreFault::NeverCallsDone), "never calls `Done`", &[]),
    ("done-once", Store(StoreFault::CallsDoneTwice), "calls `Done` twice", &["parallel-runs"]),
    ("nothing-after-done", Store(StoreFault::ReportsAfterDone), "calls `Progress` after `Done`", &[]),
    ("event-returned", Store(StoreFault::HasNoEvent), "has no event", &["null-callback"]),
    ("done-before-event", Store(StoreFault::SignalsBeforeDone), "signals the event first", &[]),
    ("event-after-success", Hanging(StoreFault::NeverSignalsSuccess), "does not signal the event of a success", &[]),
    ("event-after-failure", Hanging(StoreFault::NeverSignalsFailure), "does not signal the event of a failure", &[]),
    ("index-within-max", Store(StoreFault::ReportsBeyondTheMaximum), "counts from 1 and adds 1", &[]),
    ("in-background", Store(StoreFault::WorksInTheCall), "works before it returns", &[]),
    ("run-counts", Store(StoreFault::KeepsTheCallback), "keeps the callback", &[]),
    ("run-counts", Store(StoreFault::KeepsItself), "keeps a reference to itself", &[]),
    ("run-counts", Store(StoreFault::KeepsTheSession), "keeps the session of each run", &[]),
    ("cancel-honored", Store(StoreFault::IgnoresCancellation), "ignores the result of `Progress`", &["cancel-status"]),
    ("cancel-status", Store(StoreFault::ForgetsTheCode), "stops and ends with `S_OK`", &[]),
    ("event-after-cancel", Hanging(StoreFault::NeverSignalsCancellation), "does not signal the event of a cancellation", &[]),
    ("short-size", Store(StoreFault::AcceptsAShortSize), "ignores `ulSize`", &[]),
    ("long-size", Store(StoreFault::RefusesALongSize), "compares `ulSize` with `!=`", &[]),
    ("unknown-flags", Store(StoreFault::RefusesUnknownFlags), "returns `MAPI_E_UNKNOWN_FLAGS`", &[]),
    ("callback-without-interface", Store(StoreFault::IgnoresAMissingInterface), "returns `S_OK` and no event", &[]),
    ("failed-call-counts", Store(StoreFault::ReleasesAMissingInterface), "releases a callback object without the interface", &[]),
    ("failed-call", Store(StoreFault::ReportsInAFailedCall), "calls `Progress` before it fails", &[]),
    ("failed-call", Store(StoreFault::ReturnsAnEventOfAFailedCall), "stores an event before it fails", &[]),
    ("second-call", Hanging(StoreFault::Queues), "waits for the end of the first run", &[]),
    ("parallel-runs", Hanging(StoreFault::ForgetsTheThirdRun), "loses runs if three are in progress", &[]),
    ("lasting-thread", Lasting(StoreFault::LeavesAThread), "leaves a thread for each run", &[]),
    ("lasting-handle", Lasting(StoreFault::LeavesAHandle), "leaves a duplicate of each event", &[]),
    ("null-request", Store(StoreFault::AcceptsNullRequest), "returns `S_OK`", &[]),
    ("null-event-location", Store(StoreFault::AcceptsNullLocation), "runs without an event", &[]),
    ("null-callback", Store(StoreFault::IgnoresAMissingCallback), "returns `S_OK` and no event", &[]),
];

fn check_store(fault: StoreFault, conformance: Conformance) -> Report {
    let (store, state) = broken_store(fault);
    let report = conformance.check_provider(&store);
    state.release();
    report
}

fn check(broken: Broken) -> Report {
    match broken {
        Object(fault) => {
            let object = broken_object(fault);
            thorough().iid(X).iid(Y).check_unknown(&object)
        }
        Callback(fault) => {
            let (callback, state) = broken_callback(fault);
            let mut conformance = thorough();
            if fault == CallbackFault::Hangs {
                conformance = conformance.timeout(SHORT);
            }
            // SAFETY: no store has the callback.
            let report = unsafe { conformance.check_callback(&callback) };
            state.release();
            report
        }
        Store(fault) => check_store(fault, thorough()),
        Hanging(fault) => check_store(fault, thorough().timeout(SHORT)),
        Lasting(fault) => check_store(fault, thorough().alone_in_process()),
    }
}

/// Returns what is wrong with the report of a case.
fn fault_of((id, broken, fault, entailed): &Case) -> Option<String> {
    let report = check(*broken);
    let mut expected = vec![*id];
    expected.extend(*entailed);
    let row = report.rows().iter().find(|row| row.rule.id == *id).unwrap();
    let has_failed = matches!(row.verdict, Verdict::Failed(_));
    let is_severe = row.rule.severity() == Severity::Fails;
    // A store that hangs is not called again. One that queues its runs does not hang.
    let hangs = matches!(broken, Hanging(fault) if *fault != StoreFault::Queues);
    let last = report.rows().last().and_then(|row| row.verdict.seen());
    let is_stopped = last.is_some_and(|why| why.starts_with("not checked after "));
    let is_right = report.broken() == expected
        && has_failed == is_severe
        && report.passed() != is_severe
        && (is_stopped || !hangs);
    (!is_right).then(|| format!("expected {expected:?} if the object {fault}:\n{report}"))
}

#[test]
#[cfg_attr(miri, ignore = "Miri reports the threads of the stores that hang")]
fn every_rule_is_broken_by_an_object_that_otherwise_breaks_only_what_it_entails() {
    let _alone = alone();
    // Most of the time passes in timeouts, so several cases are checked at the same time.
    let others = CASES.iter().filter(|case| !matches!(case.1, Lasting(_)));
    let (others, faults) = (Mutex::new(others), Mutex::new(vec![]));
    let next = || others.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let fault = fault_of(case);
                    faults.lock().unwrap().extend(fault);
                }
            });
        }
    });
    let mut faults = faults.into_inner().unwrap();
    // These count the threads and handles of the process, where this system can.
    let is_possible = |fault| match fault {
        StoreFault::LeavesAThread => cfg!(target_os = "linux"),
        _ => cfg!(any(target_os = "linux", windows)),
    };
    let lasting = CASES.iter();
    let lasting = lasting.filter(|case| matches!(case.1, Lasting(fault) if is_possible(fault)));
    faults.extend(lasting.filter_map(fault_of));
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn every_rule_has_a_case() {
    for rule in RULES {
        assert!(CASES.iter().any(|case| case.0 == rule.id), "{}", rule.id);
    }
}

#[test]
fn the_same_objects_without_a_fault_break_nothing() {
    let _together = together();
    assert_keeps(&check(Object(ObjectFault::None)), &[]);
    assert_keeps(&check(Callback(CallbackFault::None)), &[]);
    for fault in [StoreFault::None, StoreFault::KeepsOneSession] {
        let skipped = ["event-after-failure", "lasting-thread", "lasting-handle"];
        assert_keeps(&check(Store(fault)), &skipped);
    }
}
