//! Strings at the boundary: UTF-8 in Rust, NUL-terminated UTF-16 in COM.
//!
//! Stores report a string for every message, so a string of ordinary length is converted on the
//! stack. Only a longer one is allocated.

use alloc::string::String;
use alloc::vec;

/// The length of the buffer for an outgoing string, in UTF-16 units with the terminating NUL.
const OUTGOING_UNITS: usize = 256;
/// The length of the buffer for an incoming string, in bytes of UTF-8.
const INCOMING_BYTES: usize = 1024;

/// Calls `call` with a pointer to `string` in UTF-16, NUL-terminated and aligned. The pointer is
/// valid during the call. A NUL within the string becomes U+FFFD, because it would end the string.
#[inline]
pub(crate) fn with_utf16<R>(string: &str, call: impl FnOnce(*const u16) -> R) -> R {
    // A string has at most as many units as bytes, so few strings need to be counted.
    let fits = string.len() < OUTGOING_UNITS
        || !string.is_ascii() && string.encode_utf16().count() < OUTGOING_UNITS;
    if fits {
        let mut buffer = [0; OUTGOING_UNITS];
        fill(&mut buffer, string);
        call(buffer.as_ptr())
    } else {
        let mut buffer = vec![0; string.len() + 1];
        fill(&mut buffer, string);
        call(buffer.as_ptr())
    }
}

/// Encodes `string` into a buffer of zeros, which must have room for it and the NUL.
#[inline(always)]
fn fill(buffer: &mut [u16], string: &str) {
    if string.is_ascii() {
        // The compiler vectorizes this loop.
        for (unit, byte) in buffer.iter_mut().zip(string.bytes()) {
            *unit = replace_nul(byte.into());
        }
    } else {
        for (unit, encoded) in buffer.iter_mut().zip(string.encode_utf16()) {
            *unit = replace_nul(encoded);
        }
    }
}

/// Returns the unit, or U+FFFD for a NUL.
#[inline(always)]
fn replace_nul(unit: u16) -> u16 {
    if unit == 0 { 0xFFFD } else { unit }
}

/// Calls `call` with a foreign string in UTF-8, and with `None` for NULL. Unpaired surrogates
/// become U+FFFD.
///
/// # Safety
///
/// `string` must be NULL or point, at any address, to UTF-16 units that end with a NUL and do not
/// change during the call.
#[inline]
pub(crate) unsafe fn with_str<R>(string: *const u16, call: impl FnOnce(Option<&str>) -> R) -> R {
    if string.is_null() {
        return call(None);
    }
    let unit = |index: usize| {
        // SAFETY: the string is readable up to its NUL, at any address, by this function's
        // contract. `take_while` stops there.
        unsafe { string.add(index).read_unaligned() }
    };
    let units = (0..).map(unit).take_while(|unit| *unit != 0);
    // A unit takes at most three bytes of UTF-8.
    let max_bytes = 3 * units.clone().count();
    if max_bytes > INCOMING_BYTES {
        let mut decoded = String::with_capacity(max_bytes);
        decoded.extend(characters(units));
        return call(Some(&decoded));
    }
    let mut buffer = [0; INCOMING_BYTES];
    let mut length = 0;
    for character in characters(units) {
        length += character.encode_utf8(&mut buffer[length..]).len();
    }
    let decoded = core::str::from_utf8(&buffer[..length]).expect("characters are encoded as UTF-8");
    call(Some(decoded))
}

fn characters(units: impl Iterator<Item = u16>) -> impl Iterator<Item = char> {
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Returns `fewest` under Miri, `fewer` if `.ci/run` has set `MAPISYNC_FEWER_CASES` (under an
/// emulator or Wine), and `all` otherwise.
#[cfg(test)]
fn cases<T>(all: T, fewer: T, fewest: T) -> T {
    if cfg!(miri) {
        fewest
    } else if std::env::var_os("MAPISYNC_FEWER_CASES").is_some() {
        fewer
    } else {
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// The units that arrive on the other side, without the NUL.
    fn encoded(string: &str) -> Vec<u16> {
        with_utf16(string, |string| {
            assert!(string.is_aligned());
            // SAFETY: `with_utf16` terminates the string, and it is valid during this call.
            let unit = |index| unsafe { string.add(index).read() };
            (0..).map(unit).take_while(|unit| *unit != 0).collect()
        })
    }

    /// Decodes a copy of `units` that lies at an even or an odd address.
    fn decoded(units: &[u16], odd: bool) -> String {
        // One unit for the NUL, and one so that the string fits at an odd address.
        let mut memory = std::vec![0_u16; units.len() + 2];
        let copy = memory.as_mut_ptr().wrapping_byte_add(odd.into());
        assert_eq!(copy.is_aligned(), !odd);
        // SAFETY: the units and the NUL behind them lie within the memory, which does not change.
        unsafe {
            let bytes = units.as_ptr().cast::<u8>();
            copy.cast::<u8>().copy_from(bytes, 2 * units.len());
            with_str(copy, |string| String::from(string.unwrap()))
        }
    }

    fn check(string: &str) {
        let expected = string.replace('\0', "\u{FFFD}");
        let units: Vec<u16> = expected.encode_utf16().collect();
        assert_eq!(encoded(string), units, "{string:?}");
        for odd in [false, true] {
            assert_eq!(decoded(&units, odd), expected, "{string:?}");
        }
    }

    #[test]
    fn every_character_of_unicode_crosses_both_ways() {
        let all: String = ('\0'..=char::MAX).step_by(cases(1, 1, 997)).collect();
        check(&all);
        for character in all.chars().step_by(cases(1, 97, 2)) {
            check(character.encode_utf8(&mut [0; 4]));
        }
    }

    #[test]
    fn strings_around_the_buffer_lengths_cross_both_ways() {
        for character in ["a", "\0", "ß", "漢", "😀"] {
            let near = |n: usize| n.saturating_sub(3)..n + 4;
            let all = (0..20)
                .chain(near(OUTGOING_UNITS / 2))
                .chain(near(OUTGOING_UNITS))
                .chain(near(INCOMING_BYTES / 3));
            let lengths = cases(
                all.clone().collect(),
                all.collect(),
                std::vec![
                    0,
                    1,
                    OUTGOING_UNITS / 2,
                    OUTGOING_UNITS - 1,
                    OUTGOING_UNITS,
                    INCOMING_BYTES / 3 + 1
                ],
            );
            for length in lengths {
                check(&character.repeat(length));
                check(&("x".to_string() + &character.repeat(length)));
            }
        }
    }

    #[test]
    fn unpaired_surrogates_become_replacement_characters() {
        for (units, expected) in [
            (&[0xD800][..], "\u{FFFD}"),
            (&[0xDC00], "\u{FFFD}"),
            (&[0x61, 0xDBFF, 0x62], "a\u{FFFD}b"),
            (&[0xDFFF, 0xD800], "\u{FFFD}\u{FFFD}"),
            (&[0xD800, 0xD83D, 0xDE00], "\u{FFFD}😀"),
        ] {
            for repeated in [1, INCOMING_BYTES] {
                // The separator keeps repeated units from forming a surrogate pair.
                let units = [units, &[0x21]].concat().repeat(repeated);
                let expected = [expected, "!"].concat().repeat(repeated);
                assert_eq!(decoded(&units, false), expected);
            }
        }
    }

    #[test]
    fn null_is_none_and_an_empty_string_is_empty() {
        // SAFETY: NULL is allowed.
        assert!(unsafe { with_str(core::ptr::null(), |string| string.is_none()) });
        check("");
    }
}
