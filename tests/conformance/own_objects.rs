//! The objects of this crate keep every rule.

use crate::{alone, not_applicable, thorough};
use mapisync::abi::{
    IID_IMAPISync, IID_IMAPISyncProgressCallback, IMAPISync, IMAPISyncProgressCallback, IUnknown,
};
use mapisync::testing::conformance::Verdict;
use mapisync::testing::{Probe, Recorder, ScriptedProvider};
use mapisync::{ComObject, ComPtr, Error, HRESULT, SyncFlags, SyncHost};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use test_support::{Both, TIMEOUT, callback_of, foreign_sync, store};

/// Checks a store, except the rules of what lasts after a run.
fn check_store(sync: &ComPtr<IMAPISync>, not_checked: &[&str]) {
    let report = thorough()
        .iid(IID_IMAPISyncProgressCallback)
        .check_provider(sync);
    assert_eq!(report.broken(), [""; 0], "{report}");
    let lasting = ["lasting-thread", "lasting-handle"];
    let expected: Vec<_> = not_checked.iter().copied().chain(lasting).collect();
    assert_eq!(not_applicable(&report), expected, "{report}");
}

#[test]
fn stores_of_this_crate_keep_every_rule() {
    let _alone = alone();
    let works = store(|request| {
        request.spawn(|job| {
            for mail in job.track("Receiving", 0..8_u32) {
                mail?;
            }
            Ok(())
        })
    });
    check_store(&works, &["event-after-failure"]);
    let fails = store(|request| {
        request.spawn(|job| {
            for n in 0..8 {
                job.progress(Some("Receiving"), n, 8)?;
            }
            Err::<(), _>(Error::new(HRESULT::MAPI_E_NETWORK_ERROR, "no line"))
        })
    });
    check_store(&fails, &["event-after-success"]);
    let probe = Probe::new(works);
    check_store(&probe.pointer(), &["event-after-failure"]);
    probe.assert_no_leaks();
    let script = ScriptedProvider::new()
        .position(1, 3)
        .position(2, 3)
        .position(3, 3);
    check_store(&script.to_com(), &["event-after-failure"]);
}

#[test]
fn a_store_that_runs_one_at_a_time_or_reports_nothing_keeps_every_rule() {
    let _alone = alone();
    let running = Arc::new(Mutex::new(()));
    let one = store(move |request| {
        let running = running.clone();
        let is_free = running.try_lock().is_ok();
        if !is_free {
            return Err(HRESULT::MAPI_E_BUSY.into());
        }
        request.spawn(move |job| {
            let _running = running.lock().unwrap();
            for mail in job.track("Receiving", 0..8_u32) {
                mail?;
            }
            Ok(())
        })
    });
    check_store(&one, &["event-after-failure"]);
    // This one is busy for a moment after its event.
    let is_busy = Arc::new(AtomicBool::new(false));
    let lingers = store(move |request| {
        if is_busy.swap(true, SeqCst) {
            return Err(HRESULT::MAPI_E_BUSY.into());
        }
        let started = request.spawn_with_handle(|job| {
            for mail in job.track("Receiving", 0..8_u32) {
                mail?;
            }
            Ok(())
        });
        let is_busy = is_busy.clone();
        let Ok(run) = started else {
            is_busy.store(false, SeqCst);
            return started.map(drop);
        };
        thread::spawn(move || {
            let _status = run.join();
            thread::sleep(Duration::from_millis(20));
            is_busy.store(false, SeqCst);
        });
        Ok(())
    });
    check_store(&lingers, &["event-after-failure"]);
    let silent = store(|request| request.spawn(|_| Ok(())));
    let not_checked = [
        "event-after-failure",
        "index-within-max",
        "cancel-honored",
        "cancel-status",
        "event-after-cancel",
        "second-call",
    ];
    check_store(&silent, &not_checked);
}

#[test]
fn a_store_that_refuses_is_called_once() {
    let _alone = alone();
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
    let why = "the store starts no run: SynchronizeInBackground returned MAPI_E_NETWORK_ERROR (0x80040115)";
    assert_eq!(last.verdict.seen(), Some(why));
}

#[test]
fn callbacks_of_this_crate_keep_every_rule() {
    let _alone = alone();
    let check = |callback: &ComPtr<IMAPISyncProgressCallback>| {
        // SAFETY: no store has the callback, or the check acts as the store of its run.
        let report = unsafe { thorough().iid(IID_IMAPISync).check_callback(callback) };
        assert_eq!(report.broken(), [""; 0], "{report}");
        assert_eq!(not_applicable(&report), [""; 0], "{report}");
    };
    check(&Recorder::new().object());
    check(&ComPtr::<IMAPISyncProgressCallback>::new(Recorder::new()));

    // The callback of a `SyncHost`: this store leaves its calls to the check.
    let given = Arc::new(Mutex::new(None));
    let location = given.clone();
    let sync = foreign_sync(move |psibpb| {
        *location.lock().unwrap() = Some(callback_of(psibpb));
        HRESULT::S_OK
    });
    let recorder = Recorder::new();
    let run = SyncHost::new(recorder.clone())
        .start(&sync, SyncFlags::default())
        .unwrap();
    check(&given.lock().unwrap().take().unwrap());
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    assert!(
        recorder.calls().len() > 16,
        "the check has called every method"
    );
}

#[test]
fn permitted_behavior_is_no_violation() {
    let _alone = alone();
    let verdict = |store: &ScriptedProvider, id: &str| {
        let report = thorough().check_provider(&store.to_com());
        assert!(report.broken().is_empty(), "{report}");
        let mut rows = report.rows().iter();
        rows.find(|row| row.rule.id == id).unwrap().verdict.clone()
    };
    // A maximum of 0 is an unknown total.
    let unknown_total = ScriptedProvider::new().position(5, 0);
    assert_eq!(verdict(&unknown_total, "index-within-max"), Verdict::Passed);
    // A run with one report may be complete when it is canceled.
    let short = ScriptedProvider::new().position(1, 1).ignores_cancel();
    for id in ["cancel-honored", "cancel-status"] {
        assert_eq!(verdict(&short, id).name(), "not applicable");
    }
    // It may stop early with another status.
    let stops = store(|request| {
        request.spawn(|job| {
            for n in 0..9 {
                if job.position(n, 9).is_err() {
                    return Ok(HRESULT::S_FALSE);
                }
            }
            Ok(HRESULT::S_OK)
        })
    });
    assert_eq!(
        thorough().check_provider(&stops).broken(),
        ["cancel-status"]
    );
}

#[test]
fn an_object_with_several_interfaces_keeps_the_rules_of_com() {
    let _alone = alone();
    let object = ComObject::new(Both);
    let conformance = thorough()
        .iid(IID_IMAPISync)
        .iid(IID_IMAPISyncProgressCallback);
    let unknown = object.cast::<IUnknown>().unwrap();
    let reports = [
        conformance.check_unknown(&unknown),
        conformance.check_unknown(&object.cast::<IMAPISync>().unwrap()),
    ];
    for report in reports {
        assert_eq!(
            (report.broken(), not_applicable(&report)),
            (vec![], vec![]),
            "{report}"
        );
    }
    assert_eq!(
        mapisync::testing::reference_count(&unknown),
        2,
        "the pointer's and the object's"
    );
}

#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
#[test]
fn a_run_leaves_no_thread_and_no_handle() {
    let _alone = alone();
    let report = thorough()
        .alone_in_process()
        .check_provider(&store(|request| request.spawn(|job| job.position(1, 1))));
    assert!(report.broken().is_empty(), "{report}");
    let unchecked = not_applicable(&report);
    assert!(!unchecked.contains(&"lasting-handle"), "{report}");
    assert_eq!(
        unchecked.contains(&"lasting-thread"),
        cfg!(windows),
        "{report}"
    );
}
