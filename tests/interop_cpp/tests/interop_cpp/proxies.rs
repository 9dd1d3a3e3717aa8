//! Objects in C and C++ keep the rules of COM and of the protocol.

use crate::{assert_keeps_every_rule, conformance, each, each_cpp, reporting};
use mapisync::HRESULT;
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::testing::{Call, Recorder, reference_count};
use std::ptr;
use test_support::{garbage, store};

#[test]
fn foreign_objects_keep_every_rule() {
    each(|foreign| {
        let sync = foreign.store(&store(reporting));
        assert_keeps_every_rule(&conformance().check_provider(&sync));
        assert!(sync.cast::<IMAPISyncProgressCallback>().is_err());
        let callback = foreign.callback(&Recorder::new().object());
        // SAFETY: no store has the callback.
        assert_keeps_every_rule(&unsafe { conformance().check_callback(&callback) });
        assert!(callback.cast::<IMAPISync>().is_err());
    });
}

#[test]
fn a_composite_by_multiple_inheritance_is_one_object() {
    each_cpp(|foreign| {
        let recorder = Recorder::new();
        let composite = foreign.composite(&store(reporting), &recorder.object());
        let callback = composite.cast::<IMAPISyncProgressCallback>().unwrap();
        assert!(callback.is_same_object(&composite));
        let addresses = [callback.as_raw().addr(), composite.as_raw().addr()];
        assert_ne!(
            addresses[0], addresses[1],
            "each interface has a vtable pointer"
        );
        assert_keeps_every_rule(&conformance().check_provider(&composite));
        assert_keeps_every_rule(&conformance().check_unknown(&callback));
        assert_eq!(callback.progress(Some("ü"), 1, 2), HRESULT::S_OK);
        assert_eq!(recorder.calls(), [Call::progress("ü", 1, 2)]);
        assert_eq!(reference_count(&composite), 2);
    });
}

#[test]
fn a_refusal_of_an_invalid_request_reaches_the_foreign_host() {
    type Change = fn(&mut MAPISIB);
    let cases: [(&str, Change, HRESULT); 3] = [
        (
            "short ulSize",
            |request| request.ulSize -= 1,
            HRESULT::E_INVALIDARG,
        ),
        (
            "no event handle location",
            |request| request.phSyncDoneEvent = ptr::null_mut(),
            HRESULT::E_INVALIDARG,
        ),
        (
            "a callback without the interface",
            |request| request.punkCallBack = request.psesSync.cast(),
            HRESULT::E_NOINTERFACE,
        ),
    ];
    each(|foreign| {
        let sync = foreign.store(&store(reporting));
        let (recorder, bare) = (Recorder::new(), test_support::bare_object());
        let callback = recorder.object();
        for (name, change, expected) in cases {
            let mut handle = garbage();
            let mut request = test_support::request(callback.as_raw().cast(), &mut handle);
            request.psesSync = bare.as_raw().cast();
            change(&mut request);
            // SAFETY: every pointer is NULL or valid during the call.
            let code = unsafe { sync.synchronize_in_background(&mut request) };
            assert_eq!(code, expected, "{name}");
            assert_eq!(
                handle.is_null(),
                expected == HRESULT::E_NOINTERFACE,
                "{name}"
            );
        }
        // SAFETY: a NULL request is allowed.
        let code = unsafe { sync.synchronize_in_background(ptr::null_mut()) };
        assert_eq!(code, HRESULT::E_POINTER);
        assert_eq!((recorder.calls().len(), reference_count(&callback)), (0, 1));
        assert_eq!(reference_count(&bare.cast::<IUnknown>().unwrap()), 2);
    });
}
