//! `Completion`: what a started run owes to the host, and the order in which the host gets it.

use crate::abi::{HANDLE, IMAPISyncProgressCallback, IUnknown};
use crate::error::{Error, Result};
use crate::event::{DoneEvent, Signal, pin_module};
use crate::object::{ComPtr, ComRef};
use crate::provider::outcome::Outcome;
use core::ptr;

/// The obligation of a started run: one `Done`, if the host gave a callback, and then the event.
///
/// Dropping it without completing undoes a start of which the host has not been told.
pub(super) struct Completion {
    callback: Option<ComPtr<IMAPISyncProgressCallback>>,
    /// The number of the handle that the host got. It is the host's from `Done` on, and without a
    /// callback from the start. It is never used here, except to be passed to `Done`.
    handle: usize,
    signal: Signal,
}

impl Completion {
    /// Does everything about a start that can fail. The event is the host's.
    pub(super) fn prepare(
        callback: Option<ComRef<'_, IUnknown>>,
    ) -> Result<(Completion, DoneEvent)> {
        let callback = callback.map(|callback| callback.cast()).transpose()?;
        let (event, signal) = DoneEvent::pair()?;
        pin_module().map_err(Error::Thread)?;
        let completion = Completion {
            callback,
            handle: event.as_raw().addr(),
            signal,
        };
        Ok((completion, event))
    }

    pub(super) fn callback(&self) -> Option<&ComPtr<IMAPISyncProgressCallback>> {
        self.callback.as_ref()
    }

    /// Ends the run: `Error` if there is a message, `Done`, the release of the callback, the
    /// signal.
    ///
    /// The signal is last, because the host may unload everything when the event occurs. The codes
    /// that the host returns here change nothing.
    pub(super) fn complete(self, outcome: Outcome) {
        if let Some(callback) = self.callback {
            if let Some(message) = outcome.message {
                let _ = callback.error(outcome.status, &message);
            }
            let handle: HANDLE = ptr::without_provenance_mut(self.handle);
            // SAFETY: the run was started with this callback, and it is completed once, because
            // this consumes the completion. The handle is the one that the host got.
            let _ = unsafe { callback.raw_done(handle, outcome.status) };
        }
        drop(self.signal);
    }
}
