//! Callbacks in C and C++, called from Rust.

use crate::{GREETING, each, hex};
use mapisync::HRESULT;
use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::testing::reference_count;
use mapisync_interop_cpp::CLOSE_IN_DONE;

#[test]
fn a_foreign_callback_under_calls_from_rust() {
    let long = "ä".repeat(300);
    each(|foreign| {
        let callback = foreign.callback(HRESULT::MAPI_E_BUSY, CLOSE_IN_DONE);
        assert_eq!(reference_count(&callback), 1);
        assert_eq!(
            callback.progress(Some(GREETING), 1, 3),
            HRESULT::MAPI_E_BUSY
        );
        assert_eq!(
            callback.progress(None, 0xFFFF_FFFF, 0x8000_0000),
            HRESULT::MAPI_E_BUSY
        );
        assert_eq!(callback.progress(Some(&long), 0, 0), HRESULT::MAPI_E_BUSY);
        assert_eq!(callback.error(HRESULT::E_FAIL, "a\0b"), HRESULT::S_FALSE);
        assert_eq!(
            test_support::done(&callback, None, HRESULT::E_ABORT),
            HRESULT::MAPI_W_PARTIAL_COMPLETION
        );
        let (event, owner) = test_support::event_pair();
        let code = test_support::done(&callback, Some(event), HRESULT::S_OK);
        assert_eq!(code, HRESULT::MAPI_W_PARTIAL_COMPLETION);
        drop(owner);

        assert!(callback.cast::<IMAPISync>().is_err());
        let unknown = callback.cast::<IUnknown>().unwrap();
        assert_eq!(reference_count(&callback), 2);
        assert!(unknown.is_same_object(&callback));
        let clone = callback.clone();
        assert_eq!(reference_count(&callback), 3);
        drop((unknown, clone));
        assert_eq!(reference_count(&callback), 1);
        drop(callback);
        let expected = [
            format!("Progress({}, 1, 3)", hex(GREETING)),
            "Progress(NULL, 4294967295, 2147483648)".into(),
            format!("Progress({}, 0, 0)", hex(&long)),
            format!("Error(0x80004005, {})", hex("a\u{FFFD}b")),
            "Done(NULL, 0x80004004)".into(),
            "Done(there, 0x00000000)".into(),
            "callback gone".into(),
        ];
        assert_eq!(foreign.lines(), expected);
    });
}
