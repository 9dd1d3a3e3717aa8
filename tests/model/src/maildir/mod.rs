//! The model of the example's store, under this crate's host: two trees of any names and any
//! entries, and the runs between them.

mod create;
mod names;
mod program;
mod rules;
mod snapshot;
mod view;

use crate::process::Before;
use create::{Outside, WorkFolder, create_tree};
use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Recorder};
use mapisync::{ComPtr, Error, HRESULT, SyncFlags, SyncHost};
pub use program::Program;
use rules::{Change, Direction, everything_arrived, only_added};
use snapshot::snapshot;
use std::path::{Path, PathBuf};
use test_support::TIMEOUT;
use view::{is_maildir, view};

/// Runs a program and compares the results with the rules.
pub fn run(program: &Program) {
    let before = Before::now();
    let folder = WorkFolder::new();
    let root = folder.path();
    let outside = Outside::new(root);
    let trees = Trees { server: root.join("server"), local: root.join("local") };
    let all_flags = || [Some(program.flags), program.then].into_iter().flatten();
    let uploads = all_flags().any(|flags| Direction::up(flags.flags()).does_something());
    create_tree(&program.server, &trees.server, &outside, !uploads);
    if let Some(local) = &program.local {
        create_tree(local, &trees.local, &outside, false);
    }
    let untouched = snapshot(&root.join("outside"));
    if trees.can_be_opened() {
        if program.stop.is_some() {
            trees.run(program.flags.flags(), program.stop);
        }
        all_flags().for_each(|flags| trees.run_twice(root, flags.flags()));
    }
    assert_eq!(untouched, snapshot(&root.join("outside")));
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
    fn both<T>(&self, of: fn(&Path) -> T) -> [T; 2] {
        [&self.server, &self.local].map(|tree| of(tree))
    }

    /// Returns whether a store can be opened for the trees. A failure must leave them unchanged.
    fn can_be_opened(&self) -> bool {
        let before = self.both(snapshot);
        // A source may lack empty directories. A local tree may be one that was begun.
        let has = |sub| self.server.join(sub).is_dir();
        let is_begun = before[1].keys().all(|path| {
            let begun = ["tmp", "new"].iter().find(|sub| path.starts_with(sub));
            begun.is_some_and(|sub| self.local.join(sub).is_dir())
        });
        let can_be = (has("cur") || has("new")) && (is_begun || is_maildir(&self.local));
        assert_eq!(Store::open(&self.server, &self.local).is_ok(), can_be);
        assert!(can_be || before == self.both(snapshot));
        can_be
    }

    /// Synchronizes twice. The second run must copy nothing and change nothing. If the first one
    /// creates a folder in one direction, the second one reads it in the other: it may complete the
    /// folder and remove redundant stubs, and a third run must change nothing.
    fn run_twice(&self, root: &Path, flags: SyncFlags) {
        let folders = || self.both(view).map(|tree| tree.into_keys().collect::<Vec<_>>());
        let known = folders();
        let first = self.run(flags, None);
        let creates = known != folders();
        let mut whole = snapshot(root);
        let second = self.run(flags, None);
        if creates {
            whole = snapshot(root);
            self.run(flags, None);
        }
        assert_eq!(whole, snapshot(root), "another run changes a tree");
        let (Some(first), Some(second)) = (&first, &second) else {
            assert!(first.is_none() && second.is_none());
            return;
        };
        assert!(second.summary.starts_with("0 messages"), "it copies more");
        // Only a success of the first run requires one of the second. After a partial first run
        // the second may succeed, because a message that cannot be read counts as present once a
        // readable one of the same name has arrived. If folders go one way and contents the
        // other, the second run finds new folders to read.
        let (up, down) = (Direction::up(flags), Direction::down(flags));
        let crosses =
            |folders: &Direction, mail: &Direction| folders.hierarchy && mail.contents.is_some();
        let is_required =
            first.status == HRESULT::S_OK && !crosses(&up, &down) && !crosses(&down, &up);
        assert!(!is_required || second.status == HRESULT::S_OK);
    }

    /// Synchronizes, and checks the trees against the rules. Returns `None` if the store refuses.
    fn run(&self, flags: SyncFlags, stop: Option<u8>) -> Option<Run> {
        let ([server, local], views) = (self.both(snapshot), self.both(view));
        let (down, up) = (Direction::down(flags), Direction::up(flags));
        let recorder = match stop {
            Some(stop) => Recorder::new().cancel_at(stop.into()),
            None => Recorder::new(),
        };
        let store = Store::open(&self.server, &self.local).expect("it can be opened");
        let sync = ComPtr::<IMAPISync>::new(store);
        let status = match SyncHost::new(recorder.clone()).start(&sync, flags) {
            Ok(run) => run.wait(TIMEOUT).expect("the run ends"),
            Err(Error::Refused { code, .. }) => {
                let these = flags.contains(SyncFlags::THESE_FOLDERS);
                assert!(these && code == HRESULT::MAPI_E_NO_SUPPORT);
                assert_eq!([server, local], self.both(snapshot));
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
        let [server_after, local_after] = self.both(snapshot);
        only_added(&local, &local_after, &down);
        only_added(&server, &server_after, &up);
        match status {
            HRESULT::S_OK => {
                assert_eq!(warnings, 0, "a success has no warnings");
                let changes = views.into_iter().zip(self.both(view));
                let changes = changes.map(|(before, after)| Change { before, after });
                let [server, local] = changes.collect::<Vec<_>>().try_into().ok().unwrap();
                everything_arrived(&server, &local, &down);
                everything_arrived(&local, &server, &up);
            }
            HRESULT::MAPI_W_PARTIAL_COMPLETION => assert_ne!(warnings, 0),
            HRESULT::MAPI_E_USER_CANCEL => assert!(stop.is_some()),
            other => panic!("{other}"),
        }
        Some(Run { status, summary })
    }
}
