//! The target `maildir`: the example's store under this crate's host, with two trees of any names
//! and any entries. Another program may deliver a message during the run.

mod create;
mod program;
mod rules;
mod snapshot;

use crate::maildir_store::Store;
use crate::process::{Before, TIMEOUT};
use crate::work_folder::WorkFolder;
use create::{Outside, create_tree};
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, Error, HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost};
pub use program::Program;
use rules::{Direction, Tree, everything_arrived, is_unchanged, only_added};
use snapshot::{Found, Snapshot, snapshot};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Runs a program and compares the results with the rules.
pub fn run(program: Program) {
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
            assert!(
                is_unchanged(&whole, &snapshot(folder.path())),
                "a second run changes a tree"
            );
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
        let is_maildir = |tree: &Path| {
            ["cur", "new", "tmp"]
                .iter()
                .all(|sub| tree.join(sub).is_dir())
        };
        let can_be = is_maildir(&self.server) && (local.is_empty() || is_maildir(&self.local));
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
        let dialog = Arc::new(Dialog {
            stop: Mutex::new(stop),
            delivery: Mutex::new(delivery.map(|(call, path)| (call, self.local.join(path)))),
            delivered: Mutex::default(),
            report: Mutex::default(),
        });
        let store = Store::open(&self.server, &self.local).expect("it can be opened");
        let sync = ComPtr::<IMAPISync>::new(store);
        let status = match SyncHost::new(dialog.clone()).start(&sync, flags) {
            Ok(run) => run.wait(TIMEOUT).expect("the run ends"),
            Err(Error::Refused { code }) => {
                let these = flags.contains(SyncFlags::THESE_FOLDERS);
                assert!(these && code == HRESULT::MAPI_E_NO_SUPPORT);
                assert_eq!([server, local], self.snapshots());
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let report = dialog.report.lock().unwrap();
        let delivered = dialog.delivered.lock().unwrap().take();
        if let Some(path) = &delivered {
            let path = path
                .strip_prefix(&self.local)
                .expect("it is below the local tree");
            local.insert(path.into(), Found::File(THEIRS.into()));
        }
        let delivered = delivered.is_some();
        let [server_after, local_after] = self.snapshots();
        only_added(&local, &local_after, &down);
        only_added(&server, &server_after, &up);
        match status {
            HRESULT::S_OK => {
                assert_eq!(report.warnings, 0, "a success has no warnings");
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
            HRESULT::MAPI_W_PARTIAL_COMPLETION => assert_ne!(report.warnings, 0),
            HRESULT::MAPI_E_USER_CANCEL => assert!(stop.is_some()),
            other => panic!("{other}"),
        }
        Some(Run {
            status,
            summary: report.last_step.clone(),
        })
    }
}

/// A callback that reports the last step and the warnings, and that can stop a run or deliver a
/// message.
struct Dialog {
    /// The number of calls to `Progress` before the one that fails.
    stop: Mutex<Option<u8>>,
    /// The number of calls to `Progress` before the delivery, and the path of the message.
    delivery: Mutex<Option<(u8, PathBuf)>>,
    delivered: Mutex<Option<PathBuf>>,
    report: Mutex<Report>,
}

/// The message that the other program delivers.
const THEIRS: &[u8] = b"Subject: theirs\n\nbody";

impl Dialog {
    fn deliver(&self) {
        let mut delivery = self.delivery.lock().unwrap();
        match delivery.take() {
            Some((0, path)) => {
                // This fails if the name is taken or the folder does not exist.
                if let Ok(mut file) = File::create_new(&path) {
                    file.write_all(THEIRS).expect("a file can be written");
                    *self.delivered.lock().unwrap() = Some(path);
                }
            }
            later => *delivery = later.map(|(calls, path)| (calls - 1, path)),
        }
    }
}

#[derive(Default)]
struct Report {
    last_step: String,
    warnings: u32,
}

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&str>, _: u32, _: u32) -> Result<()> {
        if let Some(step) = step {
            self.report.lock().unwrap().last_step = step.into();
        }
        self.deliver();
        match &mut *self.stop.lock().unwrap() {
            Some(0) => Err(HRESULT::MAPI_E_USER_CANCEL.into()),
            Some(calls) => {
                *calls -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn error(&self, code: HRESULT, _: Option<&str>) -> Result<()> {
        assert_eq!(code, HRESULT::MAPI_W_PARTIAL_COMPLETION);
        self.report.lock().unwrap().warnings += 1;
        Ok(())
    }

    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}
