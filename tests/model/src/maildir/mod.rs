//! The target `maildir`: the example's store under this crate's host, with two trees of any names
//! and any entries. Another program may deliver a message during the run.

mod create;
mod program;
mod rules;
mod snapshot;

use crate::process::Before;
use create::{Outside, WorkFolder, create_tree};
use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Method, Recorder};
use mapisync::{ComPtr, Error, HRESULT, SyncFlags, SyncHost};
pub use program::Program;
use rules::{Direction, Tree, everything_arrived, is_maildir, is_unchanged, only_added};
use snapshot::{Found, Snapshot, snapshot};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use test_support::TIMEOUT;

/// Runs a program and compares the results with the rules.
pub fn run(program: &Program) {
    let before = Before::now();
    let folder = WorkFolder::new();
    let outside = Outside::new(folder.path());
    let trees = Trees::new(folder.path());
    let all_flags = || [Some(program.flags), program.then].into_iter().flatten();
    let uploads = all_flags().any(|flags| Direction::up(flags.flags()).does_something());
    create_tree(&program.server, &trees.server, &outside, !uploads);
    if let Some(local) = &program.local {
        create_tree(local, &trees.local, &outside, false);
    }
    let untouched = snapshot(&folder.path().join("outside"));
    if trees.can_be_opened() {
        if program.stop.is_some() || program.delivery.is_some() {
            trees.run(program.flags.flags(), program.stop, program.delivery());
        }
        for flags in all_flags() {
            let first = trees.run(flags.flags(), None, None);
            let whole = snapshot(folder.path());
            let second = trees.run(flags.flags(), None, None);
            assert_eq!(first.is_none(), second.is_none());
            // Only a success of the first run requires one of the second. After a partial first run
            // the second may succeed, because a message that cannot be read counts as present once a
            // readable one of the same name has arrived. If folders go one way and contents the
            // other, the second run finds new folders to read.
            let (up, down) = (Direction::up(flags.flags()), Direction::down(flags.flags()));
            let crossing =
                up.hierarchy && down.contents.is_some() || down.hierarchy && up.contents.is_some();
            if !crossing && first.is_some_and(|run| run.status == HRESULT::S_OK) {
                assert_eq!(second.as_ref().map(|run| run.status), Some(HRESULT::S_OK));
            }
            assert!(
                second.is_none_or(|run| run.summary.starts_with("0 messages")),
                "a second run copies messages"
            );
            is_unchanged(&whole, snapshot(folder.path()));
        }
    }
    assert_eq!(untouched, snapshot(&folder.path().join("outside")));
    drop(folder);
    before.check();
}

struct Trees {
    server: PathBuf,
    local: PathBuf,
}

/// The results of a run.
struct Run {
    status: HRESULT,
    /// The last progress string, which says how many messages were copied.
    summary: String,
}

impl Trees {
    fn new(root: &Path) -> Trees {
        Trees {
            server: root.join("server"),
            local: root.join("local"),
        }
    }

    fn snapshots(&self) -> [Snapshot; 2] {
        [&self.server, &self.local].map(|tree| snapshot(tree))
    }

    /// Returns whether a store can be opened for the trees. A failure must leave them unchanged.
    fn can_be_opened(&self) -> bool {
        let [server, local] = self.snapshots();
        // A source may lack empty directories. A local tree may be one that was begun.
        let is_source = ["cur", "new"]
            .iter()
            .any(|sub| self.server.join(sub).is_dir());
        let is_begun = local.keys().all(|path| {
            let first = path.components().next().map(|first| first.as_os_str());
            first.is_some_and(|first| {
                (first == "tmp" || first == "new") && self.local.join(first).is_dir()
            })
        });
        let can_be = is_source && (is_begun || is_maildir(&self.local));
        let opened = Store::open(&self.server, &self.local);
        assert_eq!(opened.is_ok(), can_be);
        if !can_be {
            assert_eq!([server, local], self.snapshots());
        }
        can_be
    }

    /// Synchronizes, and checks the trees against the rules. Returns `None` if the store refuses.
    fn run(
        &self,
        flags: SyncFlags,
        stop: Option<u8>,
        delivery: Option<(u8, PathBuf)>,
    ) -> Option<Run> {
        let [server, mut local] = self.snapshots();
        let (down, up) = (Direction::down(flags), Direction::up(flags));
        let mut recorder = Recorder::new();
        if let Some(stop) = stop {
            recorder = recorder.cancel_at(stop.into());
        }
        let delivered = Arc::new(AtomicBool::new(false));
        if let Some((call, path)) = &delivery {
            let path = self.local.join(path);
            recorder = recorder.on_call(deliver(*call, path, delivered.clone()));
        }
        let store = Store::open(&self.server, &self.local).expect("it can be opened");
        let sync = ComPtr::<IMAPISync>::new(store);
        let status = match SyncHost::new(recorder.clone()).start(&sync, flags) {
            Ok(run) => run.wait(TIMEOUT).expect("the run ends"),
            Err(Error::Refused { code, .. }) => {
                let these = flags.contains(SyncFlags::THESE_FOLDERS);
                assert!(these && code == HRESULT::MAPI_E_NO_SUPPORT);
                assert_eq!([server, local], self.snapshots());
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let (mut warnings, mut summary) = (0, String::new());
        for recorded in recorder.calls() {
            match recorded.call() {
                Call::Progress(step, index, max) => {
                    assert!(index <= max && *max > 0);
                    summary = step.clone().unwrap_or(summary);
                }
                Call::Error(code, _) => {
                    assert_eq!(*code, HRESULT::MAPI_W_PARTIAL_COMPLETION);
                    warnings += 1;
                }
                Call::Done(_) => {}
            }
        }
        let delivered = delivered.load(SeqCst);
        if let Some((_, path)) = delivery.filter(|_| delivered) {
            local.insert(path, Found::File(THEIRS.into()));
        }
        let [server_after, local_after] = self.snapshots();
        only_added(&local, &local_after, &down);
        only_added(&server, &server_after, &up);
        match status {
            HRESULT::S_OK => {
                assert_eq!(warnings, 0, "a success has no warnings");
                let tree = |root: &Path, before| Tree {
                    root: root.to_owned(),
                    before,
                };
                let (server, local) = (tree(&self.server, server), tree(&self.local, local));
                everything_arrived(&server, &local, &down);
                // A message that was delivered during the run may have come too late for the
                // upload.
                if !delivered {
                    everything_arrived(&local, &server, &up);
                }
            }
            HRESULT::MAPI_W_PARTIAL_COMPLETION => assert_ne!(warnings, 0),
            HRESULT::MAPI_E_USER_CANCEL => assert!(stop.is_some()),
            other => panic!("{other}"),
        }
        Some(Run { status, summary })
    }
}

/// The message that the other program delivers.
const THEIRS: &[u8] = b"Subject: theirs\n\nbody";

/// Returns a hook that delivers the message during one call to `Progress`, whose number is counted
/// from 0.
fn deliver(number: u8, path: PathBuf, delivered: Arc<AtomicBool>) -> impl Fn(&Call) + Send + Sync {
    let calls = AtomicUsize::new(0);
    move |call| {
        let is_progress = call.method() == Method::Progress;
        if is_progress && calls.fetch_add(1, SeqCst) == usize::from(number) {
            // This fails if the name is taken or the folder does not exist.
            if let Ok(mut file) = File::create_new(&path) {
                file.write_all(THEIRS).expect("a file can be written");
                delivered.store(true, SeqCst);
            }
        }
    }
}
