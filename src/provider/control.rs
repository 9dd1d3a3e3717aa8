//! What a job shares with the call that started it and with its `JobHandle`.

use crate::abi::HRESULT;
use crate::error::{Error, PROGRESS, Result};
use crate::event::thread_id;
use crate::primitive::atomic::{AtomicI32, Ordering};
use crate::primitive::{Mutex, MutexGuard};
use crate::provider::debt::{Debt, Ending};
use core::mem;
use core::sync::atomic::AtomicUsize;
use std::sync::PoisonError;

/// S_OK, with which no host asks to stop.
const GO_ON: i32 = 0;
/// S_FALSE, with which none does either.
const CANCELED: i32 = 1;

/// The error of a job that is to stop. It is made here, so that the code of those who ask for it is short.
#[cold]
fn stopped(stop: i32) -> Error {
    match stop {
        CANCELED => Error::Canceled,
        code => Error::Host {
            method: PROGRESS,
            code: HRESULT(code),
        },
    }
}

/// A job's link to the store's other threads. It holds none of the host's references, so that a `JobHandle` which is
/// kept does not keep the callback.
pub(super) struct Control {
    /// Whether the job is to stop: [`GO_ON`], [`CANCELED`] by the store, or the code with which the host asked for it.
    stop: AtomicI32,
    /// The thread on which Outlook called.
    caller: usize,
    /// The thread that `spawn` made for the run, once it runs; otherwise 0.
    worker: AtomicUsize,
    call: Mutex<CallState>,
}

/// How far the store's method, in which the job was made, has come.
enum CallState {
    /// Under way.
    Open,
    /// Under way, and the job has been dropped in it, unfinished: the call pays when it knows how the method ended.
    HandedBack(Debt),
    /// It failed while the job was elsewhere: the job ends with that.
    Failed(Ending),
    Returned,
}

impl Control {
    pub(super) fn new() -> Control {
        Control {
            stop: AtomicI32::new(GO_ON),
            caller: thread_id(),
            worker: AtomicUsize::new(0),
            call: Mutex::new(CallState::Open),
        }
    }

    /// The store's own request to stop, which goes before the host's.
    pub(super) fn cancel(&self) {
        self.stop.store(CANCELED, Ordering::Relaxed);
    }

    /// The host's request to stop, a failing code, of which the first counts; and what a job answers its worker.
    #[cold]
    pub(super) fn stop(&self, code: HRESULT) -> Error {
        let (relaxed, code) = (Ordering::Relaxed, code.0);
        let before = self.stop.compare_exchange(GO_ON, code, relaxed, relaxed);
        stopped(before.map_or_else(|before| before, |_| code))
    }

    /// Whether nobody has asked to stop.
    #[inline]
    pub(super) fn go_on(&self) -> Result<()> {
        match self.stop.load(Ordering::Relaxed) {
            GO_ON => Ok(()),
            stop => Err(stopped(stop)),
        }
    }

    pub(super) fn is_canceled(&self) -> bool {
        self.stop.load(Ordering::Relaxed) == CANCELED
    }

    /// Notes that this thread is the one that `spawn` made for the run.
    pub(super) fn worker_runs(&self) {
        self.worker.store(thread_id(), Ordering::Relaxed);
    }

    /// Whether this thread is the one that `spawn` made for the run.
    pub(super) fn is_worker(&self) -> bool {
        self.worker.load(Ordering::Relaxed) == thread_id()
    }

    /// Offers the debt of an unfinished job that is dropped to the call that made it, and answers what it doesn't
    /// take. It takes it on its own thread while it is under way, since how it ends says more than `E_ABORT`.
    pub(super) fn hand_back(&self, debt: Debt) -> Option<Debt> {
        let mut call = self.lock();
        if matches!(*call, CallState::Open) && thread_id() == self.caller {
            *call = CallState::HandedBack(debt);
            return None;
        }
        Some(debt)
    }

    /// What a job ends with: `ending`, unless the method that started it has failed by now.
    pub(super) fn overrule(&self, ending: Ending) -> Ending {
        match mem::replace(&mut *self.lock(), CallState::Returned) {
            CallState::Failed(failure) => failure,
            _ => ending,
        }
    }

    /// The store's method has returned, or failed.
    pub(super) fn call_returned(&self, failure: Option<Ending>) {
        let debt = {
            let mut call = self.lock();
            match mem::replace(&mut *call, CallState::Returned) {
                CallState::HandedBack(debt) => debt,
                _ => {
                    if let Some(failure) = failure {
                        *call = CallState::Failed(failure);
                        self.cancel();
                    }
                    return;
                }
            }
        };
        // The lock is gone: this calls the host.
        debt.pay(failure.unwrap_or(Ending::ABORTED));
    }

    fn lock(&self) -> MutexGuard<'_, CallState> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_threads_that_the_host_stops_at_once_both_hear_the_first_code() {
        let control = Control::new();
        control.go_on().unwrap();
        let is =
            |error: Error, expected| matches!(error, Error::Host { code, .. } if code == expected);
        for code in [HRESULT::E_ABORT, HRESULT::E_FAIL] {
            assert!(is(control.stop(code), HRESULT::E_ABORT));
        }
        assert!(is(control.go_on().unwrap_err(), HRESULT::E_ABORT));
        assert!(!control.is_canceled());
        control.cancel();
        assert!(matches!(control.stop(HRESULT::E_FAIL), Error::Canceled));
        assert!(control.is_canceled());
    }
}
