//! `Error` and `Result`, and the conversions between errors and `HRESULT`s.
//!
//! Both sides use one type, because an error passes through both. A store's `io::Error` becomes an
//! `HRESULT` for Outlook and a message for its dialog. A failure that Outlook returns becomes an
//! `Err` in the store's loop.

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

/// An error of this crate, or of a store or a host.
///
/// A store makes an error with [`Error::new`], from an [`io::Error`](std::io::Error) by `?`, or
/// from an [`HRESULT`].
///
/// - If a job ends with an error, Outlook receives the error's code, [`hresult`](Error::hresult),
///   through `Done`. It receives the message, as `Display` prints it, through `Error`. An
///   [`Error::Host`] came from Outlook, so its message is not sent.
/// - If the store fails before it has started a run, Outlook receives only the code.
///
/// ```
/// use mapisync::{Error, HRESULT};
/// use std::io;
///
/// let refused = Error::new(HRESULT::MAPI_E_LOGON_FAILED, "mail.example.org refused the password");
/// assert_eq!(refused.hresult(), HRESULT::MAPI_E_LOGON_FAILED);
/// assert_eq!(refused.to_string(), "mail.example.org refused the password");
///
/// let system: Error = io::Error::from(io::ErrorKind::ConnectionRefused).into();
/// assert_eq!(system.hresult(), HRESULT::MAPI_E_NETWORK_ERROR);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `psibpb` is NULL. The code is `E_POINTER`.
    ///
    /// **What to do:** pass the address of a `MAPISIB` to `SynchronizeInBackground`.
    #[error("psibpb is NULL")]
    NullRequest,

    /// `MAPISIB.ulSize` is less than the size of the structure, so the fields cannot be read. The
    /// code is `E_INVALIDARG`.
    ///
    /// **What to do:** set `ulSize` to `sizeof(MAPISIB)`.
    #[error("MAPISIB.ulSize is {size}, less than the {needed} bytes of the structure")]
    RequestTooSmall {
        /// The value of `ulSize`, in bytes.
        size: u32,
        /// The size of `MAPISIB` on this platform, in bytes.
        needed: u32,
    },

    /// `MAPISIB.phSyncDoneEvent` is NULL. The code is `E_INVALIDARG`.
    ///
    /// **What to do:** point it to a `HANDLE`, to which the store writes the handle of the done
    /// event.
    #[error("MAPISIB.phSyncDoneEvent is NULL")]
    NullEventLocation,

    /// `QueryInterface` failed. The code is the object's.
    ///
    /// **What to do:** pass an object that has the interface, or implement the interface in the
    /// object.
    #[error(
        "QueryInterface for {} {iid:#} failed: {code}",
        without_path(interface)
    )]
    QueryInterface {
        /// The Rust name of the interface, as [`type_name`](core::any::type_name) returns it. The
        /// message shows it without its path.
        interface: &'static str,
        /// The IID.
        iid: GUID,
        /// The code that the object returned.
        code: HRESULT,
    },

    /// `QueryInterface`, or a function that had to create an object, returned success and NULL. The
    /// code is `E_NOINTERFACE`.
    ///
    /// **What to do:** fix the object, which violates the rules of COM.
    #[error(
        "the object returned success and NULL for {} {iid:#}",
        without_path(interface)
    )]
    NullInterface {
        /// The Rust name of the interface, as [`type_name`](core::any::type_name) returns it. The
        /// message shows it without its path.
        interface: &'static str,
        /// The IID.
        iid: GUID,
    },

    /// The done event could not be created. The code is `MAPI_E_NOT_ENOUGH_RESOURCES`.
    ///
    /// **What to do:** close unused handles, or raise the limit of the process.
    #[cfg(feature = "std")]
    #[error("the done event could not be created: {0}")]
    Event(std::io::Error),

    /// The thread of the synchronization could not be started. The code is
    /// `MAPI_E_NOT_ENOUGH_RESOURCES`.
    ///
    /// **What to do:** end unused threads, or raise the limit of the process.
    #[cfg(feature = "std")]
    #[error("the thread of the synchronization could not be started: {0}")]
    Thread(std::io::Error),

    /// A method of the host's callback failed. The code is the host's. A failure of `Progress` is
    /// the host's request to stop.
    ///
    /// **What to do:** end the synchronization, which `?` does.
    #[error("the host returned {code} from {method}")]
    Host {
        /// The method of the callback.
        method: &'static str,
        /// The code that the host returned.
        code: HRESULT,
    },

    /// The store canceled the job with [`JobHandle::cancel`](crate::JobHandle::cancel). The code is
    /// `MAPI_E_USER_CANCEL`.
    ///
    /// **What to do:** end the synchronization, which `?` does.
    #[error("the synchronization was canceled")]
    Canceled,

    /// `SynchronizeInBackground` failed, so no run was started. The code is the store's.
    ///
    /// **What to do:** act on the code, then start the run again.
    #[error("SynchronizeInBackground failed: {code}")]
    Refused {
        /// The code that the store returned.
        code: HRESULT,
    },

    /// The run did not end within the timeout. It continues. The code is `MAPI_E_TIMEOUT`.
    ///
    /// **What to do:** wait again, or let the callback's next `progress` fail, which asks the store
    /// to stop.
    #[cfg(feature = "std")]
    #[error("the run did not end within {waited:?}: {missing}")]
    Timeout {
        /// The timeout.
        waited: core::time::Duration,
        /// The part of the run's end that has not occurred.
        missing: &'static str,
    },

    /// [`JobHandle::join`](crate::JobHandle::join) was called on the job's own thread, where it
    /// would wait forever. The code is `MAPI_E_UNABLE_TO_COMPLETE`.
    ///
    /// **What to do:** call it on another thread.
    #[error("JobHandle::join was called on the job's own thread")]
    JoinOnOwnThread,

    /// An input or output operation failed. The code depends on the kind of the error:
    ///
    /// | [`ErrorKind`](std::io::ErrorKind) | code |
    /// |---|---|
    /// | `ConnectionRefused`, `ConnectionReset`, `ConnectionAborted`, `NotConnected`, `BrokenPipe`, `HostUnreachable`, `NetworkUnreachable`, `NetworkDown` | `MAPI_E_NETWORK_ERROR` |
    /// | `TimedOut`, and `WouldBlock`, with which a read from a socket ends at its timeout on Unix | `MAPI_E_TIMEOUT` |
    /// | `StorageFull`, `QuotaExceeded` | `MAPI_E_NOT_ENOUGH_DISK` |
    /// | `PermissionDenied`, `ReadOnlyFilesystem` | `MAPI_E_NO_ACCESS` |
    /// | `OutOfMemory` | `MAPI_E_NOT_ENOUGH_MEMORY` |
    /// | any other | `MAPI_E_CALL_FAILED` |
    #[cfg(feature = "std")]
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// A code without a message, made from an [`HRESULT`].
    #[error("{0}")]
    Code(HRESULT),

    /// A code and a message, made by [`Error::new`].
    #[error("{message}")]
    Message {
        /// The code for Outlook.
        code: HRESULT,
        /// The message for Outlook's dialog.
        message: String,
    },
}

impl Error {
    /// Creates an error from a code for Outlook and a message for its dialog.
    ///
    /// `code` should be a failure. [`hresult`](Error::hresult) returns `E_FAIL` instead of a
    /// success code.
    ///
    /// ```
    /// use mapisync::{Error, HRESULT};
    /// let error = Error::new(HRESULT::MAPI_E_CORRUPT_STORE, "the index of «Inbox» is damaged");
    /// assert_eq!(error.hresult(), HRESULT::MAPI_E_CORRUPT_STORE);
    /// ```
    pub fn new(code: HRESULT, message: impl Into<String>) -> Error {
        Error::Message {
            code,
            message: message.into(),
        }
    }

    /// Returns the `HRESULT` of this error. It is always a failure: an error with a success code
    /// becomes `E_FAIL`.
    ///
    /// ```
    /// use mapisync::{Error, HRESULT};
    /// assert_eq!(Error::NullRequest.hresult(), HRESULT::E_POINTER);
    /// assert_eq!(Error::from(HRESULT::S_FALSE).hresult(), HRESULT::E_FAIL);
    /// ```
    pub fn hresult(&self) -> HRESULT {
        let code = match self {
            Error::NullRequest => HRESULT::E_POINTER,
            Error::RequestTooSmall { .. } | Error::NullEventLocation => HRESULT::E_INVALIDARG,
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

    /// Returns whether this is a request to stop: a failure of the host's `Progress`, or
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

/// Returns the MAPI code for a kind of `io::Error`. [`Error::Io`] documents it.
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

/// Returns `IMAPISync` for `mapisync::abi::sync::IMAPISync`. An error keeps the full path, because
/// most errors are never shown.
pub(crate) fn without_path(name: &'static str) -> &'static str {
    name.rsplit("::").next().unwrap_or(name)
}

/// The method of the callback whose failure asks the store to stop.
pub(crate) const PROGRESS: &str = "Progress";

impl From<HRESULT> for Error {
    /// Creates an error that has a code and no message.
    fn from(code: HRESULT) -> Error {
        Error::Code(code)
    }
}

impl HRESULT {
    /// Converts the code to a `Result`. A success code becomes `Ok` with that code, so that a
    /// warning is not lost. A failure becomes `Err`.
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
