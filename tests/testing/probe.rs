//! The counts of `Probe`, on both sides.

use crate::{OK, start, together};
use mapisync::abi::{
    IID_IMAPISync, IID_IUnknown, IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown,
};
use mapisync::testing::{Call, Probe, Probed, Recorder, ScriptedProvider, reference_count};
use mapisync::{ComObject, ComPtr, HRESULT, SyncFlags, SyncHost};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use std::{ptr, thread};
use test_support::{Both, TIMEOUT, allocations, code, query, request, store};

/// Returns the counts of a probe: handed out, QueryInterface, AddRef, Release, outstanding.
fn counts<I: Probed>(probe: &Probe<I>) -> [u32; 5] {
    let report = probe.report();
    let calls = ["QueryInterface", "AddRef", "Release"].map(|method| report.calls(method));
    let [query, add, release] = calls;
    [report.handed_out, query, add, release, report.outstanding]
}

/// Returns the message with which a probe reports a leak.
fn leaks<I: Probed>(probe: &Probe<I>) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| probe.assert_no_leaks())).unwrap_err();
    *panic.downcast().unwrap()
}

fn callback_probe() -> (Probe<IMAPISyncProgressCallback>, Arc<Recorder>) {
    let recorder = Arc::<Recorder>::default();
    let callback = ComPtr::<IMAPISyncProgressCallback>::new(recorder.clone());
    (Probe::new(callback), recorder)
}

#[test]
fn a_probe_of_the_callback_counts_the_calls_of_a_store() {
    let _together = together();
    let (probe, recorder) = callback_probe();
    let (callback, mut event) = (probe.pointer(), ptr::null_mut());
    let mut request = request(callback.as_raw().cast(), &mut event);
    let sync = store(|request| {
        let job = request.start()?;
        let result = job.progress(Some("Receiving"), 0, 1);
        job.error(HRESULT::S_FALSE, "message");
        job.finish(result);
        Ok(())
    });
    // SAFETY: the structure is valid.
    assert_eq!(unsafe { sync.synchronize_in_background(&mut request) }, OK);
    drop(callback);
    assert_eq!(counts(&probe), [1, 1, 0, 2, 0]);
    let report = probe.report();
    let methods = ["Progress", "Error", "Done"].map(|method| report.calls(method));
    assert_eq!(methods, [1, 1, 1]);
    let unknown = AssertUnwindSafe(|| report.calls("SynchronizeInBackground"));
    assert!(catch_unwind(unknown).is_err(), "the callback has no such method");
    let expected = [
        Call::progress("Receiving", 0, 1),
        Call::error(HRESULT::S_FALSE, "message"),
        Call::done(OK),
    ];
    assert_eq!(recorder.calls(), expected);
    assert!(recorder.calls()[2].has_event());
    probe.assert_no_leaks();
    drop(probe);
    assert_eq!(Arc::strong_count(&recorder), 1);
}

#[test]
fn a_probe_of_the_store_counts_the_calls_of_a_host() {
    let _together = together();
    let sync = ScriptedProvider::new().step("Receiving", 0, 1).to_com();
    let probe = Probe::new(sync.clone());
    let run = start(&probe.pointer(), &Recorder::new());
    assert_eq!(run.wait(TIMEOUT).unwrap(), OK);
    assert_eq!(counts(&probe), [1, 0, 0, 1, 0]);
    assert_eq!(probe.report().calls("SynchronizeInBackground"), 1);
    assert_eq!(reference_count(&sync), 2, "the probe's and this one");
    probe.assert_no_leaks();
    drop(probe);
    assert_eq!(reference_count(&sync), 1);

    let busy = HRESULT::MAPI_E_BUSY;
    let probe = Probe::new(ScriptedProvider::new().refuse(busy).to_com());
    let host = SyncHost::new(Recorder::new());
    let refused = host.start(&probe.pointer(), SyncFlags::default());
    assert_eq!(code(refused), busy, "forwarded");
    probe.assert_no_leaks();
}

#[test]
fn a_probe_is_one_allocation_which_its_drop_frees() {
    let sync = ScriptedProvider::new().to_com();
    let (_, left, probe) = allocations(|| Probe::new(sync.clone()));
    assert_eq!(left, 1);
    assert_eq!(allocations(|| drop(probe.pointer())).1, 0);
    assert_eq!(reference_count(&sync), 2);
    assert_eq!(allocations(|| drop(probe)).1, -1);
    assert_eq!(reference_count(&sync), 1);
}

#[test]
fn a_probe_has_one_identity_and_forwards_other_interfaces() {
    let sync = ComObject::new(Both).cast::<IMAPISync>().unwrap();
    let probe = Probe::new(sync.clone());
    let pointer = probe.pointer();
    let unknown = pointer.cast::<IUnknown>().unwrap();
    assert_eq!(unknown.as_raw(), pointer.as_raw().cast());
    let back = unknown.cast::<IMAPISync>().unwrap();
    assert_eq!(back.as_raw(), pointer.as_raw());
    drop(back);
    assert!(pointer.is_same_object(&unknown) && !pointer.is_same_object(&sync));
    assert_eq!(reference_count(&pointer), 2);
    // Another interface is the wrapped object's, and its references are not the probe's.
    let callback = pointer.cast::<IMAPISyncProgressCallback>().unwrap();
    assert!(callback.is_same_object(&sync) && !callback.is_same_object(&pointer));
    assert_eq!(probe.report().outstanding, 2);
    let session = pointer.cast::<IMAPISession>();
    assert_eq!(code(session), HRESULT::E_NOINTERFACE);
    drop((pointer, unknown, callback));
    probe.assert_no_leaks();
}

#[test]
fn query_interface_with_null_returns_the_wrapped_objects_code() {
    let probe = Probe::new(ScriptedProvider::new().to_com());
    let (sync, mut found) = (probe.pointer(), ptr::dangling_mut());
    // SAFETY: each argument is NULL or valid.
    let codes = unsafe {
        let no_out_parameter = query(&sync, &IID_IMAPISync, ptr::null_mut());
        [no_out_parameter, query(&sync, ptr::null(), &mut found)]
    };
    assert_eq!(codes, [HRESULT::E_POINTER; 2]);
    assert!(found.is_null());
    assert_eq!(counts(&probe), [1, 2, 0, 0, 1]);
}

#[test]
fn a_leaked_reference_fails_the_assertion_with_a_table() {
    let (probe, _) = callback_probe();
    let leaked = probe.pointer();
    assert_eq!(
        leaks(&probe),
        "a reference was leaked, or used after the last Release
probe of IMAPISyncProgressCallback  calls  after the last Release
  pointers handed out                   1
  QueryInterface                        0                       0
  AddRef                                0                       0
  Release                               0                       0
  Progress                              0                       0
  Error                                 0                       0
  Done                                  0                       0
  references outstanding                1
"
    );
    drop(leaked);
    probe.assert_no_leaks();
}

/// Keeps a deliberate leak reachable, so that Miri and LeakSanitizer do not report it.
static LEAKED: AtomicPtr<IMAPISyncProgressCallback> = AtomicPtr::new(ptr::null_mut());

#[test]
fn a_pointer_that_outlives_the_probe_can_still_be_used() {
    let (probe, recorder) = callback_probe();
    let callback = probe.pointer();
    LEAKED.store(callback.as_raw(), SeqCst);
    drop(probe);
    assert_eq!(callback.progress(Some("late"), 1, 1), OK);
    drop(callback);
    assert_eq!(recorder.calls(), [Call::progress("late", 1, 1)]);
    let references = Arc::strong_count(&recorder);
    assert_eq!(references, 2, "the wrapped object is leaked");
}

#[test]
fn a_call_after_the_last_release_is_reported_and_forwarded() {
    let (probe, recorder) = callback_probe();
    let callback = probe.pointer();
    let (this, vtbl) = (callback.as_raw(), callback.vtbl());
    drop(callback);
    probe.assert_no_leaks();
    let mut found = ptr::null_mut();
    // SAFETY: the probe's memory lives as long as `probe`, which allows calls without a reference.
    let codes = unsafe {
        let (unknown, base) = (this.cast::<IUnknown>(), &(*vtbl).base);
        let progress = ((*vtbl).Progress)(this, ptr::null(), 3, 4);
        assert_eq!([(); 2].map(|()| (base.Release)(unknown)), [0, 0]);
        let done = ((*vtbl).Done)(this, ptr::null_mut(), HRESULT::E_ABORT);
        // Both of these add a reference.
        let query = (base.QueryInterface)(unknown, &IID_IUnknown, &mut found);
        assert_eq!((base.Release)(unknown), 0);
        assert_eq!((base.AddRef)(unknown), 1);
        assert_eq!((base.Release)(unknown), 0);
        [progress, done, query]
    };
    assert_eq!(codes, [OK; 3]);
    let expected =
        [("QueryInterface", 1), ("AddRef", 1), ("Release", 2), ("Progress", 1), ("Done", 1)];
    assert_eq!(probe.report().used_after_release, expected);
    assert_eq!(counts(&probe), [1, 1, 1, 5, 0]);
    assert!(!probe.report().is_clean());
    assert!(leaks(&probe).starts_with("a reference was leaked, or used"));
    assert_eq!(recorder.calls()[0], Call::position(3, 4), "forwarded");
}

#[test]
fn a_probe_counts_exactly_under_threads() {
    let _together = together();
    const THREADS: u32 = 4;
    let clones = if cfg!(miri) { 20 } else { 5_000 };
    let (probe, _) = callback_probe();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let callback = probe.pointer();
            scope.spawn(move || {
                for n in 0..clones {
                    let clone = callback.clone();
                    let cast = clone.cast::<IUnknown>().unwrap();
                    assert_eq!(clone.progress(None, n, clones), OK);
                    drop((clone, cast));
                }
            });
        }
    });
    let all = THREADS * clones;
    assert_eq!(counts(&probe), [THREADS, all, all, 2 * all + THREADS, 0]);
    assert_eq!(probe.report().calls("Progress"), all);
    probe.assert_no_leaks();
}
