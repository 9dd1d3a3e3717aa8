//! The rules of a run: the changes that it may make to a tree, and those that it must have made.

use super::names::{message, unique};
use super::snapshot::{Found, Snapshot};
use super::view::{Message, View};
use mapisync::SyncFlags;
use std::path::Path;

/// The part of every message that is copied in one direction.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    Whole,
    Header,
}

/// The work that the flags request in one direction.
pub struct Direction {
    pub hierarchy: bool,
    pub contents: Option<Part>,
}

impl Direction {
    pub fn down(flags: SyncFlags) -> Direction {
        let part = |flag, part| flags.contains(flag).then_some(part);
        let whole = part(SyncFlags::DOWNLOAD_CONTENTS, Part::Whole);
        Direction {
            hierarchy: flags.contains(SyncFlags::DOWNLOAD_HIERARCHY),
            contents: part(SyncFlags::GLOBAL_HEADERS, Part::Header).or(whole),
        }
    }

    pub fn up(flags: SyncFlags) -> Direction {
        let contents = flags.contains(SyncFlags::UPLOAD_CONTENTS);
        Direction {
            hierarchy: flags.contains(SyncFlags::UPLOAD_HIERARCHY),
            contents: contents.then_some(Part::Whole),
        }
    }

    pub fn does_something(&self) -> bool {
        self.hierarchy || self.contents.is_some()
    }
}

const SUBS: [&str; 3] = ["cur", "new", "tmp"];

fn is_sub(path: &Path) -> bool {
    SUBS.iter().any(|sub| path.ends_with(sub))
}

/// Checks that a run lost and changed nothing except stubs that it completed, and added only mail.
pub fn only_added(before: &Snapshot, after: &Snapshot, direction: &Direction) {
    if !direction.does_something() {
        assert_eq!(before, after, "a run without work changes nothing");
        return;
    }
    let folder = |path: &Path| path.parent().and_then(Path::parent).map(Path::to_owned);
    for (path, found) in before {
        if after.get(path) == Some(found) {
            continue;
        }
        let completed = direction.contents == Some(Part::Whole) && !after.contains_key(path);
        let stub = message(path).map(unique).filter(|stub| stub.is_stub);
        let stub = stub.filter(|_| completed);
        let stub = stub.unwrap_or_else(|| panic!("lost or changed: {path:?}"));
        let whole = after.iter().any(|(other, found)| {
            let name = message(other).map(unique);
            let completes = name.is_some_and(|name| !name.is_stub && name.part == stub.part);
            let is_readable = matches!(found, Found::File(_) | Found::Link(_));
            folder(other) == folder(path) && is_readable && completes
        });
        assert!(whole, "a stub is gone, and no message arrived: {path:?}");
    }
    for (path, found) in after.iter().filter(|(path, _)| !before.contains_key(*path)) {
        let may_be = match found {
            Found::File(_) if message(path).is_some() && direction.contents.is_some() => true,
            Found::File(bytes) => path.ends_with("maildirfolder") && bytes.is_empty(),
            // A folder that messages are delivered to is completed.
            Found::Folder => {
                let is_completed = is_sub(path) && direction.contents.is_some();
                path.components().count() <= 2 && (direction.hierarchy || is_completed)
            }
            Found::Link(_) | Found::Other => false,
        };
        assert!(may_be, "unexpected: {path:?}");
    }
}

/// A tree before and after a run.
pub struct Change {
    pub before: View,
    pub after: View,
}

/// Checks that a run with the status `S_OK` copied everything: each readable message of `from` must
/// be in `to`, with the same bytes if this run copied it.
pub fn everything_arrived(from: &Change, to: &Change, direction: &Direction) {
    if !direction.does_something() {
        return;
    }
    // Folders that the same run created in the other direction are exempt.
    let old = |name: &&Path| from.before.contains_key(*name);
    for name in from.after.keys().map(|name| &**name).filter(old) {
        let (source, target) = (&from.after[name], to.after.get(name));
        assert!(source.is_readable, "no Maildir and no warning: {name:?}");
        if direction.hierarchy {
            let arrived = target.is_some_and(|target| target.is_complete);
            assert!(arrived, "no folder has arrived: {name:?}");
        }
        let (Some(part), Some(target)) = (direction.contents, target) else {
            continue;
        };
        for (unique, candidates) in &source.messages {
            let candidates = || candidates.iter().filter(|message| !message.is_stub);
            if candidates().next().is_none() {
                continue;
            }
            let which = || format!("{name:?} {}", unique.escape_ascii());
            let found = target.messages.get(unique);
            let found = found.unwrap_or_else(|| panic!("has not arrived: {}", which()));
            let there = to.before.get(name).and_then(|to| to.messages.get(unique));
            let counts = |message: &Message| !message.is_stub || part == Part::Header;
            if there.is_some_and(|there| there.iter().any(counts)) {
                continue;
            }
            let is_one = |found: &Message| candidates().any(|source| is_copy(source, found, part));
            assert!(found.iter().any(is_one), "other bytes: {}", which());
        }
    }
}

fn is_copy(source: &Message, found: &Message, part: Part) -> bool {
    let (Some(bytes), Some(content)) = (&source.content, &found.content) else {
        return false;
    };
    // A message without a body is copied whole, and so is a message whose name cannot be marked as
    // a stub's, or that is compressed.
    let signatures: [&[u8]; 4] = [b"\x1F\x8B", b"BZh", b"\xFD7zXZ\0", b"\x28\xB5\x2F\xFD"];
    let is_compressed = signatures.iter().any(|start| bytes.starts_with(start));
    let copied = if part == Part::Header && source.can_be_stub && !is_compressed {
        header(bytes)
    } else {
        bytes
    };
    content == copied && found.is_stub == (copied.len() < bytes.len())
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
