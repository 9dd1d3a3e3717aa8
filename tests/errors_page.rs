//! The guide's chapter about errors has every variant of `Error`, and every code that the crate
//! returns.

#![cfg(not(miri))] // Miri cannot read files

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/guide/errors.md";

fn page() -> String {
    fs::read_to_string(PAGE).unwrap()
}

/// Returns the code of a source file, without its tests and comments.
fn code(file: &Path) -> String {
    let source = fs::read_to_string(file).unwrap();
    let source = source.split("\nmod tests {").next().unwrap();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    source
        .lines()
        .filter(is_code)
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// Returns the words that follow `prefix` in the code.
fn words<'a>(code: &'a str, prefix: &str) -> impl Iterator<Item = &'a str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = move |rest: &'a str| rest.split(|c| !is_word(c)).next().unwrap();
    code.split(prefix).skip(1).map(word)
}

#[test]
fn it_has_every_variant() {
    let source = code(Path::new("src/error.rs"));
    let (_, body) = source.split_once("pub enum Error {\n").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    // rustfmt indents a variant by four spaces, and everything else by more.
    let variants: BTreeSet<_> = words(body, "\n    ")
        .filter(|name| name.starts_with(char::is_uppercase))
        .collect();
    assert!(
        variants.len() >= 14 && variants.contains("Custom"),
        "{variants:?}"
    );
    let page = page();
    for variant in variants {
        assert!(
            page.contains(&format!("| [`Error::{variant}`]"))
                || page.contains(&format!(", [`Error::{variant}`]")),
            "{variant}"
        );
    }
}

#[test]
fn it_has_every_code_that_the_crate_returns() {
    let mut codes = BTreeSet::new();
    for file in test_support::walk(Path::new("src")) {
        // The module `abi` defines the codes. Those of `testing` are chosen by a test.
        let is_left_out = ["abi", "testing"]
            .iter()
            .any(|folder| file.starts_with(Path::new("src").join(folder)));
        if is_left_out || file.ends_with("loom_tests.rs") {
            continue;
        }
        let is_code = |name: &&str| name.contains("E_");
        codes.extend(
            words(&code(&file), "HRESULT::")
                .filter(is_code)
                .map(String::from),
        );
    }
    assert!(
        codes.len() >= 19 && codes.contains("MAPI_E_BUSY"),
        "{codes:?}"
    );
    let page = page();
    for code in codes {
        let only_received = code == "MAPI_E_CANCEL"; // it has no row of its own
        let text = if only_received {
            format!("`{code}`")
        } else {
            format!("\n| `{code}` |")
        };
        assert!(page.contains(&text), "{code}");
    }
}
