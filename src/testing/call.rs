//! `Call`: a call to the callback, with its arguments.

use super::Method;
use crate::abi::HRESULT;
use alloc::string::String;
use core::fmt;

/// A call of the store to the callback, with its arguments.
///
/// `Debug` prints it in one line, with codes by name, so that a failed `assert_eq!` of two lists is
/// easy to read. `Display` prints the same.
///
/// ```
/// use mapisync::HRESULT;
/// use mapisync::testing::Call;
///
/// let calls = [
///     Call::progress("Receiving", 0, 2),
///     Call::position(1, 2),
///     Call::error(HRESULT::MAPI_E_NETWORK_ERROR, "connection refused"),
///     Call::done(HRESULT::MAPI_E_NETWORK_ERROR),
/// ];
/// assert_eq!(
///     format!("{calls:?}"),
///     "[Progress(\"Receiving\", 0, 2), Progress(None, 1, 2), \
///      Error(MAPI_E_NETWORK_ERROR, \"connection refused\"), Done(MAPI_E_NETWORK_ERROR)]"
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// `Progress`: the step, or `None` if only the position changes; the index; its maximum.
    Progress(Option<String>, u32, u32),
    /// `Error`: the code and the message, or `None` for NULL.
    Error(HRESULT, Option<String>),
    /// `Done`: the status.
    Done(HRESULT),
}

impl Call {
    /// `Progress` with a step.
    ///
    /// ```
    /// use mapisync::testing::Call;
    /// let call = Call::progress("Receiving", 0, 2);
    /// assert_eq!(call, Call::Progress(Some("Receiving".into()), 0, 2));
    /// ```
    pub fn progress(step: impl Into<String>, index: u32, max: u32) -> Call {
        Call::Progress(Some(step.into()), index, max)
    }

    /// `Progress` without a step.
    ///
    /// ```
    /// use mapisync::testing::Call;
    /// assert_eq!(Call::position(1, 2), Call::Progress(None, 1, 2));
    /// ```
    pub fn position(index: u32, max: u32) -> Call {
        Call::Progress(None, index, max)
    }

    /// `Error` with a message.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::Call;
    /// let call = Call::error(HRESULT::E_FAIL, "no luck");
    /// assert_eq!(call, Call::Error(HRESULT::E_FAIL, Some("no luck".into())));
    /// ```
    pub fn error(code: HRESULT, message: impl Into<String>) -> Call {
        Call::Error(code, Some(message.into()))
    }

    /// `Done` with a status.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::Call;
    /// assert_eq!(Call::done(HRESULT::S_OK), Call::Done(HRESULT::S_OK));
    /// ```
    pub fn done(status: HRESULT) -> Call {
        Call::Done(status)
    }

    /// The method that was called.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::{Call, Method};
    /// assert_eq!(Call::done(HRESULT::S_OK).method(), Method::Done);
    /// ```
    pub fn method(&self) -> Method {
        match self {
            Call::Progress(..) => Method::Progress,
            Call::Error(..) => Method::Error,
            Call::Done(_) => Method::Done,
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Progress(Some(step), index, max) => {
                write!(f, "Progress({step:?}, {index}, {max})")
            }
            Call::Progress(None, index, max) => write!(f, "Progress(None, {index}, {max})"),
            Call::Error(code, Some(message)) => write!(f, "Error({}, {message:?})", Short(*code)),
            Call::Error(code, None) => write!(f, "Error({}, None)", Short(*code)),
            Call::Done(status) => write!(f, "Done({})", Short(*status)),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A code by its name, or as a number if it has none.
pub(super) struct Short(pub(super) HRESULT);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#010X}", self.0),
        }
    }
}
