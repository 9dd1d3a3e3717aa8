//! The target `maildir`: the example's store between two trees of any names and any things, through our host.

mod plant;
mod program;
mod rules;
mod snapshot;

use crate::maildir_store::Store;
use crate::place::Place;
use crate::process::{Before, LONG};
use mapisync::abi::IMAPISync;
use mapisync::{
    ComPtr, Error, HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost, U16CStr,
};
use plant::{Outside, plant};
pub use program::Program;
use rules::{Way, everything_arrived, only_added};
use snapshot::{Snapshot, snapshot};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Runs a program, and holds what comes of it against what has to.
pub fn run(program: Program) {
    let before = Before::now();
    let place = Place::new();
    let outside = Outside::new(place.path());
    let trees = Trees::new(place.path());
    plant(&program.server, &trees.server, &outside, true);
    if let Some(local) = &program.local {
        plant(local, &trees.local, &outside, false);
    }
    let untouched = snapshot(&place.path().join("outside"));
    if trees.can_be_opened() {
        if let Some(after) = program.stop {
            trees.run(program.flags.flags(), Some(after));
        }
        for flags in [Some(program.flags), program.then].into_iter().flatten() {
            let first = trees.run(flags.flags(), None);
            let whole = snapshot(place.path());
            let second = trees.run(flags.flags(), None);
            assert_eq!(
                first.map(|run| run.status),
                second.as_ref().map(|run| run.status)
            );
            assert!(
                second.is_none_or(|run| run.sum.starts_with("0 messages")),
                "a second run has work"
            );
            assert!(
                whole == snapshot(place.path()),
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
    fn run(&self, flags: SyncFlags, stop: Option<u8>) -> Option<Run> {
        let [server, local] = self.snapshots();
        let (down, up) = (Way::down(flags), Way::up(flags));
        let dialog = Arc::new(Dialog {
            stop: Mutex::new(stop),
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
        let [server_after, local_after] = self.snapshots();
        only_added(&local, &local_after, &down);
        only_added(&server, &server_after, &up);
        match status {
            HRESULT::S_OK => {
                assert_eq!(heard.warnings, 0, "what is left out is no success");
                everything_arrived(&self.server, &self.local, &local, &down);
                everything_arrived(&self.local, &self.server, &server, &up);
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
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    text: String,
    warnings: u32,
}

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&U16CStr>, _: u32, _: u32) -> Result<()> {
        if let Some(step) = step {
            self.heard.lock().unwrap().text = step.to_string_lossy();
        }
        match &mut *self.stop.lock().unwrap() {
            Some(0) => Err(HRESULT::MAPI_E_USER_CANCEL.into()),
            Some(calls) => {
                *calls -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn error(&self, code: HRESULT, _: Option<&U16CStr>) -> Result<()> {
        assert_eq!(code, HRESULT::MAPI_W_PARTIAL_COMPLETION);
        self.heard.lock().unwrap().warnings += 1;
        Ok(())
    }

    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}
