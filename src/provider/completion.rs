//! `Completion`: the end of a run, in order: `Error`, `Done`, the callback's release, the event.

use crate::abi::{HANDLE, IMAPISyncProgressCallback, IUnknown};
use crate::error::{Error, Result};
use crate::event::{DoneEvent, Signal, pin_module};
use crate::object::{ComPtr, ComRef};
use crate::provider::exclusive_run::Permit;
use crate::provider::outcome::Outcome;
use crate::provider::run_state::RunState;
use crate::trace::{self, RunSpan};
use alloc::sync::Arc;
use core::ptr;

/// The completion of a started run: one `Done`, if the host passed a callback, and then the event.
///
/// A start that fails drops it without [`complete`](Completion::complete). The callback is then
/// released and not called, and the event is not the host's yet.
pub(super) struct Completion {
    callback: Option<ComPtr<IMAPISyncProgressCallback>>,
    /// The handle that the host received, as a number, which is only passed to `Done`. The run owns
    /// the handle until then. Without a callback, the host owns it from the start.
    handle: usize,
    signal: Signal,
    span: RunSpan,
    /// The permission of an [`ExclusiveRun`](crate::ExclusiveRun), if the run needs one.
    permit: Option<Permit>,
}

impl Completion {
    /// Performs every step of a start that can fail, except the creation of a thread. The returned
    /// event is for the host.
    pub(super) fn prepare(
        callback: Option<ComRef<'_, IUnknown>>,
        span: &RunSpan,
        permit: Option<Permit>,
    ) -> Result<(Completion, DoneEvent)> {
        let callback = callback.map(|callback| callback.cast()).transpose()?;
        let (event, signal) = DoneEvent::pair()?;
        pin_module().map_err(Error::Thread)?;
        let completion = Completion {
            callback,
            handle: event.as_raw().addr(),
            signal,
            span: span.clone(),
            permit,
        };
        Ok((completion, event))
    }

    pub(super) fn callback(&self) -> Option<&ComPtr<IMAPISyncProgressCallback>> {
        self.callback.as_ref()
    }

    pub(super) fn span(&self) -> &RunSpan {
        &self.span
    }

    /// Records that the run has started. Its job must not have reported yet.
    pub(super) fn run_started(&self, state: &Arc<RunState>) {
        if let Some(permit) = &self.permit {
            permit.run_started(state);
        }
    }

    /// Ends the run: `Error` if there is a message, `Done`, the callback's release, `before_signal`,
    /// the signal.
    ///
    /// The event is signaled last, because the host may then unload the store's library. The codes
    /// that the host returns here are ignored.
    pub(super) fn complete(self, outcome: Outcome, before_signal: impl FnOnce()) {
        let Outcome { status, message } = outcome;
        let Completion { callback, handle, signal, span, permit } = self;
        if let Some(permit) = &permit {
            permit.work_ended(); // the host may start the next run as soon as `Done` is called
        }
        trace::in_scope(Some(&span), || {
            let Some(callback) = callback else { return };
            if let Some(message) = message {
                let _ = callback.error(status, &message);
            }
            let handle: HANDLE = ptr::without_provenance_mut(handle);
            // SAFETY: the run was started with this callback, and this is its last call for the
            // run, because it consumes the completion. The run owns the handle until here, and
            // gives it up.
            let _ = unsafe { callback.raw_done(handle, status) };
        });
        before_signal();
        span.close(); // the subscriber may be a part of the store's library
        drop(signal); // signals the event
        drop(permit);
    }
}
