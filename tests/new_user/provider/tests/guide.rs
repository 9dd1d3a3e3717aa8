//! The files of this package are those of the guide.

#[test]
fn the_guide_has_these_files() {
    let guide = include_str!("../../../../docs/guide/first_progress.md");
    assert!(guide.contains(include_str!("../Cargo.toml")));
    assert!(guide.contains(include_str!("../build.rs")));
    assert!(guide.contains(include_str!("../src/lib.rs")));
}
