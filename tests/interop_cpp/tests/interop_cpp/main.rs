//! C and C++ as store, callback and host, with Rust on the other side.
//!
//! The foreign objects are proxies: a call goes from Rust into an object in C or C++, and from there
//! into an object in Rust. So each run has a foreign store under a host in Rust, a foreign host of a
//! store in Rust, and a foreign callback between them. `foreign/provider.cpp` is a whole provider in
//! C++, which `tests/conform.rs` and `tests/handles.rs` use, and `examples/cpp_host` is a whole host.

mod aggregation;
mod proxies;
mod runs;

use mapisync::abi::{IID_IMAPISync, IID_IMAPISyncProgressCallback};
use mapisync::testing::conformance::{Conformance, Report};
use mapisync::{Error, GUID, HRESULT, Result, SyncRequest};
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

/// The IID of the outer's own interface.
const MSG_STORE: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);

/// The method of a store that makes every kind of report.
fn reporting(request: SyncRequest<'_>) -> Result<()> {
    request.spawn(|job| {
        job.progress(Some("Grüße, 世界 😀"), 1, 3)?;
        job.position(2, 0xFFFF_FFFF_u32)?;
        job.progress(Some("a\0b"), 3, 3)?;
        job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "");
        Err::<(), _>(Error::new(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"))
    })
}

fn conformance() -> Conformance {
    let conformance = Conformance::new().timeout(TIMEOUT).iid(MSG_STORE);
    let conformance = conformance.iid(IID_IMAPISync).iid(IID_IMAPISyncProgressCallback);
    // SAFETY: every object of these tests checks for NULL.
    unsafe { conformance.null_arguments() }
}

#[track_caller]
fn assert_keeps_every_rule(report: &Report) {
    assert!(report.broken().is_empty(), "{report}");
}
