//! The state of a folder, without following links.
//!
//! It leaves out what no mail reader sees: the lock file, and the files in `tmp` of a canceled run.

use super::view::entries;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
    Other,
}

pub type Snapshot = BTreeMap<PathBuf, Found>;

/// Returns everything below a folder by its relative path.
pub fn snapshot(root: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in entries(&root.join(&folder)) {
            let (name, path) = (entry.file_name(), folder.join(entry.file_name()));
            let is_own = folder.ends_with("tmp") && name.as_bytes().starts_with(b"mapisync.");
            if name == "mapisync.lock" || is_own {
                continue;
            }
            let kind = entry.file_type().expect("it has a type");
            let found = if kind.is_dir() {
                folders.push(path.clone());
                Found::Folder
            } else if kind.is_file() {
                Found::File(fs::read(entry.path()).expect("it can be read"))
            } else if kind.is_symlink() {
                Found::Link(fs::read_link(entry.path()).expect("it can be read"))
            } else {
                Found::Other
            };
            all.insert(path, found);
        }
    }
    all
}
