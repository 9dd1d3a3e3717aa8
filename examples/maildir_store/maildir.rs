//! Mail folders on disk, as Dovecot, Postfix and mutt keep them. Nothing here knows of synchronisation or of COM.
//!
//! A *Maildir* is a directory with `cur`, `new` and `tmp`; each file in the first two is a message. Its name consists of
//! a part that is unique for ever and, behind `:2,`, of flags that mail readers change at any time. In a *Maildir++*
//! the sub-folders are Maildirs too, beside those three, named `.Parent.Child` in modified UTF-7.

use base64::Engine;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use mapisync::Result;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What stands between the unique part of a name and its flags: Windows allows no `:` in file names.
const SEPARATOR: &str = if cfg!(windows) { ";2," } else { ":2," };

/// Names of our files in `tmp`, so that we clean up after nobody else.
const TMP_PREFIX: &str = "mapisync.";

/// When a file in `tmp` belongs to no delivery under way any more; the age is Maildir's own.
const ABANDONED: Duration = Duration::from_secs(36 * 60 * 60);

/// A Maildir++ tree.
#[derive(Clone)]
pub struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// Opens a tree that has to be there.
    pub fn open(root: &Path) -> Result<Maildir> {
        if !root.is_dir() {
            Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("{}: no such folder", root.display()),
            ))?;
        }
        if !is_maildir(root) {
            let text = format!(
                "{}: not a Maildir, which has cur, new and tmp",
                root.display()
            );
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))?;
        }
        Ok(Maildir { root: root.into() })
    }

    /// Opens a tree, or makes one where there is nothing or an empty folder.
    pub fn open_or_create(root: &Path) -> Result<Maildir> {
        let nothing = match fs::read_dir(root) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if nothing {
            make_maildir(root)?;
        }
        Maildir::open(root)
    }

    /// All folders, the inbox first.
    pub fn folders(&self) -> Result<Vec<Folder>> {
        let mut names = vec![OsString::new()];
        for entry in fs::read_dir(&self.root).map_err(|error| at(&self.root, error))? {
            let entry = entry.map_err(|error| at(&self.root, error))?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") && is_maildir(&entry.path()) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names
            .into_iter()
            .map(|name| Folder {
                path: self.root.join(&name),
                name,
            })
            .collect())
    }

    /// The folder of this tree that has the same name as one of another.
    pub fn folder(&self, other: &Folder) -> Folder {
        Folder {
            path: self.root.join(&other.name),
            name: other.name.clone(),
        }
    }
}

/// A folder of a tree; it need not exist. It is displayed as a person knows it: `Archiv/2025`.
pub struct Folder {
    /// The directory's name, empty for the inbox, which is the tree's root.
    name: OsString,
    path: PathBuf,
}

impl Folder {
    /// Whether the folder is there, at least in part.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Whether it is there with all that makes it a folder.
    pub fn is_complete(&self) -> bool {
        is_maildir(&self.path) && (self.name.is_empty() || self.path.join("maildirfolder").exists())
    }

    /// Makes the folder, or the rest of one that a killed run has begun.
    pub fn create(&self) -> Result<()> {
        make_maildir(&self.path)?;
        if !self.name.is_empty() {
            // By this file, delivery agents tell a sub-folder from somebody's inbox.
            let marker = self.path.join("maildirfolder");
            File::options()
                .append(true)
                .create(true)
                .open(&marker)
                .map_err(|error| at(&marker, error))?;
        }
        Ok(())
    }

    /// Calls `visit` for each message; memory doesn't grow with their number.
    ///
    /// `new` comes before `cur`, the way mail readers move messages, so that one which is moved meanwhile is seen.
    pub fn messages(&self, mut visit: impl FnMut(&Message) -> Result<()>) -> Result<()> {
        for sub in ["new", "cur"] {
            let path = self.path.join(sub);
            for entry in fs::read_dir(&path).map_err(|error| at(&path, error))? {
                let entry = entry.map_err(|error| at(&path, error))?;
                let name = entry.file_name();
                let is_message = !name.as_encoded_bytes().starts_with(b".")
                    && !entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_message {
                    visit(&Message { sub, name })?;
                }
            }
        }
        Ok(())
    }

    /// How many messages there are.
    pub fn count(&self) -> Result<usize> {
        let mut count = 0;
        self.messages(|_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    /// Copies a message of the folder `from` into this one and answers its size in bytes, or `None` if it is gone.
    ///
    /// A message is written to `tmp`, brought to the disk, and only then moved to where readers look: it is there whole
    /// or not at all, even if the machine loses power. (The move itself may then be lost. The next run repeats it.)
    pub fn deliver(&self, from: &Folder, message: &Message) -> Result<Option<u64>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let source = from.path.join(message.sub).join(&message.name);
        let mut reader = match File::open(&source) {
            Ok(reader) => reader,
            // Renamed by a mail reader that changed its flags, or deleted, since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&source, error)),
        };
        let target = self.path.join(message.sub).join(message.local_name());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let tmp = self
            .path
            .join("tmp")
            .join(format!("{TMP_PREFIX}{}.{number}", process::id()));
        let mut write = || {
            let mut writer = File::create_new(&tmp)?;
            let bytes = io::copy(&mut reader, &mut writer)?; // any bytes, as they are
            writer.sync_all()?;
            if target.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(&tmp, &target)?;
            Ok(bytes)
        };
        match write() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => {
                let _ = fs::remove_file(&tmp);
                Err(at(&target, error))
            }
        }
    }

    /// Removes what runs that were killed have left in `tmp`.
    pub fn clean_up(&self) {
        // Nothing depends on this, so trouble is left to somebody whose work it stops.
        for entry in fs::read_dir(self.path.join("tmp"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let age = entry
                .metadata()
                .and_then(|data| data.modified())
                .map(|time| time.elapsed());
            let old = matches!(age, Ok(Ok(age)) if age > ABANDONED);
            if old
                && entry
                    .file_name()
                    .as_encoded_bytes()
                    .starts_with(TMP_PREFIX.as_bytes())
            {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return f.write_str("Inbox");
        }
        let name = self.name.to_string_lossy();
        let parts = name.trim_start_matches('.').split('.');
        let parts: Vec<_> = parts
            .map(|part| decode(part).unwrap_or_else(|| part.into()))
            .collect();
        f.write_str(&parts.join("/"))
    }
}

/// A message of a folder.
pub struct Message {
    /// `new` or `cur`.
    sub: &'static str,
    name: OsString,
}

impl Message {
    /// What identifies the message, whichever its flags: its name up to them.
    pub fn unique(&self) -> &[u8] {
        let name = self.name.as_encoded_bytes();
        let end = name
            .windows(3)
            .position(|window| matches!(window, [b':' | b';', b'2', b',']));
        &name[..end.unwrap_or(name.len())]
    }

    /// Its name as this system writes it.
    fn local_name(&self) -> OsString {
        match self.name.to_str() {
            Some(name) => name
                .replacen(":2,", SEPARATOR, 1)
                .replacen(";2,", SEPARATOR, 1)
                .into(),
            None => self.name.clone(), // not UTF-8: then this is no Windows, and the name is fine as it is
        }
    }
}

fn is_maildir(path: &Path) -> bool {
    ["cur", "new", "tmp"]
        .iter()
        .all(|sub| path.join(sub).is_dir())
}

fn make_maildir(path: &Path) -> Result<()> {
    ["tmp", "new", "cur"].iter().try_for_each(|sub| {
        let sub = path.join(sub);
        fs::create_dir_all(&sub).map_err(|error| at(&sub, error))
    })
}

/// Says where it happened, since the system doesn't. The kind is kept, from which the HRESULT is made.
fn at(path: &Path, error: io::Error) -> mapisync::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display())).into()
}

/// Modified UTF-7 (RFC 3501, 5.1.3): `Entw&APw-rfe` is `Entwürfe`. `None` if it isn't well-formed.
fn decode(name: &str) -> Option<String> {
    const BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::IMAP_MUTF7, NO_PAD);
    let (mut text, mut rest) = (String::new(), name);
    while let Some((plain, coded)) = rest.split_once('&') {
        let (coded, after) = coded.split_once('-')?;
        text += plain;
        if coded.is_empty() {
            text.push('&');
        } else {
            let bytes = BASE64.decode(coded).ok()?;
            let units: Vec<_> = bytes
                .chunks_exact(2)
                .map(|unit| u16::from_be_bytes([unit[0], unit[1]]))
                .collect();
            text += &String::from_utf16(&units).ok()?;
        }
        rest = after;
    }
    Some(text + rest)
}
