//! A folder for an iteration's files.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

/// The folder, which is removed with all that is in it when this is dropped.
///
/// It has the same name in every iteration: the store remembers each server that it has seen.
pub struct Place(PathBuf);

impl Place {
    pub fn new() -> Place {
        // In memory, if it can be had: an iteration makes dozens of files and brings them to the disk.
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
        Place(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the folder can be removed");
    }
}
