//! What a run owes the host from its start, and how it ends.

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback};
use crate::error::{Error, Result};
use crate::event::Signal;
use crate::object::{ComPtr, unwind};
use crate::provider::message;
use alloc::string::String;
use core::ptr;

/// What a run owes from its start: one Done, if somebody wants it, and then the event.
pub(super) struct Debt {
    pub(super) callback: ComPtr<IMAPISyncProgressCallback>,
    /// The number of the handle in Outlook's slot. It is theirs as soon as Done is called, or from the start where
    /// there is no callback; nothing is ever done with it here but passing it on.
    pub(super) handle: usize,
    pub(super) signal: Signal,
}

impl Debt {
    /// Error, if there is a text for it; Done; the callback's release; the signal, last of all, since the host may
    /// take down everything when it comes.
    pub(super) fn pay(self, ending: Ending) {
        if let Some(text) = ending.text {
            // What the host thinks of it changes nothing any more, here and below.
            let _ = self.callback.error(ending.code, &text);
        }
        let handle: HANDLE = ptr::without_provenance_mut(self.handle);
        // SAFETY: the handle that was put into Outlook's slot, for Done to hand over, which the deaf one leaves
        // where it is; a run is paid for once.
        let _ = unsafe { self.callback.raw_done(handle, ending.code) };
        drop(self.callback);
        drop(self.signal);
    }
}

/// How a run ended, reduced to what the host is told, so that nothing of the user's is left in it.
pub(super) struct Ending {
    code: HRESULT,
    /// For Error; `None` where there is nothing to say or the host knows.
    text: Option<String>,
}

impl Ending {
    /// A job dropped half-way.
    pub(super) const ABORTED: Ending = Ending {
        code: HRESULT::E_ABORT,
        text: None,
    };

    pub(super) fn of_result<R: Into<HRESULT>>(result: Result<R>) -> Ending {
        match result {
            Ok(status) => Ending {
                code: status.into(),
                text: None,
            },
            Err(error) => Ending::of_error(error),
        }
    }

    pub(super) fn of_error(error: Error) -> Ending {
        let text = match &error {
            Error::Host { .. } => None,
            _ => Some(message::format(format_args!("{error}"))),
        };
        Ending {
            code: error.hresult(),
            text,
        }
    }

    pub(super) fn of_panic(panic: &unwind::Panic) -> Ending {
        Ending::panicked(panic.message())
    }

    pub(super) fn panicked(message: Option<&str>) -> Ending {
        let message = message.unwrap_or("without a message");
        let text = Some(message::format(format_args!(
            "the store's synchronisation panicked: {message}"
        )));
        Ending {
            code: HRESULT::E_UNEXPECTED,
            text,
        }
    }

    pub(super) fn code(&self) -> HRESULT {
        self.code
    }
}
