//! A message of a folder, known by the name of its file.

use super::folder::Folder;
use super::name::Name;
use std::ffi::OsString;
use std::path::PathBuf;

/// A message of a folder.
///
/// ```
/// # use maildir_store::maildir::{Entry, Maildir};
/// let server = Maildir::open(maildir_store::SAMPLE.as_ref())?;
/// let inbox = server.folders()?.remove(0)?;
/// for entry in inbox.entries() {
///     if let Entry::Message(message) = entry? {
///         println!("{}", String::from_utf8_lossy(&message.key()));
///         assert!(!message.is_stub());
///     }
/// }
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Message {
    /// `new` or `cur`.
    pub(super) sub: &'static str,
    pub(super) file_name: OsString,
}

impl Message {
    /// Returns the part of the name that identifies the message whatever its flags are. It has no
    /// sizes, which Dovecot changes.
    pub fn key(&self) -> Vec<u8> {
        self.name().key()
    }

    /// Returns whether only the header was copied.
    pub fn is_stub(&self) -> bool {
        self.name().is_stub
    }

    /// Returns the path of the message in a folder.
    pub fn path(&self, folder: &Folder) -> PathBuf {
        folder.path().join(self.sub).join(&self.file_name)
    }

    pub(super) fn name(&self) -> Name<'_> {
        Name::parse(&self.file_name)
    }
}
