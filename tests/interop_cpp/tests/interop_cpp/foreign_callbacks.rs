//! Callbacks in C and C++, called from Rust.

use crate::{GREETING, assert_broken, conformance, each};
use mapisync::HRESULT;
use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::testing::{Call, Method, Recorder, reference_count};
use std::ptr;

#[test]
fn a_foreign_callback_receives_every_argument_and_returns_every_code() {
    each(|foreign| {
        let recorder = Recorder::new()
            .returns(Method::Progress, HRESULT::MAPI_E_BUSY)
            .returns(Method::Error, HRESULT::MAPI_E_NO_ACCESS)
            .returns(Method::Done, HRESULT::E_ABORT);
        let callback = foreign.callback(&recorder);
        let (busy, code) = (HRESULT::MAPI_E_BUSY, HRESULT::E_FAIL);
        assert_eq!(callback.progress(Some(GREETING), 1, 3), busy);
        assert_eq!(callback.progress(None, 0xFFFF_FFFF, 0x8000_0000), busy);
        assert_eq!(callback.error(code, "a\0b"), HRESULT::MAPI_E_NO_ACCESS);
        let (event, owner) = test_support::event_pair();
        assert_eq!(
            test_support::done(&callback, Some(event), code),
            HRESULT::E_ABORT
        );
        drop(owner);
        let expected = [
            Call::progress(GREETING, 1, 3),
            Call::position(0xFFFF_FFFF, 0x8000_0000),
            Call::error(code, "a\u{FFFD}b"),
            Call::done(code),
        ];
        assert_eq!(recorder.calls(), expected);
        assert!(recorder.calls()[3].has_event());

        assert!(callback.cast::<IMAPISync>().is_err());
        let unknown = callback.cast::<IUnknown>().unwrap();
        assert!(unknown.is_same_object(&callback));
        assert_eq!(
            (reference_count(&callback), foreign.counts(&callback)),
            (2, (3, 2))
        );
        drop((unknown, callback));
        assert_eq!(foreign.destroyed.drops(), 1);
    });
}

#[test]
fn a_foreign_callback_keeps_every_rule() {
    each(|foreign| {
        let callback = foreign.callback(&Recorder::new());
        // SAFETY: no store has the callback.
        assert_broken(&unsafe { conformance().check_callback(&callback) }, &[]);
    });
}

#[test]
fn a_foreign_caller_calls_a_callback_in_rust() {
    each(|foreign| {
        let recorder = Recorder::new()
            .returns(Method::Progress, HRESULT::MAPI_E_BUSY)
            .returns(Method::Error, HRESULT::MAPI_E_NO_ACCESS);
        let callback = recorder.object();
        let codes = [
            [HRESULT::MAPI_E_BUSY; 4].as_slice(),
            &[HRESULT::MAPI_E_NO_ACCESS; 2],
        ];
        assert_eq!(foreign.report(&callback).to_vec(), codes.concat());
        // SAFETY: the event is NULL.
        let code = unsafe { foreign.done(&callback, ptr::null_mut(), HRESULT::E_ABORT) };
        assert_eq!(code, HRESULT::S_OK);
        let done = [Call::done(HRESULT::E_ABORT)];
        assert_eq!(recorder.calls(), [&crate::report()[..], &done].concat());
    });
}
