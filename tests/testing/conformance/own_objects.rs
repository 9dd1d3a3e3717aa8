//! The objects of this crate keep every rule.

use super::{assert_keeps, thorough};
use crate::{OK, spawns, start, together};
use mapisync::abi::{
    IID_IMAPISync, IID_IMAPISyncProgressCallback, IMAPISync, IMAPISyncProgressCallback, IUnknown,
};
use mapisync::testing::conformance::Verdict;
use mapisync::testing::{Probe, Recorder, ScriptedProvider, reference_count};
use mapisync::{ComObject, ComPtr, Error, HRESULT, Result, SyncJob};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use test_support::{Both, TIMEOUT, callback_of, foreign_sync, store};

fn receive(job: &SyncJob) -> Result<()> {
    for mail in job.track("Receiving", 0..8_u32) {
        mail?;
    }
    Ok(())
}

/// Creates a store that is busy until a moment after the event of its run.
fn one_at_a_time() -> ComPtr<IMAPISync> {
    let is_busy = Arc::new(AtomicBool::new(false));
    store(move |request| {
        if is_busy.swap(true, SeqCst) {
            return Err(HRESULT::MAPI_E_BUSY.into());
        }
        let is_busy = is_busy.clone();
        match request.spawn_with_handle(receive) {
            Ok(run) => drop(thread::spawn(move || {
                let _status = run.join();
                thread::sleep(Duration::from_millis(20));
                is_busy.store(false, SeqCst);
            })),
            Err(error) => {
                is_busy.store(false, SeqCst);
                return Err(error);
            }
        }
        Ok(())
    })
}

#[test]
fn stores_of_this_crate_keep_every_rule() {
    let _together = together();
    let fails = spawns(|job| {
        receive(job)?;
        Err::<(), _>(Error::new(HRESULT::MAPI_E_NETWORK_ERROR, "no line"))
    });
    let script = ScriptedProvider::new().position(1, 3).position(2, 3);
    let script = script.position(3, 3);
    let probe = Probe::new(spawns(receive));
    let succeeds = &["event-after-failure"][..];
    let is_silent = &[
        "event-after-failure",
        "index-within-max",
        "cancel-honored",
        "cancel-status",
        "event-after-cancel",
        "second-call",
    ][..];
    for (sync, not_checked) in [
        (spawns(receive), succeeds),
        (fails, &["event-after-success"]),
        (probe.pointer(), succeeds),
        (script.to_com(), succeeds),
        (one_at_a_time(), succeeds),
        (spawns(|_| Ok(())), is_silent),
    ] {
        let conformance = thorough().iid(IID_IMAPISyncProgressCallback);
        let not_checked = [not_checked, &["lasting-thread", "lasting-handle"]].concat();
        assert_keeps(&conformance.check_provider(&sync), &not_checked);
    }
    probe.assert_no_leaks();
}

#[test]
fn a_store_that_refuses_is_called_once() {
    let _together = together();
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    let offline = store(move |_| {
        *counted.lock().unwrap() += 1;
        Err(HRESULT::MAPI_E_NETWORK_ERROR.into())
    });
    let report = thorough().check_provider(&offline);
    assert!(report.broken().is_empty(), "{report}");
    assert_eq!(*calls.lock().unwrap(), 1);
    let last = report.rows().last().unwrap();
    let why = "the store starts no run: \
               SynchronizeInBackground returned MAPI_E_NETWORK_ERROR (0x80040115)";
    assert_eq!(last.verdict.seen(), Some(why));
}

#[test]
fn callbacks_of_this_crate_keep_every_rule() {
    let _together = together();
    let check = |callback: &ComPtr<IMAPISyncProgressCallback>| {
        // SAFETY: no store has the callback, or the check acts as the store of its run.
        let report = unsafe { thorough().iid(IID_IMAPISync).check_callback(callback) };
        assert_keeps(&report, &[]);
    };
    check(&Recorder::new().object());
    check(&ComPtr::<IMAPISyncProgressCallback>::new(Recorder::new()));

    // The callback of a `SyncHost`: this store leaves its calls to the check.
    let given = Arc::new(Mutex::new(None));
    let location = given.clone();
    let sync = foreign_sync(move |psibpb| {
        *location.lock().unwrap() = Some(callback_of(psibpb));
        OK
    });
    let recorder = Recorder::new();
    let run = start(&sync, &recorder);
    check(&given.lock().unwrap().take().unwrap());
    assert_eq!(run.wait(TIMEOUT).unwrap(), OK);
    let calls = recorder.calls().len();
    assert!(calls > 16, "the check has called every method");
}

#[test]
fn permitted_behavior_is_no_violation() {
    let _together = together();
    // A maximum of 0 is an unknown total. A run with one report may be complete when it is canceled.
    let unknown_total = ScriptedProvider::new().position(5, 0);
    let short = ScriptedProvider::new().position(1, 1).ignores_cancel();
    for (store, id, expected) in [
        (&unknown_total, "index-within-max", Verdict::Passed.name()),
        (&short, "cancel-honored", "not applicable"),
        (&short, "cancel-status", "not applicable"),
    ] {
        let report = thorough().check_provider(&store.to_com());
        assert!(report.broken().is_empty(), "{report}");
        let row = report.rows().iter().find(|row| row.rule.id == id).unwrap();
        assert_eq!(row.verdict.name(), expected, "{report}");
    }
    // A store that stops early with another status breaks one rule.
    let stops = spawns(|job| {
        let result = (0..9).try_for_each(|n| job.position(n, 9));
        Ok(if result.is_err() { HRESULT::S_FALSE } else { OK })
    });
    let report = thorough().check_provider(&stops);
    assert_eq!(report.broken(), ["cancel-status"]);
}

#[test]
fn an_object_with_several_interfaces_keeps_the_rules_of_com() {
    let object = ComObject::new(Both);
    let kit = thorough();
    let kit = kit.iid(IID_IMAPISync).iid(IID_IMAPISyncProgressCallback);
    let unknown = object.cast::<IUnknown>().unwrap();
    assert_keeps(&kit.check_unknown(&unknown), &[]);
    let sync = object.cast::<IMAPISync>().unwrap();
    assert_keeps(&kit.check_unknown(&sync), &[]);
    drop(sync);
    let references = reference_count(&unknown);
    assert_eq!(references, 2, "the pointer's and the object's");
}

#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
#[test]
fn a_run_leaves_no_thread_and_no_handle() {
    let _alone = crate::alone();
    let conformance = thorough().alone_in_process();
    let report = conformance.check_provider(&spawns(receive));
    let not_checked = match cfg!(windows) {
        true => &["event-after-failure", "lasting-thread"][..],
        false => &["event-after-failure"],
    };
    assert_keeps(&report, not_checked);
}
