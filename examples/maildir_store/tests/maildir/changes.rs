//! Other programs that deliver, rename and complete messages during a run.

use crate::trees::*;
use mapisync::testing::{Call, Outcome, Recorder};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

#[test]
fn a_message_that_is_delivered_during_the_run_is_not_overwritten() {
    let trees = Trees::new(&[("new/1", "ours")], &[]);
    // Delivers just before the run does: after the step was announced and the folder was listed.
    let (path, counted) = (trees.local.join("new/1"), AtomicUsize::new(0));
    let recorder = Recorder::new().on_call(move |call| {
        let counts = matches!(call, Call::Progress(Some(step), ..) if step == "Receiving Inbox");
        if counts && counted.fetch_add(1, SeqCst) == 1 {
            fs::write(&path, "theirs").unwrap();
        }
    });
    trees.run_with(WHOLE, recorder).assert_ok();
    trees.assert_local(&[("new/1", "theirs")]);
}

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

/// Runs the store until `change` has been called in each call of a run, one call in each run. After
/// each run, calls `check` with whether the change was made.
fn change_at_each_moment(
    make_trees: impl Fn() -> Trees,
    change: fn(&Trees) -> std::io::Result<()>,
    check: impl Fn(&Trees, bool, &Outcome),
) {
    let mut changes = 0;
    for moment in 0.. {
        let trees = Arc::new(make_trees());
        let changed = Arc::new(AtomicBool::new(false));
        let (changing, has_changed) = (trees.clone(), changed.clone());
        let calls = AtomicUsize::new(0);
        let recorder = Recorder::new().on_call(move |_| {
            if calls.fetch_add(1, SeqCst) == moment {
                has_changed.store(change(&changing).is_ok(), SeqCst);
            }
        });
        let outcome = trees.run_in_steps(recorder);
        outcome.assert_ok();
        let changed = changed.load(SeqCst);
        changes += usize::from(changed);
        check(&trees, changed, &outcome);
        if moment > outcome.calls().len() {
            break;
        }
    }
    assert!(changes > 5, "{changes}");
}

fn rename(root: &Path, from: &str, to: &str) -> std::io::Result<()> {
    fs::rename(root.join(native(from)), root.join(native(to)))
}

#[test]
fn a_message_that_is_renamed_during_a_run_arrives_once() {
    change_at_each_moment(
        || Trees::new(&[("cur/1.host:2,", MAIL)], &[]),
        |trees| rename(&trees.server, "cur/1.host:2,", "cur/1.host:2,S"),
        |trees, _, outcome| {
            let arrived: Vec<_> = mail(&trees.local).into_values().collect();
            assert_eq!(arrived, [MAIL], "{outcome}");
        },
    );
}

#[test]
fn a_stub_and_its_whole_message_never_stay_together() {
    let stub = [("cur/1.host,mapisync=header:2,S", HEADER)];
    let trees = || Trees::new(&[("cur/1.host,S=16:2,", MAIL)], &stub);
    let check = |trees: &Trees, file, outcome: &Outcome| {
        assert_eq!(mail(&trees.local), expected(&[file]), "{outcome}");
    };
    let unchanged = ("cur/1.host,S=16:2,S", MAIL);
    change_at_each_moment(
        trees,
        |trees| {
            let new = "cur/1.host,mapisync=header:2,FS";
            rename(&trees.local, "cur/1.host,mapisync=header:2,S", new)
        },
        |trees, is_changed, outcome| {
            let renamed = ("cur/1.host,S=16:2,FS", MAIL);
            check(trees, if is_changed { renamed } else { unchanged }, outcome);
        },
    );
    change_at_each_moment(
        trees,
        |trees| {
            let path = trees.local.join(native("cur/1.host,S=16:2,S"));
            fs::File::create_new(path)?.write_all(b"theirs")
        },
        |trees, is_changed, outcome| {
            let delivered = ("cur/1.host,S=16:2,S", "theirs");
            check(
                trees,
                if is_changed { delivered } else { unchanged },
                outcome,
            );
        },
    );
}
