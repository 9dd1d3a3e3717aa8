//! `Error` and `Result`, and the conversions between errors and `HRESULT`s.
//!
//! Both sides use one type, because an error passes through both. A store's `io::Error` becomes an
//! `HRESULT` for Outlook and a message for its dialog. A failure that Outlook returns becomes an
//! `Err` in the store's loop.

mod custom;

use crate::abi::{GUID, HRESULT};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

pub use custom::{CustomError, ResultExt};

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
/// A store makes an error with [`Error::new`], from an [`io::Error`] by `?`, or
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
#[doc = std_links!()]
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
    #[non_exhaustive]
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

    /// `QueryInterface`, or a function that had to create an object, failed. The code is the
    /// object's or the function's.
    ///
    /// **What to do:** pass an object that has the interface, or implement the interface in the
    /// object.
    #[error("QueryInterface for {} {iid:#} failed: {code}", without_path(interface))]
    #[non_exhaustive]
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
    #[error("the object returned success and NULL for {} {iid:#}", without_path(interface))]
    #[non_exhaustive]
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

    /// The host asked the job to stop, by the code that a method of its callback returned: any
    /// failure of `Progress`, or a cancellation from `Error`. The code is the host's.
    ///
    /// **What to do:** end the synchronization, which `?` does.
    #[error("the host returned {code} from {method}")]
    #[non_exhaustive]
    Host {
        /// The method of the callback.
        method: CallbackMethod,
        /// The code that the host returned.
        code: HRESULT,
    },

    /// The store canceled the job with [`JobHandle::cancel`]. The code is `MAPI_E_USER_CANCEL`.
    ///
    /// **What to do:** end the synchronization, which `?` does.
    #[doc = std_links!()]
    #[error("the synchronization was canceled")]
    Canceled,

    /// `SynchronizeInBackground` failed, so no run was started. The code is the store's.
    ///
    /// **What to do:** act on the code, then start the run again.
    #[error("SynchronizeInBackground failed: {code}")]
    #[non_exhaustive]
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
    #[non_exhaustive]
    Timeout {
        /// The timeout.
        waited: core::time::Duration,
        /// The part of the run's end that has not occurred.
        missing: &'static str,
    },

    /// [`JobHandle::join`] was called on the job's own thread, where it would wait forever. The code
    /// is `MAPI_E_UNABLE_TO_COMPLETE`.
    ///
    /// **What to do:** call it on another thread.
    #[doc = std_links!()]
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
    /// | `NotFound` | `MAPI_E_NOT_FOUND` |
    /// | any other | `MAPI_E_CALL_FAILED` |
    #[cfg(feature = "std")]
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// A code without a message, made from an [`HRESULT`].
    #[error("{0}")]
    Code(HRESULT),

    /// A code with a message or with another error, made by [`Error::new`], [`Error::with_source`]
    /// or [`ResultExt`].
    // An `Arc`, because its drop is a call. The drop of a `Box` keeps that of `Error` from being
    // inlined, which every failed cast would pay for.
    #[error(transparent)]
    Custom(Arc<CustomError>),
}

/// A method of the host's callback.
///
/// ```
/// use mapisync::CallbackMethod;
/// assert_eq!(CallbackMethod::Progress.to_string(), "Progress");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallbackMethod {
    /// `Progress`
    Progress,
    /// `Error`
    Error,
    /// `Done`
    Done,
}

impl fmt::Display for CallbackMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
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
        CustomError::message(code, message.into()).into()
    }

    /// Creates an error from a code for Outlook and another error, whose message goes to Outlook's
    /// dialog. [`source`](core::error::Error::source) returns that error.
    ///
    /// ```
    /// use mapisync::{Error, HRESULT};
    /// use std::error::Error as _;
    ///
    /// let cause = "12x".parse::<u32>().unwrap_err();
    /// let error = Error::with_source(HRESULT::MAPI_E_CORRUPT_DATA, cause);
    /// assert_eq!(error.to_string(), "invalid digit found in string");
    /// assert!(error.source().unwrap().is::<std::num::ParseIntError>());
    /// ```
    pub fn with_source(
        code: HRESULT,
        source: impl Into<Box<dyn core::error::Error + Send + Sync>>,
    ) -> Error {
        CustomError::source(code, source.into()).into()
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
            | Error::Code(code) => *code,
            Error::Custom(custom) => custom.code,
        };
        if code.is_err() { code } else { HRESULT::E_FAIL }
    }

    /// Returns whether this is a request to stop, of the host ([`Error::Host`]) or of the store
    /// ([`Error::Canceled`]). A run that ends with it is canceled, which is no error: `Done` passes
    /// its code, and `Error` is not called.
    ///
    /// ```
    /// use mapisync::{Error, HRESULT};
    /// assert!(Error::Canceled.is_canceled());
    /// assert!(!Error::from(HRESULT::E_ABORT).is_canceled());
    /// ```
    pub fn is_canceled(&self) -> bool {
        matches!(self, Error::Canceled | Error::Host { .. })
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
        Kind::NotFound => HRESULT::MAPI_E_NOT_FOUND,
        _ => HRESULT::MAPI_E_CALL_FAILED,
    }
}

/// Returns `IMAPISync` for `mapisync::abi::sync::IMAPISync`. An error keeps the full path, because
/// most errors are never shown.
pub(crate) fn without_path(name: &'static str) -> &'static str {
    name.rsplit("::").next().unwrap_or(name)
}

impl From<HRESULT> for Error {
    /// Creates an error that has a code and no message.
    fn from(code: HRESULT) -> Error {
        Error::Code(code)
    }
}

impl HRESULT {
    /// Converts a failure to an error. Every success code, a warning included, becomes `Ok`.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// assert!(HRESULT::S_FALSE.ok().is_ok());
    /// assert_eq!(HRESULT::E_FAIL.ok().unwrap_err().hresult(), HRESULT::E_FAIL);
    /// ```
    pub fn ok(self) -> Result<()> {
        self.ok_code().map(drop)
    }

    /// Converts a failure to an error, and keeps a success code, such as a warning.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// let warning = HRESULT::MAPI_W_PARTIAL_COMPLETION;
    /// assert_eq!(warning.ok_code().unwrap(), warning);
    /// assert_eq!(HRESULT::E_FAIL.ok_code().unwrap_err().hresult(), HRESULT::E_FAIL);
    /// ```
    pub fn ok_code(self) -> Result<HRESULT> {
        if self.is_ok() { Ok(self) } else { Err(Error::Code(self)) }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::abi::IID_IMAPISync;
    use std::io;
    use std::time::Duration;

    #[test]
    fn every_variant_has_its_code_and_its_message() {
        let (interface, iid) = ("mapisync::abi::IMAPISync", IID_IMAPISync);
        let busy = HRESULT::MAPI_E_BUSY;
        let system = || io::Error::other("no such luck");
        for (error, code, message) in [
            (Error::NullRequest, HRESULT::E_POINTER, "psibpb is NULL"),
            (
                Error::RequestTooSmall { size: 4, needed: 32 },
                HRESULT::E_INVALIDARG,
                "MAPISIB.ulSize is 4, less than the 32 bytes of the structure",
            ),
            (Error::NullEventLocation, HRESULT::E_INVALIDARG, "MAPISIB.phSyncDoneEvent is NULL"),
            (
                Error::QueryInterface { interface, iid, code: busy },
                busy,
                "QueryInterface for IMAPISync {5024A385-2D44-486A-81A8-8F0ECB6071DD} failed: \
                 MAPI_E_BUSY (0x8004010B)",
            ),
            (
                Error::NullInterface { interface, iid },
                HRESULT::E_NOINTERFACE,
                "the object returned success and NULL for IMAPISync \
                 {5024A385-2D44-486A-81A8-8F0ECB6071DD}",
            ),
            (
                Error::Event(system()),
                HRESULT::MAPI_E_NOT_ENOUGH_RESOURCES,
                "the done event could not be created: no such luck",
            ),
            (
                Error::Thread(system()),
                HRESULT::MAPI_E_NOT_ENOUGH_RESOURCES,
                "the thread of the synchronization could not be started: no such luck",
            ),
            (
                Error::Host { method: CallbackMethod::Progress, code: busy },
                busy,
                "the host returned MAPI_E_BUSY (0x8004010B) from Progress",
            ),
            (Error::Canceled, HRESULT::MAPI_E_USER_CANCEL, "the synchronization was canceled"),
            (
                Error::Refused { code: busy },
                busy,
                "SynchronizeInBackground failed: MAPI_E_BUSY (0x8004010B)",
            ),
            (
                Error::Timeout { waited: Duration::from_secs(3), missing: "Done was not called" },
                HRESULT::MAPI_E_TIMEOUT,
                "the run did not end within 3s: Done was not called",
            ),
            (
                Error::JoinOnOwnThread,
                HRESULT::MAPI_E_UNABLE_TO_COMPLETE,
                "JobHandle::join was called on the job's own thread",
            ),
            (Error::Io(system()), HRESULT::MAPI_E_CALL_FAILED, "no such luck"),
            (Error::Code(busy), busy, "MAPI_E_BUSY (0x8004010B)"),
            (Error::new(busy, "own message"), busy, "own message"),
            (Error::with_source(busy, "its source"), busy, "its source"),
        ] {
            assert_eq!(error.hresult(), code, "{error:?}");
            assert_eq!(error.to_string(), message);
        }
    }
}
