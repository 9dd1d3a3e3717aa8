//! A lock on a tree, which one run at a time holds, whatever its process is.

use super::tree::Maildir;
use super::{private, with_path};
use fs4::{FileExt, TryLockError};
use mapisync::{Error, HRESULT, Result};
use std::fs::File;

/// The name of the lock file in the root of a tree. Mail readers ignore it, because the name of a
/// folder begins with a dot. It stays, because another run may be about to lock it.
pub(super) const LOCK: &str = "mapisync.lock";

/// The lock on a tree. The system releases it when this is dropped, or when the process ends.
#[must_use = "the lock is released when it is dropped"]
#[derive(Debug)]
pub struct TreeLock {
    _file: File,
}

impl Maildir {
    /// Locks the tree. Fails with `MAPI_E_BUSY` if another run holds the lock, in this process or
    /// in another one, and with the code of the [`io::Error`](std::io::Error) if the lock file
    /// cannot be created.
    ///
    /// ```
    /// # use maildir_store::maildir::Maildir;
    /// use mapisync::HRESULT;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let tree = Maildir::open_or_create(&directory.path().join("local"))?;
    /// let lock = tree.lock()?;
    /// assert_eq!(tree.lock().unwrap_err().hresult(), HRESULT::MAPI_E_BUSY);
    /// drop(lock);
    /// assert!(tree.lock().is_ok());
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    pub fn lock(&self) -> Result<TreeLock> {
        let path = self.root().join(LOCK);
        let file = private::open_or_create_file(&path).map_err(|error| with_path(&path, error))?;
        match FileExt::try_lock(&file) {
            Ok(()) => Ok(TreeLock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                let root = self.root().display();
                let message = format!("{root}: another run uses this Maildir");
                Err(Error::new(HRESULT::MAPI_E_BUSY, message))
            }
            Err(TryLockError::Error(error)) => Err(with_path(&path, error)),
        }
    }
}
