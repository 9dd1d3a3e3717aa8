//! The program `conform`, without a provider. `tests/interop_cpp` has the tests with providers.

#![cfg(not(miri))]

use crate::together;
use test_support::{emulator, example, run};

#[test]
fn without_a_provider_the_program_explains_itself() {
    let _together = together();
    #[rustfmt::skip] // one case a line
    let cases = [
        (&["--help"][..], 0, "usage: conform"),
        (&[], 2, "there is no library\n"),
        (&["a", "b"], 2, "there is more than one library\n"),
        (&["--unknown", "a"], 2, "there is no option --unknown\n"),
        (&["a", "--symbol"], 2, "--symbol needs a value\n"),
        (&["--timeout", "-1", "a"], 2, "--timeout needs a number of seconds\n"),
        (&["--cancel-within", "few", "a"], 2, "--cancel-within needs a number\n"),
        (&["--iid", "5024A385", "a"], 2, "--iid needs a GUID with 32 hexadecimal digits\n"),
        (&["no-such-library", "--json"], 2, "no-such-library: it cannot be loaded: "),
    ];
    for (arguments, code, explanation) in cases {
        let is_loaded = arguments.contains(&"no-such-library");
        if let Some(emulator) = emulator().filter(|_| is_loaded) {
            eprintln!("skipped: the program starts itself without {emulator}");
            continue;
        }
        let output = run(&example("conform")).args(arguments).output().unwrap();
        let (text, other) = match code {
            0 => (output.stdout, output.stderr),
            _ => (output.stderr, output.stdout),
        };
        let text = String::from_utf8(text).unwrap().replace("\r\n", "\n");
        assert!(text.starts_with(explanation), "{arguments:?}: {text}");
        assert!(is_loaded || text.contains("usage: conform"), "{text}");
        assert_eq!((output.status.code(), other.len()), (Some(code), 0));
    }
}
