//! `RunState`: the one state machine of a run.
//!
//! Two actors can complete a run: the store's *method*, on the host's thread, and the *job*, on the
//! thread to which the store moves it. The state decides which of them does, and with which
//! outcome.
//!
//! ```text
//!            the method starts a run
//!                       │
//!                       ▼
//!  ┌───────────── MethodRunning ───────────────┬────────────────────────┐
//!  │ the method         │ the method fails     │ the job is dropped on  │ the job
//!  │ returns            │                      │ the method's thread    │ ends
//!  ▼                    ▼                      ▼                        │
//! Running             Failed               Deferred                     │
//!  │ the job ends       │ the job ends:        │ the method returns:    │
//!  │                    │ the method's error   │ its error, or E_ABORT  │
//!  └────────────────────┴──────────► Completed ◄────────────────────────┘
//! ```
//!
//! - A run that is not started has no state. The host's call returns an `HRESULT`, and the host
//!   gets neither `Done` nor an event.
//! - A job ends when it is finished, or when it is dropped.
//! - A run has one [`Completion`], which the step to `Completed` consumes, so `Done` is called
//!   once.

use crate::abi::HRESULT;
use crate::error::{CallbackMethod, Error, Result};
use crate::event::thread_id;
use crate::primitive::atomic::{AtomicI32, Ordering};
use crate::primitive::{Mutex, MutexGuard};
use crate::provider::completion::Completion;
use crate::provider::outcome::Outcome;
use crate::wakers::Wakers;
use core::mem;
use core::sync::atomic::AtomicUsize;
use std::sync::{OnceLock, PoisonError};

/// The state of a run, shared by its call, its job and its `JobHandle`.
///
/// Except in `Deferred`, it holds no reference to the host's objects, so a `JobHandle` does not
/// keep the callback alive.
pub(super) struct RunState {
    /// [`NO_REQUEST`], or whether the [`STORE`] or the [`HOST`] has asked the job to stop.
    stop_request: AtomicI32,
    /// The first request of the host. It is set before `stop_request` is [`HOST`].
    host_request: OnceLock<(CallbackMethod, HRESULT)>,
    /// The thread on which the store's method runs.
    method_thread: usize,
    /// The thread that `spawn` made for the run, and 0 before it runs.
    worker_thread: AtomicUsize,
    state: Mutex<State>,
    /// The tasks that wait for a request to stop.
    wakers: Wakers,
}

const NO_REQUEST: i32 = 0;
const STORE: i32 = 1;
const HOST: i32 = 2;

enum State {
    /// The method has not returned.
    MethodRunning,
    /// The method has not returned, but the job has been dropped on its thread. The method
    /// completes the run, because its error is more specific than `E_ABORT`.
    Deferred(Completion),
    /// The method has returned. The job completes the run.
    Running,
    /// The method has failed. The job completes the run, with the method's error.
    Failed(Outcome),
    /// An actor has completed the run, or is completing it.
    Completed,
}

impl RunState {
    /// Creates the state of a run that the method starts, on the current thread.
    pub(super) fn new() -> RunState {
        RunState {
            stop_request: AtomicI32::new(NO_REQUEST),
            host_request: OnceLock::new(),
            method_thread: thread_id(),
            worker_thread: AtomicUsize::new(0),
            state: Mutex::new(State::MethodRunning),
            wakers: Wakers::default(),
        }
    }

    /// Records that the method has returned, or failed with an outcome. Must not be called twice.
    pub(super) fn method_returned(&self, result: Result<(), Outcome>) {
        let mut state = self.lock();
        match mem::replace(&mut *state, State::Completed) {
            State::MethodRunning => match result {
                Ok(()) => *state = State::Running,
                Err(outcome) => {
                    *state = State::Failed(outcome);
                    drop(state); // no lock is held while tasks are woken
                    self.cancel();
                }
            },
            State::Deferred(completion) => {
                drop(state); // no lock is held while the host is called
                completion.complete(result.err().unwrap_or(Outcome::ABORTED), || ());
            }
            // The job has completed the run already.
            completed => *state = completed,
        }
    }

    /// Completes the run for the job. Returns the status that is passed to `Done`. `before_signal`
    /// runs after `Done`, before the event is signaled.
    pub(super) fn job_ended(
        &self,
        completion: Completion,
        outcome: Outcome,
        before_signal: impl FnOnce(),
    ) -> HRESULT {
        let outcome = match mem::replace(&mut *self.lock(), State::Completed) {
            State::Failed(method_outcome) => method_outcome,
            _ => outcome,
        };
        let status = outcome.status;
        completion.complete(outcome, before_signal);
        status
    }

    /// Completes the run for a job that was dropped before it was finished, or leaves that to the
    /// method.
    pub(super) fn job_dropped(&self, completion: Completion) {
        let mut state = self.lock();
        if matches!(*state, State::MethodRunning) && thread_id() == self.method_thread {
            *state = State::Deferred(completion);
            return;
        }
        drop(state);
        let outcome = if std::thread::panicking() { Outcome::panicked() } else { Outcome::ABORTED };
        let _status = self.job_ended(completion, outcome, || ());
    }

    /// Asks the job to stop, for the store. This overrides the host's request.
    pub(super) fn cancel(&self) {
        self.stop_request.store(STORE, Ordering::Relaxed);
        self.wakers.wake_all();
    }

    /// Asks the job to stop, for the host. The first method and code are kept. Returns the error
    /// for the caller.
    #[cold]
    pub(super) fn host_requested_stop(&self, method: CallbackMethod, code: HRESULT) -> Error {
        let _ = self.host_request.set((method, code));
        let (success, failure) = (Ordering::Release, Ordering::Acquire);
        match self.stop_request.compare_exchange(NO_REQUEST, HOST, success, failure) {
            Ok(_) => {
                self.wakers.wake_all();
                self.stop_error(HOST)
            }
            Err(first) => self.stop_error(first),
        }
    }

    pub(super) fn wakers(&self) -> &Wakers {
        &self.wakers
    }

    /// Fails if the store or the host has asked the job to stop.
    #[inline]
    pub(super) fn check_stop_request(&self) -> Result<()> {
        match self.stop_request.load(Ordering::Acquire) {
            NO_REQUEST => Ok(()),
            stop => Err(self.stop_error(stop)),
        }
    }

    /// Returns the error for a request to stop. It is not inlined, to keep `check_stop_request`
    /// short.
    #[cold]
    fn stop_error(&self, stop: i32) -> Error {
        match self.host_request.get() {
            Some(&(method, code)) if stop == HOST => Error::Host { method, code },
            _ => Error::Canceled,
        }
    }

    pub(super) fn is_canceled_by_store(&self) -> bool {
        self.stop_request.load(Ordering::Relaxed) == STORE
    }

    /// Records that the current thread is the one that `spawn` made for the run.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_code_of_the_host_is_kept_and_the_store_overrides_it() {
        let state = RunState::new();
        state.check_stop_request().unwrap();
        let is = |error: Error, expected| matches!(error, Error::Host { method: CallbackMethod::Progress, code } if code == expected);
        let (progress, error) = (CallbackMethod::Progress, CallbackMethod::Error);
        for (method, code) in [(progress, HRESULT::E_ABORT), (error, HRESULT::E_FAIL)] {
            assert!(is(state.host_requested_stop(method, code), HRESULT::E_ABORT));
        }
        assert!(is(state.check_stop_request().unwrap_err(), HRESULT::E_ABORT));
        assert!(!state.is_canceled_by_store());
        state.cancel();
        let error = state.host_requested_stop(progress, HRESULT::E_FAIL);
        assert!(matches!(error, Error::Canceled));
        assert!(state.is_canceled_by_store());
    }
}
