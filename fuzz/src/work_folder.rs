//! The folder for the files of an iteration.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

/// A folder that is removed with its contents when this is dropped.
///
/// It has the same name in every iteration, because the store remembers each server for the life of
/// the process.
pub struct WorkFolder(PathBuf);

impl WorkFolder {
    pub fn new() -> WorkFolder {
        // A file system in memory is preferred: an iteration creates dozens of files and syncs them
        // to the disk.
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.into()
        } else {
            env::temp_dir()
        };
        let path = parent.join(format!("mapisync-fuzz-{}", process::id()));
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{error}"),
            _ => fs::create_dir(&path).expect("a folder can be made"),
        }
        WorkFolder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the folder can be removed");
    }
}
