//! Aggregation of Rust objects by C++ and of C++ objects by Rust. The classes in C++ are as in ATL.

use crate::{MSG_STORE, assert_broken, conformance, each_cpp};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::aggregation::aggregate_foreign;
use mapisync::testing::{Call, Recorder, reference_count};
use mapisync::{
    Class, ComPtr, HRESULT, InnerObject, MapiSync, MapiSyncProgressCallback, Result, SyncRequest,
};
use mapisync_interop_cpp::ForeignLibrary;
use std::ffi::c_void;
use std::ptr::NonNull;
use test_support::{DropCounter, DropToken, TIMEOUT, outlook};

/// An inner with both interfaces.
struct Part(#[allow(dead_code)] DropToken);

impl Class for Part {
    type Interfaces = (IMAPISync, IMAPISyncProgressCallback);
}

impl MapiSync for Part {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        request.spawn(|job| job.position(1, 2))
    }
}

impl MapiSyncProgressCallback for Part {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        Err(HRESULT::MAPI_E_BUSY.into())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

unsafe extern "C" fn make(payload: *mut c_void, outer: *mut IUnknown, inner: *mut *mut IUnknown) {
    // SAFETY: `payload` is a box that this call alone receives. `InnerObject::new` requires an
    // outer that outlives the inner and whose IUnknown is free-threaded, and the class `Outer` is
    // so. `inner` is valid for a write.
    unsafe {
        let part = *Box::from_raw(payload.cast::<Part>());
        inner.write(InnerObject::new(NonNull::new_unchecked(outer), part).into_raw());
    }
}

/// Checks an aggregate with both interfaces, of which the caller has one reference, and destroys it.
fn check_aggregate(foreign: &ForeignLibrary, whole: ComPtr<IUnknown>, counter: &DropCounter) {
    let sync = whole.cast::<IMAPISync>().unwrap();
    let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
    assert!(callback.is_same_object(&whole) && sync.is_same_object(&whole));
    for counts in [
        foreign.counts(&whole),
        foreign.counts(&sync),
        foreign.counts(&callback),
    ] {
        assert_eq!(counts, (4, 3));
    }
    for offset in [0, 1] {
        let recorder = Recorder::new();
        let host_callback = foreign.callback(&recorder);
        let (code, _) = foreign.run(&sync, 0, None, Some(&host_callback), offset);
        assert_eq!(code, HRESULT::S_OK);
        assert_eq!(recorder.wait_done(TIMEOUT), Some(HRESULT::S_OK));
    }
    let outcome = outlook().run(&sync);
    let expected = [Call::position(1, 2), Call::done(HRESULT::S_OK)];
    assert_eq!(outcome.assert_ok().assert_no_leaks().calls(), expected);
    assert_broken(&conformance().check_provider(&sync), &[]);

    drop((whole, callback));
    test_support::wait_until(|| reference_count(&sync) == 1);
    assert_eq!(counter.drops(), 0);
    drop(sync);
    assert_eq!(counter.drops(), 1);
}

#[test]
fn a_store_in_cpp_aggregates_an_imapisync_in_rust() {
    each_cpp(|foreign| {
        let counter = DropCounter::default();
        let payload = Box::into_raw(Box::new(Part(counter.token())));
        // SAFETY: `make` receives such a box, once.
        let outer = unsafe { foreign.outer(payload.cast(), make) };
        let callback = outer.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!(callback.progress(None, 1, 2), HRESULT::MAPI_E_BUSY);
        let own = callback.query_interface(&MSG_STORE).unwrap();
        assert_eq!(own.as_raw(), outer.as_raw(), "the outer's own interface");
        drop((callback, own));
        check_aggregate(foreign, outer, &counter);
    });
}

/// An outer that is a store.
struct Sync(#[allow(dead_code)] DropToken);

impl Class for Sync {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Sync {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        request.spawn(|job| job.position(1, 2))
    }
}

#[test]
fn an_imapisync_in_rust_aggregates_an_object_in_cpp() {
    each_cpp(|foreign| {
        let (counter, recorder) = (DropCounter::default(), Recorder::new());
        // SAFETY: the class `Inner` delegates to the outer, does not outlive it, and counts
        // atomically.
        let whole = unsafe {
            aggregate_foreign(Sync(counter.token()), |outer| {
                Ok(foreign.inner(outer, &recorder))
            })
        };
        let whole = whole.unwrap().cast::<IUnknown>().unwrap();
        let callback = whole.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!(foreign.report(&callback), [HRESULT::S_OK; 6]);
        assert_eq!(recorder.calls(), crate::report());
        drop(callback);
        let before = foreign.destroyed.drops();
        check_aggregate(foreign, whole, &counter);
        test_support::wait_until(|| foreign.destroyed.drops() == before + 3);
    });
}
