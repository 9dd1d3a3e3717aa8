//! C++ and C on both sides of the boundary. What a witness sees is a line of its log; lines are compared whole.

mod aggregation;
#[path = "../../../common/mod.rs"]
mod common;
mod dispatch;
mod our_stores;
mod query_interface;
mod their_callbacks;
mod their_stores;

use mapisync::ComPtr;
use mapisync::abi::IMAPISession;
use mapisync_interop_cpp::{BUILDS, Witness};

/// Runs a test with each of the libraries, and names the one with which it fails.
fn each(test: impl Fn(&Witness)) {
    assert!(BUILDS.iter().any(|build| build.cpp) && BUILDS.iter().any(|build| !build.cpp));
    for build in BUILDS {
        eprintln!("{}", build.name);
        test(&Witness::new(*build));
    }
}

/// The texts that the stores send, as they arrive here.
const GREETING: &str = "Grüße, 世界 😀";

/// A text as the callbacks note it.
fn hex(text: &str) -> String {
    let units: Vec<_> = text
        .encode_utf16()
        .map(|unit| format!("{unit:04X}"))
        .collect();
    units.join(" ")
}

/// The session is opaque: any object can stand for it.
fn session() -> ComPtr<IMAPISession> {
    let unknown = common::bare_object();
    // SAFETY: only IUnknown's slots are used of a session; the object is free-threaded, and its reference handed on.
    unsafe { ComPtr::from_raw(unknown.into_raw().cast()) }.unwrap()
}
