//! What a run may do to a tree, and what it has to have done.

use super::program::STUB;
use super::snapshot::{Found, Snapshot};
use mapisync::SyncFlags;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// How much of messages goes one way, if any does.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    Whole,
    Header,
}

/// A tree, and what it was before a run.
pub struct Tree {
    pub root: PathBuf,
    pub before: Snapshot,
}

/// What the flags ask for, one way.
pub struct Way {
    pub hierarchy: bool,
    pub contents: Option<Part>,
}

impl Way {
    pub fn down(flags: SyncFlags) -> Way {
        let whole = flags
            .contains(SyncFlags::DOWNLOAD_CONTENTS)
            .then_some(Part::Whole);
        let header = flags
            .contains(SyncFlags::GLOBAL_HEADERS)
            .then_some(Part::Header);
        Way {
            hierarchy: flags.contains(SyncFlags::DOWNLOAD_HIERARCHY),
            contents: header.or(whole),
        }
    }

    pub fn up(flags: SyncFlags) -> Way {
        Way {
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

/// A message's name up to its flags, and whether it is that of a mere header.
fn unique(name: &OsStr) -> (&[u8], bool) {
    // Only in a text, and behind something.
    let is_text = name.to_str().is_some();
    let name = name.as_bytes();
    let info =
        (0..name.len()).find(|at| matches!(name.get(*at..at + 3), Some([b':' | b';', b'2', b','])));
    let name = &name[..info.unwrap_or(name.len())];
    match name.strip_suffix(STUB) {
        Some(unique) if is_text && !unique.is_empty() => (unique, true),
        _ => (name, false),
    }
}

/// The name of what lies in `new` or `cur` of a folder and counts as a message.
fn message(path: &Path) -> Option<&OsStr> {
    let parent = path.parent()?.file_name()?;
    let name = path.file_name()?;
    let is_one = (parent == "new" || parent == "cur") && !name.as_bytes().starts_with(b".");
    let depth = path.components().count();
    (is_one && (2..=3).contains(&depth)).then_some(name)
}

/// Nothing that was in a tree is lost or changed, but for stubs that have become whole, and nothing has come but mail.
pub fn only_added(before: &Snapshot, after: &Snapshot, way: &Way) {
    if !way.does_something() {
        assert_eq!(before, after, "nothing is done where nothing was asked for");
        return;
    }
    for (path, found) in before {
        if after.get(path) == Some(found) {
            continue;
        }
        let stub = message(path).map(unique).filter(|(_, is_stub)| *is_stub);
        let (unique_part, _) = stub.unwrap_or_else(|| panic!("lost or changed: {path:?}"));
        assert!(
            way.contents == Some(Part::Whole),
            "a stub is lost: {path:?}"
        );
        assert!(
            !after.contains_key(path),
            "a stub's place is taken: {path:?}"
        );
        let folder = path.parent();
        let whole = after.iter().any(|(path, found)| {
            let here = path.parent() == folder && matches!(found, Found::File(_));
            here && message(path).map(unique) == Some((unique_part, false))
        });
        assert!(whole, "a stub is gone, and no message has come: {path:?}");
    }
    for (path, found) in after.iter().filter(|(path, _)| !before.contains_key(*path)) {
        let mail = message(path).is_some() && way.contents.is_some();
        let depth = path.components().count();
        let name = path.file_name();
        let may_be = match found {
            Found::File(bytes) => {
                mail || (name == Some("maildirfolder".as_ref()) && bytes.is_empty())
            }
            Found::Folder => depth <= 2 && way.hierarchy,
            Found::Link(_) | Found::Other => false,
        };
        assert!(may_be, "what is this? {path:?}");
    }
}

/// Whether a run that follows another of the same flags has left things as they were. It may mark a folder that the other
/// brought the opposite way.
pub fn is_unchanged(before: &Snapshot, after: &Snapshot) -> bool {
    let is_marker = |path: &Path| path.file_name() == Some("maildirfolder".as_ref());
    let come = after.keys().filter(|path| !before.contains_key(*path));
    before
        .iter()
        .all(|(path, found)| after.get(path) == Some(found))
        && come.into_iter().all(|path| is_marker(path))
}

/// The folders of a tree as they lie there: the root and what is a folder and begins with a dot.
fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root)
        .expect("the tree is there")
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

/// A message of a folder, as far as its bytes and its name's form go.
struct Message {
    is_stub: bool,
    can_be_stub: bool,
    /// `None` if it can't be read.
    content: Option<Vec<u8>>,
}

/// The messages of a folder by what identifies them.
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
                // Not opened if it is a pipe, which would wait.
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

/// A run that has ended with S_OK has brought everything: each readable message of `from` is in `to`, with the same bytes
/// if it has come now.
pub fn everything_arrived(from: &Tree, to: &Tree, way: &Way) {
    if !way.does_something() {
        return;
    }
    let was_there = |name: &PathBuf| name.as_os_str().is_empty() || from.before.contains_key(name);
    // What the same run has brought the other way is not asked for.
    for name in folders(&from.root).into_iter().filter(was_there) {
        let (source, target) = (from.root.join(&name), to.root.join(&name));
        assert!(
            is_maildir(&source),
            "not a Maildir, and nobody said so: {name:?}"
        );
        let is_root = name.components().next().is_none();
        if way.hierarchy {
            assert!(is_maildir(&target), "no folder has come: {name:?}");
            assert!(
                is_root || target.join("maildirfolder").exists(),
                "no marker: {name:?}"
            );
        }
        let Some(part) = way.contents.filter(|_| target.is_dir()) else {
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

/// Whether a path lies in the folder of this name rather than in one below.
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
    // Where there is nothing but a header, it is the whole message; so is what could not be marked as a stub.
    let part_of_it = if part == Part::Header && source.can_be_stub {
        header(bytes)
    } else {
        bytes
    };
    content == part_of_it && found.is_stub == (part_of_it.len() < bytes.len())
}

/// A message up to the first empty line, and that.
fn header(message: &[u8]) -> &[u8] {
    let mut end = 0;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        let text = line.strip_suffix(b"\n");
        if text.is_some_and(|text| text.iter().all(|byte| *byte == b'\r')) {
            break;
        }
    }
    &message[..end]
}
