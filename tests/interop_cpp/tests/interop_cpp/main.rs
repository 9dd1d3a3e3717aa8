//! C and C++ as store, callback and host, with Rust on the other side. The compilers of the foreign
//! libraries generate the objects and the calls, and the tests supply the methods' code.

mod aggregation;
mod composite;
mod foreign_callbacks;
mod foreign_stores;
mod rust_stores;

use mapisync::abi::{IID_IMAPISync, IID_IMAPISyncProgressCallback, IMAPISession};
use mapisync::testing::Call;
use mapisync::testing::conformance::{Conformance, Report};
use mapisync::{ComPtr, GUID, HRESULT};
use mapisync_interop_cpp::{BUILDS, ForeignLibrary};
use test_support::TIMEOUT;

/// Runs a test with each library. Prints its name, so that a failure shows it.
fn each(test: impl Fn(&ForeignLibrary)) {
    assert!(BUILDS.iter().any(|build| !build.cpp));
    for build in BUILDS {
        eprintln!("{}", build.name);
        test(&ForeignLibrary::new(*build));
    }
}

/// Runs a test with each library in C++.
fn each_cpp(test: impl Fn(&ForeignLibrary)) {
    assert!(BUILDS.iter().any(|build| build.cpp));
    each(|foreign| {
        if foreign.build.cpp {
            test(foreign);
        }
    });
}

/// The string that the foreign libraries report.
const GREETING: &str = "Grüße, 世界 😀";

/// The calls that a foreign library makes to report.
fn report() -> [Call; 6] {
    [
        Call::progress(GREETING, 1, 3),
        Call::position(0xFFFF_FFFF, 0x8000_0000),
        Call::progress(GREETING, 2, 3),
        Call::progress("\u{FFFD}x", 3, 3),
        Call::error(HRESULT::MAPI_W_PARTIAL_COMPLETION, ""),
        Call::Error(HRESULT::MAPI_E_NETWORK_ERROR, None),
    ]
}

/// The IID of the outer's own interface.
const MSG_STORE: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);

/// Returns a session. Any object can stand for one, because a session is opaque.
fn session() -> ComPtr<IMAPISession> {
    let unknown = test_support::bare_object();
    // SAFETY: `into_raw` passes a reference on. Only the vtable slots of IUnknown are used of a
    // session, and the object is free-threaded.
    unsafe { ComPtr::from_raw(unknown.into_raw().cast()) }.unwrap()
}

fn conformance() -> Conformance {
    let conformance = Conformance::new().timeout(TIMEOUT).iid(MSG_STORE);
    let conformance = conformance
        .iid(IID_IMAPISync)
        .iid(IID_IMAPISyncProgressCallback);
    // SAFETY: every object with which the tests use these options checks for NULL.
    unsafe { conformance.null_arguments() }
}

#[track_caller]
fn assert_broken(report: &Report, expected: &[&str]) {
    assert_eq!(report.broken(), expected, "{report}");
}
