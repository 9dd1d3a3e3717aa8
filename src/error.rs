//! `Error` and `Result`: what safe calls answer, and how an error becomes an `HRESULT` and back.
//!
//! One type serves both sides, because errors travel through both: a store's `io::Error` becomes an `HRESULT` for
//! Outlook and a text for its dialog, and Outlook's refusal comes back into the store's loop as an `Err`.

use crate::abi::{GUID, HRESULT};
use alloc::string::String;

/// `Result` with this crate's [`Error`].
///
/// ```
/// fn check(free: u64) -> mapisync::Result<()> {
///     if free == 0 { Err(mapisync::HRESULT::MAPI_E_NOT_ENOUGH_DISK.into()) } else { Ok(()) }
/// }
/// assert!(check(1).is_ok());
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What went wrong, with which part of the call, and what to do about it.
///
/// A store makes its own with [`Error::new`], by `?` on an [`io::Error`](std::io::Error), or from an [`HRESULT`]. What a
/// job ends with reaches Outlook as the code of [`hresult`](Error::hresult) and, by the callback's `Error`, as the text of
/// `Display`, unless it is Outlook's own answer on its way back. What refuses a run before its start has a code alone: the
/// text goes nowhere.
///
/// ```
/// use mapisync::{Error, HRESULT};
/// use std::io;
///
/// let mine = Error::new(HRESULT::MAPI_E_LOGON_FAILED, "mail.example.org refused the password of anna");
/// assert_eq!(mine.hresult(), HRESULT::MAPI_E_LOGON_FAILED);
/// assert_eq!(mine.to_string(), "mail.example.org refused the password of anna");
///
/// let system: Error = io::Error::from(io::ErrorKind::ConnectionRefused).into();
/// assert_eq!(system.hresult(), HRESULT::MAPI_E_NETWORK_ERROR);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `psibpb` is NULL. `E_POINTER`.
    #[error("psibpb is NULL: pass the address of a filled-in MAPISIB")]
    NullRequest,

    /// `MAPISIB.ulSize` is less than the structure's size, so the fields cannot be relied on. `E_INVALIDARG`.
    #[error(
        "MAPISIB.ulSize is {size}, less than the structure's {needed} bytes: set it to sizeof(MAPISIB)"
    )]
    RequestTooSmall {
        /// What `ulSize` says, in bytes.
        size: u32,
        /// The size of `MAPISIB` on this platform, in bytes.
        needed: u32,
    },

    /// `MAPISIB.phSyncDoneEvent` is NULL. `E_INVALIDARG`.
    #[error("MAPISIB.phSyncDoneEvent is NULL: point it at a HANDLE that receives the done event")]
    NoEventSlot,

    /// `QueryInterface` failed. Carries the object's answer.
    #[error(
        "the object's QueryInterface for {} {iid:#} answered {code}: it has to offer that interface",
        without_path(interface)
    )]
    QueryInterface {
        /// The Rust name of the interface, as [`type_name`](core::any::type_name) gives it; shown without its path.
        interface: &'static str,
        /// Its identifier.
        iid: GUID,
        /// What the object answered.
        code: HRESULT,
    },

    /// `QueryInterface`, or what was to make an object, reported success and gave NULL. `E_NOINTERFACE`.
    #[error(
        "asked for {} {iid:#} the object succeeded and gave NULL: mend the object, it breaks COM's rules",
        without_path(interface)
    )]
    NullInterface {
        /// The Rust name of the interface, as [`type_name`](core::any::type_name) gives it; shown without its path.
        interface: &'static str,
        /// Its identifier.
        iid: GUID,
    },

    /// The done event could not be created. `MAPI_E_NOT_ENOUGH_RESOURCES`.
    #[cfg(feature = "std")]
    #[error(
        "the done event cannot be created ({0}): close unused handles or raise the process's limit"
    )]
    Event(std::io::Error),

    /// The synchronisation's thread could not be started. `MAPI_E_NOT_ENOUGH_RESOURCES`.
    #[cfg(feature = "std")]
    #[error(
        "the synchronisation's thread cannot be started ({0}): end unused threads or raise the limit"
    )]
    Thread(std::io::Error),

    /// The host answered a call with a failure; from `Progress` that is its request to stop. Carries the answer.
    #[error("the host answered {method} with {code}: end the synchronisation, `?` does")]
    Host {
        /// The callback's method.
        method: &'static str,
        /// What the host answered.
        code: HRESULT,
    },

    /// The store stopped the job itself, by [`JobHandle::cancel`](crate::JobHandle::cancel). `MAPI_E_USER_CANCEL`.
    #[error("the store stopped the synchronisation")]
    Canceled,

    /// `SynchronizeInBackground` failed. Carries the store's answer.
    #[error(
        "the store answered SynchronizeInBackground with {code}: nothing was started, mend what it names and ask again"
    )]
    Refused {
        /// What the store answered.
        code: HRESULT,
    },

    /// The run did not end in the time allowed; it goes on. `MAPI_E_TIMEOUT`.
    #[cfg(feature = "std")]
    #[error(
        "after {waited:?} the run has not ended, {missing}: wait again, or answer its next Progress with a failure"
    )]
    Timeout {
        /// How long it was waited for.
        waited: core::time::Duration,
        /// What has not come.
        missing: &'static str,
    },

    /// A job's own thread asked to wait for its end, which would never come. `MAPI_E_UNABLE_TO_COMPLETE`.
    #[error("JobHandle::join was called on the job's own thread: call it from another")]
    JoinOnOwnThread,

    /// Input or output failed. The code fits the error's kind:
    ///
    /// | [`ErrorKind`](std::io::ErrorKind) | code |
    /// |---|---|
    /// | `ConnectionRefused`, `ConnectionReset`, `ConnectionAborted`, `NotConnected`, `BrokenPipe`, `HostUnreachable`, `NetworkUnreachable`, `NetworkDown` | `MAPI_E_NETWORK_ERROR` |
    /// | `TimedOut`; `WouldBlock`, which is how a socket's time limit ends a read on Unix | `MAPI_E_TIMEOUT` |
    /// | `StorageFull`, `QuotaExceeded` | `MAPI_E_NOT_ENOUGH_DISK` |
    /// | `PermissionDenied`, `ReadOnlyFilesystem` | `MAPI_E_NO_ACCESS` |
    /// | `OutOfMemory` | `MAPI_E_NOT_ENOUGH_MEMORY` |
    /// | any other | `MAPI_E_CALL_FAILED` |
    #[cfg(feature = "std")]
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// A bare code, made from an [`HRESULT`].
    #[error("{0}")]
    Code(HRESULT),

    /// A code with a text, made by [`Error::new`].
    #[error("{message}")]
    Message {
        /// The code for Outlook.
        code: HRESULT,
        /// The text for its dialog.
        message: String,
    },
}

impl Error {
    /// Makes an error of a code for Outlook and a text for its dialog.
    ///
    /// A `code` of success severity is a slip that [`hresult`](Error::hresult) mends to `E_FAIL`.
    ///
    /// ```
    /// use mapisync::{Error, HRESULT};
    /// let error = Error::new(HRESULT::MAPI_E_CORRUPT_STORE, "the index of «Inbox» is damaged; rebuild it");
    /// assert_eq!(error.hresult(), HRESULT::MAPI_E_CORRUPT_STORE);
    /// ```
    pub fn new(code: HRESULT, message: impl Into<String>) -> Error {
        Error::Message {
            code,
            message: message.into(),
        }
    }

    /// The `HRESULT` that stands for this error on the ABI side, of failure severity always: an error made of a
    /// success code counts as `E_FAIL`.
    ///
    /// ```
    /// use mapisync::{Error, HRESULT};
    /// assert_eq!(Error::NullRequest.hresult(), HRESULT::E_POINTER);
    /// assert_eq!(Error::from(HRESULT::S_FALSE).hresult(), HRESULT::E_FAIL);
    /// ```
    pub fn hresult(&self) -> HRESULT {
        let code = match self {
            Error::NullRequest => HRESULT::E_POINTER,
            Error::RequestTooSmall { .. } | Error::NoEventSlot => HRESULT::E_INVALIDARG,
            Error::NullInterface { .. } => HRESULT::E_NOINTERFACE,
            #[cfg(feature = "std")]
            Error::Event(_) | Error::Thread(_) => HRESULT::MAPI_E_NOT_ENOUGH_RESOURCES,
            Error::Canceled => HRESULT::MAPI_E_USER_CANCEL,
            #[cfg(feature = "std")]
            Error::Timeout { .. } => HRESULT::MAPI_E_TIMEOUT,
            Error::JoinOnOwnThread => HRESULT::MAPI_E_UNABLE_TO_COMPLETE,
            #[cfg(feature = "std")]
            Error::Io(error) => io_code(error.kind()),
            Error::QueryInterface { code, .. }
            | Error::Host { code, .. }
            | Error::Refused { code }
            | Error::Code(code)
            | Error::Message { code, .. } => *code,
        };
        if code.is_err() { code } else { HRESULT::E_FAIL }
    }

    /// Whether this is a request to stop: the host's failing answer to `Progress`, or
    /// [`JobHandle::cancel`](crate::JobHandle::cancel).
    ///
    /// ```
    /// use mapisync::{Error, HRESULT};
    /// assert!(Error::Canceled.is_canceled());
    /// assert!(Error::Host { method: "Progress", code: HRESULT::E_FAIL }.is_canceled());
    /// assert!(!Error::from(HRESULT::E_ABORT).is_canceled());
    /// ```
    pub fn is_canceled(&self) -> bool {
        matches!(
            self,
            Error::Canceled
                | Error::Host {
                    method: PROGRESS,
                    ..
                }
        )
    }
}

/// The MAPI code for a kind of failure. [`Error::Io`] has the table for users.
#[cfg(feature = "std")]
fn io_code(kind: std::io::ErrorKind) -> HRESULT {
    use std::io::ErrorKind as Kind;
    match kind {
        Kind::ConnectionRefused
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::NotConnected
        | Kind::BrokenPipe
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown => HRESULT::MAPI_E_NETWORK_ERROR,
        Kind::TimedOut | Kind::WouldBlock => HRESULT::MAPI_E_TIMEOUT,
        Kind::StorageFull | Kind::QuotaExceeded => HRESULT::MAPI_E_NOT_ENOUGH_DISK,
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => HRESULT::MAPI_E_NO_ACCESS,
        Kind::OutOfMemory => HRESULT::MAPI_E_NOT_ENOUGH_MEMORY,
        _ => HRESULT::MAPI_E_CALL_FAILED,
    }
}

/// `IMAPISync` out of `mapisync::abi::sync::IMAPISync`. It takes time, so names are kept as they are until they are shown.
pub(crate) fn without_path(name: &'static str) -> &'static str {
    name.rsplit("::").next().unwrap_or(name)
}

/// The callback's method whose failing answer asks the store to stop.
pub(crate) const PROGRESS: &str = "Progress";

impl From<HRESULT> for Error {
    /// An error that has nothing to say but its code.
    fn from(code: HRESULT) -> Error {
        Error::Code(code)
    }
}

impl HRESULT {
    /// Turns the answer into a `Result`: `Ok` with the code itself if its severity is success, so that a warning is
    /// not lost, otherwise `Err`.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// assert_eq!(HRESULT::S_FALSE.ok().unwrap(), HRESULT::S_FALSE);
    /// assert_eq!(HRESULT::E_FAIL.ok().unwrap_err().hresult(), HRESULT::E_FAIL);
    /// ```
    pub fn ok(self) -> Result<HRESULT> {
        if self.is_ok() {
            Ok(self)
        } else {
            Err(Error::Code(self))
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use std::io::{self, ErrorKind as Kind};
    use std::time::Duration;

    #[test]
    fn every_variant_has_its_code_and_says_what_to_do() {
        let (interface, iid) = ("IMAPISync", crate::abi::IID_IMAPISync);
        let busy = HRESULT::MAPI_E_BUSY;
        for (error, code, words) in [
            (Error::NullRequest, HRESULT::E_POINTER, "psibpb"),
            (
                Error::RequestTooSmall {
                    size: 4,
                    needed: 32,
                },
                HRESULT::E_INVALIDARG,
                "ulSize is 4",
            ),
            (Error::NoEventSlot, HRESULT::E_INVALIDARG, "phSyncDoneEvent"),
            (
                Error::QueryInterface {
                    interface,
                    iid,
                    code: busy,
                },
                busy,
                "IMAPISync {5024A385",
            ),
            (
                Error::NullInterface { interface, iid },
                HRESULT::E_NOINTERFACE,
                "gave NULL",
            ),
            (
                Error::Event(Kind::Other.into()),
                HRESULT::MAPI_E_NOT_ENOUGH_RESOURCES,
                "handles",
            ),
            (
                Error::Thread(Kind::Other.into()),
                HRESULT::MAPI_E_NOT_ENOUGH_RESOURCES,
                "threads",
            ),
            (
                Error::Host {
                    method: PROGRESS,
                    code: busy,
                },
                busy,
                "MAPI_E_BUSY",
            ),
            (Error::Canceled, HRESULT::MAPI_E_USER_CANCEL, "stopped"),
            (Error::Refused { code: busy }, busy, "nothing was started"),
            (
                Error::Timeout {
                    waited: Duration::from_secs(3),
                    missing: "Done has not come",
                },
                HRESULT::MAPI_E_TIMEOUT,
                "3s",
            ),
            (
                Error::JoinOnOwnThread,
                HRESULT::MAPI_E_UNABLE_TO_COMPLETE,
                "another",
            ),
            (
                Error::Io(io::Error::other("the text is kept")),
                HRESULT::MAPI_E_CALL_FAILED,
                "the text is kept",
            ),
            (Error::Code(busy), busy, "MAPI_E_BUSY (0x8004010B)"),
            (Error::new(busy, "mine"), busy, "mine"),
        ] {
            assert_eq!(error.hresult(), code, "{error:?}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn an_error_never_has_a_success_code() {
        for error in [
            Error::from(HRESULT::S_OK),
            Error::new(HRESULT::MAPI_W_PARTIAL_COMPLETION, ""),
        ] {
            assert_eq!(error.hresult(), HRESULT::E_FAIL);
        }
    }

    #[test]
    fn only_requests_to_stop_are_cancellations() {
        assert!(
            !Error::Host {
                method: "Error",
                code: HRESULT::E_FAIL
            }
            .is_canceled()
        );
        assert!(!Error::Code(HRESULT::MAPI_E_USER_CANCEL).is_canceled());
    }

    #[test]
    fn io_kinds_become_the_fitting_codes() {
        for (kind, code) in [
            (Kind::ConnectionRefused, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::ConnectionReset, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::ConnectionAborted, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::NotConnected, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::BrokenPipe, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::HostUnreachable, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::NetworkUnreachable, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::NetworkDown, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::TimedOut, HRESULT::MAPI_E_TIMEOUT),
            (Kind::WouldBlock, HRESULT::MAPI_E_TIMEOUT),
            (Kind::StorageFull, HRESULT::MAPI_E_NOT_ENOUGH_DISK),
            (Kind::QuotaExceeded, HRESULT::MAPI_E_NOT_ENOUGH_DISK),
            (Kind::PermissionDenied, HRESULT::MAPI_E_NO_ACCESS),
            (Kind::ReadOnlyFilesystem, HRESULT::MAPI_E_NO_ACCESS),
            (Kind::OutOfMemory, HRESULT::MAPI_E_NOT_ENOUGH_MEMORY),
            (Kind::NotFound, HRESULT::MAPI_E_CALL_FAILED),
            (Kind::Other, HRESULT::MAPI_E_CALL_FAILED),
        ] {
            assert_eq!(
                Error::from(io::Error::from(kind)).hresult(),
                code,
                "{kind:?}"
            );
        }
    }
}
