//! A tree of folders.

use super::exact_names::ExactNames;
use super::folder::Folder;
use super::lock::LOCK;
use super::with_path;
use mapisync::Result;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A Maildir++ tree.
///
/// ```
/// # use maildir_store::maildir::Maildir;
/// let server = Maildir::open(maildir_store::SAMPLE.as_ref())?;
/// let folders = server.folders()?.into_iter().flatten();
/// let names: Vec<String> = folders.map(|folder| folder.to_string()).collect();
/// assert_eq!(names[0], "Inbox");
/// assert!(names.contains(&"Archiv/2025/Rechnungen & Belege".into()));
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Clone)]
pub struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// Opens a tree to read it. Fails if it does not exist, or is not a Maildir. Git and some
    /// backups leave out empty directories, so `cur` or `new` alone is enough.
    pub fn open(root: &Path) -> Result<Maildir> {
        let root = root.canonicalize().map_err(|error| with_path(root, error))?;
        let tree = Maildir { root };
        if tree.inbox().is_readable() { Ok(tree) } else { Err(not_a_maildir(&tree.root)) }
    }

    /// Opens a tree to write to it. Creates it if `root` does not exist or is an empty directory,
    /// and completes it if a killed run began to create it. Fails if it cannot be created, or is
    /// not a Maildir.
    pub fn open_or_create(root: &Path) -> Result<Maildir> {
        if !root.exists() || is_begun(root) {
            Folder::new(root, "".as_ref()).create_directories()?;
        }
        let tree = Maildir::open(root)?;
        if tree.inbox().has_all_directories() { Ok(tree) } else { Err(not_a_maildir(&tree.root)) }
    }

    /// Returns the path of the tree, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn inbox(&self) -> Folder {
        Folder::new(&self.root, "".as_ref())
    }

    /// Returns all folders, the inbox first. A directory that is named like a folder, but is not a
    /// Maildir, is an error among them. Fails if the tree's directory cannot be read.
    ///
    /// A link to a directory is a folder, too, unless it leads to the tree itself or above it.
    pub fn folders(&self) -> Result<Vec<Result<Folder>>> {
        let mut names = vec![OsString::new()];
        for entry in fs::read_dir(&self.root).map_err(|error| with_path(&self.root, error))? {
            let entry = entry.map_err(|error| with_path(&self.root, error))?;
            let path = entry.path();
            let is_ancestor = || path.canonicalize().is_ok_and(|path| self.root.starts_with(path));
            if entry.file_name().as_encoded_bytes().starts_with(b".")
                && path.is_dir()
                && !is_ancestor()
            {
                names.push(entry.file_name());
            }
        }
        names.sort();
        let check = |name: OsString| {
            let folder = Folder::new(&self.root, &name);
            if folder.is_readable() { Ok(folder) } else { Err(not_a_maildir(folder.path())) }
        };
        Ok(names.into_iter().map(check).collect())
    }

    /// Returns the folder of this tree with the same name as a folder of another tree. It need not
    /// exist.
    pub fn folder(&self, other: &Folder) -> Folder {
        Folder::new(&self.root, other.name())
    }

    /// Returns the exact names of the folders. See [`is_separate`](Maildir::is_separate).
    pub fn folder_names(&self) -> Result<ExactNames> {
        ExactNames::read(&self.root)
    }

    /// Returns whether a folder of this tree exists. Fails if it exists only as another folder of
    /// the tree: by a link, or because the file system ignores case. To write to it would merge
    /// the two.
    pub fn is_separate(&self, folder: &Folder, names: &ExactNames) -> Result<bool> {
        if folder.name().is_empty() {
            return Ok(true);
        }
        if !names.exists(folder.name())? || !folder.exists() {
            return Ok(false);
        }
        let path = folder.path();
        let target = path.canonicalize().map_err(|error| with_path(path, error))?;
        let is_inside = target.starts_with(&self.root) && target != path;
        if is_inside || self.root.starts_with(&target) {
            return Err(with_path(path, io::Error::other("a link to another folder")));
        }
        Ok(true)
    }
}

/// Returns whether the directory is empty, or has only what a killed run has created so far.
fn is_begun(root: &Path) -> bool {
    let is_ours = |entry: io::Result<fs::DirEntry>| {
        let Ok(entry) = entry else { return false };
        let name = entry.file_name();
        name == LOCK || (["tmp", "new"].iter().any(|sub| name == *sub) && entry.path().is_dir())
    };
    fs::read_dir(root).is_ok_and(|mut entries| entries.all(is_ours))
}

fn not_a_maildir(path: &Path) -> mapisync::Error {
    with_path(path, io::Error::other("not a Maildir with cur, new and tmp"))
}
