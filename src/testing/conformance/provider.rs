//! The rules of a store, in the order in which they are checked.

use super::check::Check;
use super::{concurrent_runs, lasting, refused_calls, single_run};
use crate::abi::{HRESULT, IMAPISync};
use crate::object::ComPtr;
use crate::testing::{Outcome, Outlook, Recorder};
use alloc::format;
use alloc::string::String;
use std::thread;
use std::time::{Duration, Instant};

pub(super) type Store = ComPtr<IMAPISync>;

/// How long a store that runs one at a time may be busy after the event of its last run. Its thread
/// signals the event before it ends.
const STILL_BUSY: Duration = Duration::from_secs(1);

pub(super) fn check(check: &mut Check<'_>, store: &Store) {
    let reports = single_run::normal(check, store);
    single_run::canceled(check, store, reports);
    refused_calls::sizes_and_flags(check, store);
    refused_calls::callback_without_interface(check, store);
    refused_calls::failed_call(check, store);
    concurrent_runs::second_call(check, store, reports);
    concurrent_runs::parallel_runs(check, store);
    lasting::threads_and_handles(check, store);
    // These come last, because a store is most likely to crash in them.
    refused_calls::null_arguments(check, store);
}

impl Check<'_> {
    /// Returns the stand-in for Outlook, with the options.
    pub(super) fn outlook(&self) -> Outlook {
        let outlook = Outlook::new().flags(self.options.flags).timeout(self.timeout());
        match &self.options.session {
            Some(session) => outlook.session(session.clone()),
            None => outlook,
        }
    }

    /// Runs the store, and does not call it again if the run does not end. The counts of the outcome
    /// may be too high.
    pub(super) fn run(&mut self, outlook: &Outlook, store: &Store, rule: &str) -> Outcome {
        let run = || outlook.start(store).wait_without_counts();
        let outcome = until_not_busy(run, |outcome| outcome.returned);
        self.note_end(&outcome, rule);
        outcome
    }

    /// Runs the store in the same way, and waits for late releases, so that the counts are right.
    pub(super) fn run_and_count(&mut self, outlook: &Outlook, store: &Store) -> Outcome {
        let outcome = outlook.run(store);
        self.note_end(&outcome, "returns");
        outcome
    }

    /// Does not call the store again if the run has not ended.
    pub(super) fn note_end(&mut self, outcome: &Outcome, rule: &str) {
        if let Some(missing) = missing_end(outcome) {
            self.stop(format_args!("not checked after {rule}: {missing}"));
        }
    }

    pub(super) fn recording(&self, recorder: Recorder) -> Outlook {
        self.outlook().recorder(recorder)
    }
}

/// Calls a store again while it is still busy with its last run, whose event is signaled.
pub(super) fn until_not_busy<T>(
    mut call: impl FnMut() -> T,
    returned: impl Fn(&T) -> Option<HRESULT>,
) -> T {
    let started = Instant::now();
    loop {
        let value = call();
        if returned(&value) != Some(HRESULT::MAPI_E_BUSY) || started.elapsed() > STILL_BUSY {
            return value;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Returns what is missing for the end of a run, or `None` if it has ended. A call that fails is a
/// run that has ended.
pub(super) fn missing_end(outcome: &Outcome) -> Option<String> {
    use crate::testing::EventState::{BeforeDone, Invalid, None as NoEvent, Pending, Signaled};
    let timeout = outcome.timeout;
    match (outcome.returned, outcome.event) {
        (None, _) => Some(format!("SynchronizeInBackground did not return within {timeout:?}")),
        (Some(code), _) if code.is_err() => None,
        (Some(_), _) if outcome.has_callback && outcome.status.is_none() => {
            Some(format!("the store did not call Done within {timeout:?}"))
        }
        (Some(_), Pending) => Some(format!("the event was not signaled within {timeout:?}")),
        (Some(_), NoEvent) if !outcome.has_callback => {
            Some("the store returned no event, so the end of the run is unknown".into())
        }
        (Some(_), NoEvent | Invalid | BeforeDone | Signaled) => None,
    }
}
