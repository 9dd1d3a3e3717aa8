//! The rules that one run decides, and those of a run that is canceled.

use super::check::{Check, Finding};
use super::provider::{Store, missing_end};
use crate::abi::HRESULT;
use crate::testing::assertions::check_count;
use crate::testing::{Call, EventState, Method, Outcome, RecordedCall, Recorder};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::thread;
use std::time::Duration;

/// The wait for a call after `Done`.
const LATE_CALLS: Duration = Duration::from_millis(50);

/// Runs the store once. Returns the number of its calls of `Progress`, or `None` if the rules were
/// skipped.
pub(super) fn normal(check: &mut Check<'_>, store: &Store) -> Option<usize> {
    let ids = [
        "returns",
        "done-once",
        "nothing-after-done",
        "event-returned",
        "done-before-event",
        "event-after-success",
        "event-after-failure",
        "index-within-max",
        "in-background",
        "run-counts",
    ];
    let mut reports = None;
    check.rules(ids, |check| {
        let recorder = Recorder::new();
        let outcome = check.run_and_count(&check.recording(recorder.clone()), store);
        thread::sleep(LATE_CALLS);
        let calls = recorder.calls();
        reports = Some(count(&calls, Method::Progress));
        let refusal = match outcome.returned {
            None => Some(missing_end(&outcome).unwrap_or_default()),
            Some(code) if code.is_err() => Some(format!("SynchronizeInBackground returned {code}")),
            Some(_) => None,
        };
        let Some(refusal) = refusal else {
            let has_failed = outcome.status.map(HRESULT::is_err);
            return [
                Finding::Kept,
                done_once(&outcome, &calls),
                nothing_after_done(&calls),
                event_returned(&outcome),
                done_before_event(&outcome),
                event_of(&outcome, has_failed == Some(false)),
                event_of(&outcome, has_failed == Some(true)),
                index_within_max(&calls),
                in_background(&outcome, &calls),
                run_counts(check, store, &outcome),
            ];
        };
        let mut findings = [(); 10].map(|()| Finding::not_applicable(&refusal));
        match outcome.returned {
            None => findings[0] = Finding::Broken(refusal),
            Some(_) => {
                findings[0] = Finding::Kept;
                check.stop(format_args!("the store starts no run: {refusal}"));
            }
        }
        findings
    });
    reports
}

pub(super) fn count(calls: &[RecordedCall], method: Method) -> usize {
    calls.iter().filter(|call| call.method() == method).count()
}

fn done_once(outcome: &Outcome, calls: &[RecordedCall]) -> Finding {
    match count(calls, Method::Done) {
        0 => Finding::Broken(format!("Done was not called within {:?}", outcome.timeout)),
        1 => Finding::Kept,
        count => Finding::Broken(format!("Done was called {count} times")),
    }
}

fn nothing_after_done(calls: &[RecordedCall]) -> Finding {
    let mut calls = calls.iter().map(RecordedCall::call);
    if !calls.any(|call| call.method() == Method::Done) {
        return Finding::not_applicable("Done was not called");
    }
    let late = calls.find(|call| call.method() != Method::Done);
    Finding::from_seen(late.map(|call| format!("{call} was called after Done")))
}

const NO_EVENT: &str = "the store returned no event";

fn event_returned(outcome: &Outcome) -> Finding {
    let seen = "the event is NULL, both in *phSyncDoneEvent and in Done";
    Finding::from_seen((outcome.event == EventState::None).then(|| seen.into()))
}

fn done_before_event(outcome: &Outcome) -> Finding {
    match outcome.event {
        EventState::None => Finding::not_applicable(NO_EVENT),
        EventState::Invalid => Finding::not_applicable("the event is not an open handle"),
        EventState::BeforeDone if outcome.status.is_none() => {
            Finding::broken("the event was signaled, and Done was not called")
        }
        EventState::BeforeDone => Finding::broken("the event was signaled before Done was called"),
        EventState::Pending if outcome.status.is_none() => {
            Finding::not_applicable("Done was not called, and the event was not signaled")
        }
        EventState::Pending | EventState::Signaled => Finding::Kept,
    }
}

/// Judges the event of a run, if the run ended in the way that the rule is about.
fn event_of(outcome: &Outcome, applies: bool) -> Finding {
    let Some(status) = outcome.status else {
        return Finding::not_applicable("Done was not called");
    };
    if !applies {
        return Finding::not_applicable(format_args!("the run ended with {status}"));
    }
    match outcome.event {
        EventState::None => Finding::not_applicable(NO_EVENT),
        EventState::Invalid => {
            Finding::broken("the handle is not open, or the system cannot wait for it")
        }
        EventState::Pending => {
            let timeout = outcome.timeout;
            Finding::broken(format_args!("the event was not signaled within {timeout:?}"))
        }
        EventState::BeforeDone | EventState::Signaled => Finding::Kept,
    }
}

fn index_within_max(calls: &[RecordedCall]) -> Finding {
    if count(calls, Method::Progress) == 0 {
        return Finding::not_applicable("the run has reported no progress");
    }
    let is_beyond = |call: &&RecordedCall| matches!(***call, Call::Progress(_, index, max) if index > max && max > 0);
    let beyond = calls.iter().find(is_beyond);
    Finding::from_seen(beyond.map(|call| format!("{} was called", call.call())))
}

fn in_background(outcome: &Outcome, calls: &[RecordedCall]) -> Finding {
    if calls.is_empty() {
        return Finding::not_applicable("the store has called nothing");
    }
    let early = calls.iter().find(|call| call.thread() == outcome.outlook_thread);
    let seen = |call: &RecordedCall| {
        format!("{} was called on the thread that called the store", call.call())
    };
    Finding::from_seen(early.map(seen))
}

fn run_counts(check: &mut Check<'_>, store: &Store, outcome: &Outcome) -> Finding {
    if let Some(missing) = missing_end(outcome) {
        return Finding::not_applicable(missing);
    }
    let mut session = outcome.session;
    if session.is_some_and(|counts| counts.leaked() == 1) {
        // A store may keep the session for its next run. It must not keep it once more.
        session = check.run_and_count(&check.outlook(), store).session;
    }
    let counts =
        [("callback", outcome.callback), ("session", session), ("store", Some(outcome.store))];
    let seen = counts.into_iter().filter_map(|(object, counts)| {
        let counts = counts?;
        check_count(object, counts).err()
    });
    let seen: Vec<String> = seen.collect();
    Finding::from_seen((!seen.is_empty()).then(|| seen.join("; ")))
}

/// Runs the store, and cancels at the first `Progress`. `reports` is the number of calls of
/// `Progress` in a normal run, if it is known.
pub(super) fn canceled(check: &mut Check<'_>, store: &Store, reports: Option<usize>) {
    let ids = ["cancel-honored", "cancel-status", "event-after-cancel"];
    check.rules(ids, |check| {
        if reports == Some(0) {
            let why = "a run reports no progress, so it cannot be canceled";
            return ids.map(|_| Finding::not_applicable(why));
        }
        let recorder = Recorder::new().cancel_at(0);
        let outcome = check.run(&check.recording(recorder.clone()), store, ids[0]);
        let calls = recorder.calls();
        let Some(more) = count(&calls, Method::Progress).checked_sub(1) else {
            let why = match outcome.returned {
                Some(code) if code.is_err() => format!("SynchronizeInBackground returned {code}"),
                _ => "this run has reported no progress".into(),
            };
            return ids.map(|_| Finding::not_applicable(&why));
        };
        let event = event_of(&outcome, true);
        let limit = check.options.cancel_within;
        let code = HRESULT::MAPI_E_USER_CANCEL;
        let has_ended_so = outcome.status == Some(code);
        let has_stopped_early = reports.is_some_and(|reports| more + 1 < reports);
        let honored = if more > limit {
            let of = "calls of Progress followed the one that failed";
            Finding::Broken(format!("{more} {of}; {limit} are allowed"))
        } else if outcome.status.is_none() {
            Finding::Broken(missing_end(&outcome).unwrap_or_default())
        } else if has_ended_so || has_stopped_early {
            Finding::Kept
        } else {
            let too_short =
                "a run reports so seldom that it cannot be seen whether it was canceled";
            Finding::not_applicable(too_short)
        };
        let status = match outcome.status {
            None => Finding::not_applicable("Done was not called"),
            Some(_) if has_ended_so => Finding::Kept,
            Some(status) if matches!(honored, Finding::NotApplicable(_)) => {
                let too_short = "the run may have been complete";
                Finding::not_applicable(format_args!("{too_short}: it ended with {status}"))
            }
            Some(status) => {
                Finding::Broken(format!("Progress returned {code}, and Done got {status}"))
            }
        };
        [honored, status, event]
    });
}
