//! The exact names in a directory. On a file system that ignores case, such as exFAT or those of
//! macOS and Windows, `.work` exists if the directory lists `.Work`.

use super::with_path;
use mapisync::Result;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The names that a directory lists.
///
/// ```
/// use maildir_store::maildir::ExactNames;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// std::fs::create_dir(path.join(".Work"))?;
/// let names = ExactNames::read(path)?;
/// assert!(names.exists(".Work".as_ref())?);
/// assert!(!names.exists(".Play".as_ref())?);
/// // As on a file system that ignores case: the name exists, but it is not listed.
/// std::fs::create_dir_all(path.join(".work"))?;
/// assert!(names.exists(".work".as_ref()).is_err());
/// # Ok::<(), mapisync::Error>(())
/// ```
pub struct ExactNames {
    directory: PathBuf,
    names: HashSet<OsString>,
}

impl ExactNames {
    /// Lists a directory. A directory that does not exist has no names.
    pub fn read(directory: &Path) -> Result<ExactNames> {
        let mut names = HashSet::new();
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            entries => Some(entries.map_err(|error| with_path(directory, error))?),
        };
        for entry in entries.into_iter().flatten() {
            names.insert(entry.map_err(|error| with_path(directory, error))?.file_name());
        }
        Ok(ExactNames { directory: directory.into(), names })
    }

    /// Returns whether the directory lists exactly this name. Fails if the name exists although it
    /// is not listed: it then leads to an entry with another name.
    pub fn exists(&self, name: &OsStr) -> Result<bool> {
        let path = self.directory.join(name);
        if self.names.contains(name) {
            return Ok(true);
        }
        if path.symlink_metadata().is_ok() {
            let error =
                io::Error::other("the name of another entry differs only in case or accents");
            return Err(with_path(&path, error));
        }
        Ok(false)
    }

    /// Adds the name of a new entry.
    pub fn insert(&mut self, name: &OsStr) {
        self.names.insert(name.into());
    }
}
