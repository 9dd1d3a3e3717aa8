//! Texts at the boundary: UTF-8 out to NUL-terminated UTF-16, and borrowed UTF-16 in.
//!
//! A store reports a text for every message it moves, so the way out does not allocate for texts of ordinary length:
//! they are encoded into a buffer on the stack.

mod encode;

use alloc::vec::Vec;
use core::mem::MaybeUninit;
use widestring::{U16CStr, U16CString};

/// The stack buffer's length in UTF-16 units, the terminating NUL included.
const STACK: usize = 256;

/// Lends `text` as NUL-terminated UTF-16 to `call`, for the length of the call.
#[inline(always)]
pub(crate) fn with_wide<R>(text: &str, call: impl FnOnce(*const u16) -> R) -> R {
    // No text has more units than bytes.
    if text.len() >= STACK {
        return with_wide_of_many_bytes(text, call);
    }
    on_the_stack(text, call)
}

#[inline(never)]
fn with_wide_of_many_bytes<R>(text: &str, call: impl FnOnce(*const u16) -> R) -> R {
    let units = encode::units(text);
    if units < STACK {
        return on_the_stack(text, call);
    }
    let mut heap = Vec::<u16>::with_capacity(units + 1);
    // SAFETY: that is the room that there is.
    unsafe { encode::encode(text, heap.as_mut_ptr()) };
    call(heap.as_ptr())
}

/// `text` has less than `STACK` units.
#[inline(always)]
fn on_the_stack<R>(text: &str, call: impl FnOnce(*const u16) -> R) -> R {
    debug_assert!(encode::units(text) < STACK);
    let mut stack = [MaybeUninit::<u16>::uninit(); STACK];
    // SAFETY: the buffer has room for the units and one more, as both callers have asked.
    unsafe { encode::encode(text, stack.as_mut_ptr().cast()) };
    call(stack.as_ptr().cast())
}

/// Lends a text from outside to `call`: NULL as `None`, one at an odd address as an aligned copy. Whatever units it
/// holds, unpaired surrogates included, pass as they are.
///
/// # Safety
///
/// `text` is NULL or points to units, at any address, of which one is 0 and which stay unchanged during the call.
#[inline(always)]
pub(crate) unsafe fn with_incoming<R>(
    text: *const u16,
    call: impl FnOnce(Option<&U16CStr>) -> R,
) -> R {
    if text.is_null() {
        return call(None);
    }
    if !text.is_aligned() {
        // SAFETY: the caller's promise.
        let copy = unsafe { aligned(text) };
        return call(Some(&copy));
    }
    // SAFETY: not NULL, aligned, readable up to its 0 and unchanged during the call, says the caller; and the reference
    // ends with the call, since `call` takes one of any lifetime.
    call(Some(unsafe { U16CStr::from_ptr_str(text) }))
}

/// A copy of a text at an odd address.
///
/// # Safety
///
/// As `with_incoming`, and it is not NULL.
#[cold]
unsafe fn aligned(text: *const u16) -> U16CString {
    let unit = |at: usize| {
        // SAFETY: `take_while` stops asking at the first 0, up to which all units are readable.
        unsafe { text.add(at).read_unaligned() }
    };
    let units: Vec<u16> = (0..).map(unit).take_while(|unit| *unit != 0).collect();
    U16CString::from_vec_truncate(units)
}

/// Returns `all` cases, `fewer` where `.ci/run` runs the tests under an emulator or Wine, or the `fewest` under Miri.
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
        let all: String = ('\0'..=char::MAX).step_by(cases(1, 1, 997)).collect();
        assert_eq!(sent(&all), expected(&all));
        for character in all.chars().step_by(cases(1, 97, 2)) {
            let mut one = [0; 4];
            let one = character.encode_utf8(&mut one);
            assert_eq!(sent(one), expected(one), "{character:?}");
        }
    }

    #[test]
    fn every_length_around_the_chunks_and_the_buffer_passes_in_every_width() {
        for character in ["a", "\0", "ß", "漢", "😀"] {
            let near = |n: usize| n.saturating_sub(3)..n + 4;
            let all = (0..40)
                .chain(near(STACK / 2))
                .chain(near(STACK))
                .chain(near(3 * STACK));
            let lengths = cases(
                all.clone().collect(),
                all.collect(),
                std::vec![0, 1, 7, 8, 9, 17, STACK / 2, STACK - 1, STACK],
            );
            let prefixes = [7, 1, 8, 9, 15, 16, 17];
            for length in lengths {
                let text = character.repeat(length);
                assert_eq!(sent(&text), expected(&text), "{length} × {character:?}");
                for &prefix in &prefixes[..cases(7, 7, 1)] {
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
        let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
        for shift in [0, 1] {
            // One unit more, so that the string has room at an odd address.
            let mut memory = std::vec![0_u16; units.len() + 1];
            let place = memory.as_mut_ptr().wrapping_byte_add(shift);
            assert_eq!(place.is_aligned(), shift == 0);
            // SAFETY: the string lies within the memory, ends with a NUL and stays unchanged during the call.
            let read = unsafe {
                let bytes = units.as_ptr().cast::<u8>();
                place.cast::<u8>().copy_from(bytes, 2 * units.len());
                with_incoming(place, |text| text.unwrap().to_string().unwrap())
            };
            assert_eq!(read, text);
        }
    }
}
