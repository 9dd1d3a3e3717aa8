//! Several runs: on one store, on one tree, and on one server.

use crate::trees::*;
use maildir_store::maildir::Maildir;
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, OutlookRun, Recorder};
use mapisync::{ComPtr, HRESULT, SyncFlags};
use std::sync::{Arc, Mutex};
use test_support::{TIMEOUT, outlook, wait_until};

#[test]
fn a_second_run_of_a_store_is_busy_until_the_first_is_done() {
    let trees = Trees::new(&[], &[]);
    let sync = ComPtr::<IMAPISync>::new(trees.store());
    let recorder = Recorder::new().blocks();
    let outlook = outlook().flags(WHOLE);
    let run = outlook.clone().recorder(recorder.clone()).start(&sync);
    assert!(recorder.wait_calls(1, TIMEOUT));
    for more in [SyncFlags::empty(), SyncFlags::ON_DEMAND, SyncFlags::BACKGROUND] {
        let second = outlook.clone().flags(WHOLE | more).run(&sync);
        second.assert_refused(HRESULT::MAPI_E_BUSY);
    }
    recorder.release();
    run.wait().assert_ok();
    // After `Done` the host may start the next run at once.
    outlook.run(&sync).assert_ok().assert_no_leaks();
}

#[test]
fn a_tree_is_locked_for_the_run_and_a_source_for_uploads_only() {
    for (locked, flags, is_busy) in [
        ("local", WHOLE, true),
        ("local", HEADERS, true),
        ("local", UPLOAD, true),
        ("server", WHOLE, false),
        ("server", UPLOAD, true),
        ("local", SyncFlags::empty(), false),
    ] {
        let trees = Trees::new(&[("new/1.host", MAIL)], &[("/", "")]);
        let tree = trees.server.with_file_name(locked);
        let lock = Maildir::open(&tree).unwrap().lock().unwrap();
        let outcome = trees.run(flags);
        if is_busy {
            outcome.assert_status(HRESULT::MAPI_E_BUSY);
            let [warning] = warnings(&outcome)[..] else { panic!("{outcome}") };
            let named = warning.ends_with(": another run uses this Maildir");
            assert!(named && warning.contains(locked), "{flags:?}: {warning}");
        } else {
            outcome.assert_ok();
        }
        drop(lock);
        trees.run(flags).assert_ok();
    }
}

/// The names of the runs and their calls, in the order in which the calls ended.
type Log = Arc<Mutex<Vec<(String, Call)>>>;

/// Starts a run of a new store on the server, which the recorder logs.
fn start(trees: &Trees, name: &str, flags: SyncFlags, log: &Log, recorder: Recorder) -> OutlookRun {
    let local = trees.server.with_file_name(name);
    let store = maildir_store::Store::open(&trees.server, &local).unwrap();
    let (name, log) = (name.to_owned(), log.clone());
    let on_call = move |call: &Call| log.lock().unwrap().push((name.clone(), call.clone()));
    let outlook = outlook().flags(flags).recorder(recorder.on_call(on_call));
    outlook.start(&ComPtr::<IMAPISync>::new(store))
}

#[test]
fn an_on_demand_run_starts_before_waiting_background_runs() {
    // Without this rule the on-demand run would be first by chance in some rounds, but not in all.
    for _ in 0..4 {
        let trees = Trees::new(&[], &[]);
        let log = Log::default();
        let waits = |name: &str| {
            let waiting = Call::progress("Waiting for another run", 0, 1);
            let line = (name.to_owned(), waiting);
            wait_until(|| log.lock().unwrap().contains(&line));
        };
        let blocked = Recorder::new().blocks();
        let mut runs = vec![start(&trees, "first", WHOLE, &log, blocked.clone())];
        assert!(blocked.wait_calls(1, TIMEOUT));
        let looking = Call::progress("Looking for folders", 0, 1);
        assert_eq!(blocked.calls()[0], looking);
        for n in 0..5 {
            let name = format!("background{n}");
            let flags = WHOLE | SyncFlags::BACKGROUND;
            runs.push(start(&trees, &name, flags, &log, Recorder::new()));
            waits(&name);
        }
        let demanded = WHOLE | SyncFlags::ON_DEMAND;
        runs.push(start(&trees, "demanded", demanded, &log, Recorder::new()));
        waits("demanded");
        // A waiting run can be canceled, and then blocks no other run.
        let cancels = Recorder::new().cancel_at(0);
        let canceled = start(&trees, "canceled", demanded, &log, cancels);
        canceled.wait().assert_canceled();
        blocked.release();
        for run in runs {
            run.wait().assert_ok();
        }
        let log = log.lock().unwrap();
        // A slow run repeats the report.
        let looks = log.iter().filter(|(_, call)| *call == looking);
        let mut names: Vec<_> = looks.map(|(name, _)| name).collect();
        names.dedup();
        assert_eq!((names.len(), &**names[1]), (7, "demanded"), "{log:?}");
    }
}
