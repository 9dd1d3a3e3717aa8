//! `Outcome`: the end of a run as the host is told, with a message at a length that a dialog can show.

use crate::abi::HRESULT;
use crate::error::{Error, Result};
use alloc::string::String;
use core::fmt::{self, Write};

/// The end of a run as the host is told. It holds nothing of the user's, whose `Drop` could run
/// late.
pub(super) struct Outcome {
    pub(super) status: HRESULT,
    /// For `Error`. There is none on success, and none if the host knows it already.
    pub(super) message: Option<String>,
}

impl Outcome {
    /// The job was dropped before it was finished.
    pub(super) const ABORTED: Outcome = Outcome {
        status: HRESULT::E_ABORT,
        message: None,
    };

    pub(super) fn from_result<R: Into<HRESULT>>(result: Result<R>) -> Outcome {
        match result {
            Ok(status) => Outcome {
                status: status.into(),
                message: None,
            },
            Err(error) => Outcome::from_error(error),
        }
    }

    pub(super) fn from_error(error: Error) -> Outcome {
        let message = match &error {
            Error::Host { .. } => None,
            _ => Some(format_message(format_args!("{error}"))),
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
}

/// The greatest length, in bytes of UTF-8.
const LONGEST: usize = 32 * 1024;

/// Formats a message. A longer one than `LONGEST` is cut off and ends with "…"; formatting stops
/// there.
fn format_message(arguments: fmt::Arguments<'_>) -> String {
    let mut message = Message {
        string: String::new(),
        is_full: false,
    };
    // This fails if the message is full, or if a `Display` fails. The part that was written is
    // kept.
    let _ = message.write_fmt(arguments);
    message.string
}

struct Message {
    string: String,
    is_full: bool,
}

impl Write for Message {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.is_full {
            return Err(fmt::Error);
        }
        let mut end = part.len().min(LONGEST - self.string.len());
        while !part.is_char_boundary(end) {
            end -= 1;
        }
        self.string.push_str(&part[..end]);
        if end < part.len() {
            self.string.push('…');
            self.is_full = true;
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_off_between_characters() {
        for character in ['x', 'ж', '€', '𝄞'] {
            let length = character.len_utf8();
            let fits = "x".repeat(LONGEST - length) + &character.to_string();
            assert_eq!(format_message(format_args!("{fits}")), fits);
            // The greatest length lies before the character or within it.
            for room in 0..length {
                let kept = "x".repeat(LONGEST - room);
                let cut = format_message(format_args!("{kept}{character}"));
                assert_eq!(cut.strip_suffix('…'), Some(&*kept), "{character} {room}");
            }
        }
    }

    #[test]
    fn a_display_that_never_ends_or_fails_is_cut_off() {
        struct Endless(fn(fmt::Result) -> fmt::Result);
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for _ in 0..10_000 {
                    (self.0)(f.write_str("forever "))?;
                }
                Ok(())
            }
        }
        // One stops at the error, the other ignores it.
        for goes_on in [|result| result, |_| Ok(())] {
            let message = format_message(format_args!("{}", Endless(goes_on)));
            assert_eq!(message.len(), LONGEST + '…'.len_utf8());
        }
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("as far as this")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(format_message(format_args!("{Fails}")), "as far as this");
    }
}
