//! The codes of `HRESULT`, compared with those of Windows' headers.

#![cfg(all(windows, target_env = "gnu"))]

use mapisync::HRESULT;
use mapisync_interop_cpp::{BUILDS, ForeignLibrary};
use std::collections::BTreeMap;

/// Codes that are newer than mingw's headers.
const NEWER: [&str; 3] = ["MAPI_E_OFFLINE", "MAPI_E_RECONNECTED", "MAPI_E_STORE_FULL"];

#[test]
fn the_codes_are_those_of_windows_headers_and_none_is_missing() {
    let source = include_str!("../../../src/abi/codes.rs");
    let source = source.split("#[cfg(test)]").next().unwrap();
    let ours: BTreeMap<&str, HRESULT> = source
        .lines()
        .filter_map(|line| {
            let (left, right) = line.trim_end_matches(';').split_once(" = 0x")?;
            let bits = u32::from_str_radix(right, 16).ok()?;
            Some((left.rsplit(' ').next()?, HRESULT::from_bits(bits)))
        })
        .collect();
    assert_eq!(ours.len(), 91);
    for build in BUILDS {
        let theirs = ForeignLibrary::new(*build).codes();
        let theirs: BTreeMap<&str, HRESULT> =
            theirs.iter().map(|(name, code)| (&**name, *code)).collect();
        for (name, code) in &ours {
            match theirs.get(name) {
                Some(theirs) => assert_eq!(code, theirs, "{name}"),
                None => assert!(NEWER.contains(name), "{name} is in no header"),
            }
        }
        for name in theirs.keys() {
            assert!(ours.contains_key(name), "{name} is missing here");
        }
        assert!(theirs.len() >= 88);
    }
}
