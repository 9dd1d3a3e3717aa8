//! The inbox of a Maildir.

use maildir_store::maildir::Maildir;
use mapisync::{Result, ResultExt};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A message in the inbox.
pub struct Incoming {
    /// The part of the name that identifies the message, whatever its flags are.
    pub unique: String,
    /// Whether it has been read.
    pub is_read: bool,
    path: PathBuf,
}

/// Returns the messages of the inbox, the oldest first.
///
/// # Errors
///
/// `MAPI_E_NOT_FOUND` if the Maildir does not exist, and the code of the
/// [`io::Error`](std::io::Error) if it cannot be read.
pub fn inbox(path: &Path) -> Result<Vec<Incoming>> {
    let maildir = Maildir::open(path)?;
    let mut messages = Vec::new();
    // `new` comes first, because mail readers move messages from there to `cur`.
    for folder in ["new", "cur"] {
        let folder = maildir.root().join(folder);
        for entry in fs::read_dir(&folder).context(folder.display())? {
            let entry = entry.context(folder.display())?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") || !entry.path().is_file() {
                continue;
            }
            let (unique, flags) = split(name.as_encoded_bytes());
            messages.push(Incoming {
                unique: unique.escape_ascii().to_string(),
                is_read: flags.contains(&b'S'),
                path: entry.path(),
            });
        }
    }
    messages.sort_by(|a, b| a.unique.cmp(&b.unique));
    messages.dedup_by(|a, b| a.unique == b.unique); // moved in between
    Ok(messages)
}

/// Splits a name into its unique part and its flags, which follow `:2,`, or `;2,` on Windows.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    let is_info = |window: &[u8]| matches!(window, [b':' | b';', b'2', b',']);
    match name.windows(3).position(is_info) {
        Some(at) => (&name[..at], &name[at + 3..]),
        None => (name, &[]),
    }
}

impl Incoming {
    /// Reads the message.
    ///
    /// # Errors
    ///
    /// The code of the [`io::Error`](std::io::Error).
    pub fn read(&self) -> Result<Vec<u8>> {
        fs::read(&self.path).context(self.path.display())
    }

    /// Returns when the message was delivered to the Maildir, in seconds since 1970: the number with
    /// which its name begins, or else the time of the file.
    pub fn delivered(&self) -> Option<i64> {
        let digits = self.unique.split(|c: char| !c.is_ascii_digit()).next();
        let from_name = digits.and_then(|digits| digits.parse().ok());
        from_name.or_else(|| {
            let modified = self.path.metadata().and_then(|data| data.modified()).ok()?;
            i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
        })
    }
}
