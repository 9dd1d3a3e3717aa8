//! What must not compile, and what the compiler says to somebody who tries. The messages are those of one compiler.

use std::process::Command;

/// The compiler whose messages are kept beside the cases.
const PINNED: &str = "rustc 1.95.";

#[test]
fn mistakes_are_refused_with_readable_messages() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .expect("rustc runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(
        version.starts_with(PINNED),
        "the messages are kept as {PINNED}x says them, and this is {version}; use that compiler, or renew them with \
         TRYBUILD=overwrite and read the difference"
    );
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
