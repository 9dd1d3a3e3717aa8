//! One object for each rule, which breaks it, and otherwise only the rules that it entails.

use crate::broken_callback::{self, broken_callback};
use crate::broken_object::{self, X, Y, broken_object};
use crate::broken_store::{self, broken_store};
use crate::{SHORT, alone, not_applicable, thorough};
use mapisync::testing::conformance::{Conformance, RULES, Report, Severity, Verdict};
use std::thread;

/// An object that breaks a rule.
pub struct Case {
    /// The rule.
    pub id: &'static str,
    /// The fault, in words that follow "The object".
    pub fault: &'static str,
    /// The other rules that it breaks, because the first one entails them.
    pub entailed: &'static [&'static str],
    broken: Broken,
}

enum Broken {
    Object(broken_object::Fault),
    Callback(broken_callback::Fault),
    Store(broken_store::Fault),
    /// A store that does not end its run or its call, so that the timeout is short.
    Hanging(broken_store::Fault),
    /// A store that is checked together with the threads and handles of this process.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    Lasting(broken_store::Fault),
}

use Broken::{Callback, Hanging, Lasting, Object, Store};

const fn case(
    id: &'static str,
    broken: Broken,
    fault: &'static str,
    entailed: &'static [&'static str],
) -> Case {
    Case {
        id,
        fault,
        entailed,
        broken,
    }
}

#[rustfmt::skip] // one case a line or two
pub const CASES: &[Case] = &[
    case("com-counts", Object(broken_object::Fault::AddsNoReference), "adds no reference for one IID", &[]),
    case("com-counts", Object(broken_object::Fault::AddsTwoReferences), "adds two references for one IID", &[]),
    case("com-static-set", Object(broken_object::Fault::ChangesItsInterfaces), "loses an interface and regains it", &[]),
    case("com-identity", Object(broken_object::Fault::HasTwoIdentities), "returns `this` for `IUnknown`, from every interface", &[]),
    case("com-reflexivity", Object(broken_object::Fault::IsNotReflexive), "has an interface that does not find itself", &[]),
    case("com-symmetry", Object(broken_object::Fault::IsNotSymmetric), "has an interface that does not find the one that finds it", &["com-transitivity"]),
    case("com-transitivity", Object(broken_object::Fault::IsNotTransitive), "has two interfaces that do not find each other", &[]),
    case("com-no-interface", Object(broken_object::Fault::ReturnsAnotherCode), "returns `E_FAIL`", &[]),
    case("com-out-parameter", Object(broken_object::Fault::KeepsTheOutParameter), "leaves the out parameter as it was", &[]),
    case("com-null-ppv", Object(broken_object::Fault::AcceptsNullPpv), "returns `S_OK`", &[]),

    case("callback-any-thread", Callback(broken_callback::Fault::BelongsToItsThread), "returns `RPC_E_WRONG_THREAD`", &[]),
    case("callback-null-step", Callback(broken_callback::Fault::NeedsAStep), "refuses a NULL string", &[]),
    case("callback-zero-maximum", Callback(broken_callback::Fault::NeedsAMaximum), "refuses a maximum of 0", &[]),
    case("callback-warning", Callback(broken_callback::Fault::RefusesWarnings), "refuses success codes", &[]),
    case("callback-warning", Callback(broken_callback::Fault::Hangs), "never returns from `Error`", &[]),
    case("callback-null-message", Callback(broken_callback::Fault::NeedsAMessage), "refuses a NULL string", &[]),
    case("callback-null-event", Callback(broken_callback::Fault::NeedsAnEvent), "refuses a NULL event", &[]),
    case("callback-counts", Callback(broken_callback::Fault::KeepsItself), "adds a reference to itself in `Progress`", &[]),

    case("returns", Hanging(broken_store::Fault::NeverReturns), "never returns", &[]),
    case("done-once", Hanging(broken_store::Fault::NeverCallsDone), "never calls `Done`", &[]),
    case("done-once", Store(broken_store::Fault::CallsDoneTwice), "calls `Done` twice", &["parallel-runs"]),
    case("nothing-after-done", Store(broken_store::Fault::ReportsAfterDone), "calls `Progress` after `Done`", &[]),
    case("event-returned", Store(broken_store::Fault::HasNoEvent), "has no event", &["null-callback"]),
    case("done-before-event", Store(broken_store::Fault::SignalsBeforeDone), "signals the event first", &[]),
    case("event-after-success", Hanging(broken_store::Fault::NeverSignalsSuccess), "does not signal the event of a success", &[]),
    case("event-after-failure", Hanging(broken_store::Fault::NeverSignalsFailure), "does not signal the event of a failure", &[]),
    case("index-within-max", Store(broken_store::Fault::ReportsBeyondTheMaximum), "counts from 1 and adds 1", &[]),
    case("in-background", Store(broken_store::Fault::WorksInTheCall), "works before it returns", &[]),
    case("run-counts", Store(broken_store::Fault::KeepsTheCallback), "keeps the callback", &[]),
    case("run-counts", Store(broken_store::Fault::KeepsItself), "keeps a reference to itself", &[]),
    case("run-counts", Store(broken_store::Fault::KeepsTheSession), "keeps the session of each run", &[]),
    case("cancel-honored", Store(broken_store::Fault::IgnoresCancellation), "ignores the result of `Progress`", &["cancel-status"]),
    case("cancel-status", Store(broken_store::Fault::ForgetsTheCode), "stops and ends with `S_OK`", &[]),
    case("event-after-cancel", Hanging(broken_store::Fault::NeverSignalsCancellation), "does not signal the event of a cancellation", &[]),
    case("short-size", Store(broken_store::Fault::AcceptsAShortSize), "ignores `ulSize`", &[]),
    case("long-size", Store(broken_store::Fault::RefusesALongSize), "compares `ulSize` with `!=`", &[]),
    case("unknown-flags", Store(broken_store::Fault::RefusesUnknownFlags), "returns `MAPI_E_UNKNOWN_FLAGS`", &[]),
    case("callback-without-interface", Store(broken_store::Fault::IgnoresAMissingInterface), "returns `S_OK` and no event", &[]),
    case("failed-call-counts", Store(broken_store::Fault::ReleasesAMissingInterface), "releases a callback object without the interface", &[]),
    case("failed-call", Store(broken_store::Fault::ReportsInAFailedCall), "calls `Progress` before it fails", &[]),
    case("failed-call", Store(broken_store::Fault::ReturnsAnEventOfAFailedCall), "stores an event before it fails", &[]),
    case("second-call", Hanging(broken_store::Fault::Queues), "waits for the end of the first run", &[]),
    case("parallel-runs", Hanging(broken_store::Fault::ForgetsTheThirdRun), "loses runs if three are in progress", &[]),
    case("lasting-thread", Lasting(broken_store::Fault::LeavesAThread), "leaves a thread for each run", &[]),
    case("lasting-handle", Lasting(broken_store::Fault::LeavesAHandle), "leaves a duplicate of each event", &[]),
    case("null-request", Store(broken_store::Fault::AcceptsNullRequest), "returns `S_OK`", &[]),
    case("null-event-location", Store(broken_store::Fault::AcceptsNullLocation), "runs without an event", &[]),
    case("null-callback", Store(broken_store::Fault::IgnoresAMissingCallback), "returns `S_OK` and no event", &[]),
];

impl Case {
    pub fn check(&self) -> Report {
        let store = |fault, conformance: Conformance| {
            let (store, state) = broken_store(fault);
            let report = conformance.check_provider(&store);
            state.release();
            report
        };
        match self.broken {
            Object(fault) => thorough()
                .iid(X)
                .iid(Y)
                .check_unknown(&broken_object(fault)),
            Callback(fault) => {
                let (callback, state) = broken_callback(fault);
                let timeout = match fault {
                    broken_callback::Fault::Hangs => SHORT,
                    _ => test_support::TIMEOUT,
                };
                // SAFETY: no store has the callback.
                let report = unsafe { thorough().timeout(timeout).check_callback(&callback) };
                state.release();
                report
            }
            Store(fault) => store(fault, thorough()),
            Hanging(fault) => store(fault, thorough().timeout(SHORT)),
            Lasting(fault) => store(fault, thorough().alone_in_process()),
        }
    }

    /// Whether this system can check the rule.
    fn is_possible(&self) -> bool {
        match self.broken {
            Lasting(broken_store::Fault::LeavesAThread) => cfg!(target_os = "linux"),
            Lasting(_) => cfg!(any(target_os = "linux", windows)),
            _ => true,
        }
    }
}

/// Returns what is wrong with the report of a case.
fn fault_of(case: &Case) -> Option<String> {
    let report = case.check();
    let mut expected = vec![case.id];
    expected.extend(case.entailed);
    let mut rows = report.rows().iter();
    let row = rows.find(|row| row.rule.id == case.id).unwrap();
    let has_failed = matches!(row.verdict, Verdict::Failed(_));
    let is_severe = row.rule.severity() == Severity::Fails;
    // A store that hangs is not called again. One that queues its runs does not hang.
    let hangs = matches!(case.broken, Hanging(fault) if fault != broken_store::Fault::Queues);
    let last = report.rows().last().and_then(|row| row.verdict.seen());
    let is_stopped = last.is_some_and(|why| why.starts_with("not checked after "));
    let is_right = report.broken() == expected
        && has_failed == is_severe
        && report.passed() != is_severe
        && (is_stopped || !hangs);
    let fault = case.fault;
    (!is_right).then(|| format!("expected {expected:?} if the object {fault}:\n{report}"))
}

#[test]
#[cfg_attr(miri, ignore = "Miri reports the threads of the stores that hang")]
fn every_rule_is_broken_by_an_object_that_otherwise_breaks_only_what_it_entails() {
    let _alone = alone();
    let possible = CASES.iter().filter(|case| case.is_possible());
    let (lasting, others): (Vec<_>, Vec<_>) =
        possible.partition(|case| matches!(case.broken, Lasting(_)));
    // Most of the time passes in timeouts, so several cases are checked at the same time.
    let faults = thread::scope(|scope| {
        const LANES: usize = 6;
        let others = &others;
        let lane = |n| {
            let cases = others.iter().skip(n).step_by(LANES);
            scope.spawn(move || cases.filter_map(|case| fault_of(case)).collect::<Vec<_>>())
        };
        let threads: Vec<_> = (0..LANES).map(lane).collect();
        let faults = threads.into_iter().map(|thread| thread.join().unwrap());
        faults.collect::<Vec<_>>().concat()
    });
    // These count the threads and handles of the process.
    let lasting = lasting.into_iter().filter_map(fault_of);
    let faults: Vec<String> = faults.into_iter().chain(lasting).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn every_rule_has_a_case() {
    for rule in RULES {
        assert!(CASES.iter().any(|case| case.id == rule.id), "{}", rule.id);
    }
}

#[test]
fn the_same_objects_without_a_fault_break_nothing() {
    let _alone = alone();
    let report = thorough()
        .iid(X)
        .iid(Y)
        .check_unknown(&broken_object(broken_object::Fault::None));
    assert_eq!(
        (report.broken(), not_applicable(&report)),
        (vec![], vec![]),
        "{report}"
    );

    let (callback, _) = broken_callback(broken_callback::Fault::None);
    // SAFETY: no store has the callback.
    let report = unsafe { thorough().check_callback(&callback) };
    assert_eq!(
        (report.broken(), not_applicable(&report)),
        (vec![], vec![]),
        "{report}"
    );

    let (store, _) = broken_store(broken_store::Fault::None);
    let report = thorough().check_provider(&store);
    let skipped = vec!["event-after-failure", "lasting-thread", "lasting-handle"];
    assert_eq!(
        (report.broken(), not_applicable(&report)),
        (vec![], skipped.clone()),
        "{report}"
    );
    let (store, state) = broken_store(broken_store::Fault::KeepsOneSession);
    let report = thorough().check_provider(&store);
    state.release();
    assert_eq!(
        (report.broken(), not_applicable(&report)),
        (vec![], skipped),
        "{report}"
    );
}
