//! Cancellation at any moment of a run, and the work of a run that has nothing to do.

#![cfg(not(miri))] // Miri has no file system

mod support;

use mapisync::HRESULT;
use mapisync::testing::{Call, Recorder};
use std::collections::HashSet;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;

/// Returns the number of reports of a run in which each unit of work is reported.
fn reports(trees: &Trees) -> usize {
    let outcome = trees.run_with(WHOLE, Recorder::new(), report_everything);
    outcome.assert_ok();
    let is_progress = |call: &Call| matches!(call, Call::Progress(..));
    outcome
        .calls()
        .iter()
        .filter(|call| is_progress(call.call()))
        .count()
}

#[test]
fn a_second_run_does_work_in_proportion_to_the_number_of_messages() {
    let units = |messages: usize| {
        let trees = Trees::new();
        for n in 0..messages {
            fs::write(trees.server.join(format!("new/{n}.host")), "").unwrap();
        }
        trees.run(WHOLE).assert_ok();
        // The store lists a folder again if it has just been changed.
        std::thread::sleep(Duration::from_millis(40));
        reports(&trees)
    };
    let (few, many) = (units(300), units(3_000));
    // Both sides are listed twice.
    assert!((4 * 300..4 * 300 + 100).contains(&few), "{few}");
    assert!((4 * 3_000..4 * 3_000 + 100).contains(&many), "{many}");
}

/// Creates a server with a few messages, of which one has 1 MiB.
fn with_large_message() -> Trees {
    let trees = Trees::new();
    for n in 0..5 {
        fs::write(trees.server.join(format!("new/{n}.host")), "mail").unwrap();
    }
    make(&trees.server.join(".Large"));
    let mebibyte = vec![b'x'; 1 << 20];
    fs::write(trees.server.join(".Large/new/1.host"), mebibyte).unwrap();
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
    trees
        .run_with(WHOLE, recorder, report_everything)
        .assert_ok();
    let sizes = sizes.lock().unwrap();
    assert!(
        sizes.len() >= 16,
        "1 MiB has 16 pieces of 64 KiB: {sizes:?}"
    );
}

#[test]
fn a_run_is_canceled_in_the_middle_of_listing_comparing_and_a_message() {
    let trees = with_large_message();
    let mut canceled = 0;
    for call in 0.. {
        let trees = Trees::new().with_server(&trees.server);
        let outcome = trees.run_with(WHOLE, Recorder::new().cancel_at(call), report_everything);
        // The number of calls differs: a folder that was just changed is listed again.
        if outcome.status() == Some(HRESULT::S_OK) {
            break;
        }
        outcome.assert_canceled();
        canceled += 1;
        // The store reports nothing after the failure, and says what it has done.
        let progress = outcome
            .calls()
            .iter()
            .filter(|call| matches!(call.call(), Call::Progress(..)));
        assert_eq!(progress.count(), call + 1, "{outcome}");
        let arrived = mail(&trees.local);
        let arrived = arrived.keys().filter(|path| !path.contains("tmp/")).count();
        let account = format!("{arrived} messages, ");
        let said = |message: &String| message.starts_with(&account);
        assert!(warnings(&outcome).iter().any(said), "{arrived}: {outcome}");
        // The next run completes the work and removes what is left in `tmp`.
        trees.run(WHOLE).assert_ok();
        assert_eq!(mail(&trees.local), mail(&trees.server));
    }
    assert!(canceled >= 16 + 2 * 6, "{canceled}");
}
