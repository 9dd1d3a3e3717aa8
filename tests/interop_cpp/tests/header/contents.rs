//! The flags, codes and comments of the header, compared with the crate's.

use mapisync::HRESULT;
use mapisync::abi::{C_HEADER, SyncFlags};
use mapisync_interop_cpp::HEADER;
use std::fs;

#[test]
fn the_crate_contains_the_file_itself() {
    assert!(C_HEADER.is_ascii(), "no code page may change its meaning");
    assert_eq!(C_HEADER, fs::read_to_string(format!("{HEADER}/mapisync.h")).unwrap());
}

#[test]
fn c_and_cpp_have_the_same_comments_which_tell_the_host_to_keep_its_reference() {
    let comments = C_HEADER.split("/* Slot ").skip(1);
    let comments: Vec<_> = comments.map(|rest| rest.split_once("*/").unwrap().0).collect();
    let (cpp, c) = comments.split_at(comments.len() / 2);
    assert_eq!((cpp.len(), cpp), (4, c));
    let words = cpp[0].split_whitespace().filter(|word| *word != "*");
    let sentence = words.collect::<Vec<_>>().join(" ");
    let rule =
        "The host must keep its reference to the store until this call has returned, even if Done";
    assert!(sentence.contains(rule), "{sentence}");
}

/// Returns the names and the values of the macros whose value is of a type.
fn constants(of_type: &str) -> Vec<(&'static str, u32)> {
    let cast = format!(" (({of_type})");
    let macros = C_HEADER.lines().filter_map(|line| line.strip_prefix("#define "));
    let constants = macros.filter_map(|line| line.split_once(&cast));
    let constants = constants.filter(|(name, _)| !name.contains('(')); // SUCCEEDED and FAILED
    let bits = |(name, rest): (&'static str, &str)| {
        let value = rest.split(')').next().unwrap();
        let value = match value.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).unwrap(),
            None => value.parse().unwrap(),
        };
        (name, value)
    };
    constants.map(bits).collect()
}

#[test]
fn its_flags_are_the_crates() {
    let mut expected = Vec::new();
    for (name, flag) in SyncFlags::all().iter_names() {
        expected.push((format!("SYNC_{name}"), flag.bits()));
    }
    let found = constants("ULONG").into_iter().map(|(name, bits)| (name.to_owned(), bits));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(expected.len(), 9);
}

#[test]
fn its_codes_are_the_crates() {
    let codes = constants("HRESULT");
    for (name, bits) in &codes {
        let known = format!("{:?}", HRESULT::from_bits(*bits));
        let mut names = known.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        assert!(names.any(|known| known == *name), "{name} is {known}");
    }
    assert_eq!(codes.len(), 15);
}
