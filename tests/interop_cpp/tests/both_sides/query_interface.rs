//! Everybody's QueryInterface.

use crate::common::{self, code, count};
use crate::each;
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::{
    Class, ComObject, HRESULT, Interface, MapiSync, MapiSyncProgressCallback, Result, SyncRequest,
};

/// A store that is its own callback.
struct Both;

impl Class for Both {
    type Interfaces = (IMAPISyncProgressCallback, IMAPISync);
}

impl MapiSync for Both {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Ok(())
    }
}

impl MapiSyncProgressCallback for Both {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

#[test]
fn our_query_interface_keeps_the_rules_as_they_try_them() {
    let iids = [
        IUnknown::IID,
        IMAPISync::IID,
        IMAPISyncProgressCallback::IID,
    ];
    each(|witness| {
        let object = ComObject::new(Both);
        let sync = object.cast::<IMAPISync>().unwrap();
        let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
        let unknown = object.cast::<IUnknown>().unwrap();
        witness.query(&sync, &iids);
        let mut expected = vec![
            "a stranger -> 0x80004002",
            "out NULL",
            "no ppv -> 0x80004003",
            "no riid -> 0x80004003",
            "out NULL",
            "at odd addresses -> 0x00000000",
            "counts 1",
            "left 0",
        ];
        if witness.build.cpp {
            expected.drain(3..5); // a reference can't be NULL
        }
        let once = expected.clone();
        witness.query(&callback, &iids);
        witness.query(&unknown, &iids);
        expected.extend(once.iter().chain(&once));
        assert_eq!(witness.lines(), expected);
        assert_eq!(count(&sync), 4);
    });
}

#[test]
fn their_query_interface_keeps_the_rules_as_we_try_them() {
    each(|witness| {
        let sync = witness.store(HRESULT::S_OK, HRESULT::S_OK, 0);
        let unknown = sync.cast::<IUnknown>().unwrap();
        let again = unknown.cast::<IMAPISync>().unwrap();
        assert_eq!((again.as_raw(), count(&sync)), (sync.as_raw(), 3));
        assert!(again.is_same_object(&unknown));
        assert_eq!(
            code(again.cast::<IMAPISyncProgressCallback>()),
            HRESULT::E_NOINTERFACE
        );
        let mut out = common::garbage();
        // SAFETY: both pointers are valid.
        let answer = unsafe { common::query(&sync, &IMAPISyncProgressCallback::IID, &mut out) };
        assert_eq!(
            (answer, out.is_null(), count(&sync)),
            (HRESULT::E_NOINTERFACE, true, 3)
        );
    });
}
