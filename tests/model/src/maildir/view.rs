//! The mail of a tree as a reader sees it, who follows links.

use super::names::{split, unique};
use super::program::STUB;
use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The folders by their names. The name of the inbox is empty.
pub type View = BTreeMap<PathBuf, Folder>;

pub struct Folder {
    /// Whether it can be read. A folder may lack empty directories.
    pub is_readable: bool,
    /// Whether it lacks nothing that a Maildir has.
    pub is_complete: bool,
    /// The messages by the parts of their names that identify them.
    pub messages: BTreeMap<Vec<u8>, Vec<Message>>,
}

pub struct Message {
    pub is_stub: bool,
    /// Whether the name of a stub of this message would be valid.
    pub can_be_stub: bool,
    /// `None` if it cannot be read.
    pub content: Option<Vec<u8>>,
}

/// Returns the root, and every folder whose name begins with a dot.
pub fn view(root: &Path) -> View {
    let is_folder =
        |entry: &DirEntry| entry.file_name().as_bytes().starts_with(b".") && entry.path().is_dir();
    let names = entries(root).filter(is_folder).map(|entry| entry.file_name().into());
    let names = names.chain([PathBuf::new()]);
    names
        .map(|name| (name.clone(), folder(&root.join(&name), name.as_os_str().is_empty())))
        .collect()
}

fn folder(path: &Path, is_inbox: bool) -> Folder {
    let has_marker = path.join("maildirfolder").is_file();
    let mut messages = BTreeMap::<_, Vec<_>>::new();
    for entry in ["new", "cur"].iter().flat_map(|sub| entries(&path.join(sub))) {
        let name = entry.file_name();
        if !name.as_bytes().starts_with(b".") {
            let part = unique(&name).part;
            messages.entry(part).or_default().push(message(&entry));
        }
    }
    Folder {
        is_readable: path.join("cur").is_dir() || path.join("new").is_dir() || has_marker,
        is_complete: is_maildir(path) && (is_inbox || path.join("maildirfolder").exists()),
        messages,
    }
}

fn message(entry: &DirEntry) -> Message {
    let (name, path) = (entry.file_name(), entry.path());
    let unique = unique(&name);
    // The name of a stub has neither sizes nor keywords, and must not be too long.
    let flags = split(&name).1.iter().filter(|flag| !flag.is_ascii_lowercase());
    let length = unique.part.len() + STUB.len() + flags.count();
    Message {
        is_stub: unique.is_stub,
        can_be_stub: name.to_str().is_some() && !unique.part.is_empty() && length <= 255,
        // A pipe must not be opened, because that would block.
        content: path.is_file().then(|| fs::read(&path).ok()).flatten(),
    }
}

/// Returns the entries of a folder, or none if it does not exist.
pub fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.expect("it can be read"))
}

pub fn is_maildir(path: &Path) -> bool {
    ["cur", "new", "tmp"].iter().all(|sub| path.join(sub).is_dir())
}
