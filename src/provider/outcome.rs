//! `Outcome`: the status and the message of an ended run.
//!
//! The message comes from a store's error and may have any length. A limit keeps its copy and its
//! conversion small, because a failure there could prevent `Done`.

use crate::abi::HRESULT;
use crate::error::{Error, Result};
use alloc::string::String;
use core::fmt::{self, Write};

/// The status and the message of an ended run. It holds no user value, whose `Drop` could run late.
pub(super) struct Outcome {
    pub(super) status: HRESULT,
    /// The message for `Error`. There is none on success, for a job that was dropped, and for a
    /// cancellation.
    pub(super) message: Option<String>,
}

impl Outcome {
    /// The outcome of a job that was dropped before it was finished.
    pub(super) const ABORTED: Outcome = Outcome { status: HRESULT::E_ABORT, message: None };

    pub(super) fn from_result<R: Into<HRESULT>>(result: Result<R>) -> Outcome {
        match result {
            Ok(status) => Outcome { status: status.into(), message: None },
            Err(error) => Outcome::from_error(error),
        }
    }

    pub(super) fn from_error(error: Error) -> Outcome {
        let message = (!error.is_canceled()).then(|| format_message(format_args!("{error}")));
        Outcome { status: error.hresult(), message }
    }

    /// The panic hook prints the panic's message, for the developer. The user sees this fixed one.
    pub(super) fn panicked() -> Outcome {
        Outcome {
            status: HRESULT::E_UNEXPECTED,
            message: Some("the synchronization was ended by an internal error".into()),
        }
    }
}

/// The maximum length of a message without the "…", in bytes of UTF-8.
const MAX_BYTES: usize = 32 * 1024;

/// Formats a message. After `MAX_BYTES` it is cut off, and ends with "…".
fn format_message(arguments: fmt::Arguments<'_>) -> String {
    let mut message = Message { string: String::new(), is_full: false };
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
        let mut end = part.len().min(MAX_BYTES - self.string.len());
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
            let fits = "x".repeat(MAX_BYTES - length) + &character.to_string();
            assert_eq!(format_message(format_args!("{fits}")), fits);
            // The greatest length lies before the character or within it.
            for room in 0..length {
                let kept = "x".repeat(MAX_BYTES - room);
                let cut = format_message(format_args!("{kept}{character}"));
                assert_eq!(cut.strip_suffix('…'), Some(&*kept), "{character} {room}");
            }
        }
    }

    #[test]
    fn the_output_of_an_endless_or_failing_display_is_cut_off() {
        struct Endless(fn(fmt::Result) -> fmt::Result);
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for _ in 0..10_000 {
                    (self.0)(f.write_str("forever "))?;
                }
                Ok(())
            }
        }
        // One `Display` returns at the error; the other ignores it.
        for on_error in [|result| result, |_| Ok(())] {
            let message = format_message(format_args!("{}", Endless(on_error)));
            assert_eq!(message.len(), MAX_BYTES + '…'.len_utf8());
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
