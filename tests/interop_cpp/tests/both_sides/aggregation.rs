//! Inners of ours in outers of C++, and inners of C++ in outers of ours, as ATL writes them.

use crate::common::{self, DropCounter, DropToken, Recorder, TIMEOUT, count};
use crate::each;
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::aggregation::aggregate_foreign;
use mapisync::{
    Class, GUID, HRESULT, InnerObject, Interface, MapiSync, MapiSyncProgressCallback, Result,
    SyncFlags, SyncHost, SyncRequest,
};
use mapisync_interop_cpp::{CLOSE_IN_DONE, ODD};
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
    // SAFETY: the payload comes from a box, once; the outer is one that keeps the contract; the place is valid.
    unsafe {
        let part = *Box::from_raw(payload.cast::<Part>());
        inner.write(InnerObject::new(NonNull::new_unchecked(outer), part).into_raw());
    }
}

const MSG_STORE: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);

#[test]
fn a_store_in_cpp_aggregates_our_imapisync() {
    let iids = [
        IUnknown::IID,
        MSG_STORE,
        IMAPISync::IID,
        IMAPISyncProgressCallback::IID,
    ];
    each(|witness| {
        if !witness.build.cpp {
            return;
        }
        let grave = DropCounter::default();
        let payload = Box::into_raw(Box::new(Part(grave.token())));
        // SAFETY: `make` takes such a box; the outer releases the inner in its destructor.
        let outer = unsafe { witness.outer(payload.cast(), make) };
        let sync = outer.cast::<IMAPISync>().unwrap();
        let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!((count(&outer), count(&sync), count(&callback)), (3, 3, 3));
        assert!(callback.is_same_object(&outer) && sync.is_same_object(&outer));
        let mut store = common::garbage();
        // SAFETY: valid pointers; the reference is given back.
        unsafe {
            assert_eq!(
                common::query(&callback, &MSG_STORE, &mut store),
                HRESULT::S_OK
            );
            assert_eq!(
                store.addr(),
                outer.as_raw().addr(),
                "back to what is the outer's own"
            );
            ((*(*store.cast::<IUnknown>()).lpVtbl).Release)(store.cast());
        }
        assert_eq!(callback.progress(None, 1, 2), HRESULT::MAPI_E_BUSY);
        assert_eq!(callback.error(HRESULT::E_FAIL, "text"), HRESULT::S_OK);
        assert_eq!(
            common::done(&callback, None, HRESULT::E_ABORT),
            HRESULT::E_ABORT
        );

        let rules = [
            "a stranger -> 0x80004002",
            "out NULL",
            "no ppv -> 0x80004003",
        ];
        let more = ["at odd addresses -> 0x00000000", "counts 1", "left 0"];
        witness.query(&outer, &iids);
        witness.query(&sync, &iids);
        witness.query(&callback, &iids);
        let once: Vec<_> = rules.into_iter().chain(more).collect();
        assert_eq!(witness.lines(), once.repeat(3));

        for options in [0, ODD | CLOSE_IN_DONE] {
            let before = witness.lines().len();
            witness.drive(&sync, 0, None, HRESULT::S_OK, options);
            let expected = [
                "callback counts 1, store 3",
                "Progress(NULL, 1, 2)",
                "Done(the slot's event, 0x00000000)",
                "SynchronizeInBackground -> 0x00000000",
                "callback counts 1, store 3",
                "callback gone",
                "callback released, left 0",
            ];
            assert_eq!(witness.lines().split_off(before), expected);
        }
        let run = SyncHost::new(Recorder::new())
            .start(&sync, SyncFlags::empty())
            .unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);

        drop((outer, callback));
        assert_eq!((count(&sync), grave.drops()), (1, 0));
        drop(sync);
        assert_eq!(grave.drops(), 1);
        let lines = witness.lines();
        assert_eq!(
            lines[lines.len() - 2..],
            ["inner left 0", "outer gone, in pairs"]
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
fn our_imapisync_around_an_object_in_cpp() {
    let iids = [
        IUnknown::IID,
        IMAPISync::IID,
        IMAPISyncProgressCallback::IID,
    ];
    each(|witness| {
        if !witness.build.cpp {
            return;
        }
        let grave = DropCounter::default();
        // SAFETY: the inner is such a one, and counts atomically.
        let whole = unsafe {
            aggregate_foreign(Sync(grave.token()), |outer| witness.inner(outer)).unwrap()
        };
        assert_eq!(count(&whole), 1);
        let sync = whole.cast::<IMAPISync>().unwrap();
        let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!((count(&whole), count(&sync), count(&callback)), (3, 3, 3));
        assert_eq!(callback.progress(Some("\u{E9}"), 1, 2), HRESULT::E_ABORT);

        witness.query(&whole, &iids);
        witness.query(&sync, &iids);
        witness.query(&callback, &iids);
        let rules = [
            "a stranger -> 0x80004002",
            "out NULL",
            "no ppv -> 0x80004003",
            "at odd addresses -> 0x00000000",
            "counts 1",
            "left 0",
        ];
        let expected = [vec!["Progress(00E9, 1, 2)"], rules.repeat(3)].concat();
        assert_eq!(witness.lines(), expected);

        let before = witness.lines().len();
        witness.drive(&sync, 0, None, HRESULT::S_OK, ODD | CLOSE_IN_DONE);
        assert_eq!(
            witness.lines()[before..].first().unwrap(),
            "callback counts 1, store 3"
        );
        assert_eq!(witness.lines().last().unwrap(), "callback released, left 0");

        drop((whole, sync));
        assert_eq!((count(&callback), grave.drops()), (1, 0));
        drop(callback);
        assert_eq!(
            (witness.lines().last().unwrap().as_str(), grave.drops()),
            ("inner gone", 1)
        );
    });
}
