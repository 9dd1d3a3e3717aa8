//! The rules of a run: the changes that it may make to a tree, and those that it must have made.

use super::program::STUB;
use super::snapshot::{Found, Snapshot};
use mapisync::SyncFlags;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The part of every message that is copied in one direction.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    Whole,
    Header,
}

/// A tree, and its state before a run.
pub struct Tree {
    pub root: PathBuf,
    pub before: Snapshot,
}

/// The work that the flags request in one direction.
pub struct Direction {
    pub hierarchy: bool,
    pub contents: Option<Part>,
}

impl Direction {
    pub fn down(flags: SyncFlags) -> Direction {
        let whole = flags
            .contains(SyncFlags::DOWNLOAD_CONTENTS)
            .then_some(Part::Whole);
        let header = flags
            .contains(SyncFlags::GLOBAL_HEADERS)
            .then_some(Part::Header);
        Direction {
            hierarchy: flags.contains(SyncFlags::DOWNLOAD_HIERARCHY),
            contents: header.or(whole),
        }
    }

    pub fn up(flags: SyncFlags) -> Direction {
        Direction {
            hierarchy: flags.contains(SyncFlags::UPLOAD_HIERARCHY),
            contents: flags
                .contains(SyncFlags::UPLOAD_CONTENTS)
                .then_some(Part::Whole),
        }
    }

    pub fn does_something(&self) -> bool {
        self.hierarchy || self.contents.is_some()
    }
}

/// Returns a message's name up to its flags, without the stub mark and the sizes, and whether the
/// name is a stub's.
fn unique(name: &OsStr) -> (Vec<u8>, bool) {
    let is_utf8 = name.to_str().is_some();
    let (base, _) = split(name);
    let without_sizes = |name: &[u8]| {
        let fields = name.split(|byte| *byte == b',').enumerate();
        let is_kept = |(at, field): &(usize, &[u8])| {
            let digits = field.strip_prefix(b"S=").or(field.strip_prefix(b"W="));
            let is_size = digits.is_some_and(|digits| {
                !digits.is_empty() && digits.iter().all(|digit| digit.is_ascii_digit())
            });
            *at == 0 || !is_size
        };
        let kept: Vec<&[u8]> = fields.filter(is_kept).map(|(_, field)| field).collect();
        kept.join(&b","[..])
    };
    // Only a UTF-8 name can be a stub's, and the mark must not be the whole name.
    match base.strip_suffix(STUB).map(without_sizes) {
        Some(unique) if is_utf8 && !unique.is_empty() => (unique, true),
        _ => (without_sizes(base), false),
    }
}

/// Splits a name before its separator.
fn split(name: &OsStr) -> (&[u8], &[u8]) {
    let bytes = name.as_bytes();
    let is_colon = |at: &usize| bytes[*at..].starts_with(b":2,");
    let is_other = |at: &usize| {
        let rest = &bytes[*at..];
        (rest.starts_with(b";2,") || rest.starts_with(b"!2,"))
            && rest[3..].iter().all(u8::is_ascii_alphabetic)
    };
    let mut positions = 0..bytes.len();
    let at = positions
        .clone()
        .find(is_colon)
        .or_else(|| positions.rfind(is_other));
    bytes.split_at(at.unwrap_or(bytes.len()))
}

/// Returns the name of a message, if the path is one: an entry in `new` or `cur` that is not
/// hidden.
fn message(path: &Path) -> Option<&OsStr> {
    let parent = path.parent()?.file_name()?;
    let name = path.file_name()?;
    let is_one = (parent == "new" || parent == "cur") && !name.as_bytes().starts_with(b".");
    let depth = path.components().count();
    (is_one && (2..=3).contains(&depth)).then_some(name)
}

/// Checks that a run lost and changed nothing except stubs that it completed, and added only mail.
pub fn only_added(before: &Snapshot, after: &Snapshot, direction: &Direction) {
    if !direction.does_something() {
        assert_eq!(before, after, "a run without work changes nothing");
        return;
    }
    for (path, found) in before {
        if after.get(path) == Some(found) {
            continue;
        }
        let stub = message(path).map(unique).filter(|(_, is_stub)| *is_stub);
        let (unique_part, _) = stub.unwrap_or_else(|| panic!("lost or changed: {path:?}"));
        assert!(
            direction.contents == Some(Part::Whole),
            "a stub is lost: {path:?}"
        );
        assert!(!after.contains_key(path), "a stub is replaced: {path:?}");
        let folder = path.parent().and_then(Path::parent);
        let whole = after.iter().any(|(path, found)| {
            let here = path.parent().and_then(Path::parent) == folder
                && matches!(found, Found::File(_) | Found::Link(_));
            let name = message(path).map(unique);
            here && name.is_some_and(|(part, is_stub)| !is_stub && part == unique_part)
        });
        assert!(
            whole,
            "a stub is gone, and no message has arrived: {path:?}"
        );
    }
    for (path, found) in after.iter().filter(|(path, _)| !before.contains_key(*path)) {
        let mail = message(path).is_some() && direction.contents.is_some();
        let depth = path.components().count();
        let name = path.file_name();
        let may_be = match found {
            Found::File(bytes) => {
                mail || (name == Some("maildirfolder".as_ref()) && bytes.is_empty())
            }
            // A folder that messages are delivered to is completed.
            Found::Folder => {
                let is_sub = ["cur", "new", "tmp"]
                    .iter()
                    .any(|sub| name == Some(sub.as_ref()));
                depth <= 2 && (direction.hierarchy || (is_sub && direction.contents.is_some()))
            }
            Found::Link(_) | Found::Other => false,
        };
        assert!(may_be, "unexpected: {path:?}");
    }
}

/// Checks that a second run with the same flags left the trees unchanged. It may complete a folder
/// that the first run created in the other direction: with the marker and empty directories.
pub fn is_unchanged(before: &Snapshot, mut after: Snapshot) {
    let completes = |path: &Path| {
        let parts = ["maildirfolder", "cur", "new", "tmp"];
        parts.iter().any(|part| path.ends_with(part))
    };
    after.retain(|path, _| before.contains_key(path) || !completes(path));
    assert_eq!(*before, after, "a second run changes a tree");
}

/// Returns the mail folders of a tree: the root, and every folder whose name begins with a dot.
fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root)
        .expect("the tree exists")
        .map(|entry| entry.expect("it can be read"));
    let folders = entries
        .filter(|entry| entry.file_name().as_bytes().starts_with(b".") && entry.path().is_dir());
    folders
        .map(|entry| entry.file_name().into())
        .chain([PathBuf::new()])
        .collect()
}

pub fn is_maildir(path: &Path) -> bool {
    ["cur", "new", "tmp"]
        .iter()
        .all(|sub| path.join(sub).is_dir())
}

/// Returns whether a folder can be read. It may lack empty directories.
fn is_readable(path: &Path) -> bool {
    path.join("cur").is_dir() || path.join("new").is_dir() || path.join("maildirfolder").is_file()
}

/// A message's bytes, and the form of its name.
struct Message {
    is_stub: bool,
    can_be_stub: bool,
    /// `None` if it cannot be read.
    content: Option<Vec<u8>>,
}

/// Returns the messages of a folder by the part of the name that identifies them.
fn messages(folder: &Path) -> BTreeMap<Vec<u8>, Vec<Message>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for sub in ["new", "cur"] {
        let Ok(entries) = fs::read_dir(folder.join(sub)) else {
            continue; // the folder lacks it
        };
        for entry in entries {
            let entry = entry.expect("it can be read");
            let (name, path) = (entry.file_name(), entry.path());
            if !name.as_bytes().starts_with(b".") {
                let (unique, is_stub) = unique(&name);
                // The name of a stub has neither sizes nor keywords, and must not be too long.
                let flags = split(&name)
                    .1
                    .iter()
                    .filter(|flag| !flag.is_ascii_lowercase());
                let length = unique.len() + STUB.len() + flags.count();
                let can_be_stub = name.to_str().is_some() && !unique.is_empty() && length <= 255;
                // A pipe must not be opened, because that would block.
                let content = path.is_file().then(|| fs::read(&path).ok()).flatten();
                let message = Message {
                    is_stub,
                    can_be_stub,
                    content,
                };
                all.entry(unique).or_default().push(message);
            }
        }
    }
    all
}

/// Checks that a run with the status `S_OK` copied everything: each readable message of `from` must
/// be in `to`, with the same bytes if this run copied it.
pub fn everything_arrived(from: &Tree, to: &Tree, direction: &Direction) {
    if !direction.does_something() {
        return;
    }
    let was_there = |name: &PathBuf| name.as_os_str().is_empty() || from.before.contains_key(name);
    // Folders that the same run created in the other direction are exempt.
    for name in folders(&from.root).into_iter().filter(was_there) {
        let (source, target) = (from.root.join(&name), to.root.join(&name));
        assert!(
            is_readable(&source),
            "not a Maildir, and no warning: {name:?}"
        );
        let is_root = name.components().next().is_none();
        if direction.hierarchy {
            assert!(is_maildir(&target), "no folder has arrived: {name:?}");
            assert!(
                is_root || target.join("maildirfolder").exists(),
                "no marker: {name:?}"
            );
        }
        let Some(part) = direction.contents.filter(|_| target.is_dir()) else {
            continue;
        };
        let there = messages(&target);
        for (unique_part, candidates) in messages(&source) {
            let candidates: Vec<_> = candidates
                .iter()
                .filter(|message| !message.is_stub)
                .collect();
            if candidates.is_empty() {
                continue;
            }
            let found = there.get(&unique_part);
            let found = found.unwrap_or_else(|| {
                panic!("has not arrived: {name:?} {}", unique_part.escape_ascii())
            });
            let was_there = to
                .before
                .keys()
                .filter(|path| is_in(path, &name))
                .any(|path| {
                    message(path).map(unique).is_some_and(|(was, is_stub)| {
                        was == unique_part && (!is_stub || part == Part::Header)
                    })
                });
            if was_there {
                continue;
            }
            let fits =
                |found: &Message| candidates.iter().any(|source| is_copy(source, found, part));
            assert!(
                found.iter().any(fits),
                "other bytes: {name:?} {}",
                unique_part.escape_ascii()
            );
        }
    }
}

/// Returns whether a path is in the folder of this name, not in one below.
fn is_in(path: &Path, folder: &Path) -> bool {
    let depth =
        path.components().count() - folder.components().count().min(path.components().count());
    path.starts_with(folder)
        && depth == 2
        && (folder.components().next().is_some() || starts_with_sub(path))
}

fn starts_with_sub(path: &Path) -> bool {
    matches!(path.components().next(), Some(Component::Normal(name)) if name == "new" || name == "cur")
}

fn is_copy(source: &Message, found: &Message, part: Part) -> bool {
    let (Some(bytes), Some(content)) = (&source.content, &found.content) else {
        return false;
    };
    // A message without a body is copied whole, and so is a message whose name cannot be marked as
    // a stub's, or that is compressed.
    let signatures: [&[u8]; 4] = [b"\x1F\x8B", b"BZh", b"\xFD7zXZ\0", b"\x28\xB5\x2F\xFD"];
    let is_compressed = signatures.iter().any(|start| bytes.starts_with(start));
    let part_of_it = if part == Part::Header && source.can_be_stub && !is_compressed {
        header(bytes)
    } else {
        bytes
    };
    content == part_of_it && found.is_stub == (part_of_it.len() < bytes.len())
}

/// Returns a message up to and including the first empty line.
fn header(message: &[u8]) -> &[u8] {
    let mut end = 0;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        let content = line.strip_suffix(b"\n");
        if content.is_some_and(|content| content.iter().all(|byte| *byte == b'\r')) {
            break;
        }
    }
    &message[..end]
}
