//! Cancellation at any moment of a run, and the work of a run that has nothing to do.

use crate::trees::*;
use mapisync::HRESULT;
use mapisync::testing::{Method, Outcome, Recorder};
use std::collections::HashSet;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn reports(outcome: &Outcome) -> usize {
    let calls = outcome.calls().iter().map(|call| call.call());
    calls.filter(|call| call.method() == Method::Progress).count()
}

#[test]
fn a_second_run_does_work_in_proportion_to_the_number_of_messages() {
    for messages in [300, 3_000] {
        let trees = Trees::new(&[], &[]);
        for n in 0..messages {
            fs::write(trees.server.join(format!("new/{n}.host")), "").unwrap();
        }
        trees.run(WHOLE).assert_ok();
        // The store lists a folder again if it has just been changed.
        std::thread::sleep(Duration::from_millis(40));
        let outcome = trees.run_in_steps(Recorder::new());
        outcome.assert_ok();
        // Both sides are listed twice.
        let (reports, listed) = (reports(&outcome), 4 * messages);
        assert!((listed..listed + 100).contains(&reports), "{messages}: {reports}");
    }
}

/// Creates a server with a few messages, of which one has 1 MiB.
fn with_large_message() -> Trees {
    let trees = Trees::new(&[(".Large/new/1.host", &"x".repeat(1 << 20))], &[]);
    for n in 0..5 {
        write(&trees.server, &format!("new/{n}.host"), "mail");
    }
    trees
}

#[test]
fn a_report_is_made_for_each_piece_of_a_message() {
    let trees = with_large_message();
    let sizes = Arc::new(Mutex::new(HashSet::new()));
    let (seen, tmp) = (sizes.clone(), trees.local.join(".Large/tmp"));
    let recorder = Recorder::new().on_call(move |_| {
        let files = fs::read_dir(&tmp).into_iter().flatten().flatten();
        let files = files.filter_map(|file| file.metadata().ok());
        seen.lock().unwrap().extend(files.map(|file| file.len()));
    });
    trees.run_in_steps(recorder).assert_ok();
    let sizes = sizes.lock().unwrap();
    // 1 MiB has 16 pieces of 64 KiB.
    assert!(sizes.len() >= 16, "{sizes:?}");
}

#[test]
fn a_run_is_canceled_in_the_middle_of_listing_comparing_and_a_message() {
    let server = with_large_message();
    let mut canceled = 0;
    for call in 0.. {
        let mut trees = Trees::new(&[], &[]);
        trees.server.clone_from(&server.server);
        let outcome = trees.run_in_steps(Recorder::new().cancel_at(call));
        // The number of calls differs: a folder that was just changed is listed again.
        if outcome.status() == Some(HRESULT::S_OK) {
            break;
        }
        outcome.assert_canceled();
        canceled += 1;
        // The store reports nothing after the failure, and says what it has done.
        assert_eq!(reports(&outcome), call + 1, "{outcome}");
        let mut arrived = mail(&trees.local);
        arrived.retain(|path, _| !path.contains("tmp/"));
        let account = format!("{} messages, ", arrived.len());
        let [warning] = warnings(&outcome)[..] else { panic!("{outcome}") };
        let ends = warning.ends_with("; the next run goes on from there");
        assert!(ends && warning.starts_with(&account), "{outcome}");
        // The next run completes the work and removes what is left in `tmp`.
        trees.run(WHOLE).assert_ok();
        trees.assert_equal();
    }
    assert!(canceled >= 16 + 2 * 6, "{canceled}");
}
