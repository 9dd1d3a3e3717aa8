//! Pairs of trees, their files before and after a run, and runs of the store on them.

use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Outcome, Recorder};
use mapisync::{ComPtr, HRESULT, SyncFlags};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};
use tempfile::TempDir;
use test_support::{outlook, walk};

pub const WHOLE: SyncFlags = SyncFlags::DOWNLOAD_HIERARCHY.union(SyncFlags::DOWNLOAD_CONTENTS);
pub const HEADERS: SyncFlags = SyncFlags::DOWNLOAD_HIERARCHY.union(SyncFlags::GLOBAL_HEADERS);
pub const UPLOAD: SyncFlags = SyncFlags::UPLOAD_HIERARCHY.union(SyncFlags::UPLOAD_CONTENTS);
pub const BOTH: SyncFlags = WHOLE.union(UPLOAD);

pub const MAIL: &str = "Subject: x\n\nbody";
pub const HEADER: &str = "Subject: x\n\n";

/// Files by their paths, such as `.Sent/cur/1.host:2,S`. In a path, `:2,` stands for the separator
/// of this system, and a path that ends with `/` is a folder. A character stands for a byte.
pub type Files<'a> = &'a [(&'a str, &'a str)];

/// A server's tree and a local one.
pub struct Trees {
    pub server: PathBuf,
    pub local: PathBuf,
    _dir: Option<TempDir>,
}

impl Trees {
    /// Creates trees with these files. Without any, the local tree does not exist yet.
    pub fn new(server: Files, local: Files) -> Trees {
        let dir = tempfile::tempdir().unwrap();
        let mut trees = Trees::at(dir.path());
        trees._dir = Some(dir);
        make(&trees.server);
        write_all(&trees.server, server);
        if !local.is_empty() {
            make(&trees.local);
            write_all(&trees.local, local);
        }
        trees
    }

    fn at(dir: &Path) -> Trees {
        let [server, local] = ["server", "local"].map(|side| dir.join(side));
        let _dir = None;
        Trees { server, local, _dir }
    }

    /// Makes a command run `child` of this program, which finds these trees and the job.
    pub fn bequeath<'a>(&self, command: &'a mut Command, job: &str) -> &'a mut Command {
        let command = command.stdout(Stdio::null()).env("MAPISYNC_TEST_JOB", job);
        command.env("MAPISYNC_TEST_TREES", self.server.parent().unwrap())
    }

    /// Returns the job and the trees, in a process that a test has started.
    pub fn inherited() -> Option<(String, Trees)> {
        let job = env::var("MAPISYNC_TEST_JOB").ok()?;
        let dir = env::var_os("MAPISYNC_TEST_TREES")?;
        Some((job, Trees::at(dir.as_ref())))
    }

    pub fn run(&self, flags: SyncFlags) -> Outcome {
        self.run_with(flags, Recorder::new())
    }

    pub fn run_with(&self, flags: SyncFlags, recorder: Recorder) -> Outcome {
        self.run_store(flags, recorder, self.store())
    }

    /// Downloads everything. The store reports each unit of its work.
    pub fn run_in_steps(&self, recorder: Recorder) -> Outcome {
        self.run_store(WHOLE, recorder, self.store().report_every(Duration::ZERO))
    }

    fn run_store(&self, flags: SyncFlags, recorder: Recorder, store: Store) -> Outcome {
        let outlook = outlook().flags(flags).recorder(recorder);
        let outcome = outlook.run(&ComPtr::<IMAPISync>::new(store));
        outcome.assert_no_leaks();
        for call in outcome.calls() {
            if let Call::Progress(_, index, max) = call.call() {
                assert!(index <= max && *max > 0, "{outcome}");
            }
        }
        outcome
    }

    pub fn store(&self) -> Store {
        Store::open(&self.server, &self.local).unwrap()
    }

    /// Asserts that the local tree has these files and no other.
    #[track_caller]
    pub fn assert_local(&self, files: Files) {
        assert_eq!(mail(&self.local), expected(files));
    }

    /// Asserts that both trees have the same files.
    #[track_caller]
    pub fn assert_equal(&self) {
        assert_eq!(mail(&self.local), mail(&self.server));
    }
}

/// Creates the three directories of a Maildir.
pub fn make(folder: &Path) {
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(sub)).unwrap();
    }
}

/// Writes a message. Creates its folder if it does not exist.
pub fn write(root: &Path, path: &str, content: &str) {
    let file = root.join(native(path));
    make(file.parent().and_then(Path::parent).unwrap());
    fs::write(file, bytes(content)).unwrap();
}

/// Writes messages, and creates folders.
pub fn write_all(root: &Path, files: Files) {
    for (path, content) in files {
        match path.strip_suffix('/') {
            Some(folder) => make(&root.join(folder)),
            None => write(root, path, content),
        }
    }
}

fn bytes(string: &str) -> Vec<u8> {
    let byte = |character| u8::try_from(character).unwrap();
    string.chars().map(byte).collect()
}

fn string(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Returns a path of [`Files`] on this system.
pub fn native(path: &str) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        std::ffi::OsString::from_vec(bytes(path)).into()
    }
    #[cfg(windows)]
    path.replace(":2,", ";2,").into()
}

/// Returns a path as [`Files`] have it.
fn portable(path: String) -> String {
    if cfg!(windows) { path.replace('\\', "/").replace(";2,", ":2,") } else { path }
}

/// Returns the files of a tree, without the lock file and those that describe a folder.
pub fn mail(root: &Path) -> BTreeMap<String, String> {
    let others = ["mapisync.lock", "maildirfolder", "dovecot-keywords"];
    let is_mail = |path: &PathBuf| !others.iter().any(|other| path.ends_with(other));
    let files = walk(root).into_iter().filter(is_mail);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().as_os_str();
        let name = portable(string(name.as_encoded_bytes()));
        (name, string(&fs::read(path).unwrap()))
    };
    files.map(read).collect()
}

/// Returns the files as [`mail`] does.
pub fn expected(files: Files) -> BTreeMap<String, String> {
    let file = |(path, content): &(&str, &str)| (portable(path.to_string()), content.to_string());
    files.iter().map(file).collect()
}

/// Returns the last step, which says what the run has copied.
pub fn summary(outcome: &Outcome) -> &str {
    let calls = outcome.calls().iter().map(|call| call.call());
    let mut steps = calls.filter_map(|call| match call {
        Call::Progress(Some(step), 1, 1) => Some(step),
        _ => None,
    });
    steps.next_back().unwrap()
}

/// Runs the store on these trees. Asserts that the local one then has the files `after`, that the
/// server's is unchanged, and that another run has nothing to do.
#[track_caller]
pub fn assert_run(flags: SyncFlags, server: Files, local: Files, after: Files) {
    let trees = Trees::new(server, local);
    trees.run(flags).assert_ok();
    trees.assert_local(after);
    let again = trees.run(flags);
    assert_eq!(summary(again.assert_ok()), "0 messages, 0 B");
    trees.assert_local(after);
    assert_eq!(mail(&trees.server), expected(server));
}

/// Asserts that the run made this call to the host.
#[track_caller]
pub fn assert_called(outcome: &Outcome, call: Call) {
    let is_made = outcome.calls().iter().any(|made| *made == call);
    assert!(is_made, "{call:?}: {outcome}");
}

/// Returns the messages of the host's warnings and errors.
pub fn warnings(outcome: &Outcome) -> Vec<&str> {
    let calls = outcome.calls().iter().map(|call| call.call());
    let warnings = calls.filter_map(|call| match call {
        Call::Error(_, message) => message.as_deref(),
        _ => None,
    });
    warnings.collect()
}

/// Asserts that the run was partial, and that there is one warning for each of these parts.
#[track_caller]
pub fn assert_left_out(outcome: &Outcome, parts: &[&str]) {
    outcome.assert_status(HRESULT::MAPI_W_PARTIAL_COMPLETION);
    let mut warnings = warnings(outcome);
    assert_eq!(warnings.len(), parts.len(), "{warnings:?}");
    for part in parts {
        let is_it = |one: &&str| one.starts_with("left out: ") && one.contains(part);
        let found = warnings.iter().position(is_it);
        warnings.remove(found.unwrap_or_else(|| panic!("{part}: {outcome}")));
    }
    let account = format!(", {} left out", parts.len());
    assert!(summary(outcome).ends_with(&account), "{outcome}");
}
