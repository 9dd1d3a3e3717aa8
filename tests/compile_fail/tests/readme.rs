//! README's programs, which must compile as they stand, without a warning.

use std::fs;
use std::path::Path;

const README: &str = include_str!("../../../README.md");

#[test]
fn readmes_code_compiles_without_a_warning() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    fs::create_dir_all(&folder).unwrap();
    let cases = trybuild::TestCases::new();
    let mut count = 0;
    for (n, code) in README.split("```rust\n").skip(1).enumerate() {
        let (code, _) = code.split_once("```").expect("the block ends");
        // A block without `main` is a module.
        let program = if code.contains("fn main()") {
            format!("#![deny(warnings)]\n{code}")
        } else {
            format!("#![deny(warnings)]\npub mod readme {{\n{code}}}\nfn main() {{}}\n")
        };
        let path = folder.join(format!("block_{n}.rs"));
        fs::write(&path, program).unwrap();
        cases.pass(path);
        count += 1;
    }
    assert!(count >= 4, "README has the quick starts");
}
