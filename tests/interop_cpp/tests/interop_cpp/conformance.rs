//! The conformance kit with the objects in C and C++. `mapisync::testing::conformance` lists what it
//! finds.

use crate::each;
use mapisync::abi::{IID_IMAPISync, IID_IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::testing::conformance::{Conformance, Report};
use mapisync::{GUID, HRESULT};
use mapisync_interop_cpp::{DONE_BEFORE_RETURN, Methods, NO_EVENT};
use std::ffi::c_void;
use std::ptr;
use test_support::TIMEOUT;

fn conformance() -> Conformance {
    let conformance = Conformance::new().timeout(TIMEOUT);
    conformance
        .iid(IID_IMAPISync)
        .iid(IID_IMAPISyncProgressCallback)
}

/// The options for objects that check their arguments.
pub fn with_null() -> Conformance {
    // SAFETY: every object with which the tests use these options checks for NULL.
    unsafe { conformance().null_arguments() }
}

#[track_caller]
pub fn assert_broken(report: &Report, expected: &[&str]) {
    assert_eq!(report.broken(), expected, "{report}");
}

/// The stores do not look at `ulSize`. They report a step beyond the maximum deliberately, because the
/// tests compare arguments with all bits.
#[test]
fn foreign_stores_break_no_stated_rule() {
    each(|foreign| {
        for (options, also) in [
            (0, &["index-within-max", "short-size"][..]),
            (
                DONE_BEFORE_RETURN,
                &["index-within-max", "in-background", "short-size"],
            ),
            (
                NO_EVENT,
                &["event-returned", "index-within-max", "short-size"],
            ),
        ] {
            let store = foreign.store(HRESULT::S_OK, HRESULT::S_OK, options);
            let report = conformance().check_provider(&store);
            assert!(report.passed(), "{report}");
            assert_broken(&report, also);
        }
        let failing = foreign.store(HRESULT::S_OK, HRESULT::MAPI_E_NETWORK_ERROR, 0);
        assert!(conformance().check_provider(&failing).passed());
        let refusing = foreign.store(HRESULT::MAPI_E_BUSY, HRESULT::S_OK, 0);
        assert_broken(&conformance().check_provider(&refusing), &[]);
        test_support::wait_until(|| mapisync::testing::reference_count(&failing) == 1);
    });
}

#[test]
fn foreign_callbacks_keep_every_rule() {
    each(|foreign| {
        let callback = foreign.callback(HRESULT::S_OK, 0);
        // SAFETY: no store has the callback.
        assert_broken(&unsafe { with_null().check_callback(&callback) }, &[]);
    });
}

#[test]
fn a_foreign_object_with_several_bases_keeps_the_rules_of_com() {
    unsafe extern "C" fn synchronize(_: *mut c_void, _: *mut MAPISIB) -> HRESULT {
        HRESULT::E_NOTIMPL
    }
    unsafe extern "C" fn progress(_: *mut c_void, _: *const u16, _: u32, _: u32) -> HRESULT {
        HRESULT::S_OK
    }
    unsafe extern "C" fn error(_: *mut c_void, _: HRESULT, _: *const u16) -> HRESULT {
        HRESULT::S_OK
    }
    unsafe extern "C" fn done(_: *mut c_void, _: *mut c_void, _: HRESULT) -> HRESULT {
        HRESULT::S_OK
    }
    let methods = Methods {
        payload: ptr::null_mut(),
        synchronize,
        progress,
        error,
        done,
    };
    each(|foreign| {
        if foreign.build.cpp {
            // SAFETY: the functions use none of their arguments.
            let composite = unsafe { foreign.composite(&methods) };
            assert_broken(&with_null().check_unknown(&composite), &[]);
            let unknown = composite.cast::<IUnknown>().unwrap();
            assert_broken(
                &with_null().iid(GUID::from_u128(7)).check_unknown(&unknown),
                &[],
            );
        }
    });
}
