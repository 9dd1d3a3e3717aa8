//! Objects whose vtables come from C++ by multiple inheritance. Their methods call
//! `provider::dispatch` and the three functions of `host` that dispatch.

use crate::{assert_broken, conformance, each_cpp, report};
use mapisync::abi::{IMAPISyncProgressCallback, IUnknown};
use mapisync::testing::{Call, Method, Recorder, reference_count};
use mapisync::{HRESULT, MapiSync, Result, SyncRequest, provider};
use test_support::{PanicOnDrop, TIMEOUT, outlook};

/// The part of an object that implements `MapiSync`.
struct Sync;

impl MapiSync for Sync {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        if request.flags().bits() == 1 {
            std::panic::panic_any(PanicOnDrop(3));
        }
        request.spawn(|job| {
            job.progress(Some("one"), 1, 2)?;
            Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
        })
    }
}

#[test]
fn a_composite_dispatches_to_a_store_and_to_a_callback() {
    each_cpp(|foreign| {
        let own = Recorder::new();
        // SAFETY: every caller passes NULL or a valid request.
        let dispatch = |request| unsafe { provider::dispatch(&Sync, request) };
        let object = foreign.composite(dispatch, &own);
        let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
        assert!(callback.is_same_object(&object));
        let addresses = (callback.as_raw().addr(), object.as_raw().addr());
        assert_ne!(
            addresses.0, addresses.1,
            "each interface has a vtable pointer"
        );

        let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
        let expected = [Call::progress("one", 1, 2), Call::done(partial)];
        for offset in [0, 1] {
            let recorder = Recorder::new();
            let host_callback = foreign.callback(&recorder);
            let (code, _) = foreign.run(&object, 0, None, Some(&host_callback), offset);
            assert_eq!(code, HRESULT::S_OK);
            assert_eq!(recorder.wait_done(TIMEOUT), Some(partial));
            assert_eq!(recorder.calls(), expected);
        }
        let outcome = outlook().run(&object);
        assert_eq!(
            outcome.assert_status(partial).assert_no_leaks().calls(),
            expected
        );

        assert_eq!(foreign.report(&callback), [HRESULT::S_OK; 6]);
        assert_eq!(own.calls(), report());
        let (code, handle) = foreign.run(&object, 1, None, Some(&callback), 0);
        assert_eq!((code, handle.is_null()), (HRESULT::E_UNEXPECTED, true));

        assert_broken(&conformance().check_provider(&object), &[]);
        let unknown = callback.cast::<IUnknown>().unwrap();
        assert_broken(&conformance().check_unknown(&unknown), &[]);
        assert_eq!(reference_count(&object), 3);
        let before = foreign.destroyed.drops();
        drop((object, callback, unknown));
        assert_eq!(foreign.destroyed.drops(), before + 1);
    });
}

#[test]
fn a_panic_in_a_dispatched_callback_becomes_e_unexpected() {
    each_cpp(|foreign| {
        let recorder = Recorder::new().panics_in(Method::Progress);
        let recorder = recorder.panics_in(Method::Error).panics_in(Method::Done);
        let object = foreign.composite(|_| HRESULT::E_NOTIMPL, &recorder);
        let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!(foreign.report(&callback), [HRESULT::E_UNEXPECTED; 6]);
        let code = test_support::done(&callback, None, HRESULT::E_ABORT);
        assert_eq!(code, HRESULT::E_UNEXPECTED);
    });
}
