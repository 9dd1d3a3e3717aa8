//! The codes of `HRESULT`, compared with those of Windows' headers, which are mingw's.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))] // it calls compilers for Windows

use mapisync_interop_cpp::{Language, MINGW_32, MINGW_64, succeed};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Codes that are newer than mingw's headers.
const NEWER: [&str; 3] = ["MAPI_E_OFFLINE", "MAPI_E_RECONNECTED", "MAPI_E_STORE_FULL"];

#[test]
fn the_codes_are_those_of_windows_headers_and_none_is_missing() {
    let source = include_str!("../../../src/abi/codes.rs");
    let source = source.split("#[cfg(test)]").next().unwrap();
    let code = |line: &'static str| {
        let (left, right) = line.trim_end_matches(';').split_once(" = 0x")?;
        let bits = u32::from_str_radix(right, 16).ok()?;
        Some((left.rsplit(' ').next()?, bits))
    };
    let ours: BTreeMap<&str, u32> = source.lines().filter_map(code).collect();
    assert_eq!(ours.len(), 91);
    for compiler in [MINGW_64, MINGW_32] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("codes.c");
        let mut program = String::from("#include <windows.h>\n#include <mapicode.h>\n");
        fs::write(&file, &program).unwrap();
        let macros = succeed(compiler.command(Language::C).args(["-E", "-dM"]).arg(&file));
        let names = macros.lines().filter_map(|line| line.strip_prefix("#define "));
        let theirs: BTreeSet<&str> = names.map(|rest| rest.split(' ').next().unwrap()).collect();
        for name in theirs.iter().filter(|name| !name.contains('(')) {
            let is_mapis = name.starts_with("MAPI_E_") || name.starts_with("MAPI_W_");
            assert!(!is_mapis || ours.contains_key(name), "{name} is missing here");
        }
        for (name, bits) in &ours {
            if theirs.contains(name) {
                let condition = format!("(HRESULT)({name}) == (HRESULT){bits:#010X}");
                program += &format!("_Static_assert({condition}, \"{name}\");\n");
            } else {
                assert!(NEWER.contains(name), "{name} is in no header");
            }
        }
        fs::write(&file, &program).unwrap();
        succeed(compiler.command(Language::C).arg("-fsyntax-only").arg(&file));
    }
}
