//! The state of a [`Recorder`](super::Recorder).

use super::{Call, Method, RecordedCall};
use crate::abi::HRESULT;
use crate::error::Result;
use crate::event::DoneEvent;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::time::Duration;

/// The state that the clones of a recorder share. Its lock is not held while code of the test or
/// the store runs.
pub(super) struct State {
    pub(super) script: Script,
    pub(super) calls: Vec<RecordedCall>,
    pub(super) runs: Vec<RunState>,
    /// The status of the first `Done` that has returned.
    pub(super) status: Option<HRESULT>,
    /// The oldest event comes first.
    pub(super) kept: VecDeque<DoneEvent>,
}

/// The part of the state that belongs to one run, or to one COM object.
#[derive(Default)]
pub(super) struct RunState {
    progress_calls: usize,
    is_canceled: bool,
    /// `Done` was called.
    pub(super) is_done: bool,
    /// The status of the first `Done`, once it has returned.
    pub(super) status: Option<HRESULT>,
    /// An `OutlookRun` waits for the run. It uses the fields below.
    pub(super) is_watched: bool,
    /// The `OutlookRun`'s own handle to the run's event.
    pub(super) event: Option<Arc<DoneEvent>>,
    /// The store returned a number that is not an open handle.
    pub(super) handle_is_invalid: bool,
    /// The result of `SynchronizeInBackground`.
    pub(super) returned: Option<HRESULT>,
}

/// The run to which calls through the trait belong.
pub(super) const TRAIT_CALLS: usize = 0;

impl State {
    pub(super) fn new() -> State {
        let mut state = State {
            script: Script::default(),
            calls: Vec::new(),
            runs: Vec::new(),
            status: None,
            kept: VecDeque::new(),
        };
        let first = state.add_run(false);
        debug_assert_eq!(first, TRAIT_CALLS);
        state
    }

    /// Adds a run and returns its index.
    pub(super) fn add_run(&mut self, is_watched: bool) -> usize {
        self.runs.push(RunState { is_watched, ..RunState::default() });
        self.runs.len() - 1
    }

    /// Returns the script's result of a call.
    pub(super) fn returns(&mut self, run: usize, call: &Call) -> Returns {
        let run = &mut self.runs[run];
        if let Call::Progress(step, ..) = call {
            run.is_canceled |= self.script.cancels(run.progress_calls, step.as_deref());
            run.progress_calls += 1;
            if run.is_canceled {
                return Returns::Code(HRESULT::MAPI_E_USER_CANCEL);
            }
        }
        match &self.script.decide {
            Some(decide) => Returns::With(decide.clone()),
            None => Returns::Code(self.script.codes[call.method() as usize]),
        }
    }
}

pub(super) type Hook<R = ()> = Arc<dyn Fn(&Call) -> R + Send + Sync>;

/// The script's result of a call.
pub(super) enum Returns {
    Code(HRESULT),
    /// The hook's result. The hook must be called without the lock.
    With(Hook<Result<HRESULT>>),
}

/// The behavior of a recorder.
#[derive(Default)]
pub(super) struct Script {
    pub(super) cancel_at: Option<usize>,
    pub(super) cancel_at_step: Option<String>,
    /// The results, by method.
    pub(super) codes: [HRESULT; 3],
    /// If it is set, `codes` has no effect.
    pub(super) decide: Option<Hook<Result<HRESULT>>>,
    pub(super) panics: [bool; 3],
    /// `None` if no `Progress` is blocked.
    pub(super) block_limit: Option<Duration>,
    pub(super) keeps_event: bool,
    pub(super) hook: Option<Hook>,
}

impl Script {
    pub(super) fn panics(&self, method: Method) -> bool {
        self.panics[method as usize]
    }

    /// Returns whether the user cancels at this `Progress`.
    pub(super) fn cancels(&self, number: usize, step: Option<&str>) -> bool {
        self.cancel_at.is_some_and(|cancel_at| number >= cancel_at)
            || (step.is_some() && step == self.cancel_at_step.as_deref())
    }
}
