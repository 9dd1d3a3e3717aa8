//! `RunState`: the one state machine of a run.
//!
//! Two actors end a run, and either may be first. The *call* is the store's method, on Outlook's
//! thread. The *job* goes where the store moves it. The state decides which of them completes the
//! run, and with which outcome.
//!
//! ```text
//!             the call starts a run
//!                       │
//!                       ▼
//!  ┌───────────────── Calling ─────────────────┬────────────────────────┐
//!  │ the call           │ the call fails       │ the job is dropped     │ the job
//!  │ returns            │                      │ on the call's thread   │ ends
//!  ▼                    ▼                      ▼                        │
//! Running             Failed               Deferred                     │
//!  │ the job ends       │ the job ends:        │ the call returns:      │
//!  │                    │ the call's error     │ its error, or E_ABORT  │
//!  └────────────────────┴──────────► Completed ◄────────────────────────┘
//! ```
//!
//! - A run that is not started has no state. Its call returns an `HRESULT`, and Outlook gets
//!   neither `Done` nor an event.
//! - A job ends when it is finished, or when it is dropped.
//! - Only the step to `Completed` has the run's [`Completion`], so there is one `Done` for each
//!   run.

use crate::abi::HRESULT;
use crate::error::{Error, PROGRESS, Result};
use crate::event::thread_id;
use crate::primitive::atomic::{AtomicI32, Ordering};
use crate::primitive::{Mutex, MutexGuard};
use crate::provider::completion::Completion;
use crate::provider::outcome::Outcome;
use core::mem;
use core::sync::atomic::AtomicUsize;
use std::sync::PoisonError;

/// The state of a run, shared by its call, its job and its `JobHandle`.
///
/// It holds none of the host's references, except in `Deferred`. A `JobHandle` that is kept
/// therefore does not keep the callback alive.
pub(super) struct RunState {
    /// Whether the job must stop: [`NO_REQUEST`], [`CANCELED`] by the store, or the code with which the
    /// host asked for it.
    stop_request: AtomicI32,
    /// The thread of the call.
    method_thread: usize,
    /// The thread that `spawn` made for the run, once it runs, and 0 before.
    worker_thread: AtomicUsize,
    state: Mutex<State>,
}

/// S_OK, which is no request to stop.
const NO_REQUEST: i32 = 0;
/// S_FALSE, which a host never stops a run with.
const CANCELED: i32 = 1;

enum State {
    /// The call has not returned.
    MethodRunning,
    /// The call has not returned, but the job has been dropped on its thread. The call completes
    /// the run, because its error says more than `E_ABORT`.
    Deferred(Completion),
    /// The call has returned. The job completes the run.
    Running,
    /// The call has failed. The job completes the run, with the call's error.
    Failed(Outcome),
    /// The run is completed, or is being completed by the actor that made this step.
    Completed,
}

impl RunState {
    /// The call starts a run, on the current thread.
    pub(super) fn new() -> RunState {
        RunState {
            stop_request: AtomicI32::new(NO_REQUEST),
            method_thread: thread_id(),
            worker_thread: AtomicUsize::new(0),
            state: Mutex::new(State::MethodRunning),
        }
    }

    /// The call has returned, or has failed with an outcome. This happens once.
    pub(super) fn method_returned(&self, result: Result<(), Outcome>) {
        let mut state = self.lock();
        match mem::replace(&mut *state, State::Completed) {
            State::MethodRunning => {
                *state = match result {
                    Ok(()) => State::Running,
                    Err(outcome) => {
                        self.cancel();
                        State::Failed(outcome)
                    }
                };
            }
            State::Deferred(completion) => {
                drop(state); // no lock is held while the host is called
                completion.complete(result.err().unwrap_or(Outcome::ABORTED));
            }
            // The job was first.
            completed => *state = completed,
        }
    }

    /// The job has ended with an outcome. Returns the status that is passed to `Done`.
    pub(super) fn job_ended(&self, completion: Completion, outcome: Outcome) -> HRESULT {
        let outcome = match mem::replace(&mut *self.lock(), State::Completed) {
            State::Failed(method_outcome) => method_outcome,
            _ => outcome,
        };
        let status = outcome.status;
        completion.complete(outcome);
        status
    }

    /// The job has been dropped before it was finished.
    pub(super) fn job_dropped(&self, completion: Completion) {
        let mut state = self.lock();
        if matches!(*state, State::MethodRunning) && thread_id() == self.method_thread {
            *state = State::Deferred(completion);
            return;
        }
        drop(state);
        let outcome = if std::thread::panicking() {
            Outcome::panicked()
        } else {
            Outcome::ABORTED
        };
        let _status = self.job_ended(completion, outcome);
    }

    /// The store asks the job to stop. This overrides the host's request.
    pub(super) fn cancel(&self) {
        self.stop_request.store(CANCELED, Ordering::Relaxed);
    }

    /// The host asks the job to stop, with a failing code. The first code is kept. Returns the
    /// error for the job's caller.
    #[cold]
    pub(super) fn host_requested_stop(&self, code: HRESULT) -> Error {
        let (relaxed, code) = (Ordering::Relaxed, code.0);
        match self
            .stop_request
            .compare_exchange(NO_REQUEST, code, relaxed, relaxed)
        {
            Ok(_) => stop_error(code),
            Err(first) => stop_error(first),
        }
    }

    /// Fails if the store or the host has asked the job to stop.
    #[inline]
    pub(super) fn check_stop_request(&self) -> Result<()> {
        match self.stop_request.load(Ordering::Relaxed) {
            NO_REQUEST => Ok(()),
            stop => Err(stop_error(stop)),
        }
    }

    pub(super) fn is_canceled_by_store(&self) -> bool {
        self.stop_request.load(Ordering::Relaxed) == CANCELED
    }

    /// The current thread is the one that `spawn` made for the run.
    pub(super) fn set_worker_thread(&self) {
        self.worker_thread.store(thread_id(), Ordering::Relaxed);
    }

    pub(super) fn is_worker_thread(&self) -> bool {
        self.worker_thread.load(Ordering::Relaxed) == thread_id()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not inlined, which keeps the code of `check_stop_request` short.
#[cold]
fn stop_error(stop: i32) -> Error {
    match stop {
        CANCELED => Error::Canceled,
        code => Error::Host {
            method: PROGRESS,
            code: HRESULT(code),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_threads_that_the_host_stops_at_once_get_the_first_code() {
        let state = RunState::new();
        state.check_stop_request().unwrap();
        let is =
            |error: Error, expected| matches!(error, Error::Host { code, .. } if code == expected);
        for code in [HRESULT::E_ABORT, HRESULT::E_FAIL] {
            assert!(is(state.host_requested_stop(code), HRESULT::E_ABORT));
        }
        assert!(is(
            state.check_stop_request().unwrap_err(),
            HRESULT::E_ABORT
        ));
        assert!(!state.is_canceled_by_store());
        state.cancel();
        let error = state.host_requested_stop(HRESULT::E_FAIL);
        assert!(matches!(error, Error::Canceled));
        assert!(state.is_canceled_by_store());
    }
}
