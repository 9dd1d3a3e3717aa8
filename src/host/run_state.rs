//! `RunState`: how a run ends on the host's side, and the callback object that the store calls.
//!
//! The call to the store returns and `Done` arrives, in either order and on any threads:
//!
//! ```text
//!              the call returns: the run takes its event from the event handle location
//!  Calling ─────────────────────────────────────────► Running ─┐
//!     │                                                        │ Done
//!     └──────────────────────────────────────────► Done ◄──────┘
//!              Done: if the run has no event, it takes the one that Done passes
//! ```
//!
//! When the user's `done` has returned, the status is set. A second `Done` is refused.

use crate::abi::{HANDLE, HRESULT};
use crate::event::DoneEvent;
use crate::primitive::{self, Condvar, Mutex, MutexGuard};
use alloc::sync::{Arc, Weak};
use core::ffi::c_void;
use core::mem;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

/// The state, which a run and its callback object share. Either may be dropped first.
pub(super) type SharedState = primitive::Arc<RunState>;

/// The run's own handle to its event, once there is one. The run owns it, so it is closed when the
/// run is dropped. The callback object holds a `Weak`.
pub(super) type RunEvent = Arc<OnceLock<DoneEvent>>;

/// The state of a run. No lock is held while code of the store or the user runs.
#[derive(Default)]
pub(super) struct RunState {
    /// The event handle location. It lies here, not on the stack of `start`, because a store may
    /// write to it too late.
    handle: AtomicPtr<c_void>,
    progress: Mutex<RunStatus>,
    ended: Condvar,
}

#[derive(Default)]
struct RunStatus {
    /// `Done` has arrived.
    is_done: bool,
    /// A `Done` has passed a handle, which is being closed or is closed. Its number may belong to
    /// another object by now.
    has_closed_handle: bool,
    /// The number in the event handle location when the call returned. A store may write there
    /// later.
    returned_handle: Option<usize>,
    /// The status, set after the user's `done` has returned.
    status: Option<HRESULT>,
}

impl RunState {
    /// The value for `phSyncDoneEvent`. It is valid as long as the state lives.
    pub(super) fn event_handle_location(&self) -> *mut HANDLE {
        self.handle.as_ptr()
    }

    /// The status, if the user's `done` has returned.
    pub(super) fn status(&self) -> Option<HRESULT> {
        self.lock().status
    }

    /// Waits for the status.
    pub(super) fn wait(&self, timeout: Duration) -> Option<HRESULT> {
        let is_running = |progress: &mut RunStatus| progress.status.is_none();
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), timeout, is_running);
        waited.unwrap_or_else(PoisonError::into_inner).0.status
    }

    fn lock(&self) -> MutexGuard<'_, RunStatus> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call to the store has returned. If it has started a run, `event` gets a duplicate of the
    /// handle in the event handle location.
    ///
    /// It gets none if `Done` has arrived already. The handle may be closed then, and its number
    /// may belong to another object.
    pub(super) fn call_returned(&self, event: Option<&RunEvent>) {
        let mut progress = self.lock();
        let handle: HANDLE = self.handle.load(Ordering::Acquire);
        progress.returned_handle = Some(handle.addr());
        let Some(event) = event.filter(|_| !progress.is_done) else {
            return;
        };
        // SAFETY: the store keeps the handle open until Done, and Done waits for the lock that is
        // held here.
        if let Some(own) = unsafe { DoneEvent::duplicate_of(handle) } {
            let _ = event.set(own);
        }
    }

    /// `Done` has arrived. Returns whether it is the first. If the run has no event yet, `event`
    /// gets a duplicate of the handle that `Done` passes.
    pub(super) fn done_called(
        &self,
        passed: Option<&DoneEvent>,
        event: &Weak<OnceLock<DoneEvent>>,
    ) -> bool {
        let mut progress = self.lock();
        if mem::replace(&mut progress.is_done, true) {
            return false;
        }
        progress.has_closed_handle = passed.is_some();
        // A run that was dropped needs no event.
        if let (Some(passed), Some(event)) = (passed, event.upgrade()) {
            if event.get().is_none() {
                if let Ok(own) = passed.try_clone() {
                    let _ = event.set(own);
                }
            }
        }
        true
    }

    /// A second `Done` has passed this event. It is closed if its handle is the run's, and if no
    /// `Done` has passed one before. Otherwise it is left alone, because its number may belong to
    /// another object.
    pub(super) fn close_event_of_second_done(&self, event: DoneEvent) {
        let mut progress = self.lock();
        let run_handle = progress
            .returned_handle
            .unwrap_or_else(|| self.handle.load(Ordering::Acquire).addr());
        let is_run_handle = event.as_raw().addr() == run_handle;
        if !is_run_handle || mem::replace(&mut progress.has_closed_handle, true) {
            let _left_open = event.into_raw();
        }
    }

    /// Records that the user's `done` has returned, or has panicked.
    pub(super) fn done_returned(&self, status: HRESULT) {
        self.lock().status = Some(status);
        self.ended.notify_all();
    }
}
