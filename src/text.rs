//! Texts at the boundary: UTF-8 out to NUL-terminated UTF-16, and borrowed UTF-16 in.
//!
//! A store reports a text for every message it moves, so the way out does not allocate for texts of ordinary length:
//! they are encoded into a buffer on the stack.

use alloc::vec::Vec;
use core::mem::MaybeUninit;
use widestring::{U16CStr, U16CString};

/// The stack buffer's length in UTF-16 units, the terminating NUL included.
const STACK: usize = 256;

/// How many bytes the ASCII path looks at together.
const CHUNK: usize = 16;

/// What an embedded NUL becomes, which would otherwise end the text early: the replacement character.
const REPLACEMENT: u16 = 0xFFFD;

/// Lends `text` as NUL-terminated UTF-16 to `call`, for the length of the call.
pub(crate) fn with_wide<R>(text: &str, call: impl FnOnce(*const u16) -> R) -> R {
    let mut stack = [MaybeUninit::uninit(); STACK];
    if encode(text, &mut stack) {
        return call(stack.as_ptr().cast());
    }
    let mut heap = Vec::new();
    // No text has more units than bytes; one more for the NUL.
    heap.resize(text.len() + 1, MaybeUninit::uninit());
    let fits = encode(text, &mut heap);
    debug_assert!(fits);
    call(heap.as_ptr().cast())
}

/// Writes `text` and a NUL to the beginning of `buffer`, and answers whether it fitted.
fn encode(text: &str, buffer: &mut [MaybeUninit<u16>]) -> bool {
    // One unit is the NUL's.
    let Some(room) = buffer.len().checked_sub(1) else {
        return false;
    };
    let bytes = text.as_bytes();
    let mut at = 0;
    while let (Some(from), Some(to)) = (
        bytes.get(at..at + CHUNK),
        buffer[..room].get_mut(at..at + CHUNK),
    ) {
        if !from.iter().all(|byte| matches!(byte, 1..=0x7F)) {
            break;
        }
        for (byte, unit) in from.iter().zip(to) {
            unit.write((*byte).into());
        }
        at += CHUNK;
    }
    // All before `at` is ASCII, so `at` is a character's boundary in the bytes and the same index in the units.
    for character in text[at..].chars() {
        let mut pair = [0; 2];
        let units: &[u16] = if character == '\0' {
            &[REPLACEMENT]
        } else {
            character.encode_utf16(&mut pair)
        };
        let Some(to) = buffer[..room].get_mut(at..at + units.len()) else {
            return false;
        };
        for (unit, slot) in units.iter().zip(to) {
            slot.write(*unit);
        }
        at += units.len();
    }
    buffer[at].write(0);
    true
}

/// Lends a text from outside to `call`: NULL as `None`, one at an odd address as an aligned copy. Whatever units it
/// holds, unpaired surrogates included, pass as they are.
///
/// # Safety
///
/// `text` is NULL or points to units, at any address, of which one is 0 and which stay unchanged during the call.
pub(crate) unsafe fn with_incoming<R>(
    text: *const u16,
    call: impl FnOnce(Option<&U16CStr>) -> R,
) -> R {
    if text.is_null() {
        call(None)
    } else if text.is_aligned() {
        // SAFETY: not NULL, aligned, readable up to its 0 and unchanged during the call, says the caller; and the reference
        // ends with the call, since `call` takes one of any lifetime.
        call(Some(unsafe { U16CStr::from_ptr_str(text) }))
    } else {
        let unit = |at: usize| {
            // SAFETY: `take_while` stops asking at the first 0, up to which all units are readable.
            unsafe { text.add(at).read_unaligned() }
        };
        let units: Vec<u16> = (0..).map(unit).take_while(|unit| *unit != 0).collect();
        call(Some(&U16CString::from_vec_truncate(units)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    /// What arrives on the other side of the boundary.
    fn sent(text: &str) -> Vec<u16> {
        with_wide(text, |wide| {
            // SAFETY: `with_wide` lends a terminated text.
            unsafe { with_incoming(wide, |text| text.unwrap().as_slice().to_vec()) }
        })
    }

    fn expected(text: &str) -> Vec<u16> {
        text.replace('\0', "\u{FFFD}").encode_utf16().collect()
    }

    #[test]
    fn every_character_of_unicode_passes() {
        let mut all = String::new();
        for character in '\0'..=char::MAX {
            let mut one = [0; 4];
            let one = character.encode_utf8(&mut one);
            assert_eq!(sent(one), expected(one), "{character:?}");
            all.push(character);
        }
        assert_eq!(sent(&all), expected(&all));
    }

    #[test]
    fn every_length_around_the_chunks_and_the_buffer_passes_in_every_width() {
        for character in ["a", "\0", "ß", "漢", "😀"] {
            let near = |n: usize| n.saturating_sub(3)..n + 4;
            for length in (0..40)
                .chain(near(STACK / 2))
                .chain(near(STACK))
                .chain(near(3 * STACK))
            {
                let text = character.repeat(length);
                assert_eq!(sent(&text), expected(&text), "{length} × {character:?}");
                for prefix in [1, CHUNK - 1, CHUNK, CHUNK + 1] {
                    let text = "x".repeat(prefix) + &text;
                    assert_eq!(
                        sent(&text),
                        expected(&text),
                        "{prefix} + {length} × {character:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_stack_buffer_takes_255_units_and_their_nul() {
        let mut buffer = [MaybeUninit::uninit(); STACK];
        for (text, fits) in [
            ("a".repeat(255), true),
            ("a".repeat(256), false),
            ("漢".repeat(255), true),
            ("漢".repeat(256), false),
            ("a".repeat(253) + "😀", true),
            ("a".repeat(254) + "😀", false),
        ] {
            assert_eq!(
                encode(&text, &mut buffer),
                fits,
                "{} units",
                text.encode_utf16().count()
            );
        }
        assert!(!encode("", &mut []));
    }

    #[test]
    fn a_text_with_unpaired_surrogates_is_readable_lossily() {
        for units in [
            &[0xD800_u16, 0][..],
            &[0xDC00, 0],
            &[b'a'.into(), 0xDBFF, b'b'.into(), 0],
            &[0xDFFF, 0xD800, 0],
        ] {
            // SAFETY: terminated, and it outlives the call.
            let (raw, lossy) = unsafe {
                with_incoming(units.as_ptr(), |text| {
                    let text = text.unwrap();
                    (text.as_slice().to_vec(), text.to_string_lossy())
                })
            };
            assert_eq!(raw, units[..units.len() - 1]);
            assert!(lossy.contains('\u{FFFD}'));
        }
    }

    #[test]
    fn null_is_none_and_an_odd_address_is_read_all_the_same() {
        // SAFETY: NULL is allowed.
        assert!(unsafe { with_incoming(core::ptr::null(), |text| text.is_none()) });
        let text = "Größe 漢字 😀";
        let mut bytes = std::vec![0_u8];
        bytes.extend(text.encode_utf16().chain([0]).flat_map(u16::to_ne_bytes));
        // One of the two addresses is odd.
        for shift in [0, 1] {
            bytes.rotate_left(1 - shift);
            // SAFETY: within the bytes, terminated, unchanged during the call.
            let read = unsafe {
                with_incoming(bytes.as_ptr().add(shift).cast(), |text| {
                    text.unwrap().to_string().unwrap()
                })
            };
            assert_eq!(read, text);
            bytes.rotate_right(1 - shift);
        }
    }
}
