//! Objects in C and C++ keep the rules of COM and of the protocol.

use crate::{assert_keeps_every_rule, conformance, each, each_cpp, reporting};
use mapisync::HRESULT;
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::testing::{Call, Recorder, reference_count};
use test_support::store;

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
        assert_ne!(addresses[0], addresses[1], "each interface has a vtable pointer");
        assert_keeps_every_rule(&conformance().check_provider(&composite));
        assert_keeps_every_rule(&conformance().check_unknown(&callback));
        assert_eq!(callback.progress(Some("ü"), 1, 2), HRESULT::S_OK);
        assert_eq!(recorder.calls(), [Call::progress("ü", 1, 2)]);
        assert_eq!(reference_count(&composite), 2);
    });
}
