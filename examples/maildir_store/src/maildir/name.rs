//! The parts of a message's file name: `1.host,S=4130:2,FS` is a unique part, sizes and flags.

use std::ffi::{OsStr, OsString};

/// Follows the unique part in the name of a *stub*, a message of which only the header was copied.
const STUB: &[u8] = b",mapisync=header";

/// The longest file name of common file systems, in bytes.
pub(super) const LONGEST: usize = 255;

/// The name of a message, in its parts.
pub(super) struct Name<'a> {
    whole: &'a OsStr,
    /// The part that identifies the message, with its sizes and without a stub's mark.
    unique: &'a [u8],
    pub(super) is_stub: bool,
    /// The flags, if the name has a separator.
    pub(super) flags: Option<&'a [u8]>,
}

impl<'a> Name<'a> {
    pub(super) fn parse(whole: &'a OsStr) -> Name<'a> {
        let bytes = whole.as_encoded_bytes();
        let (base, flags) = match separator_at(bytes) {
            Some(at) => (&bytes[..at], Some(&bytes[at + 3..])),
            None => (bytes, None),
        };
        let name = |unique, is_stub| Name { whole, unique, is_stub, flags };
        let stub = base.strip_suffix(STUB).map(|unique| name(unique, true));
        stub.filter(Name::can_be_stub).unwrap_or_else(|| name(base, false))
    }

    /// Returns the part that identifies the message whatever its flags are, without its sizes:
    /// Dovecot adds, corrects and removes `,S=` and `,W=`, and a stub must not have them.
    pub(super) fn key(&self) -> Vec<u8> {
        let is_size = |field: &[u8]| matches!(field, [b'S' | b'W', b'=', size @ ..] if !size.is_empty() && size.iter().all(u8::is_ascii_digit));
        let mut fields = self.unique.split(|byte| *byte == b',');
        let mut key = fields.next().unwrap_or_default().to_vec();
        for field in fields.filter(|field| !is_size(field)) {
            key.push(b',');
            key.extend(field);
        }
        key
    }

    /// Returns whether the name can mark a stub. A name that is not valid UTF-8, or that has no
    /// unique part, cannot.
    pub(super) fn can_be_stub(&self) -> bool {
        self.whole.to_str().is_some() && !self.key().is_empty()
    }

    /// Returns the file name of a copy with these flags.
    pub(super) fn copied(&self, stub: bool, separator: &str, flags: Option<&[u8]>) -> OsString {
        let mut name = if stub { self.key() } else { self.unique.into() };
        if stub {
            name.extend(STUB);
        }
        if let Some(flags) = flags {
            name.extend(separator.as_bytes());
            // After another separator than the standard's, only letters are read as flags.
            let is_kept = |flag: &&u8| separator == ":2," || flag.is_ascii_alphabetic();
            name.extend(flags.iter().filter(is_kept));
        }
        os_string(name).unwrap_or_else(|| self.whole.into())
    }
}

/// Returns the position of the separator before the flags: the first `:2,`, or otherwise the last
/// `;2,` or `!2,` that only letters follow. Ports to Windows use one of these two, because Windows
/// allows no `:` in file names.
fn separator_at(name: &[u8]) -> Option<usize> {
    let find = |separator: &[u8]| name.windows(3).position(|window| window == separator);
    find(b":2,").or_else(|| {
        let is_one = |at: &usize| {
            matches!(&name[*at..*at + 3], b";2," | b"!2,")
                && name[*at + 3..].iter().all(u8::is_ascii_alphabetic)
        };
        (0..name.len().saturating_sub(2)).rev().find(is_one)
    })
}

/// Returns `None` on systems other than Unix if the bytes are not UTF-8.
fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    #[cfg(unix)]
    return Some(std::os::unix::ffi::OsStringExt::from_vec(bytes));
    #[cfg(not(unix))]
    return String::from_utf8(bytes).ok().map(OsString::from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_key_a_mark_and_flags() {
        for (name, key, is_stub, flags) in [
            ("1.host", "1.host", false, None),
            ("1.host:2,FS", "1.host", false, Some("FS")),
            ("1.host;2,FS", "1.host", false, Some("FS")),
            ("1.host!2,FS", "1.host", false, Some("FS")),
            ("1!2,5.host", "1!2,5.host", false, None),
            ("1;2,S;2,F", "1;2,S", false, Some("F")),
            ("1;2,S:2,F", "1;2,S", false, Some("F")),
            ("1.host:2,S:2,F", "1.host", false, Some("S:2,F")),
            ("1.host,S=4130,W=4192:2,S", "1.host", false, Some("S")),
            ("1,S=1,U=2,W=3", "1,U=2", false, None),
            ("1,S=,W=x,S=1y", "1,S=,W=x,S=1y", false, None),
            ("1.host,mapisync=header:2,S", "1.host", true, Some("S")),
            ("1,S=3,mapisync=header", "1", true, None),
            (",mapisync=header", ",mapisync=header", false, None),
            (",S=1,mapisync=header", ",mapisync=header", false, None),
            (":2,S", "", false, Some("S")),
        ] {
            let parsed = Name::parse(name.as_ref());
            assert_eq!(String::from_utf8(parsed.key()).unwrap(), key, "{name}");
            let flags = flags.map(str::as_bytes);
            assert_eq!((parsed.is_stub, parsed.flags), (is_stub, flags), "{name}");
        }
    }

    #[test]
    fn the_name_of_a_copy_has_the_same_key() {
        for name in ["1.host,S=3,W=4:2,S", "1;2,S:2,F", "2", "1,S,S=1=2!2,RS"] {
            let parsed = Name::parse(name.as_ref());
            for stub in [false, true] {
                for separator in [":2,", ";2,"] {
                    let copy = parsed.copied(stub, separator, parsed.flags.map(|_| &b"RS"[..]));
                    let copied = Name::parse(&copy);
                    assert_eq!(copied.key(), parsed.key(), "{copy:?}");
                    assert_eq!(copied.is_stub, stub, "{copy:?}");
                    assert_eq!(copied.flags.is_some(), parsed.flags.is_some(), "{copy:?}");
                }
            }
        }
        let sized = Name::parse("1.host,S=3,W=4:2,S".as_ref());
        let stub = sized.copied(true, ":2,", Some(b"S"));
        assert_eq!(stub, "1.host,mapisync=header:2,S");
        assert_eq!(sized.copied(false, ":2,", Some(b"FS")), "1.host,S=3,W=4:2,FS");
    }
}
