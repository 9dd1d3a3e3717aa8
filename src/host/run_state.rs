//! `RunState`: how a run ends on the host's side.
//!
//! The call to the store returns and `Done` is called, in either order and on any threads:
//!
//! ```text
//!              the call returns: the run duplicates the handle in the event handle location
//!  Calling ─────────────────────────────────────────► Running ──┐
//!     │                                                         │ `Done` is called
//!     └─────────────────────────────────────────────► Ended ◄───┘
//!              Done: if the run has no event, it duplicates the handle that `Done` passes
//! ```
//!
//! `returned_handle` is `None` while the call runs. The status is set when `Done` is called, before
//! the user's `done` runs, and `has_done_returned` after it. A second `Done` is refused.

use crate::abi::{HANDLE, HRESULT};
use crate::event::DoneEvent;
use crate::primitive::{self, Condvar, Mutex, MutexGuard};
use crate::wakers::Wakers;
use alloc::sync::{Arc, Weak};
use core::ffi::c_void;
use core::mem;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

/// The state, which a run and its callback object share. Either may be dropped first.
pub(super) type SharedState = primitive::Arc<RunState>;

/// The run's duplicate of the event handle, once there is one. Only the run owns it, so dropping
/// the run closes it. The callback object holds a `Weak`.
pub(super) type RunEvent = Arc<OnceLock<DoneEvent>>;

/// The state of a run. No lock is held while code of the store or the user runs.
#[derive(Default)]
pub(super) struct RunState {
    /// The event handle location, which the store writes as plain memory. It is here, not on the
    /// stack of `start`, because a store may write to it after its call has returned.
    handle: AtomicPtr<c_void>,
    run_status: Mutex<RunStatus>,
    /// The host wants the store to stop.
    is_canceled: AtomicBool,
    done_returned: Condvar,
    /// The tasks that wait for the end of the run.
    pub(super) wakers: Wakers,
}

#[derive(Default)]
struct RunStatus {
    /// A `Done` has passed a handle, which belongs to the callback and may be closed. Its number
    /// may then belong to another object.
    has_passed_handle: bool,
    /// The number that the event handle location held when the call returned. A store may write
    /// there later.
    returned_handle: Option<usize>,
    /// The status, if `Done` has been called.
    status: Option<HRESULT>,
    /// The user's `done` has returned or panicked.
    has_done_returned: bool,
}

impl RunStatus {
    /// The status, if the user's `done` has returned or panicked.
    fn end(&self) -> Option<HRESULT> {
        self.status.filter(|_| self.has_done_returned)
    }
}

impl RunState {
    /// The value for `phSyncDoneEvent`. It is valid as long as the state lives.
    pub(super) fn event_handle_location(&self) -> *mut HANDLE {
        self.handle.as_ptr()
    }

    /// Makes the next `Progress` fail, and all later ones.
    pub(super) fn cancel(&self) {
        self.is_canceled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_canceled(&self) -> bool {
        self.is_canceled.load(Ordering::Relaxed)
    }

    /// The status, if `Done` has been called.
    pub(super) fn status(&self) -> Option<HRESULT> {
        self.lock().status
    }

    /// The status, if the user's `done` has returned or panicked.
    pub(super) fn end(&self) -> Option<HRESULT> {
        self.lock().end()
    }

    /// Waits until the user's `done` has returned. Returns `None` at the timeout.
    pub(super) fn wait(&self, timeout: Duration) -> Option<HRESULT> {
        let is_running = |run_status: &mut RunStatus| run_status.end().is_none();
        let waited = self.done_returned.wait_timeout_while(self.lock(), timeout, is_running);
        waited.unwrap_or_else(PoisonError::into_inner).0.end()
    }

    fn lock(&self) -> MutexGuard<'_, RunStatus> {
        self.run_status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the call to the store has returned. If it has started a run, `event` receives a
    /// duplicate of the handle in the event handle location.
    ///
    /// If `Done` was called already, `event` receives none: the handle may be closed, and its
    /// number may belong to another object.
    pub(super) fn call_returned(&self, event: Option<&RunEvent>) {
        let mut run_status = self.lock();
        let handle: HANDLE = self.handle.load(Ordering::Acquire);
        run_status.returned_handle = Some(handle.addr());
        let Some(event) = event.filter(|_| run_status.status.is_none()) else {
            return;
        };
        // SAFETY: the store keeps the handle open until Done, and Done waits for the lock that is
        // held here.
        if let Some(own) = unsafe { DoneEvent::duplicate_of(handle) } {
            let _ = event.set(own);
        }
    }

    /// Records a call of `Done`. For the first one, returns the event that it passes, and what
    /// records its end when dropped. If the run has no event yet, `own` receives a duplicate.
    ///
    /// Returns `None` for a second `Done`, which the caller must refuse.
    pub(super) fn done_called(
        &self,
        status: HRESULT,
        passed: Option<DoneEvent>,
        own: &Weak<OnceLock<DoneEvent>>,
    ) -> Option<(Option<DoneEvent>, DoneReturns<'_>)> {
        let mut run_status = self.lock();
        if run_status.status.is_some() {
            drop(run_status);
            if let Some(event) = passed {
                self.close_event_of_second_done(event);
            }
            return None;
        }
        run_status.status = Some(status);
        run_status.has_passed_handle = passed.is_some();
        // A run that was dropped needs no event.
        if let (Some(passed), Some(own)) = (&passed, own.upgrade()) {
            if own.get().is_none() {
                if let Ok(duplicate) = passed.try_clone() {
                    let _ = own.set(duplicate);
                }
            }
        }
        Some((passed, DoneReturns(self)))
    }

    /// Closes the event of a second `Done` if its handle is the run's and no `Done` has passed a
    /// handle before. Otherwise the handle stays open, because its number may belong to another
    /// object.
    fn close_event_of_second_done(&self, event: DoneEvent) {
        let mut run_status = self.lock();
        let run_handle = run_status
            .returned_handle
            .unwrap_or_else(|| self.handle.load(Ordering::Acquire).addr());
        let is_run_handle = event.as_raw().addr() == run_handle;
        if !is_run_handle || mem::replace(&mut run_status.has_passed_handle, true) {
            let _left_open = event.into_raw();
        }
    }

    /// Records that the user's `done` has returned, or has panicked.
    fn done_returned(&self) {
        self.lock().has_done_returned = true;
        self.done_returned.notify_all();
        self.wakers.wake_all();
    }
}

/// Records that `done` has returned when dropped, even if it panics.
pub(super) struct DoneReturns<'a>(&'a RunState);

impl Drop for DoneReturns<'_> {
    fn drop(&mut self) {
        self.0.done_returned();
    }
}
