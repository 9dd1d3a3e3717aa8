//! `CustomError` and `ResultExt`: the codes and messages of a store's own errors.

use super::{Error, Result};
use crate::abi::HRESULT;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt::{self, Display};

/// Adds words or a code to the error of a result, on its way to Outlook.
///
/// A cancellation passes through both functions unchanged: it is not an error that a user reads
/// about, and the job must still see that it is one.
///
/// ```
/// use mapisync::{HRESULT, Result, ResultExt, SyncJob};
/// use std::fs;
///
/// fn receive(job: &SyncJob, folder: &str) -> Result<()> {
///     let list = fs::read_to_string(folder).context(folder)?; // "Inbox: No such file or directory"
///     for (n, size) in (0..).zip(list.lines()) {
///         let size: u32 = size.parse().code(HRESULT::MAPI_E_CORRUPT_DATA).context(folder)?;
///         job.progress(None, n, size).context(folder)?; // fails unchanged if the host cancels
///     }
///     Ok(())
/// }
/// ```
pub trait ResultExt<T, E> {
    /// Puts words and a colon before the message of the error. The code and the source stay.
    ///
    /// ```
    /// use mapisync::{Error, HRESULT, ResultExt};
    ///
    /// let failed: Result<(), _> = Err(Error::new(HRESULT::MAPI_E_BUSY, "in use"));
    /// let error = failed.context("Inbox").unwrap_err();
    /// assert_eq!(error.to_string(), "Inbox: in use");
    /// assert_eq!(error.hresult(), HRESULT::MAPI_E_BUSY);
    ///
    /// let canceled: Result<(), _> = Err(Error::Canceled);
    /// assert!(canceled.context("Inbox").unwrap_err().is_canceled());
    /// ```
    ///
    /// # Errors
    ///
    /// It fails if the result is an error.
    fn context(self, words: impl Display) -> Result<T>
    where
        E: Into<Error>;

    /// Gives the error a code for Outlook. The message and the source are those of the error.
    ///
    /// ```
    /// use mapisync::{HRESULT, ResultExt};
    ///
    /// let error = "12x".parse::<u32>().code(HRESULT::MAPI_E_CORRUPT_DATA).unwrap_err();
    /// assert_eq!(error.hresult(), HRESULT::MAPI_E_CORRUPT_DATA);
    /// assert_eq!(error.to_string(), "invalid digit found in string");
    /// ```
    ///
    /// # Errors
    ///
    /// It fails if the result is an error.
    fn code(self, code: HRESULT) -> Result<T>
    where
        E: Into<Box<dyn core::error::Error + Send + Sync>>;
}

impl<T, E> ResultExt<T, E> for core::result::Result<T, E> {
    fn context(self, words: impl Display) -> Result<T>
    where
        E: Into<Error>,
    {
        self.map_err(|error| {
            let error = error.into();
            if error.is_canceled() {
                return error;
            }
            let code = error.hresult();
            let content = Content::Context(words.to_string(), error);
            CustomError { code, content }.into()
        })
    }

    fn code(self, code: HRESULT) -> Result<T>
    where
        E: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        self.map_err(|error| match error.into().downcast::<Error>() {
            Ok(error) if error.is_canceled() => *error,
            Ok(error) => Error::with_source(code, error),
            Err(error) => Error::with_source(code, error),
        })
    }
}

/// The code and the message of an [`Error::Custom`].
///
/// ```
/// use mapisync::{Error, HRESULT, ResultExt};
///
/// let failed: Result<(), _> = Err(Error::new(HRESULT::MAPI_E_BUSY, "in use"));
/// let Err(Error::Custom(custom)) = failed.context("Inbox") else { unreachable!() };
/// assert_eq!(custom.to_string(), "Inbox: in use");
/// ```
#[derive(Debug)]
pub struct CustomError {
    pub(super) code: HRESULT,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Message(String),
    Source(Box<dyn core::error::Error + Send + Sync>),
    /// Words before the message of an error.
    Context(String, Error),
}

impl CustomError {
    pub(super) fn message(code: HRESULT, message: String) -> CustomError {
        let content = Content::Message(message);
        CustomError { code, content }
    }

    pub(super) fn source(
        code: HRESULT,
        source: Box<dyn core::error::Error + Send + Sync>,
    ) -> CustomError {
        let content = Content::Source(source);
        CustomError { code, content }
    }
}

impl From<CustomError> for Error {
    fn from(custom: CustomError) -> Error {
        Error::Custom(Arc::new(custom))
    }
}

impl Display for CustomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Message(message) => f.write_str(message),
            Content::Source(source) => write!(f, "{source}"),
            Content::Context(words, error) => write!(f, "{words}: {error}"),
        }
    }
}

impl core::error::Error for CustomError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.content {
            Content::Message(_) => None,
            Content::Source(source) => Some(&**source),
            Content::Context(_, error) => error.source(),
        }
    }
}
