//! UTF-8 to UTF-16. Of our own, since this is done for every message that a store moves, and the standard library's iterator,
//! one character at a time, takes several times as many instructions; `benches` has the figures.
//!
//! A text comes in runs of characters that are encoded alike, words above all. Each class of characters has its loop, and
//! those of one and of two bytes take eight bytes at once wherever the run has them.

/// What an embedded NUL becomes, which would otherwise end the text early: the replacement character.
const REPLACEMENT: u16 = 0xFFFD;

const ONES: u64 = u64::MAX / 0xFF;
const LANES: u64 = u64::MAX / 0xFFFF;

/// How many units `text` has in UTF-16: one for each character, and one more for each that UTF-8 has in four bytes.
pub(super) fn units(text: &str) -> usize {
    // In two passes over small numbers, which the compiler makes wide ones.
    let count = |begins: fn(u8) -> bool| {
        let chunks = text.as_bytes().chunks(0xFF);
        let of = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(begins(*byte))).sum::<u8>();
        chunks.map(|chunk| usize::from(of(chunk))).sum::<usize>()
    };
    count(|byte| byte & 0xC0 != 0x80) + count(|byte| byte >= 0xF0)
}

/// Writes `text` and a NUL.
///
/// # Safety
///
/// `to` is valid for writes of [`units`] and one more.
#[inline(always)]
pub(super) unsafe fn encode(text: &str, to: *mut u16) {
    // SAFETY: the caller's promise; `ascii` says how much of it is done, in bytes and in units.
    unsafe {
        let ascii = ascii(text, to);
        if ascii == text.len() {
            to.add(ascii).write(0);
        } else {
            let from = text.as_ptr();
            mixed(from.add(ascii), from.add(text.len()), to.add(ascii));
        }
    }
}

/// Writes as many of the text's first characters as are ASCII and no NUL, by eight bytes at once, and answers how many those are.
/// Of a text that has less than eight bytes it writes none.
///
/// # Safety
///
/// `to` is valid for writes of the text's [`units`].
#[inline(always)]
unsafe fn ascii(text: &str, to: *mut u16) -> usize {
    let (from, all) = (text.as_ptr(), text.len());
    let mut at = 0;
    // SAFETY: what is read is within the text. As many units are written as there are bytes, which are characters of one byte,
    // behind others of that kind.
    unsafe {
        while all - at >= 16 {
            let (first, second) = (read(from.add(at)), read(from.add(at + 8)));
            if others(first) | others(second) != 0 {
                return at;
            }
            widen(first, to.add(at));
            widen(second, to.add(at + 8));
            at += 16;
        }
        if all - at >= 8 {
            let bytes = read(from.add(at));
            if others(bytes) != 0 {
                return at;
            }
            widen(bytes, to.add(at));
            at += 8;
        }
        // What is left, with some of what is done.
        if at < all && all >= 8 {
            let bytes = read(from.add(all - 8));
            if others(bytes) != 0 {
                return at;
            }
            widen(bytes, to.add(all - 8));
            at = all;
        }
    }
    at
}

/// Writes the text from `from` to `end` and a NUL.
///
/// # Safety
///
/// It is UTF-8, and `to` is valid for writes of its [`units`] and one more.
#[inline(never)]
unsafe fn mixed(mut from: *const u8, end: *const u8, mut to: *mut u16) {
    // The last place from which eight bytes can be read; before the text, if it has fewer. (No text lies in the first eight bytes
    // of memory but an empty one, and that does not come here.)
    let last = end.wrapping_sub(8);
    // The first byte of the character at `from`, or at the end a byte with which none begins.
    let lead = |from: *const u8| {
        if from == end {
            return 0x80;
        }
        // SAFETY: not at the end, beyond which `from` never is, so within the text.
        unsafe { *from }
    };
    // SAFETY: `from` is always at a character's beginning or at the end, since it advances by whole characters: by as many
    // bytes as the first one says, which valid UTF-8 has, or by as many as were seen to be characters of one or of two bytes.
    // Eight are read where the text has them, and two of the eight again. As many units are written as `units` counts, and
    // the NUL. Where four are written at once, that is no more: eight bytes from a character's beginning begin three units
    // at least, and then there is the NUL.
    unsafe {
        loop {
            match lead(from) {
                0..0x80 => {
                    while from <= last {
                        let bytes = read(from);
                        if others(bytes) != 0 {
                            break;
                        }
                        widen(bytes, to);
                        (from, to) = (from.add(8), to.add(8));
                    }
                    while let first @ 0..0x80 = lead(from) {
                        to.write(if first == 0 {
                            REPLACEMENT
                        } else {
                            first.into()
                        });
                        (from, to) = (from.add(1), to.add(1));
                    }
                }
                0xC0..0xE0 => {
                    while from <= last {
                        let bytes = read(from);
                        let units = (bytes & (LANES * 0x1F)) << 6 | bytes >> 8 & (LANES * 0x3F);
                        // As many of them as there are such characters; the others are written over.
                        write(units, to);
                        let run = twos(bytes);
                        (from, to) = (from.add(2 * run), to.add(run));
                        if run == 4 {
                            continue;
                        }
                        // Behind a word there mostly is a space, and another word.
                        let (space, next) = (*from, *from.add(1));
                        if !matches!(space, 1..0x80) || !matches!(next, 0xC0..0xE0) {
                            break;
                        }
                        to.write(space.into());
                        (from, to) = (from.add(1), to.add(1));
                    }
                    while let first @ 0xC0..0xE0 = lead(from) {
                        to.write((u16::from(first) & 0x1F) << 6 | low(from, 1) as u16);
                        (from, to) = (from.add(2), to.add(1));
                    }
                }
                0xE0..0xF0 => {
                    while let first @ 0xE0..0xF0 = lead(from) {
                        let high = u16::from(first) << 12;
                        to.write(high | (low(from, 1) << 6 | low(from, 2)) as u16);
                        (from, to) = (from.add(3), to.add(1));
                    }
                }
                0xF0.. => {
                    while let first @ 0xF0.. = lead(from) {
                        let high = (u32::from(first) & 7) << 18 | low(from, 1) << 12;
                        let beyond = (high | low(from, 2) << 6 | low(from, 3)) - 0x1_0000;
                        to.write(0xD800 | (beyond >> 10) as u16);
                        to.add(1).write(0xDC00 | beyond as u16 & 0x3FF);
                        (from, to) = (from.add(4), to.add(2));
                    }
                }
                0x80..0xC0 => break,
            }
        }
        to.write(0);
    }
}

/// Not 0 where one of eight bytes is a NUL or not ASCII: the latter have the highest bit, and a NUL gets it when 1 is taken from
/// it.
#[inline(always)]
fn others(bytes: u64) -> u64 {
    (bytes | bytes.wrapping_sub(ONES)) & (ONES * 0x80)
}

/// With how many characters of two bytes the eight bytes begin, at whose beginning one begins.
#[inline(always)]
fn twos(bytes: u64) -> usize {
    let (leads, all) = (bytes & (LANES * 0xE0), LANES * 0xC0);
    // By comparisons, behind which the processor goes on before it knows; counting zeros is shorter, and it would wait for that.
    if leads == all {
        4
    } else if leads << 16 == all << 16 {
        3
    } else if leads << 32 == all << 32 {
        2
    } else if leads << 48 == all << 48 {
        1
    } else {
        0
    }
}

/// The six bits that byte number `at` adds to the character at `from`.
///
/// # Safety
///
/// It can be read.
#[inline(always)]
unsafe fn low(from: *const u8, at: usize) -> u32 {
    // SAFETY: the caller's promise.
    u32::from(unsafe { *from.add(at) }) & 0x3F
}

/// The eight bytes at `from`, the first of them lowest.
///
/// # Safety
///
/// They can be read.
#[inline(always)]
unsafe fn read(from: *const u8) -> u64 {
    // SAFETY: the caller's promise; any address will do.
    u64::from_le(unsafe { from.cast::<u64>().read_unaligned() })
}

/// Four units, the first of them lowest.
///
/// # Safety
///
/// `to` is valid for writes of four.
#[inline(always)]
unsafe fn write(units: u64, to: *mut u16) {
    let units = [0, 16, 32, 48].map(|shift| (units >> shift) as u16);
    // SAFETY: the caller's promise; any address will do.
    unsafe { to.cast::<[u16; 4]>().write_unaligned(units) };
}

/// Eight bytes, the first of them lowest, as eight units.
///
/// # Safety
///
/// `to` is valid for writes of eight.
#[inline(always)]
unsafe fn widen(bytes: u64, to: *mut u16) {
    // One instruction, which the compiler does not find.
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::*;
        // SAFETY: every x86-64 has SSE2, and the write is the caller's promise; any address will do.
        unsafe {
            let zero = _mm_setzero_si128();
            let bytes = _mm_cvtsi64_si128(bytes as i64);
            _mm_storeu_si128(to.cast(), _mm_unpacklo_epi8(bytes, zero));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the caller's promise; any address will do.
    unsafe {
        let units = bytes.to_le_bytes().map(u16::from);
        to.cast::<[u16; 8]>().write_unaligned(units);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::cases;
    use std::string::String;
    use std::vec::Vec;

    /// What is written, and that nothing is beyond it.
    fn encoded(text: &str) -> Vec<u16> {
        const UNTOUCHED: u16 = 0xABCD;
        let units = units(text);
        let mut buffer = std::vec![UNTOUCHED; units + 1 + 16];
        // SAFETY: there is room for the units and one more.
        unsafe { encode(text, buffer.as_mut_ptr()) };
        let beyond = buffer.split_off(units + 1);
        assert!(beyond.iter().all(|unit| *unit == UNTOUCHED), "{text:?}");
        assert_eq!(buffer.pop(), Some(0), "{text:?}");
        buffer
    }

    /// So many characters, no two of them the same, of the class to which the first belongs.
    fn run(first: char, length: usize) -> String {
        let step = u32::from(first != '\0');
        let nth = |n| char::from_u32(u32::from(first) + n * step).unwrap();
        (0..length as u32).map(nth).collect()
    }

    #[test]
    fn every_sequence_of_short_runs_is_encoded_and_nothing_beyond_it_written() {
        // Of each class, shorter than, as long as and longer than what is taken at once.
        let lengths = [0, 1, 9, 3, 8, 2, 4, 5, 7, 17];
        let lengths = &lengths[..cases(10, 10, 5)];
        let runs: Vec<String> = ['A', '\0', 'Ā', '一', '😀']
            .iter()
            .flat_map(|first| lengths.iter().map(|length| run(*first, *length)))
            .collect();
        let third = cases(0..runs.len(), 3..4, 3..4);
        for first in &runs {
            for second in &runs {
                for third in &runs[third.clone()] {
                    let text = [&**first, second, third].concat();
                    let expected = text.replace('\0', "\u{FFFD}");
                    assert!(
                        encoded(&text).into_iter().eq(expected.encode_utf16()),
                        "{text:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn ascii_of_every_length_is_encoded() {
        for length in 0..=60 {
            let text = run('A', length);
            assert!(encoded(&text).into_iter().eq(text.encode_utf16()), "{text}");
        }
    }

    #[test]
    fn every_sequence_of_single_characters_is_too() {
        let classes = ["a", "\0", "ß", "漢", "😀"];
        let longest = cases(7, 4, 3);
        let mut texts = std::vec![String::new()];
        for _ in 0..longest {
            let longer = |text: &String| classes.map(|class| std::format!("{text}{class}"));
            texts = texts.iter().flat_map(longer).collect();
            for text in &texts {
                let expected = text.replace('\0', "\u{FFFD}");
                assert!(
                    encoded(text).into_iter().eq(expected.encode_utf16()),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn units_are_counted_in_texts_of_any_length() {
        for text in ["", "a", "ß", "漢", "😀", "aß漢😀"] {
            let times = [0, 1, 85, 86, 255, 256, 63, 64, 127, 128, 1000];
            for &times in &times[..cases(11, 11, 6)] {
                let text = text.repeat(times);
                assert_eq!(
                    units(&text),
                    text.encode_utf16().count(),
                    "{times} × {text:?}"
                );
            }
        }
    }

    #[test]
    fn eight_bytes_are_widened_on_every_processor() {
        let mut units = [0; 8];
        // SAFETY: there is room for eight.
        unsafe { widen(u64::from_le_bytes(*b"12345678"), units.as_mut_ptr()) };
        assert_eq!(units, b"12345678".map(u16::from));
    }
}
