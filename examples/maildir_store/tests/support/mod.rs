//! Trees for the tests, and runs of the store on them.

#![allow(dead_code)] // no test program uses every helper

pub use test_support::*;

use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Outcome, Outlook, RecordedCall, Recorder};
use mapisync::{ComPtr, HRESULT, SyncFlags};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

pub const WHOLE: SyncFlags = SyncFlags::DOWNLOAD_HIERARCHY.union(SyncFlags::DOWNLOAD_CONTENTS);
pub const HEADERS: SyncFlags = SyncFlags::DOWNLOAD_HIERARCHY.union(SyncFlags::GLOBAL_HEADERS);
pub const UPLOAD: SyncFlags = SyncFlags::UPLOAD_HIERARCHY.union(SyncFlags::UPLOAD_CONTENTS);
pub const BOTH: SyncFlags = WHOLE.union(UPLOAD);

/// The separator between a file's name and its flags on this system.
pub const INFO: &str = if cfg!(windows) { ";2," } else { ":2," };

/// A server's tree and a local one, which does not exist yet.
pub struct Trees {
    _dir: Option<TempDir>,
    pub server: PathBuf,
    pub local: PathBuf,
}

impl Trees {
    /// Creates the server's tree with an empty inbox.
    pub fn new() -> Trees {
        let dir = tempfile::tempdir().unwrap();
        let (server, local) = (dir.path().join("server"), dir.path().join("local"));
        make(&server);
        Trees {
            _dir: Some(dir),
            server,
            local,
        }
    }

    /// Returns the same local tree with another server.
    pub fn with_server(mut self, server: &Path) -> Trees {
        self.server = server.into();
        self
    }

    /// Returns the trees of another process.
    pub fn at(dir: &Path) -> Trees {
        Trees {
            _dir: None,
            server: dir.join("server"),
            local: dir.join("local"),
        }
    }

    /// Runs the store.
    pub fn run(&self, flags: SyncFlags) -> Outcome {
        self.run_with(flags, Recorder::new(), |store| store)
    }

    /// Runs the store with options and a recorder.
    pub fn run_with(
        &self,
        flags: SyncFlags,
        recorder: Recorder,
        options: impl FnOnce(Store) -> Store,
    ) -> Outcome {
        let store = options(Store::open(&self.server, &self.local).unwrap());
        let sync = ComPtr::<IMAPISync>::new(store);
        let outlook = Outlook::new().flags(flags).recorder(recorder);
        let outcome = outlook.timeout(TIMEOUT).run(&sync);
        outcome.assert_no_leaks();
        for call in outcome.calls() {
            if let Call::Progress(_, index, max) = call.call() {
                assert!(index <= max && *max > 0, "{outcome}");
            }
        }
        outcome
    }
}

/// Runs the store and returns the status of `Done` and the calls of the callback.
pub fn synchronize(server: &Path, local: &Path, flags: SyncFlags) -> (HRESULT, Vec<RecordedCall>) {
    synchronize_with(Recorder::new(), server, local, flags)
}

/// Runs the store with a recorder.
pub fn synchronize_with(
    recorder: Recorder,
    server: &Path,
    local: &Path,
    flags: SyncFlags,
) -> (HRESULT, Vec<RecordedCall>) {
    let trees = Trees {
        _dir: None,
        server: server.into(),
        local: local.into(),
    };
    let outcome = trees.run_with(flags, recorder, |store| store);
    (outcome.status().expect("a run"), outcome.calls().into())
}

/// Makes the store report each unit of work.
pub fn report_everything(store: Store) -> Store {
    store.report_every(Duration::ZERO)
}

/// Creates the three directories of a Maildir.
pub fn make(folder: &Path) {
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(sub)).unwrap();
    }
}

/// Returns the files of a tree by their paths, without the lock file and the markers.
pub fn mail(root: &Path) -> BTreeMap<String, String> {
    let is_mail = |path: &PathBuf| {
        !["mapisync.lock", "maildirfolder", "dovecot-keywords"]
            .iter()
            .any(|name| path.ends_with(name))
    };
    let files = walk(root).into_iter().filter(is_mail);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let name = name.replace(std::path::MAIN_SEPARATOR, "/");
        (
            name,
            String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
        )
    };
    files.map(read).collect()
}

/// Returns the expected files of a tree.
pub fn expected(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    let name = |name: &str| name.replace(":2,", INFO);
    let file = |(path, content): &(&str, &str)| (name(path), content.to_string());
    files.iter().map(file).collect()
}

/// Returns the messages of the host's warnings and errors.
pub fn warnings(outcome: &Outcome) -> Vec<String> {
    let warning = |call: &Call| match call {
        Call::Error(_, message) => message.clone(),
        _ => None,
    };
    outcome
        .calls()
        .iter()
        .filter_map(|call| warning(call.call()))
        .collect()
}

/// Checks that the run was partial, and that each warning ends with one of the words.
pub fn assert_left_out(outcome: &Outcome, words: &[&str]) {
    assert_eq!(
        outcome.status(),
        Some(HRESULT::MAPI_W_PARTIAL_COMPLETION),
        "{outcome}"
    );
    let warnings = warnings(outcome);
    assert_eq!(warnings.len(), words.len(), "{warnings:?}");
    for words in words {
        assert!(
            warnings.iter().any(|warning| warning.ends_with(words)),
            "{words}: {warnings:?}"
        );
    }
    let summary = format!(", {} left out", words.len());
    let is_summary =
        |call: &Call| matches!(call, Call::Progress(Some(step), 1, 1) if step.ends_with(&summary));
    assert!(
        outcome.calls().iter().any(|call| is_summary(call.call())),
        "{outcome}"
    );
}
