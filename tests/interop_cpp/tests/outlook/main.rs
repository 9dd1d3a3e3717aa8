//! Stores that are written with Microsoft's `outlook-mapi-sys` and expose our IMAPISync, under a
//! host in C++ that uses mingw's MAPI headers. The host passes a session, which the store calls
//! through `outlook-mapi-sys`.

#![cfg(all(windows, target_env = "gnu"))]
#![allow(non_snake_case)] // the methods' documented names

mod aggregating;
mod dispatching;
mod msg_store;

use mapisync::abi::{IID_IMAPISync, IMAPISync, IUnknown};
use mapisync::testing::conformance::Conformance;
use mapisync::testing::{Call, Method, Recorder, reference_count};
use mapisync::{ComPtr, GUID, HRESULT};
use mapisync_interop_cpp::{BUILDS, ForeignLibrary};
use msg_store::{Calls, IMsgStore, Payload};
use test_support::{DropCounter, TIMEOUT};
use windows_core::Interface;

#[test]
fn a_store_by_implement_that_dispatches() {
    is_one_store(dispatching::store);
}

#[test]
fn a_store_written_by_hand_that_aggregates() {
    is_one_store(aggregating::store);
}

const MSG_STORE: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);
const MAPI_PROP: GUID = GUID::from_u128(0x00020303_0000_0000_C000_000000000046);

/// The host's calls of methods, from the first vtable slot to the last, the codes that they return,
/// and the values of their out parameters.
const CALLS: [(&str, HRESULT, u32); 4] = [
    ("GetLastError(8004010F, 7)", HRESULT::S_OK, 97),
    ("SaveChanges(9)", HRESULT::MAPI_E_OBJECT_CHANGED, 97),
    ("CompareEntryIDs(inbox, out, 13)", HRESULT::S_OK, 1),
    ("NotifyNewMail(2, new)", HRESULT::MAPI_E_NETWORK_ERROR, 97),
];

/// Runs the store by itself, and through the proxies in C++.
fn is_one_store(make: fn(Payload, Calls) -> IMsgStore) {
    assert!(BUILDS.iter().any(|build| build.cpp));
    for build in BUILDS.iter().filter(|build| build.cpp) {
        eprintln!("{}", build.name);
        let foreign = ForeignLibrary::new(*build);
        let (counter, calls) = (DropCounter::default(), Calls::default());
        let store = make(Payload(counter.token()), calls.clone());
        // SAFETY: `into_raw` gives up the reference of the new object.
        let store = unsafe { ComPtr::<IUnknown>::from_raw(store.into_raw().cast()) }.unwrap();
        for (method, (call, code, result)) in CALLS.into_iter().enumerate() {
            // SAFETY: the object is an IMsgStore.
            let found = unsafe { foreign.msg_store(&store, method as u32) };
            assert_eq!(found, (code, result), "{call}");
            assert_eq!(*calls.0.lock().unwrap().last().unwrap(), call);
        }

        // Every interface leads to every other, with one identity and exact counts.
        let sync = store.cast::<IMAPISync>().unwrap();
        let conformance = Conformance::new().timeout(TIMEOUT).iid(IID_IMAPISync);
        let report = conformance.iid(MSG_STORE).iid(MAPI_PROP).check_unknown(&sync);
        assert!(report.broken().is_empty(), "{report}");
        let own = sync.query_interface(&MSG_STORE).unwrap();
        assert_eq!((own.as_raw(), sync.is_same_object(&store)), (store.as_raw(), true));
        drop(own);

        let session_recorder = Recorder::new()
            .returns(Method::Error, HRESULT::MAPI_E_BUSY)
            .returns(Method::Progress, HRESULT::MAPI_E_NO_ACCESS);
        let session = foreign.session(&session_recorder.object());
        let outlook = test_support::outlook().session(session.clone());
        let outcome = outlook.run(&foreign.store(&sync));
        drop(outlook);
        let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
        outcome.assert_status(partial).assert_no_leaks();
        let expected = [
            Call::error(HRESULT::MAPI_E_NO_ACCESS, "compared: 1"),
            Call::error(HRESULT::MAPI_E_NO_ACCESS, "prepared"),
            Call::progress("ü", 1, 2),
            Call::done(partial),
        ];
        assert_eq!(outcome.calls(), expected);
        let expected = [
            Call::Error(HRESULT::MAPI_E_NOT_FOUND, None), // GetLastError
            Call::position(0, 32),                        // CompareEntryIDs
            Call::position(1, 1),                         // PrepareForm, on the run's thread
        ];
        assert_eq!(session_recorder.calls(), expected);
        assert_eq!((reference_count(&session), reference_count(&sync)), (1, 2));
        assert_eq!(counter.drops(), 0);
        drop((store, sync));
        assert_eq!(counter.drops(), 1);
    }
}
