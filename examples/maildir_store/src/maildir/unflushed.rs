//! Files that were written, but may not be on the disk yet.

use super::file_system::FileSystem;
use super::folder::Folder;
use std::fs::File;
use std::io;

/// Files to be written to the disk at once.
///
/// Linux writes a whole file system with one call, and since version 5.8 this call reports every
/// write error after the descriptor was opened. Elsewhere each file is written to the disk alone,
/// and so are files on a network or in FUSE: the call does not reach their disk.
pub(super) struct Unflushed {
    file_system: Option<FileSystem>,
    /// The files, unless the whole file system is written, because they are too many.
    files: Vec<File>,
    is_many: bool,
}

impl Unflushed {
    /// The most files that are kept open. macOS allows a process 256 by default.
    pub(super) const MOST_OPEN: usize = 64;

    /// The most files that are written alone even where the whole file system could be: it may
    /// have much to write for others.
    const FEW: usize = 8;

    /// Prepares for files in the folder's `tmp`. It must be called before the first write, because
    /// earlier write errors are not reported.
    pub(super) fn new(folder: &Folder) -> io::Result<Unflushed> {
        Ok(Unflushed { file_system: FileSystem::open(folder)?, files: vec![], is_many: false })
    }

    /// Returns whether this also writes files in the `tmp` of another folder to the disk.
    pub(super) fn covers(&self, folder: &Folder) -> bool {
        match &self.file_system {
            Some(file_system) => file_system.contains(folder),
            None => self.files.len() < Self::MOST_OPEN,
        }
    }

    /// Adds a file, which was opened before it was written.
    pub(super) fn add(&mut self, file: File) {
        self.is_many |= self.file_system.is_some() && self.files.len() == Self::FEW;
        if self.is_many {
            self.files.clear();
        } else {
            self.files.push(file);
        }
    }

    /// Writes everything to the disk.
    pub(super) fn flush(self) -> io::Result<()> {
        match self.file_system.filter(|_| self.is_many) {
            Some(file_system) => file_system.sync(),
            None => self.files.iter().try_for_each(File::sync_all),
        }
    }
}
