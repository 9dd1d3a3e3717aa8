//! The program, what it prints, and the trees that it synchronizes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_send_receive");

/// Of the sample: 25 messages, and a marker in each of the 11 subfolders.
pub const SAMPLE_FILES: usize = 25 + 11;

/// A program that has ended.
pub struct Ended {
    pub exit: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        let string = |bytes| String::from_utf8(bytes).unwrap();
        Ended { exit: output.status.code(), out: string(output.stdout), err: string(output.stderr) }
    }
}

impl Ended {
    #[track_caller]
    pub fn assert_exit(&self, code: i32) -> &Ended {
        assert_eq!(self.exit, Some(code), "{self}");
        self
    }

    /// Asserts that it has printed these strings. A line is one between two line breaks.
    #[track_caller]
    pub fn assert_out(&self, parts: &[&str]) -> &Ended {
        let out = format!("\n{}", self.out);
        for part in parts {
            assert!(out.contains(part), "{part}:\n{self}");
        }
        self
    }

    /// Asserts that the errors are one line with these strings.
    #[track_caller]
    pub fn assert_error(&self, parts: &[&str]) -> &Ended {
        assert_eq!(self.err.lines().count(), 1, "{self}");
        for part in parts {
            assert!(self.err.contains(part), "{part}:\n{self}");
        }
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}\n{}\n{}", self.exit, self.out, self.err)
    }
}

/// Returns a command that runs the program. The test reads both outputs.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = test_support::run(Path::new(PROGRAM));
    command.args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn run(arguments: &[&str]) -> Ended {
    command(arguments).output().unwrap().into()
}

/// A temporary folder for trees.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Creates a Maildir with these messages in `new`, and returns its path.
    pub fn create(&self, name: &str, messages: impl IntoIterator<Item = usize>) -> String {
        let root = self.path(name);
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(Path::new(&root).join(sub)).unwrap();
        }
        for message in messages {
            fs::write(format!("{root}/new/{message}"), "mail").unwrap();
        }
        root
    }
}

/// Returns the folder that the first line of a run of the sample names.
pub fn sample_folder(out: &str) -> &Path {
    let first = out.lines().next().unwrap();
    let folder = first.strip_prefix("Synchronizing the sample mailbox into ");
    Path::new(folder.unwrap())
}

/// Returns the number of messages and markers of folders in a tree.
pub fn count(root: impl AsRef<Path>) -> usize {
    let mut files = test_support::walk(root.as_ref());
    files.retain(|path| !path.ends_with("mapisync.lock"));
    files.len()
}

/// Returns the number of messages in `new` so far.
#[cfg(unix)]
pub fn arrived(root: &str) -> usize {
    fs::read_dir(Path::new(root).join("new")).map_or(0, Iterator::count)
}
