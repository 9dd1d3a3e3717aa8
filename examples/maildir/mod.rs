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
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// What stands between the unique part of a name and its flags: Windows allows no `:` in file names.
const INFO: &str = if cfg!(windows) { ";2," } else { ":2," };

/// What follows the unique part of a *stub*, a message of which only the header is there.
const STUB: &str = ",mapisync=header";

/// How much of a message is wanted.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    Whole,
    Header,
}

/// A Maildir++ tree.
#[derive(Clone)]
pub struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// Opens a tree that has to be there.
    pub fn open(root: &Path) -> Result<Maildir> {
        let root = root.canonicalize().map_err(|error| at(root, error))?;
        if is_maildir(&root) {
            Ok(Maildir { root })
        } else {
            Err(no_maildir(&root))
        }
    }

    /// Opens a tree, or makes one where there is nothing or an empty folder.
    pub fn open_or_create(root: &Path) -> Result<Maildir> {
        if !root.exists() || fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_none()) {
            make_maildir(root)?;
        }
        Maildir::open(root)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All folders, the inbox first, and those that are none.
    pub fn folders(&self) -> Result<Vec<Result<Folder>>> {
        let mut names = vec![OsString::new()];
        for entry in fs::read_dir(&self.root).map_err(|error| at(&self.root, error))? {
            let entry = entry.map_err(|error| at(&self.root, error))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") && entry.path().is_dir() {
                names.push(entry.file_name());
            }
        }
        names.sort();
        let folder = |name: OsString| Folder {
            path: self.root.join(&name),
            name,
        };
        let check = |folder: Folder| {
            if is_maildir(&folder.path) {
                Ok(folder)
            } else {
                Err(no_maildir(&folder.path))
            }
        };
        Ok(names.into_iter().map(folder).map(check).collect())
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

    /// Whether it is there with all that makes it a folder; by the marker, a sub-folder is told from an inbox.
    pub fn is_complete(&self) -> bool {
        is_maildir(&self.path) && (self.name.is_empty() || self.marker().exists())
    }

    /// Makes the folder, or the rest of one that a killed run has begun.
    pub fn create(&self) -> Result<()> {
        make_maildir(&self.path)?;
        File::options()
            .append(true)
            .create(true)
            .open(self.marker())
            .map_err(|error| at(&self.marker(), error))?;
        Ok(())
    }

    fn marker(&self) -> PathBuf {
        self.path.join("maildirfolder")
    }

    /// The messages, one at a time: memory doesn't grow with their number. What can't be read is an error among them.
    ///
    /// `new` comes before `cur`, the way mail readers move messages, so that one which is moved meanwhile is seen.
    pub fn messages(&self) -> impl Iterator<Item = Result<Message>> {
        ["new", "cur"].into_iter().flat_map(|sub| {
            let path = self.path.join(sub);
            let (entries, error) = match fs::read_dir(&path) {
                Ok(entries) => (Some(entries), None),
                Err(error) => (None, Some(Err(at(&path, error)))),
            };
            let message = move |entry: io::Result<fs::DirEntry>| {
                let entry = entry.map_err(|error| at(&path, error));
                let name = entry
                    .as_ref()
                    .map(fs::DirEntry::file_name)
                    .unwrap_or_default();
                if name.as_encoded_bytes().starts_with(b".") {
                    return None; // by Maildir's rules no message
                }
                Some(entry.and_then(|entry| match entry.file_type() {
                    Ok(kind) if kind.is_file() || kind.is_symlink() => Ok(Message { sub, name }),
                    _ => Err(at(&entry.path(), io::Error::other("not a message"))),
                }))
            };
            entries
                .into_iter()
                .flatten()
                .filter_map(message)
                .chain(error)
        })
    }

    /// Copies a message of the folder `from` into this one, in place of its `stub` if there is one, and answers how many
    /// bytes that took, or `None` where a mail reader has been at it meanwhile.
    ///
    /// What arrives is written to `tmp`, brought to the disk, and only then moved to where readers look: it is there
    /// whole or not at all, even if the machine loses power. (The move itself may then be lost; the next run repeats it.
    /// What a killed run leaves in `tmp`, mail readers remove after 36 hours.)
    pub fn deliver(
        &self,
        from: &Folder,
        message: &Message,
        part: Part,
        stub: Option<&Message>,
    ) -> Result<Option<u64>> {
        let source = from.path.join(message.sub).join(&message.name);
        let mut reader = match open(&source) {
            Ok(file) => BufReader::new(file),
            // Renamed by a mail reader that changed its flags, or deleted, since it was listed.
            Err(_) if source.symlink_metadata().is_err() => return Ok(None),
            Err(error) => return Err(at(&source, error)),
        };
        // A random number, as the process's would come again in the next container.
        let number = RandomState::new().build_hasher().finish();
        let tmp = self
            .path
            .join("tmp")
            .join(format!("mapisync.{number:016x}"));
        let mut writer = File::create_new(&tmp).map_err(|error| at(&tmp, error))?;
        let mut write = || {
            let whole = part == Part::Whole
                || !message.can_be_stub()
                || copy_header(&mut reader, &mut writer)?;
            if whole {
                io::copy(&mut reader, &mut writer)?; // any bytes, as they are
            }
            writer.sync_all()?;
            let name = stub.unwrap_or(message).named(!whole);
            let target = self.path.join(stub.unwrap_or(message).sub).join(name);
            if target.symlink_metadata().is_ok() {
                return Ok(None); // somebody else was quicker
            }
            if let Some(stub) = stub {
                // Replaced under its own name first: there is one message at every moment, killed or not.
                let stub = self.path.join(stub.sub).join(&stub.name);
                if stub.symlink_metadata().is_err() {
                    return Ok(None); // a mail reader moved it: the next run completes it
                }
                fs::rename(&tmp, &stub)?;
                fs::rename(&stub, &target)?;
            } else {
                fs::rename(&tmp, &target)?;
            }
            Ok(Some(writer.metadata()?.len()))
        };
        let result = write();
        if !matches!(result, Ok(Some(_))) {
            let _ = fs::remove_file(&tmp);
        }
        result.map_err(|error| at(&source, error))
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
#[derive(Clone)]
pub struct Message {
    /// `new` or `cur`.
    sub: &'static str,
    name: OsString,
}

impl Message {
    /// What identifies the message, whichever its flags: its name up to them.
    pub fn unique(&self) -> &[u8] {
        let name = self.without_flags();
        let stub = name.strip_suffix(STUB.as_bytes());
        stub.filter(|_| self.can_be_stub()).unwrap_or(name)
    }

    /// Whether only the header is there.
    pub fn is_stub(&self) -> bool {
        self.can_be_stub() && self.without_flags().ends_with(STUB.as_bytes())
    }

    /// Whether the name can say so. One that is no text, or nothing but flags, stays as it is, and its message comes whole.
    fn can_be_stub(&self) -> bool {
        let name = self.without_flags();
        let unique = name.strip_suffix(STUB.as_bytes()).unwrap_or(name);
        self.name.to_str().is_some() && !unique.is_empty()
    }

    fn without_flags(&self) -> &[u8] {
        let name = self.name.as_encoded_bytes();
        let info = name
            .windows(3)
            .position(|window| matches!(window, [b':' | b';', b'2', b',']));
        &name[..info.unwrap_or(name.len())]
    }

    /// Its name on this system, as a stub or as a whole message.
    fn named(&self, stub: bool) -> OsString {
        let Some(name) = self.name.to_str() else {
            return self.name.clone();
        };
        let (unique, rest) = name.split_at(self.unique().len());
        let info = rest.strip_prefix(STUB).unwrap_or(rest);
        // Empty, or `:2,` and the flags; the other system has `;2,`.
        let (info, flags) = info.get(3..).map_or(("", ""), |flags| (INFO, flags));
        format!("{unique}{}{info}{flags}", if stub { STUB } else { "" }).into()
    }
}

/// Opens a file, or what a link to a file leads to. Nothing else: a pipe is waited for, and has no end.
fn open(path: &Path) -> io::Result<File> {
    if path.metadata()?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("not a message"))
    }
}

/// Copies up to the empty line behind the header, and answers whether that was all there is.
fn copy_header(reader: &mut impl BufRead, writer: &mut impl Write) -> io::Result<bool> {
    let mut empty = true; // the line so far
    loop {
        let bytes = reader.fill_buf()?;
        let mut ends = |byte: &u8| {
            let end = *byte == b'\n' && empty;
            empty = *byte == b'\n' || (*byte == b'\r' && empty);
            end
        };
        let end = bytes.iter().position(&mut ends).map(|end| end + 1);
        let taken = end.unwrap_or(bytes.len());
        writer.write_all(&bytes[..taken])?;
        reader.consume(taken);
        if end.is_some() || taken == 0 {
            return Ok(reader.fill_buf()?.is_empty());
        }
    }
}

fn is_maildir(path: &Path) -> bool {
    ["cur", "new", "tmp"]
        .iter()
        .all(|sub| path.join(sub).is_dir())
}

fn make_maildir(path: &Path) -> Result<()> {
    let make = |sub| fs::create_dir_all(path.join(sub));
    ["tmp", "new", "cur"]
        .into_iter()
        .try_for_each(make)
        .map_err(|error| at(path, error))
}

fn no_maildir(path: &Path) -> mapisync::Error {
    at(
        path,
        io::Error::other("not a Maildir, which has cur, new and tmp"),
    )
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
        let bytes = BASE64.decode(coded).ok()?;
        let units = bytes
            .chunks_exact(2)
            .map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
        let character = String::from_utf16(&units.collect::<Vec<_>>()).ok()?;
        text += plain;
        text += if coded.is_empty() { "&" } else { &character };
        rest = after;
    }
    Some(text + rest)
}
