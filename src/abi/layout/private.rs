//! What the macros expand to. No part of the crate's interface.

#![allow(missing_docs)]

pub use super::{Described, Field, Layout};
pub use core::mem::{align_of, offset_of, size_of};
pub use core::{assert, concat, stringify};

/// The size of what the function points to: a field, named by a closure.
pub const fn part_size<S, F>(_: fn(&S) -> *const F) -> usize {
    size_of::<F>()
}

/// A field of a value that is type-checked and never made.
pub fn any<T>() -> T {
    unreachable!()
}

/// A name without the path before it and without `r#`.
pub const fn plain(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    let (mut start, mut index) = (0, 0);
    while index < bytes.len() && bytes[index] != b'<' {
        if bytes[index] == b':' || bytes[index] == b'#' || bytes[index] == b' ' {
            start = index + 1;
        }
        index += 1;
    }
    match core::str::from_utf8(bytes.split_at(start).1) {
        Ok(plain) => plain,
        Err(_) => name,
    }
}

/// Whether these are the slots of a vtable, all of them, from 0.
pub const fn are_slots(fields: &[Field<'_>]) -> bool {
    let mut index = 0;
    while index < fields.len() {
        match fields[index].slot {
            Some(slot) if slot == index => index += 1,
            _ => return false,
        }
    }
    true
}

/// The slots of a vtable: its base's, then its own.
pub const fn slots<const N: usize>(
    inherited: &[Field<'static>],
    own: &[&'static str],
) -> [Field<'static>; N] {
    let mut fields = [EMPTY; N];
    let mut slot = 0;
    while slot < N {
        fields[slot] = match slot < inherited.len() {
            true => inherited[slot],
            false => slot_of(own[slot - inherited.len()], slot, size_of::<usize>()),
        };
        slot += 1;
    }
    fields
}

/// A method in its slot, for pointers of `width` bytes.
pub const fn slot_of(name: &'static str, slot: usize, width: usize) -> Field<'static> {
    Field {
        name,
        offset: slot * width,
        size: width,
        slot: Some(slot),
    }
}

/// Fields of the given sizes and alignments where C's natural packing puts them.
pub const fn natural<const N: usize>(
    names: &[&'static str],
    parts: [(usize, usize); N],
) -> [Field<'static>; N] {
    let mut fields = [EMPTY; N];
    let (mut index, mut end) = (0, 0_usize);
    while index < N {
        let (size, align) = parts[index];
        let offset = end.next_multiple_of(align);
        fields[index] = Field {
            name: names[index],
            offset,
            size,
            slot: None,
        };
        end = offset + size;
        index += 1;
    }
    fields
}

/// The size and alignment of a struct of such fields.
pub const fn extent<const N: usize>(parts: [(usize, usize); N]) -> (usize, usize) {
    let (mut index, mut end, mut widest) = (0, 0_usize, 1);
    while index < N {
        let (size, align) = parts[index];
        end = end.next_multiple_of(align) + size;
        if align > widest {
            widest = align;
        }
        index += 1;
    }
    (end.next_multiple_of(widest), widest)
}

const EMPTY: Field<'static> = Field {
    name: "",
    offset: 0,
    size: 0,
    slot: None,
};
