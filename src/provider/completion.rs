//! `Completion`: what a started run owes to the host, and the order in which the host gets it.

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback, IUnknown};
use crate::error::{Error, Result};
use crate::event::{DoneEvent, Signal, pin_module};
use crate::object::{ComPtr, ComRef};
use crate::provider::message;
use alloc::string::String;
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

/// The end of a run as the host is told. It holds nothing of the user's, whose `Drop` could run
/// late.
pub(super) struct Outcome {
    status: HRESULT,
    /// For `Error`. There is none on success, and none if the host knows it already.
    message: Option<String>,
}

impl Outcome {
    /// The job was dropped before it was finished.
    pub(super) const ABORTED: Outcome = Outcome {
        status: HRESULT::E_ABORT,
        message: None,
    };

    pub(super) fn of_result<R: Into<HRESULT>>(result: Result<R>) -> Outcome {
        match result {
            Ok(status) => Outcome {
                status: status.into(),
                message: None,
            },
            Err(error) => Outcome::of_error(error),
        }
    }

    pub(super) fn of_error(error: Error) -> Outcome {
        let message = match &error {
            Error::Host { .. } => None,
            _ => Some(message::format(format_args!("{error}"))),
        };
        Outcome {
            status: error.hresult(),
            message,
        }
    }

    /// The panic's own message is for the store's developer, to whom the panic hook prints it. The
    /// user of the mail client gets one without it.
    pub(super) fn panicked() -> Outcome {
        Outcome {
            status: HRESULT::E_UNEXPECTED,
            message: Some("the synchronization was ended by an internal error".into()),
        }
    }

    pub(super) fn status(&self) -> HRESULT {
        self.status
    }
}
