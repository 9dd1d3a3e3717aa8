//! What decides how a run ends: the state that a run shares with its callback object, and that object.

use crate::abi::{HANDLE, HRESULT};
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use crate::sync::{self, Condvar, Mutex, MutexGuard};
use alloc::sync::Arc;
use core::ffi::c_void;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::PoisonError;
use std::time::Duration;
use widestring::U16CStr;

/// The state, for a run and its callback object, of which either may go first.
pub(super) type Shared = sync::Arc<State>;

/// What a run and its callback object share. No lock in it is held while the store's or the user's code runs.
#[derive(Default)]
pub(super) struct State {
    /// Where the store puts its event. It lies here and not on the stack of `start`, for the sake of a store that
    /// writes to it too late, and is written to as the memory that it is.
    slot: AtomicPtr<c_void>,
    progress: Mutex<Progress>,
    ended: Condvar,
}

#[derive(Default)]
struct Progress {
    /// Done has come; its handle is being closed or is closed.
    done: bool,
    /// Done has been handled.
    status: Option<HRESULT>,
}

impl State {
    /// What `phSyncDoneEvent` is. It is good for as long as the state lives.
    pub(super) fn slot(&self) -> *mut HANDLE {
        self.slot.as_ptr()
    }

    /// The status, once Done has been handled.
    pub(super) fn status(&self) -> Option<HRESULT> {
        self.lock().status
    }

    /// Waits for the status.
    pub(super) fn wait(&self, timeout: Duration) -> Option<HRESULT> {
        let going_on = |progress: &mut Progress| progress.status.is_none();
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), timeout, going_on);
        waited.unwrap_or_else(PoisonError::into_inner).0.status
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handle of the run's own to the event. Once Done has come there is none to be had: its handle may be closed
    /// by then, and the number may be another object's.
    pub(super) fn duplicate_event(&self) -> Option<DoneEvent> {
        let progress = self.lock();
        if progress.done {
            return None;
        }
        let handle: HANDLE = self.slot.load(Ordering::Acquire);
        // SAFETY: the store keeps the handle open until Done, which waits for the lock that is held here.
        unsafe { DoneEvent::duplicate_of(handle) }
    }

    /// Notes that Done has come, and answers whether for the first time.
    fn claim_done(&self) -> bool {
        !core::mem::replace(&mut self.lock().done, true)
    }
}

/// The callback object of one run.
pub(super) struct RunCallback {
    callback: Arc<dyn MapiSyncProgressCallback>,
    state: Shared,
}

impl RunCallback {
    pub(super) fn new(callback: Arc<dyn MapiSyncProgressCallback>, state: Shared) -> RunCallback {
        RunCallback { callback, state }
    }
}

impl MapiSyncProgressCallback for RunCallback {
    fn progress(&self, step: Option<&U16CStr>, index: u32, max: u32) -> Result<()> {
        self.callback.progress(step, index, max)
    }

    fn error(&self, code: HRESULT, message: Option<&U16CStr>) -> Result<()> {
        self.callback.error(code, message)
    }

    fn done(&self, status: HRESULT) -> Result<()> {
        self.done_with_event(None, status)
    }

    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        if !self.state.claim_done() {
            // The first Done handed the handle over, and it may have been closed: the number means nothing now.
            let _ = event.map(DoneEvent::into_raw);
            return Err(Error::new(
                HRESULT::E_UNEXPECTED,
                "Done came a second time: call it once for each run",
            ));
        }
        let _ended = SetStatus {
            state: &self.state,
            status,
        };
        self.callback.done_with_event(event, status)
    }
}

/// Ends the run when dropped, also when the user's `done` panics.
struct SetStatus<'a> {
    state: &'a State,
    status: HRESULT,
}

impl Drop for SetStatus<'_> {
    fn drop(&mut self) {
        self.state.lock().status = Some(self.status);
        self.state.ended.notify_all();
    }
}
