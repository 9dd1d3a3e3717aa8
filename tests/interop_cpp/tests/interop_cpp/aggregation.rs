//! Aggregation of Rust objects by C++ and of C++ objects by Rust. The classes in C++ are as in ATL.

use test_support::{self, DropCounter, DropToken, TIMEOUT};
use crate::conformance::{assert_broken, with_null};
use crate::each;
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::aggregation::aggregate_foreign;
use mapisync::testing::{Call, Outlook, reference_count};
use mapisync::{
    Class, GUID, HRESULT, InnerObject, Interface, MapiSync, MapiSyncProgressCallback, Result,
    SyncRequest,
};
use mapisync_interop_cpp::{CLOSE_IN_DONE, UNALIGNED_ADDRESSES};
use std::ffi::c_void;
use std::ptr::NonNull;

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
    fn done(&self, status: HRESULT) -> Result<()> {
        Err(status.into())
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

/// The lines that C++ prints for one `query_interface` of an aggregate.
const QUERY_INTERFACE_LINES: [&str; 6] = [
    "unknown IID -> 0x80004002",
    "out NULL",
    "no ppv -> 0x80004003",
    "at unaligned addresses -> 0x00000000",
    "counts 1",
    "left 0",
];

const MSG_STORE: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);

#[test]
fn a_store_in_cpp_aggregates_an_imapisync_in_rust() {
    let iids = [
        IUnknown::IID,
        MSG_STORE,
        IMAPISync::IID,
        IMAPISyncProgressCallback::IID,
    ];
    each(|foreign| {
        if !foreign.build.cpp {
            return;
        }
        let counter = DropCounter::default();
        let payload = Box::into_raw(Box::new(Part(counter.token())));
        // SAFETY: `make` receives such a box, once. The outer releases the inner when it is
        // destroyed.
        let outer = unsafe { foreign.outer(payload.cast(), make) };
        let sync = outer.cast::<IMAPISync>().unwrap();
        let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!(
            (
                reference_count(&outer),
                reference_count(&sync),
                reference_count(&callback)
            ),
            (3, 3, 3)
        );
        assert!(callback.is_same_object(&outer) && sync.is_same_object(&outer));
        let mut store = test_support::garbage();
        // SAFETY: the pointers are valid, and the reference that is added is released.
        unsafe {
            assert_eq!(
                test_support::query(&callback, &MSG_STORE, &mut store),
                HRESULT::S_OK
            );
            assert_eq!(
                store.addr(),
                outer.as_raw().addr(),
                "the outer's own interface"
            );
            ((*(*store.cast::<IUnknown>()).lpVtbl).Release)(store.cast());
        }
        assert_eq!(callback.progress(None, 1, 2), HRESULT::MAPI_E_BUSY);
        assert_eq!(callback.error(HRESULT::E_FAIL, "message"), HRESULT::S_OK);
        assert_eq!(
            test_support::done(&callback, None, HRESULT::E_ABORT),
            HRESULT::E_ABORT
        );

        foreign.query_interface(&outer, &iids);
        foreign.query_interface(&sync, &iids);
        foreign.query_interface(&callback, &iids);
        assert_eq!(foreign.lines(), QUERY_INTERFACE_LINES.repeat(3));

        for options in [0, UNALIGNED_ADDRESSES | CLOSE_IN_DONE] {
            let before = foreign.lines().len();
            foreign.run(&sync, 0, None, HRESULT::S_OK, options);
            let expected = [
                "callback counts 1, store 3",
                "Progress(NULL, 1, 2)",
                "Done(the run's event, 0x00000000)",
                "SynchronizeInBackground -> 0x00000000",
                "callback counts 1, store 3",
                "callback gone",
                "callback released, left 0",
            ];
            assert_eq!(foreign.lines().split_off(before), expected);
        }
        let outcome = Outlook::new().timeout(TIMEOUT).run(&sync);
        let expected = [Call::position(1, 2), Call::done(HRESULT::S_OK)];
        assert_eq!(outcome.assert_ok().assert_no_leaks().calls(), expected);

        let report = with_null().iid(MSG_STORE).check_provider(&sync);
        assert_broken(&report, &[]);

        drop((outer, callback));
        assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
        drop(sync);
        assert_eq!(counter.drops(), 1);
        let lines = foreign.lines();
        assert_eq!(
            lines[lines.len() - 2..],
            ["inner left 0", "outer gone, references balanced"]
        );
    });
}

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
    let iids = [
        IUnknown::IID,
        IMAPISync::IID,
        IMAPISyncProgressCallback::IID,
    ];
    each(|foreign| {
        if !foreign.build.cpp {
            return;
        }
        let counter = DropCounter::default();
        // SAFETY: the class `Inner` delegates to the outer, does not outlive it, and counts
        // atomically.
        let whole = unsafe {
            aggregate_foreign(Sync(counter.token()), |outer| foreign.inner(outer)).unwrap()
        };
        assert_eq!(reference_count(&whole), 1);
        let sync = whole.cast::<IMAPISync>().unwrap();
        let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!(
            (
                reference_count(&whole),
                reference_count(&sync),
                reference_count(&callback)
            ),
            (3, 3, 3)
        );
        assert_eq!(callback.progress(Some("\u{E9}"), 1, 2), HRESULT::E_ABORT);

        foreign.query_interface(&whole, &iids);
        foreign.query_interface(&sync, &iids);
        foreign.query_interface(&callback, &iids);
        let expected = [
            vec!["Progress(00E9, 1, 2)"],
            QUERY_INTERFACE_LINES.repeat(3),
        ]
        .concat();
        assert_eq!(foreign.lines(), expected);

        let before = foreign.lines().len();
        foreign.run(
            &sync,
            0,
            None,
            HRESULT::S_OK,
            UNALIGNED_ADDRESSES | CLOSE_IN_DONE,
        );
        assert_eq!(
            foreign.lines()[before..].first().unwrap(),
            "callback counts 1, store 3"
        );
        assert_eq!(foreign.lines().last().unwrap(), "callback released, left 0");

        assert_broken(&with_null().check_provider(&sync), &[]);

        drop((whole, sync));
        assert_eq!((reference_count(&callback), counter.drops()), (1, 0));
        drop(callback);
        assert_eq!(
            (foreign.lines().last().unwrap().as_str(), counter.drops()),
            ("inner gone", 1)
        );
    });
}
