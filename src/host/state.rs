//! What decides how a run ends: the state that a run shares with its callback object, and that object.

use crate::abi::{HANDLE, HRESULT};
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use crate::primitive::{self, Condvar, Mutex, MutexGuard};
use alloc::sync::{Arc, Weak};
use core::ffi::c_void;
use core::mem;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

/// The state, for a run and its callback object, of which either may go first.
pub(super) type Shared = primitive::Arc<State>;

/// A handle of the run's own to its event, once there is one. The run owns it, so that it is closed when the run is dropped;
/// the callback object holds a `Weak`.
pub(super) type OwnEvent = Arc<OnceLock<DoneEvent>>;

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
    /// Done has come.
    done: bool,
    /// A Done has handed over a handle, which is being closed or is closed. Its number may already be another object's.
    handed_over: bool,
    /// The number that the store had put into the slot when its method returned. A store may write to the slot later.
    in_slot: Option<usize>,
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

    /// The store's method has returned. If there is a run, this puts a handle of the run's own into `event`, to the event in the
    /// slot, unless Done has come. In that case the slot's handle may be closed already, and its number may be another object's.
    pub(super) fn call_returned(&self, event: Option<&OwnEvent>) {
        let mut progress = self.lock();
        let handle: HANDLE = self.slot.load(Ordering::Acquire);
        progress.in_slot = Some(handle.addr());
        let Some(event) = event.filter(|_| !progress.done) else {
            return;
        };
        // SAFETY: the store keeps the handle open until Done, which waits for the lock that is held here.
        if let Some(own) = unsafe { DoneEvent::duplicate_of(handle) } {
            let _ = event.set(own);
        }
    }

    /// Notes that Done has come, and returns whether for the first time. If the run has no event yet, it takes a handle of
    /// its own to the one that Done hands over.
    fn claim_done(
        &self,
        handed_over: Option<&DoneEvent>,
        event: &Weak<OnceLock<DoneEvent>>,
    ) -> bool {
        let mut progress = self.lock();
        if mem::replace(&mut progress.done, true) {
            return false;
        }
        progress.handed_over = handed_over.is_some();
        // A run that was dropped needs no event.
        if let (Some(handed_over), Some(event)) = (handed_over, event.upgrade()) {
            if event.get().is_none() {
                if let Ok(own) = handed_over.try_clone() {
                    let _ = event.set(own);
                }
            }
        }
        true
    }

    /// Closes the handle of a second Done if it is the run's and no Done handed it over before. Any other is left alone: a
    /// number that was handed over before may already be another object's.
    fn close_late(&self, event: DoneEvent) {
        let mut progress = self.lock();
        let in_slot = progress.in_slot;
        let in_slot = in_slot.unwrap_or_else(|| self.slot.load(Ordering::Acquire).addr());
        let is_the_runs = event.as_raw().addr() == in_slot;
        if !is_the_runs || mem::replace(&mut progress.handed_over, true) {
            let _not_ours = event.into_raw();
        }
    }
}

/// The callback object of one run.
pub(super) struct RunCallback {
    callback: Arc<dyn MapiSyncProgressCallback>,
    state: Shared,
    event: Weak<OnceLock<DoneEvent>>,
}

impl RunCallback {
    pub(super) fn new(
        callback: Arc<dyn MapiSyncProgressCallback>,
        state: Shared,
        event: &OwnEvent,
    ) -> RunCallback {
        RunCallback {
            callback,
            state,
            event: Arc::downgrade(event),
        }
    }
}

impl MapiSyncProgressCallback for RunCallback {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.callback.progress(step, index, max)
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.callback.error(code, message)
    }

    fn done(&self, status: HRESULT) -> Result<()> {
        self.done_with_event(None, status)
    }

    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        if !self.state.claim_done(event.as_ref(), &self.event) {
            if let Some(event) = event {
                self.state.close_late(event);
            }
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
