//! The counts of `Probe`, on both sides.

use crate::leaks::left;
use crate::{FLAGS, LONG, OK, alone};
use mapisync::abi::{
    IID_IMAPISync, IID_IUnknown, IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown,
};
use mapisync::testing::{Call, Probe, Probed, Recorder, ScriptedProvider, reference_count};
use mapisync::{ComObject, ComPtr, GUID, HRESULT, MapiSync, Result, SyncHost, SyncRequest};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use std::thread;
use test_support::{Both, request};

/// Returns the counts of a probe: handed out, QueryInterface, AddRef, Release, outstanding.
fn counts<I: Probed>(probe: &Probe<I>) -> [u32; 5] {
    let report = probe.report();
    let calls = |method| report.calls(method);
    [
        report.handed_out,
        calls("QueryInterface"),
        calls("AddRef"),
        calls("Release"),
        report.outstanding,
    ]
}

pub fn callback_probe() -> (Probe<IMAPISyncProgressCallback>, Arc<Recorder>) {
    let recorder = Arc::<Recorder>::default();
    let callback = ComPtr::<IMAPISyncProgressCallback>::new(recorder.clone());
    (Probe::new(callback), recorder)
}

struct Store;
impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let job = request.start()?;
        let result = job.progress(Some("Receiving"), 0, 1);
        job.error(HRESULT::S_FALSE, "message");
        job.finish(result);
        Ok(())
    }
}

#[test]
fn a_probe_of_the_callback_counts_the_calls_of_a_store() {
    let _alone = alone();
    let (probe, recorder) = callback_probe();
    let callback = probe.pointer();
    let mut event = ptr::null_mut();
    let mut request = request(callback.as_raw().cast(), &mut event);
    let sync = ComPtr::<IMAPISync>::new(Store);
    // SAFETY: the structure is valid.
    assert_eq!(unsafe { sync.synchronize_in_background(&mut request) }, OK);
    drop(callback);
    assert_eq!(counts(&probe), [1, 1, 0, 2, 0]);
    let report = probe.report();
    let methods = ["Progress", "Error", "Done"].map(|method| report.calls(method));
    assert_eq!(methods, [1, 1, 1]);
    let calls = recorder.calls();
    let expected = [
        Call::progress("Receiving", 0, 1),
        Call::error(HRESULT::S_FALSE, "message"),
        Call::done(OK),
    ];
    assert_eq!(calls, expected);
    assert!(calls[2].has_event());
    probe.assert_no_leaks();
    drop(probe);
    assert_eq!(Arc::strong_count(&recorder), 1);
}

#[test]
fn a_probe_of_the_store_counts_the_calls_of_a_host() {
    let _alone = alone();
    let store = ScriptedProvider::new().step("Receiving", 0, 1);
    let sync = store.to_com();
    let probe = Probe::new(sync.clone());
    let host = SyncHost::new(Recorder::new());
    let run = host.start(&probe.pointer(), FLAGS).unwrap();
    assert_eq!(run.wait(LONG).unwrap(), OK);
    assert_eq!(counts(&probe), [1, 0, 0, 1, 0]);
    assert_eq!(probe.report().calls("SynchronizeInBackground"), 1);
    assert_eq!(reference_count(&sync), 2, "the probe's and this one");
    probe.assert_no_leaks();
    drop(probe);
    assert_eq!(reference_count(&sync), 1);
}

#[test]
fn a_failing_method_is_forwarded() {
    let _alone = alone();
    let store = ScriptedProvider::new().refuse(HRESULT::MAPI_E_BUSY);
    let probe = Probe::new(store.to_com());
    let error = SyncHost::new(Recorder::new())
        .start(&probe.pointer(), FLAGS)
        .unwrap_err();
    assert_eq!(error.hresult(), HRESULT::MAPI_E_BUSY);
    probe.assert_no_leaks();
}

#[test]
fn a_probe_is_one_allocation_which_its_drop_frees() {
    let _alone = alone();
    let sync = ComPtr::<IMAPISync>::new(Store);
    let mut made = None;
    assert_eq!(left(|| made = Some(Probe::new(sync.clone()))), 1);
    let probe = made.unwrap();
    assert_eq!(left(|| drop(probe.pointer())), 0);
    assert_eq!(reference_count(&sync), 2);
    assert_eq!(left(|| drop(probe)), -1);
    assert_eq!(reference_count(&sync), 1);
}

#[test]
fn a_probe_has_one_identity_and_forwards_other_interfaces() {
    let _alone = alone();
    let sync = ComObject::new(Both).cast::<IMAPISync>().unwrap();
    let probe = Probe::new(sync.clone());
    let pointer = probe.pointer();
    let unknown = pointer.cast::<IUnknown>().unwrap();
    assert_eq!(unknown.as_raw(), pointer.as_raw().cast());
    assert_eq!(
        unknown.cast::<IMAPISync>().unwrap().as_raw(),
        pointer.as_raw()
    );
    assert!(pointer.is_same_object(&unknown) && !pointer.is_same_object(&sync));
    assert_eq!(reference_count(&pointer), 2);
    // Another interface is the wrapped object's, and its references are not the probe's.
    let callback = pointer.cast::<IMAPISyncProgressCallback>().unwrap();
    assert!(callback.is_same_object(&sync) && !callback.is_same_object(&pointer));
    assert_eq!(probe.report().outstanding, 2);
    let code = pointer.cast::<IMAPISession>().unwrap_err().hresult();
    assert_eq!(code, HRESULT::E_NOINTERFACE);
    drop((pointer, unknown, callback));
    probe.assert_no_leaks();
}

#[test]
fn query_interface_with_null_returns_the_wrapped_objects_code() {
    let _alone = alone();
    let probe = Probe::new(ComPtr::<IMAPISync>::new(Store));
    let sync = probe.pointer();
    let query = |riid: *const GUID, ppv: *mut *mut c_void| {
        // SAFETY: the object is alive, and accepts NULL.
        unsafe { ((*sync.vtbl()).base.QueryInterface)(sync.as_raw().cast(), riid, ppv) }
    };
    let mut found = ptr::dangling_mut();
    assert_eq!(query(&IID_IMAPISync, ptr::null_mut()), HRESULT::E_POINTER);
    assert_eq!(query(ptr::null(), &mut found), HRESULT::E_POINTER);
    assert!(found.is_null());
    assert_eq!(counts(&probe), [1, 2, 0, 0, 1]);
}

#[test]
fn a_leaked_reference_fails_the_assertion_with_a_table() {
    let _alone = alone();
    let (probe, _) = callback_probe();
    let leaked = probe.pointer().into_raw();
    let assertion = AssertUnwindSafe(|| probe.assert_no_leaks());
    let panic = catch_unwind(assertion).unwrap_err();
    assert_eq!(
        panic.downcast_ref::<String>().unwrap(),
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
    // SAFETY: `leaked` owns the reference that `into_raw` gave it.
    drop(unsafe { ComPtr::from_raw(leaked) });
    probe.assert_no_leaks();
}

/// Keeps a deliberate leak reachable, so that Miri and LeakSanitizer do not report it.
static LEAKED: AtomicPtr<IMAPISyncProgressCallback> = AtomicPtr::new(ptr::null_mut());

#[test]
fn a_pointer_that_outlives_the_probe_can_still_be_used() {
    let _alone = alone();
    let (probe, recorder) = callback_probe();
    let callback = probe.pointer();
    LEAKED.store(callback.as_raw(), SeqCst);
    drop(probe);
    assert_eq!(callback.progress(Some("late"), 1, 1), OK);
    drop(callback);
    assert_eq!(recorder.calls(), [Call::progress("late", 1, 1)]);
    assert_eq!(
        Arc::strong_count(&recorder),
        2,
        "the wrapped object is leaked"
    );
}

#[test]
fn a_call_after_the_last_release_is_reported_and_forwarded() {
    let _alone = alone();
    let (probe, recorder) = callback_probe();
    let callback = probe.pointer();
    let (this, vtbl) = (callback.as_raw(), callback.vtbl());
    drop(callback);
    probe.assert_no_leaks();
    let mut found = ptr::null_mut();
    // SAFETY: the probe's memory lives as long as `probe`, which allows calls without a reference.
    unsafe {
        assert_eq!(((*vtbl).Progress)(this, ptr::null(), 3, 4), OK);
        assert_eq!(((*vtbl).base.Release)(this.cast()), 0);
        assert_eq!(((*vtbl).base.Release)(this.cast()), 0);
        assert_eq!(((*vtbl).Done)(this, ptr::null_mut(), HRESULT::E_ABORT), OK);
        // Both of these add a reference.
        assert_eq!(
            ((*vtbl).base.QueryInterface)(this.cast(), &IID_IUnknown, &mut found),
            OK
        );
        assert_eq!(((*vtbl).base.Release)(this.cast()), 0);
        assert_eq!(((*vtbl).base.AddRef)(this.cast()), 1);
        assert_eq!(((*vtbl).base.Release)(this.cast()), 0);
    }
    let expected = [
        ("QueryInterface", 1),
        ("AddRef", 1),
        ("Release", 2),
        ("Progress", 1),
        ("Done", 1),
    ];
    assert_eq!(probe.report().used_after_release, expected);
    assert_eq!(counts(&probe), [1, 1, 1, 5, 0]);
    assert!(!probe.report().is_clean());
    let assertion = AssertUnwindSafe(|| probe.assert_no_leaks());
    assert!(catch_unwind(assertion).is_err());
    assert_eq!(recorder.calls()[0], Call::position(3, 4), "forwarded");
}

#[test]
fn a_probe_counts_exactly_under_threads() {
    let _alone = alone();
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
                    drop(clone);
                    drop(cast);
                }
            });
        }
    });
    let all = THREADS * clones;
    assert_eq!(counts(&probe), [THREADS, all, all, 2 * all + THREADS, 0]);
    assert_eq!(probe.report().calls("Progress"), all);
    probe.assert_no_leaks();
}

#[test]
fn the_count_of_an_unknown_method_panics() {
    let _alone = alone();
    let probe = Probe::new(ComPtr::<IMAPISync>::new(Store));
    let report = AssertUnwindSafe(probe.report());
    assert!(catch_unwind(|| report.calls("Progress")).is_err());
}
