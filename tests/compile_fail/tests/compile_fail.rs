//! Programs that must not compile, and the compiler's messages for them. The messages are those of
//! one compiler version.

use std::process::Command;

/// The compiler whose messages are stored next to the programs.
const PINNED: &str = "rustc 1.95.";

#[test]
fn mistakes_are_refused_with_readable_messages() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(
        version.starts_with(PINNED),
        "the stored messages are those of {PINNED}x, and this is {version}; use that compiler, or \
         renew the messages with TRYBUILD=overwrite and review the difference"
    );
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
