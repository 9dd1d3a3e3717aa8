//! The rules of calls at the same time.

use super::check::{Check, Finding};
use super::provider::{Store, missing_end, until_not_busy};
use super::single_run::count;
use crate::abi::HRESULT;
use crate::testing::{Method, Outcome, OutlookRun, Recorder};
use alloc::format;

/// The number of calls at the same time.
const CALLS: usize = 4;

/// Calls the store while a `Progress` of its first run is blocked. `reports` is the number of calls
/// of `Progress` in a normal run, if it is known.
pub(super) fn second_call(check: &mut Check<'_>, store: &Store, reports: Option<usize>) {
    let id = "second-call";
    check.rule(id, |check| {
        let no_progress = || Finding::not_applicable("a run reports no progress to be stopped in");
        if reports == Some(0) {
            return no_progress();
        }
        let start = || start_blocked(check, store);
        let returned = |run: &BlockedRun| run.as_ref().err().and_then(|ended| ended.returned);
        let (recorder, first) = match until_not_busy(start, returned) {
            Ok(run) => run,
            Err(ended) => {
                check.note_end(&ended, id);
                return no_progress();
            }
        };
        let second = check.outlook().start(store);
        let returned = second.wait_returned();
        recorder.release();
        let outcomes = [first.wait_without_counts(), second.wait_without_counts()];
        if returned.is_none() {
            for outcome in &outcomes {
                check.note_end(outcome, id);
            }
            let timeout = check.timeout();
            return Finding::Broken(format!(
                "the second call did not return within {timeout:?}, while the first run was in progress"
            ));
        }
        let [first, second] = outcomes.each_ref().map(missing_end);
        match first.map(|missing| ("first", missing)).or(second.map(|missing| ("second", missing))) {
            None => Finding::Kept,
            Some((run, missing)) => Finding::Fatal(format!("in the {run} run, {missing}")),
        }
    });
}

/// A run whose `Progress` is blocked until its recorder is released, or one that has ended without a
/// `Progress`.
type BlockedRun = Result<(Recorder, OutlookRun), Outcome>;

fn start_blocked(check: &Check<'_>, store: &Store) -> BlockedRun {
    let recorder = Recorder::new().blocks();
    // It waits for the second run.
    let patient = check.recording(recorder.clone()).timeout(check.timeout().saturating_mul(3));
    let run = patient.start(store);
    let state = recorder.wait(check.timeout(), |state| {
        let mut methods = state.calls.iter().map(|call| call.method());
        let mut returned = state.runs.iter().filter_map(|run| run.returned);
        methods.any(|method| method != Method::Error) || returned.any(HRESULT::is_err)
    });
    let is_blocked = count(&state.calls, Method::Progress) > 0;
    drop(state);
    if is_blocked {
        return Ok((recorder, run));
    }
    recorder.release();
    Err(run.wait_without_counts())
}

pub(super) fn parallel_runs(check: &mut Check<'_>, store: &Store) {
    check.rule("parallel-runs", |check| {
        let outlook = || check.recording(Recorder::new());
        let runs = [(); CALLS].map(|()| outlook().start(store));
        let outcomes = runs.map(|run| run.wait_without_counts());
        if let Some(missing) = outcomes.iter().find_map(missing_end) {
            return Finding::Fatal(format!("in one of {CALLS} runs, {missing}"));
        }
        let dones = |outcome: &Outcome| count(outcome.calls(), Method::Done);
        let twice = outcomes.iter().map(dones).find(|dones| *dones > 1);
        let seen = |dones| format!("in one of {CALLS} runs, Done was called {dones} times");
        Finding::from_seen(twice.map(seen))
    });
}
