//! The message with which a run ends, at a length that a dialog can show.
//!
//! It consists of what the store's errors and panics say. Without a limit a message would be copied
//! and converted after the store's closure has returned, where a failure could prevent `Done`.

use alloc::string::String;
use core::fmt::{self, Write};

/// The greatest length, in bytes of UTF-8.
const LONGEST: usize = 32 * 1024;

/// Formats a message. A longer one than `LONGEST` is cut off and ends with "…"; formatting stops
/// there.
pub(super) fn format(arguments: fmt::Arguments<'_>) -> String {
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
            assert_eq!(format(format_args!("{fits}")), fits);
            // The greatest length lies before the character or within it.
            for room in 0..length {
                let kept = "x".repeat(LONGEST - room);
                let cut = format(format_args!("{kept}{character}"));
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
            let message = format(format_args!("{}", Endless(goes_on)));
            assert_eq!(message.len(), LONGEST + '…'.len_utf8());
        }
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("as far as this")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(format(format_args!("{Fails}")), "as far as this");
    }
}
