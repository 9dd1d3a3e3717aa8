//! The names of files in `tmp`, and the removal of those that killed runs have left.

use super::folder::Folder;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};

/// The name of a file begins with it. A number follows.
const PREFIX: &str = "mapisync.";

const DIGITS: usize = 16;

/// Returns the name of a new file. Its number is random, because a process in another container
/// may have the same ID.
pub(super) fn new_name() -> String {
    let number = RandomState::new().build_hasher().finish();
    format!("{PREFIX}{number:0DIGITS$x}")
}

impl Folder {
    /// Removes the files that killed and canceled runs have left in `tmp`. The tree must be locked,
    /// so that they are not those of another run.
    pub fn remove_leftovers(&self) {
        let entries = fs::read_dir(self.path().join("tmp"));
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            let number = number.and_then(|number| number.get(..DIGITS));
            if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                let _mail_readers_remove_it = fs::remove_file(entry.path());
            }
        }
    }
}
