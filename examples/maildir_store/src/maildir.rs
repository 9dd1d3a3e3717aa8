//! Mail folders on disk, as Dovecot, Postfix and mutt keep them. Nothing here knows about
//! synchronization or COM.
//!
//! A *Maildir* is a directory with the subdirectories `cur`, `new` and `tmp`. Each file in `cur`
//! and `new` is a message. Its name begins with a part that is unique and never changes. After
//! `:2,` come flags, which mail readers change at any time. In a *Maildir++* each subfolder is a
//! Maildir too, next to those three directories. Its name is `.Parent.Child`, in modified UTF-7.
//!
//! Every error names the path, and has the code of the [`io::Error`].
//!
//! ```
//! use maildir_store::maildir::{Maildir, Part};
//!
//! # let directory = tempfile::tempdir()?;
//! let server = Maildir::open(maildir_store::SAMPLE.as_ref())?;
//! let local = Maildir::open_or_create(&directory.path().join("local"))?;
//! let mut bytes = 0;
//! for folder in server.folders()? {
//!     let from = folder?;
//!     let to = local.folder(&from);
//!     to.create()?;
//!     for message in from.messages() {
//!         bytes += to.deliver(&from, &message?, Part::Whole, None)?.unwrap_or(0);
//!     }
//! }
//! assert_eq!(bytes, 27_410);
//! # Ok::<(), mapisync::Error>(())
//! ```

use base64::Engine;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use mapisync::Result;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Separates the unique part of a name from its flags. Windows allows no `:` in file names.
const INFO: &str = if cfg!(windows) { ";2," } else { ":2," };

/// Follows the unique part in the name of a *stub*, a message of which only the header was copied.
const STUB: &str = ",mapisync=header";

/// The part of a message to copy.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    /// The whole message.
    Whole,
    /// The header and the empty line after it. The result is a stub, unless the message ends there.
    Header,
}

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
    /// Opens a tree. Fails if it does not exist, or is not a Maildir.
    pub fn open(root: &Path) -> Result<Maildir> {
        let root = root
            .canonicalize()
            .map_err(|error| with_path(root, error))?;
        if is_maildir(&root) {
            Ok(Maildir { root })
        } else {
            Err(not_a_maildir(&root))
        }
    }

    /// Opens a tree. Creates it if `root` does not exist or is an empty directory. Fails if it
    /// cannot be created, or is not a Maildir.
    pub fn open_or_create(root: &Path) -> Result<Maildir> {
        if !root.exists() || fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_none()) {
            make_maildir(root)?;
        }
        Maildir::open(root)
    }

    /// Returns the path of the tree, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns all folders, the inbox first. A directory that is named like a folder, but is not a
    /// Maildir, is an error among them. Fails if the tree's directory cannot be read.
    pub fn folders(&self) -> Result<Vec<Result<Folder>>> {
        let mut names = vec![OsString::new()];
        for entry in fs::read_dir(&self.root).map_err(|error| with_path(&self.root, error))? {
            let entry = entry.map_err(|error| with_path(&self.root, error))?;
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
                Err(not_a_maildir(&folder.path))
            }
        };
        Ok(names.into_iter().map(folder).map(check).collect())
    }

    /// Returns the folder of this tree with the same name as a folder of another tree. It need not
    /// exist.
    pub fn folder(&self, other: &Folder) -> Folder {
        Folder {
            path: self.root.join(&other.name),
            name: other.name.clone(),
        }
    }
}

/// A folder of a tree. It need not exist. `Display` shows it as mail readers do: `Archiv/2025`.
///
/// ```
/// # use maildir_store::maildir::Maildir;
/// let server = Maildir::open(maildir_store::SAMPLE.as_ref())?;
/// let inbox = server.folders()?.remove(0)?;
/// assert!(inbox.exists() && inbox.is_complete());
/// assert_eq!(inbox.messages().count(), 10);
/// # Ok::<(), mapisync::Error>(())
/// ```
pub struct Folder {
    /// The name of the directory. It is empty for the inbox, which is the root of the tree.
    name: OsString,
    path: PathBuf,
}

impl Folder {
    /// Returns whether the folder exists, at least in part.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Returns whether the folder is a Maildir and, unless it is the inbox, has the marker of a
    /// subfolder.
    pub fn is_complete(&self) -> bool {
        is_maildir(&self.path) && (self.name.is_empty() || self.marker().exists())
    }

    /// Creates the folder, or the rest of a folder that a killed run left incomplete.
    pub fn create(&self) -> Result<()> {
        make_maildir(&self.path)?;
        File::options()
            .append(true)
            .create(true)
            .open(self.marker())
            .map_err(|error| with_path(&self.marker(), error))?;
        Ok(())
    }

    fn marker(&self) -> PathBuf {
        self.path.join("maildirfolder")
    }

    /// Returns the messages one at a time, so that memory does not grow with their number. An entry
    /// that cannot be read is an error among them.
    ///
    /// `new` comes before `cur`, because mail readers move messages in this direction. A message
    /// that is moved during the iteration is therefore not missed.
    pub fn messages(&self) -> impl Iterator<Item = Result<Message>> {
        ["new", "cur"].into_iter().flat_map(|sub| {
            let path = self.path.join(sub);
            let (entries, error) = match fs::read_dir(&path) {
                Ok(entries) => (Some(entries), None),
                Err(error) => (None, Some(Err(with_path(&path, error)))),
            };
            let message = move |entry: io::Result<fs::DirEntry>| {
                let entry = entry.map_err(|error| with_path(&path, error));
                let name = entry
                    .as_ref()
                    .map(fs::DirEntry::file_name)
                    .unwrap_or_default();
                if name.as_encoded_bytes().starts_with(b".") {
                    return None; // readers of a Maildir must skip such names
                }
                Some(entry.and_then(|entry| match entry.file_type() {
                    Ok(kind) if kind.is_file() || kind.is_symlink() => Ok(Message { sub, name }),
                    _ => Err(with_path(&entry.path(), io::Error::other("not a message"))),
                }))
            };
            entries
                .into_iter()
                .flatten()
                .filter_map(message)
                .chain(error)
        })
    }

    /// Copies a message of the folder `from` into this folder, and replaces its `stub` if there is
    /// one. Returns the number of bytes copied, or `None` if another program has renamed, deleted
    /// or delivered the message since it was listed.
    ///
    /// The message is first written to `tmp` and synced to the disk, and then moved to `new` or
    /// `cur`. Mail readers therefore see the whole message or nothing, even if the machine loses
    /// power. The move itself may be lost, and then the next run repeats it. Mail readers delete
    /// the files that a killed run leaves in `tmp`, after 36 hours.
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
            // A mail reader has changed its flags, and so its name, or has deleted it.
            Err(_) if source.symlink_metadata().is_err() => return Ok(None),
            Err(error) => return Err(with_path(&source, error)),
        };
        // The number is random, because a process in another container may have the same id.
        let number = RandomState::new().build_hasher().finish();
        let tmp = self
            .path
            .join("tmp")
            .join(format!("mapisync.{number:016x}"));
        let mut writer = File::create_new(&tmp).map_err(|error| with_path(&tmp, error))?;
        let mut write = || {
            let whole = part == Part::Whole
                || !message.can_be_stub()
                || copy_header(&mut reader, &mut writer)?;
            if whole {
                io::copy(&mut reader, &mut writer)?;
            }
            writer.sync_all()?;
            let name = stub.unwrap_or(message).named(!whole);
            let target = self.path.join(stub.unwrap_or(message).sub).join(name);
            if target.symlink_metadata().is_ok() {
                return Ok(None); // another program has delivered the message
            }
            if let Some(stub) = stub {
                // First replace the stub under its own name, then rename it: a run that is killed
                // in between leaves exactly one message.
                let stub = self.path.join(stub.sub).join(&stub.name);
                if stub.symlink_metadata().is_err() {
                    return Ok(None); // a mail reader has moved it: the next run completes it
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
        result.map_err(|error| with_path(&source, error))
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
///
/// ```
/// # use maildir_store::maildir::Maildir;
/// let server = Maildir::open(maildir_store::SAMPLE.as_ref())?;
/// let inbox = server.folders()?.remove(0)?;
/// for message in inbox.messages() {
///     let message = message?;
///     println!("{}", String::from_utf8_lossy(message.unique()));
///     assert!(!message.is_stub());
/// }
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Clone)]
pub struct Message {
    /// `new` or `cur`.
    sub: &'static str,
    name: OsString,
}

impl Message {
    /// Returns the part of the name that identifies the message whatever its flags are.
    pub fn unique(&self) -> &[u8] {
        let name = self.without_flags();
        let stub = name.strip_suffix(STUB.as_bytes());
        stub.filter(|_| self.can_be_stub()).unwrap_or(name)
    }

    /// Returns whether only the header was copied.
    pub fn is_stub(&self) -> bool {
        self.can_be_stub() && self.without_flags().ends_with(STUB.as_bytes())
    }

    /// Returns whether the name can mark a stub. A name that is not valid UTF-8, or that has no
    /// unique part, cannot: the message is then copied whole.
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

    /// Returns the name on this system, as a stub or as a whole message.
    fn named(&self, stub: bool) -> OsString {
        let Some(name) = self.name.to_str() else {
            return self.name.clone();
        };
        let (unique, rest) = name.split_at(self.unique().len());
        let info = rest.strip_prefix(STUB).unwrap_or(rest);
        // `info` is empty, or it is `:2,` or `;2,` and the flags. The result has this system's
        // separator.
        let (info, flags) = info.get(3..).map_or(("", ""), |flags| (INFO, flags));
        format!("{unique}{}{info}{flags}", if stub { STUB } else { "" }).into()
    }
}

/// Opens a file, or the file that a link leads to. Fails for anything else: to open or read a pipe
/// may take forever.
fn open(path: &Path) -> io::Result<File> {
    if path.metadata()?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("not a message"))
    }
}

/// Copies the header and the empty line after it. Returns whether the message ends there.
fn copy_header(reader: &mut impl BufRead, writer: &mut impl Write) -> io::Result<bool> {
    let mut empty = true; // whether the current line is empty so far
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
        .map_err(|error| with_path(path, error))
}

fn not_a_maildir(path: &Path) -> mapisync::Error {
    with_path(
        path,
        io::Error::other("not a Maildir with cur, new and tmp"),
    )
}

/// Adds the path to the message, because the system's message does not have it. The kind, which
/// determines the `HRESULT`, stays the same.
fn with_path(path: &Path, error: io::Error) -> mapisync::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display())).into()
}

/// Decodes modified UTF-7 (RFC 3501, 5.1.3): `Entw&APw-rfe` is `Entwürfe`. Returns `None` if it is
/// not well-formed.
fn decode(name: &str) -> Option<String> {
    const BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::IMAP_MUTF7, NO_PAD);
    let (mut decoded, mut rest) = (String::new(), name);
    while let Some((plain, encoded)) = rest.split_once('&') {
        let (encoded, after) = encoded.split_once('-')?;
        let bytes = BASE64.decode(encoded).ok()?;
        let units = bytes
            .chunks_exact(2)
            .map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
        let characters = String::from_utf16(&units.collect::<Vec<_>>()).ok()?;
        decoded += plain;
        decoded += if encoded.is_empty() { "&" } else { &characters };
        rest = after;
    }
    Some(decoded + rest)
}
