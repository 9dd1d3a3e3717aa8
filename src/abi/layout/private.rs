//! Helpers for the expansions of the macros. They are not part of the public API.

#![allow(missing_docs)]

pub use super::{Described, Field, Layout};
pub use core::mem::{align_of, offset_of, size_of};
pub use core::{assert, concat, stringify};

/// Returns the size of the field to which the closure points.
pub const fn part_size<S, F>(_: fn(&S) -> *const F) -> usize {
    size_of::<F>()
}

/// Supplies a field of any type in an expression that is type-checked and never run.
pub fn any<T>() -> T {
    unreachable!()
}

/// Returns a name without its path and without `r#`.
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

/// Returns whether these are the slots of a vtable, from 0 on without a gap.
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

/// Returns the slots of a vtable: those of its base, then those of its other methods.
pub const fn slots<const N: usize>(
    inherited: &[Field<'static>],
    methods: &[&'static str],
) -> [Field<'static>; N] {
    let mut fields = [EMPTY; N];
    let mut slot = 0;
    while slot < N {
        fields[slot] = match slot < inherited.len() {
            true => inherited[slot],
            false => slot_of(methods[slot - inherited.len()], slot, size_of::<usize>()),
        };
        slot += 1;
    }
    fields
}

/// Returns a method in its slot, for pointers of `width` bytes.
pub const fn slot_of(name: &'static str, slot: usize, width: usize) -> Field<'static> {
    Field { name, offset: slot * width, size: width, slot: Some(slot) }
}

/// Returns the fields at their offsets under C's natural packing. Each part is the size and the
/// alignment of a field.
pub const fn natural<const N: usize>(
    names: &[&'static str],
    parts: [(usize, usize); N],
) -> [Field<'static>; N] {
    let mut fields = [EMPTY; N];
    let (mut index, mut end) = (0, 0_usize);
    while index < N {
        let (size, align) = parts[index];
        let offset = end.next_multiple_of(align);
        fields[index] = Field { name: names[index], offset, size, slot: None };
        end = offset + size;
        index += 1;
    }
    fields
}

/// Returns the size and alignment of a struct of these parts.
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

const EMPTY: Field<'static> = Field { name: "", offset: 0, size: 0, slot: None };
