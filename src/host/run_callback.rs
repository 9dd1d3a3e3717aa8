//! `RunCallback`: the callback object of one run, which the store calls.

use crate::abi::{HRESULT, IMAPISyncProgressCallback};
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use crate::host::run_state::{RunEvent, SharedState};
use crate::object::Class;
use crate::trace::RunSpan;
use alloc::sync::{Arc, Weak};
use core::any::Any;
use std::sync::OnceLock;

/// The callback object of one run. It forwards to the user's callback.
pub(super) struct RunCallback {
    callback: Arc<dyn MapiSyncProgressCallback>,
    state: SharedState,
    event: Weak<OnceLock<DoneEvent>>,
    span: RunSpan,
}

impl RunCallback {
    pub(super) fn new(
        callback: Arc<dyn MapiSyncProgressCallback>,
        state: SharedState,
        event: &RunEvent,
        span: RunSpan,
    ) -> RunCallback {
        RunCallback { callback, state, event: Arc::downgrade(event), span }
    }

    /// Returns the run's span if `callback` is the callback object of a run.
    #[inline(always)]
    pub(super) fn span_of<T: Class>(callback: &T) -> Option<&RunSpan> {
        let callback: &dyn Any = callback;
        Some(&callback.downcast_ref::<RunCallback>()?.span)
    }
}

impl Class for RunCallback {
    type Interfaces = (IMAPISyncProgressCallback,);
}

impl MapiSyncProgressCallback for RunCallback {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.callback.progress(step, index, max)?;
        if self.state.is_canceled() {
            return Err(HRESULT::MAPI_E_USER_CANCEL.into());
        }
        Ok(())
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.callback.error(code, message)
    }

    fn done(&self, status: HRESULT) -> Result<()> {
        self.done_with_event(None, status)
    }

    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        let Some((event, _done_returns)) = self.state.done_called(status, event, &self.event)
        else {
            return Err(Error::new(
                HRESULT::E_UNEXPECTED,
                "Done was called a second time for this run",
            ));
        };
        self.callback.done_with_event(event, status)
    }
}
