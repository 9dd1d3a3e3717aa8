//! The file that lists the delivered messages.

use mapisync::{Error, HRESULT, Result, ResultExt};
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The files that runs of this process have open.
static OPEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn open_files() -> MutexGuard<'static, Vec<PathBuf>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The delivered messages: a file with a line for each key, which is only appended to.
///
/// A message has two keys: the name of its file, and its Message-ID. Either shows that it has been
/// delivered.
///
/// One at a time in a process can have a file open. MAPI and its spooler log on to one store, so
/// that there are two wrapped stores, and two runs would deliver the same messages.
///
/// A line is written after the message has been saved. If the machine loses power in between, the
/// next run delivers this message once more. The other order would lose it.
pub struct Delivered {
    path: Opened,
    file: File,
    keys: HashSet<String>,
}

impl Delivered {
    /// Reads the file, which it creates if it does not exist.
    ///
    /// # Errors
    ///
    /// `MAPI_E_BUSY` if another run has it open, and the code of the [`io::Error`](std::io::Error).
    pub fn open(path: &Path) -> Result<Delivered> {
        let mut options = File::options();
        let options = options.read(true).append(true).create(true);
        let mut file = options.open(path).context(path.display())?;
        let opened = Opened::new(path.canonicalize().context(path.display())?)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).context(path.display())?;
        if text.last().is_some_and(|last| *last != b'\n') {
            // The last line was cut off. It must not become the beginning of the next one.
            file.write_all(b"\n").context(path.display())?;
        }
        let text = String::from_utf8_lossy(&text);
        Ok(Delivered { path: opened, file, keys: text.lines().map(str::to_owned).collect() })
    }

    /// Returns whether the file lists a key.
    pub fn contains(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Adds the keys of a message, and writes them to the disk.
    ///
    /// # Errors
    ///
    /// The code of the [`io::Error`](std::io::Error).
    pub fn add(&mut self, keys: [Option<String>; 2]) -> Result<()> {
        let mut lines = String::new();
        for key in keys.into_iter().flatten() {
            lines += &key;
            lines.push('\n');
            self.keys.insert(key);
        }
        self.file.write_all(lines.as_bytes()).context(self.path.0.display())?;
        self.file.sync_data().context(self.path.0.display())
    }
}

/// The path of an open file, without links. It is in [`OPEN`] until the drop.
struct Opened(PathBuf);

impl Opened {
    fn new(path: PathBuf) -> Result<Opened> {
        let mut open = open_files();
        if open.contains(&path) {
            let message = "another run delivers mail to this store";
            return Err(Error::new(HRESULT::MAPI_E_BUSY, message));
        }
        open.push(path.clone());
        Ok(Opened(path))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        open_files().retain(|path| *path != self.0);
    }
}

/// The key of a file of the Maildir.
pub fn file_key(unique: &str) -> String {
    format!("file {unique}")
}

/// The key of a Message-ID. It has no control characters, because a line is a key.
pub fn id_key(id: &str) -> String {
    let id = id.replace(char::is_control, "\u{FFFD}");
    format!("id {id}")
}
