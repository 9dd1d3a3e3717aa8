//! The flags, codes and comments of the header, compared with the crate's.

use mapisync::HRESULT;
use mapisync::abi::{C_HEADER, SyncFlags};
use mapisync_interop_cpp::{GCC, HEADER, Language};
use std::fs;

#[test]
fn the_crate_contains_the_file_itself() {
    assert!(C_HEADER.is_ascii(), "no code page may change its meaning");
    assert_eq!(
        C_HEADER,
        fs::read_to_string(format!("{HEADER}/mapisync.h")).unwrap()
    );
}

#[test]
fn c_and_cpp_have_the_same_comments_which_tell_the_host_to_keep_its_reference() {
    let comments: Vec<_> = C_HEADER
        .split("/* Slot ")
        .skip(1)
        .map(|rest| rest.split_once("*/").unwrap().0)
        .collect();
    let (cpp, c) = comments.split_at(comments.len() / 2);
    assert_eq!((cpp.len(), cpp), (4, c));
    let words: Vec<_> = cpp[0]
        .split_whitespace()
        .filter(|word| *word != "*")
        .collect();
    assert!(
        words.join(" ").contains(
            "The host must keep its reference to the store until this call has returned, even if Done"
        ),
        "{words:?}"
    );
}

#[test]
fn its_flags_are_the_crates() {
    let ask: String = SyncFlags::all()
        .iter_names()
        .map(|(name, _)| format!("{name} = SYNC_{name}\n"))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("flags.h");
    fs::write(&source, format!("#include \"mapisync.h\"\n{ask}")).unwrap();
    let text = GCC.ask(GCC.command(Language::C).args(["-E", "-P"]).arg(&source));
    let found: Vec<_> = text
        .lines()
        .filter(|line| line.contains("((ULONG)0x"))
        .collect();
    let expected: Vec<_> = SyncFlags::all()
        .iter_names()
        .map(|(name, flag)| format!("{name} = ((ULONG)0x{:08X})", flag.bits()))
        .collect();
    assert_eq!(
        (found, expected.len()),
        (expected.iter().map(String::as_str).collect(), 9)
    );
    let header = fs::read_to_string(format!("{HEADER}/mapisync.h")).unwrap();
    assert_eq!(header.matches("#define SYNC_").count(), 9, "and no others");
}

#[test]
fn its_codes_are_the_crates() {
    let mut seen = 0;
    for line in C_HEADER.lines() {
        let Some((name, value)) = line
            .strip_prefix("#define ")
            .and_then(|line| line.split_once(" ((HRESULT)"))
        else {
            continue;
        };
        if name.contains('(') {
            continue; // SUCCEEDED and FAILED
        }
        let value = value.trim_end_matches(')');
        let bits = match value.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).unwrap(),
            None => value.parse().unwrap(),
        };
        let known = format!("{:?}", HRESULT::from_bits(bits));
        let mut names = known.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        assert!(names.any(|known| known == name), "{name} is {known}");
        seen += 1;
    }
    assert_eq!(seen, 15);
}
