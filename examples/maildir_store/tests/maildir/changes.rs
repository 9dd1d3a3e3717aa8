//! Other programs that deliver, rename and complete messages during a run.

use crate::trees::*;
use mapisync::testing::{Call, Recorder};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

#[test]
fn a_message_that_arrives_after_its_folder_was_counted_is_received() {
    let trees = Trees::new(&[(".A/new/1", "1")], &[]);
    // The Inbox is counted before `.A`, and is empty then. It is received after both are counted.
    let path = trees.server.join("new/2");
    let recorder = Recorder::new().on_call(move |call| {
        if *call == Call::progress("Receiving A", 0, 1) && !path.exists() {
            fs::write(&path, "late").unwrap();
        }
    });
    let outcome = trees.run_with(WHOLE, recorder);
    outcome.assert_ok();
    trees.assert_equal();
    assert_called(&outcome, Call::progress("Receiving Inbox", 1, 1));
}

fn rename(root: &Path, from: &str, to: &str) -> io::Result<()> {
    fs::rename(root.join(native(from)), root.join(native(to)))
}

fn deliver(root: &Path, path: &str) -> io::Result<()> {
    fs::File::create_new(root.join(native(path)))?.write_all(b"theirs")
}

/// A change that another program makes during a run, and the local tree after the run.
struct Change {
    server: (&'static str, &'static str),
    /// The stub, if there is one.
    local: Files<'static>,
    change: fn(&Trees) -> io::Result<()>,
    changed: (&'static str, &'static str),
    /// The tree if it was too early or too late for the change.
    unchanged: (&'static str, &'static str),
}

const STUB: &str = "cur/1.host,mapisync=header:2,S";

const CHANGES: [Change; 4] = [
    // A mail reader renames the message at the server.
    Change {
        server: ("cur/1.host:2,", MAIL),
        local: &[],
        change: |trees| rename(&trees.server, "cur/1.host:2,", "cur/1.host:2,S"),
        changed: ("", MAIL),
        unchanged: ("", MAIL),
    },
    // Another program delivers the message.
    Change {
        server: ("new/1.host", MAIL),
        local: &[],
        change: |trees| deliver(&trees.local, "new/1.host"),
        changed: ("new/1.host", "theirs"),
        unchanged: ("new/1.host", MAIL),
    },
    // Another program delivers the message next to its stub.
    Change {
        server: ("cur/1.host,S=16:2,", MAIL),
        local: &[(STUB, HEADER)],
        change: |trees| deliver(&trees.local, "cur/1.host,S=16:2,S"),
        changed: ("cur/1.host,S=16:2,S", "theirs"),
        unchanged: ("cur/1.host,S=16:2,S", MAIL),
    },
    // A mail reader renames the stub.
    Change {
        server: ("cur/1.host,S=16:2,", MAIL),
        local: &[(STUB, HEADER)],
        change: |trees| rename(&trees.local, STUB, "cur/1.host,mapisync=header:2,FS"),
        changed: ("cur/1.host,S=16:2,FS", MAIL),
        unchanged: ("cur/1.host,S=16:2,S", MAIL),
    },
];

/// Each change is made in each call of a run, in one call of each run.
#[test]
fn a_message_that_others_change_during_a_run_is_there_once_and_theirs_stays() {
    for (n, change) in CHANGES.iter().enumerate() {
        let mut changes = 0;
        for moment in 0.. {
            let trees = Arc::new(Trees::new(&[change.server], change.local));
            let (changing, calls) = (trees.clone(), AtomicUsize::new(0));
            let changed = Arc::new(AtomicBool::new(false));
            let (has_changed, make) = (changed.clone(), change.change);
            let recorder = Recorder::new().on_call(move |_| {
                if calls.fetch_add(1, SeqCst) == moment {
                    has_changed.store(make(&changing).is_ok(), SeqCst);
                }
            });
            let outcome = trees.run_in_steps(recorder);
            outcome.assert_ok();
            let is_changed = changed.load(SeqCst);
            changes += usize::from(is_changed);
            let (path, content) = if is_changed { change.changed } else { change.unchanged };
            let files: Vec<_> = mail(&trees.local).into_iter().collect();
            let [(found, arrived)] = &files[..] else {
                panic!("{n}, {moment}: {files:?} {outcome}")
            };
            assert_eq!(arrived, content, "{n}, {moment}: {outcome}");
            assert!(path.is_empty() || found == path, "{n}, {moment}: {found} {outcome}");
            if moment > outcome.calls().len() {
                break;
            }
        }
        assert!(changes > 5, "{n}: {changes}");
    }
}
