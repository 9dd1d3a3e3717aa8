//! One folder of a tree, and the list of its messages.

use super::message::Message;
use super::{private, with_path};
use mapisync::Result;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The subdirectories with messages. `new` comes first, because mail readers move messages from
/// `new` to `cur`: a message that is moved during a listing is not missed.
const SUBS: [&str; 2] = ["new", "cur"];

/// A folder of a tree. It need not exist. `Display` shows it as mail readers do: `Archiv/2025`.
///
/// ```
/// # use maildir_store::maildir::Maildir;
/// let server = Maildir::open(maildir_store::SAMPLE.as_ref())?;
/// let inbox = server.folders()?.remove(0)?;
/// assert!(inbox.exists() && inbox.is_complete());
/// assert_eq!(inbox.entries().count(), 10);
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Clone)]
pub struct Folder {
    /// The name of the directory. It is empty for the inbox, which is the root of the tree.
    name: OsString,
    path: PathBuf,
}

/// An entry of a folder.
pub enum Entry {
    /// A file or a link, which should be a message.
    Message(Message),
    /// Anything else, such as the directories that some servers put everywhere.
    Other(PathBuf),
}

impl Entry {
    /// Returns the message. Fails if the entry is not one.
    pub(super) fn into_message(self) -> Result<Message> {
        match self {
            Entry::Message(message) => Ok(message),
            Entry::Other(path) => Err(with_path(&path, io::Error::other("not a message"))),
        }
    }
}

impl Folder {
    pub(super) fn new(root: &Path, name: &OsStr) -> Folder {
        // An empty name must not add a separator to the path, which messages show.
        let path = if name.is_empty() { root.into() } else { root.join(name) };
        Folder { name: name.into(), path }
    }

    /// Returns the name of the directory. It is empty for the inbox.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the folder exists, at least in part.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Returns whether the folder can be read. Git and some backups leave out empty directories,
    /// so one of `cur`, `new` and the marker of a subfolder is enough.
    pub fn is_readable(&self) -> bool {
        SUBS.iter().any(|sub| self.path.join(sub).is_dir())
            || (!self.name.is_empty() && self.marker().is_file())
    }

    /// Returns whether the folder has all its directories and, unless it is the inbox, the marker
    /// of a subfolder.
    pub fn is_complete(&self) -> bool {
        self.has_all_directories() && (self.name.is_empty() || self.marker().exists())
    }

    pub(super) fn has_all_directories(&self) -> bool {
        ["cur", "new", "tmp"].iter().all(|sub| self.path.join(sub).is_dir())
    }

    /// Creates the folder, or the rest of a folder that a killed run left incomplete.
    pub fn create(&self) -> Result<()> {
        self.create_directories()?;
        if !self.name.is_empty() && !self.marker().exists() {
            private::create_file(&self.marker())
                .map_err(|error| with_path(&self.marker(), error))?;
        }
        Ok(())
    }

    /// Creates missing directories. `cur` is the last one, because only a folder that has it is
    /// complete.
    pub(super) fn create_directories(&self) -> Result<()> {
        let make = |sub| private::create_folder(&self.path.join(sub));
        ["tmp", "new", "cur"]
            .into_iter()
            .try_for_each(make)
            .map_err(|error| with_path(&self.path, error))
    }

    fn marker(&self) -> PathBuf {
        self.path.join("maildirfolder")
    }

    /// Returns the entries one at a time, so that memory does not grow with their number. A
    /// directory or an entry that cannot be read is an error among them.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry>> {
        SUBS.into_iter().flat_map(|sub| {
            let path = self.path.join(sub);
            let (entries, error) = match fs::read_dir(&path) {
                Ok(entries) => (Some(entries), None),
                // Git and some backups leave out an empty directory.
                Err(error) if error.kind() == ErrorKind::NotFound && self.exists() => (None, None),
                Err(error) => (None, Some(Err(with_path(&path, error)))),
            };
            let entry = move |entry: io::Result<fs::DirEntry>| {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => return Some(Err(with_path(&path, error))),
                };
                let file_name = entry.file_name();
                if file_name.as_encoded_bytes().starts_with(b".") {
                    return None; // readers of a Maildir must skip such names
                }
                match entry.file_type() {
                    Ok(kind) if kind.is_file() || kind.is_symlink() => {
                        Some(Ok(Entry::Message(Message { sub, file_name })))
                    }
                    Ok(_) => Some(Ok(Entry::Other(entry.path()))),
                    Err(error) if error.kind() == ErrorKind::NotFound => None, // it is gone
                    Err(error) => Some(Err(with_path(&entry.path(), error))),
                }
            };
            entries.into_iter().flatten().filter_map(entry).chain(error)
        })
    }

    /// Returns the first message for which the function returns true.
    pub(super) fn find(&self, is_wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        self.entries().find_map(|entry| match entry {
            Ok(Entry::Message(message)) if is_wanted(&message) => Some(message),
            _ => None,
        })
    }

    /// Returns when the lists of messages were last changed, or `None` if a change at this moment
    /// might leave the time as it is.
    pub(super) fn listing_time(&self) -> Option<[Option<SystemTime>; 2]> {
        /// The clock of file systems ticks up to a hundred times in a second.
        const TICK: Duration = Duration::from_millis(20);
        let time = |sub| fs::metadata(self.path.join(sub)).ok()?.modified().ok();
        let times = SUBS.map(time);
        let is_recent = |time: &SystemTime| time.elapsed().is_ok_and(|elapsed| elapsed < TICK);
        (!times.iter().flatten().any(is_recent)).then_some(times)
    }
}
