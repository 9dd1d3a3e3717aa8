//! Aggregation of Rust objects by C++ and of C++ objects by Rust. The classes in C++ are as in ATL.

use crate::{MSG_STORE, assert_keeps_every_rule, conformance, each_cpp, reporting};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::aggregation::aggregate_foreign;
use mapisync::testing::{Call, Recorder, reference_count};
use mapisync::{
    Class, ComPtr, HRESULT, InnerObject, MapiSync, MapiSyncProgressCallback, Result, SyncRequest,
};
use std::ffi::c_void;
use std::ptr::NonNull;
use test_support::{DropCounter, DropToken, outlook};

/// An inner with both interfaces.
struct Part(#[allow(dead_code)] DropToken);

impl Class for Part {
    type Interfaces = (IMAPISync, IMAPISyncProgressCallback);
}

impl MapiSync for Part {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        reporting(request)
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

/// Checks an aggregate with both interfaces, of which `whole` is the only reference.
fn check_aggregate(whole: ComPtr<IUnknown>, counter: &DropCounter) {
    let sync = whole.cast::<IMAPISync>().unwrap();
    let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
    assert!(callback.is_same_object(&whole) && sync.is_same_object(&whole));
    assert_eq!((reference_count(&whole), reference_count(&callback)), (3, 3));
    let outcome = outlook().run(&sync);
    outcome.assert_status(HRESULT::MAPI_E_DISK_ERROR).assert_no_leaks();
    assert_eq!(outcome.calls().len(), 6);
    assert_keeps_every_rule(&conformance().check_provider(&sync));
    assert_keeps_every_rule(&conformance().check_unknown(&callback));
    drop((whole, callback));
    assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
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
        check_aggregate(outer, &counter);
    });
}

/// An outer that is a store.
struct Sync(#[allow(dead_code)] DropToken);

impl Class for Sync {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Sync {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        reporting(request)
    }
}

#[test]
fn an_imapisync_in_rust_aggregates_an_object_in_cpp() {
    each_cpp(|foreign| {
        let (counter, recorder) = (DropCounter::default(), Recorder::new());
        let recording = recorder.object();
        // SAFETY: the class `Aggregated` delegates to the outer, does not outlive it, and counts
        // atomically.
        let whole = unsafe {
            aggregate_foreign(Sync(counter.token()), |outer| Ok(foreign.inner(outer, &recording)))
        };
        let whole = whole.unwrap().cast::<IUnknown>().unwrap();
        let callback = whole.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!(callback.progress(Some("\u{E9}"), 1, 2), HRESULT::S_OK);
        assert_eq!(recorder.calls(), [Call::progress("\u{E9}", 1, 2)]);
        drop(callback);
        check_aggregate(whole, &counter);
        assert_eq!(reference_count(&recording), 1);
    });
}
