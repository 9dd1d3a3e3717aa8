//! The public items of the crate, which are those of `public_api.txt`. A change of the list shows in
//! a review. rustdoc's JSON, from which the list is made, differs with the compiler version.

use public_api::Builder;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The compiler whose JSON `public-api` reads.
const PINNED: &str = "rustc 1.95.";

/// Returns every public item of the crate with all of its features, one a line.
fn items() -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rustdoc");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["rustdoc", "-p", "mapisync", "--lib", "--all-features"])
        .args(["--manifest-path", manifest, "--target-dir"])
        .arg(&target)
        .args(["--", "-Zunstable-options", "--output-format=json"])
        .env("RUSTC_BOOTSTRAP", "1") // rustdoc's JSON is unstable
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .expect("cargo runs");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo rustdoc failed:\n{messages}");
    // The blanket and automatic implementations of other crates say little, and there are many.
    // `tests/object/auto_traits.rs` covers `Send`, `Sync` and the like.
    Builder::from_rustdoc_json(target.join("doc/mapisync.json"))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .expect("JSON of the format that `public-api` reads")
        .to_string()
}

#[test]
fn the_public_items_are_the_committed_ones() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(
        version.starts_with(PINNED),
        "`public-api` reads the JSON of {PINNED}x, and this is {version}; use that compiler, or \
         update `public-api` and the committed list together"
    );
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/public_api.txt");
    let items = items();
    if env::var_os("MAPISYNC_OVERWRITE").is_some() {
        fs::write(file, &items).unwrap();
    }
    let committed = fs::read_to_string(file).unwrap();
    let (old, new): (Vec<_>, Vec<_>) = (committed.lines().collect(), items.lines().collect());
    let removed = old.iter().filter(|line| !new.contains(line));
    let added = new.iter().filter(|line| !old.contains(line));
    let difference: Vec<_> = removed
        .map(|line| format!("-{line}"))
        .chain(added.map(|line| format!("+{line}")))
        .collect();
    assert!(
        old == new,
        "the public items have changed; MAPISYNC_OVERWRITE=1 writes the new list:\n{}",
        difference.join("\n")
    );
}
