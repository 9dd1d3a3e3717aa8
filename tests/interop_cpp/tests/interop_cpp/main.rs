//! C and C++ as store and as host, with Rust on the other side. Foreign objects log every call and
//! every returned code, and the tests compare the lines.

mod conformance;
mod dispatch;
mod foreign_callbacks;
mod foreign_stores;
mod query_interface;
mod rust_stores;

use mapisync::ComPtr;
use mapisync::abi::IMAPISession;
use mapisync_interop_cpp::{BUILDS, ForeignLibrary};

/// Runs a test with each library. Prints its name, so that a failure shows it.
fn each(test: impl Fn(&ForeignLibrary)) {
    assert!(BUILDS.iter().any(|build| build.cpp) && BUILDS.iter().any(|build| !build.cpp));
    for build in BUILDS {
        eprintln!("{}", build.name);
        test(&ForeignLibrary::new(*build));
    }
}

/// The string that the stores report.
const GREETING: &str = "Grüße, 世界 😀";

/// Returns a string as the foreign callbacks log it.
fn hex(string: &str) -> String {
    let units: Vec<_> = string
        .encode_utf16()
        .map(|unit| format!("{unit:04X}"))
        .collect();
    units.join(" ")
}

/// Returns a session. Any object can stand for one, because a session is opaque.
fn session() -> ComPtr<IMAPISession> {
    let unknown = test_support::bare_object();
    // SAFETY: `into_raw` passes a reference on. Only the vtable slots of IUnknown are used of a
    // session, and the object is free-threaded.
    unsafe { ComPtr::from_raw(unknown.into_raw().cast()) }.unwrap()
}
