//! What a job shares with the call that started it and with its `JobHandle`.

use crate::provider::job::{Debt, Ending};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};
use core::mem;
use std::sync::PoisonError;

/// A job's link to the store's other threads. It holds none of the host's references, so that a `JobHandle` which is
/// kept does not keep the callback.
pub(super) struct Control {
    cancelled: AtomicBool,
    /// The thread on which Outlook called.
    caller: usize,
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
            cancelled: AtomicBool::new(false),
            caller: this_thread(),
            call: Mutex::new(CallState::Open),
        }
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Offers the debt of an unfinished job that is dropped to the call that made it, and answers what it doesn't
    /// take. It takes it on its own thread while it is under way, since how it ends says more than `E_ABORT`.
    pub(super) fn hand_back(&self, debt: Debt) -> Option<Debt> {
        let mut call = self.lock();
        if matches!(*call, CallState::Open) && this_thread() == self.caller {
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

/// Tells threads apart while they are alive, as a caller is during its call. `thread::current` would do, but it panics on
/// a thread that is ending, whose destructors may well drop a job or even synchronise.
fn this_thread() -> usize {
    std::thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| (&raw const *here).addr())
}
