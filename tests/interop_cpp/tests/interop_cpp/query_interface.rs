//! `QueryInterface` of Rust objects and of C and C++ objects.

use crate::each;
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::testing::reference_count;
use mapisync::{ComObject, HRESULT, Interface};
use test_support::{self, Both};

#[test]
fn query_interface_in_rust_keeps_the_rules_of_com() {
    let iids = [
        IUnknown::IID,
        IMAPISync::IID,
        IMAPISyncProgressCallback::IID,
    ];
    each(|foreign| {
        let object = ComObject::new(Both);
        let sync = object.cast::<IMAPISync>().unwrap();
        let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
        let unknown = object.cast::<IUnknown>().unwrap();
        foreign.query_interface(&sync, &iids);
        let mut expected = vec![
            "unknown IID -> 0x80004002",
            "out NULL",
            "no ppv -> 0x80004003",
            "no riid -> 0x80004003",
            "out NULL",
            "at unaligned addresses -> 0x00000000",
            "counts 1",
            "left 0",
        ];
        if foreign.build.cpp {
            expected.drain(3..5); // a reference can't be NULL
        }
        let once = expected.clone();
        foreign.query_interface(&callback, &iids);
        foreign.query_interface(&unknown, &iids);
        expected.extend(once.iter().chain(&once));
        assert_eq!(foreign.lines(), expected);
        assert_eq!(reference_count(&sync), 4);
    });
}

#[test]
fn query_interface_in_cpp_keeps_the_rules_of_com() {
    each(|foreign| {
        let sync = foreign.store(HRESULT::S_OK, HRESULT::S_OK, 0);
        let unknown = sync.cast::<IUnknown>().unwrap();
        let again = unknown.cast::<IMAPISync>().unwrap();
        assert_eq!((again.as_raw(), reference_count(&sync)), (sync.as_raw(), 3));
        assert!(again.is_same_object(&unknown));
        let missing = again.cast::<IMAPISyncProgressCallback>().unwrap_err();
        assert_eq!(missing.hresult(), HRESULT::E_NOINTERFACE);
        let mut out = test_support::garbage();
        // SAFETY: both pointers are valid.
        let code = unsafe { test_support::query(&sync, &IMAPISyncProgressCallback::IID, &mut out) };
        assert_eq!(
            (code, out.is_null(), reference_count(&sync)),
            (HRESULT::E_NOINTERFACE, true, 3)
        );
    });
}
