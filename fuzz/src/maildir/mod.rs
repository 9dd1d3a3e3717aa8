//! The target `maildir`: the example's store between two trees of any names and any things, through our host, with somebody
//! else delivering in between.

mod plant;
mod program;
mod rules;
mod snapshot;

use crate::maildir_store::Store;
use crate::place::Place;
use crate::process::{Before, LONG};
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, Error, HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost};
use plant::{Outside, plant};
pub use program::Program;
use rules::{Tree, Way, everything_arrived, is_unchanged, only_added};
use snapshot::{Found, Snapshot, snapshot};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Runs a program, and holds what comes of it against what has to.
pub fn run(program: Program) {
    let before = Before::now();
    let place = Place::new();
    let outside = Outside::new(place.path());
    let trees = Trees::new(place.path());
    let all_flags = || [Some(program.flags), program.then].into_iter().flatten();
    let uploads = all_flags().any(|flags| Way::up(flags.flags()).does_something());
    plant(&program.server, &trees.server, &outside, !uploads);
    if let Some(local) = &program.local {
        plant(local, &trees.local, &outside, false);
    }
    let untouched = snapshot(&place.path().join("outside"));
    if trees.can_be_opened() {
        if program.stop.is_some() || program.meanwhile.is_some() {
            trees.run(program.flags.flags(), program.stop, program.meanwhile());
        }
        for flags in all_flags() {
            let first = trees.run(flags.flags(), None, None);
            let whole = snapshot(place.path());
            let second = trees.run(flags.flags(), None, None);
            assert_eq!(first.is_none(), second.is_none());
            // What could not be read the first time may be there all the same, under the name of something that could. And
            // folders that went one way are looked into by the other only the next time.
            let (up, down) = (Way::up(flags.flags()), Way::down(flags.flags()));
            let crossing =
                up.hierarchy && down.contents.is_some() || down.hierarchy && up.contents.is_some();
            if !crossing && first.is_some_and(|run| run.status == HRESULT::S_OK) {
                assert_eq!(second.as_ref().map(|run| run.status), Some(HRESULT::S_OK));
            }
            assert!(
                second.is_none_or(|run| run.sum.starts_with("0 messages")),
                "a second run has work"
            );
            assert!(
                is_unchanged(&whole, &snapshot(place.path())),
                "a second run changes something"
            );
        }
    }
    assert_eq!(untouched, snapshot(&place.path().join("outside")));
    drop(place);
    before.check();
}

struct Trees {
    server: PathBuf,
    local: PathBuf,
}

/// What came of a run.
struct Run {
    status: HRESULT,
    /// The last text: how many messages have been transferred.
    sum: String,
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

    /// Whether there is a store for them. If there is none, nothing has been touched.
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

    /// Synchronises, and holds the trees against what may have come of it. `None` where the store refuses.
    fn run(
        &self,
        flags: SyncFlags,
        stop: Option<u8>,
        meanwhile: Option<(u8, PathBuf)>,
    ) -> Option<Run> {
        let [server, mut local] = self.snapshots();
        let (down, up) = (Way::down(flags), Way::up(flags));
        let dialog = Arc::new(Dialog {
            stop: Mutex::new(stop),
            delivery: Mutex::new(meanwhile.map(|(call, path)| (call, self.local.join(path)))),
            delivered: Mutex::default(),
            heard: Mutex::default(),
        });
        let store = Store::open(&self.server, &self.local).expect("it can be opened");
        let sync = ComPtr::<IMAPISync>::new(store);
        let status = match SyncHost::new(dialog.clone()).start(&sync, flags) {
            Ok(run) => run.wait(LONG).expect("the run ends"),
            Err(Error::Refused { code }) => {
                let these = flags.contains(SyncFlags::THESE_FOLDERS);
                assert!(these && code == HRESULT::MAPI_E_NO_SUPPORT);
                assert_eq!([server, local], self.snapshots());
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let heard = dialog.heard.lock().unwrap();
        let delivered = dialog.delivered.lock().unwrap().take();
        if let Some(path) = &delivered {
            let path = path.strip_prefix(&self.local).expect("it is in there");
            local.insert(path.into(), Found::File(THEIRS.into()));
        }
        let delivered = delivered.is_some();
        let [server_after, local_after] = self.snapshots();
        only_added(&local, &local_after, &down);
        only_added(&server, &server_after, &up);
        match status {
            HRESULT::S_OK => {
                assert_eq!(heard.warnings, 0, "what is left out is no success");
                let tree = |root: &Path, before| Tree {
                    root: root.to_owned(),
                    before,
                };
                let (server, local) = (tree(&self.server, server), tree(&self.local, local));
                everything_arrived(&server, &local, &down);
                // What has come in the middle may have come too late for this run.
                if !delivered {
                    everything_arrived(&local, &server, &up);
                }
            }
            HRESULT::MAPI_W_PARTIAL_COMPLETION => assert_ne!(heard.warnings, 0, "of what?"),
            HRESULT::MAPI_E_USER_CANCEL => assert!(stop.is_some()),
            other => panic!("{other}"),
        }
        Some(Run {
            status,
            sum: heard.text.clone(),
        })
    }
}

/// Notes what matters of what it hears, and stops a run at the call that it is told.
struct Dialog {
    stop: Mutex<Option<u8>>,
    /// At which call from now somebody else delivers a message, and where.
    delivery: Mutex<Option<(u8, PathBuf)>>,
    delivered: Mutex<Option<PathBuf>>,
    heard: Mutex<Heard>,
}

/// What somebody else delivers.
const THEIRS: &[u8] = b"Subject: theirs\n\nbody";

impl Dialog {
    fn deliver(&self) {
        let mut delivery = self.delivery.lock().unwrap();
        match delivery.take() {
            Some((0, path)) => {
                // It fails where the name is taken or there is no such folder.
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
struct Heard {
    text: String,
    warnings: u32,
}

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&str>, _: u32, _: u32) -> Result<()> {
        if let Some(step) = step {
            self.heard.lock().unwrap().text = step.into();
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
        self.heard.lock().unwrap().warnings += 1;
        Ok(())
    }

    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}
