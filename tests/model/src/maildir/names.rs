//! The names of messages.

use super::program::STUB;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The part of a message's name that identifies it: up to its flags, without the stub mark and the
/// sizes.
pub struct Unique {
    pub part: Vec<u8>,
    pub is_stub: bool,
}

pub fn unique(name: &OsStr) -> Unique {
    let (base, _) = split(name);
    // Only a UTF-8 name can be a stub's, and the mark must not be the whole name.
    let stub = base.strip_suffix(STUB).map(without_sizes);
    let stub = stub.filter(|part| name.to_str().is_some() && !part.is_empty());
    let is_stub = stub.is_some();
    let part = stub.unwrap_or_else(|| without_sizes(base));
    Unique { part, is_stub }
}

fn without_sizes(name: &[u8]) -> Vec<u8> {
    let is_size = |field: &[u8]| {
        let digits = field.strip_prefix(b"S=").or(field.strip_prefix(b"W="));
        digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
    };
    let fields = name.split(|byte| *byte == b',').enumerate();
    let kept = fields.filter(|(at, field)| *at == 0 || !is_size(field));
    let kept: Vec<_> = kept.map(|(_, field)| field).collect();
    kept.join(&b","[..])
}

/// Splits a name before its separator.
pub fn split(name: &OsStr) -> (&[u8], &[u8]) {
    let bytes = name.as_bytes();
    let is_colon = |at: &usize| bytes[*at..].starts_with(b":2,");
    let is_other = |at: &usize| {
        let rest = &bytes[*at..];
        (rest.starts_with(b";2,") || rest.starts_with(b"!2,"))
            && rest[3..].iter().all(u8::is_ascii_alphabetic)
    };
    let mut positions = 0..bytes.len();
    let colon = positions.clone().find(is_colon);
    let at = colon.or_else(|| positions.rfind(is_other));
    bytes.split_at(at.unwrap_or(bytes.len()))
}

/// Returns the name of a message, if the path is one: an entry in `new` or `cur` that is not
/// hidden.
pub fn message(path: &Path) -> Option<&OsStr> {
    let parent = path.parent()?.file_name()?;
    let name = path.file_name()?;
    let is_one = (parent == "new" || parent == "cur") && !name.as_bytes().starts_with(b".");
    let depth = path.components().count();
    (is_one && (2..=3).contains(&depth)).then_some(name)
}
