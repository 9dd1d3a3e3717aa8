//! The program `conform`, without a provider. `tests/interop_cpp` has the tests with providers.

#![cfg(not(miri))]

use std::process::Output;
use test_support::{example, run};

fn conform(arguments: &[&str]) -> Output {
    run(&example("conform")).args(arguments).output().unwrap()
}

#[test]
fn wrong_arguments_are_explained() {
    for (arguments, message) in [
        (&[][..], "there is no library"),
        (&["a", "b"], "there is more than one library"),
        (&["--unknown", "a"], "there is no option --unknown"),
        (&["a", "--symbol"], "--symbol needs a value"),
        (
            &["--timeout", "-1", "a"],
            "--timeout needs a number of seconds",
        ),
        (
            &["--cancel-within", "few", "a"],
            "--cancel-within needs a number",
        ),
        (
            &["--iid", "5024A385", "a"],
            "--iid needs a GUID with 32 hexadecimal digits",
        ),
    ] {
        let output = conform(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error.lines().next(), Some(message));
        assert!(error.contains("usage: conform"), "{error}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
}

#[test]
fn help_is_printed() {
    let output = conform(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(b"usage: conform"));
}

#[test]
fn a_library_that_cannot_be_loaded_is_no_provider() {
    if let Some(emulator) = test_support::emulator() {
        eprintln!("skipped: the program starts itself without {emulator}");
        return;
    }
    let output = conform(&["no-such-library", "--json"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with("no-such-library: it cannot be loaded: "),
        "{error}"
    );
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
}
