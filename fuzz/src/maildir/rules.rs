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

/// Returns a message's name up to its flags and the stub mark, and whether the name is a stub's.
fn unique(name: &OsStr) -> (&[u8], bool) {
    // Only a UTF-8 name can be a stub's, and the mark must not be the whole name.
    let is_utf8 = name.to_str().is_some();
    let name = name.as_bytes();
    let info =
        (0..name.len()).find(|at| matches!(name.get(*at..at + 3), Some([b':' | b';', b'2', b','])));
    let name = &name[..info.unwrap_or(name.len())];
    match name.strip_suffix(STUB) {
        Some(unique) if is_utf8 && !unique.is_empty() => (unique, true),
        _ => (name, false),
    }
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
        let folder = path.parent();
        let whole = after.iter().any(|(path, found)| {
            let here = path.parent() == folder && matches!(found, Found::File(_));
            here && message(path).map(unique) == Some((unique_part, false))
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
            Found::Folder => depth <= 2 && direction.hierarchy,
            Found::Link(_) | Found::Other => false,
        };
        assert!(may_be, "unexpected: {path:?}");
    }
}

/// Returns whether a second run with the same flags left a tree unchanged. It may add a marker to a
/// folder that the first run created in the other direction.
pub fn is_unchanged(before: &Snapshot, after: &Snapshot) -> bool {
    let is_marker = |path: &Path| path.file_name() == Some("maildirfolder".as_ref());
    let added = after.keys().filter(|path| !before.contains_key(*path));
    before
        .iter()
        .all(|(path, found)| after.get(path) == Some(found))
        && added.into_iter().all(|path| is_marker(path))
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

fn is_maildir(path: &Path) -> bool {
    ["cur", "new", "tmp"]
        .iter()
        .all(|sub| path.join(sub).is_dir())
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
        for entry in fs::read_dir(folder.join(sub)).expect("it is a Maildir") {
            let entry = entry.expect("it can be read");
            let (name, path) = (entry.file_name(), entry.path());
            if !name.as_bytes().starts_with(b".") {
                let (unique, is_stub) = unique(&name);
                let nothing = unique.is_empty() || (unique == STUB && !is_stub);
                let can_be_stub = name.to_str().is_some() && !nothing;
                // A pipe must not be opened, because that would block.
                let content = path.is_file().then(|| fs::read(&path).ok()).flatten();
                let message = Message {
                    is_stub,
                    can_be_stub,
                    content,
                };
                all.entry(unique.to_owned()).or_default().push(message);
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
            is_maildir(&source),
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
                    let was = message(path).map(unique);
                    was == Some((&unique_part, false))
                        || (was == Some((&unique_part, true)) && part == Part::Header)
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
    // a stub's.
    let part_of_it = if part == Part::Header && source.can_be_stub {
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
