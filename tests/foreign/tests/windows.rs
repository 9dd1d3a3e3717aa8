//! What there is on Windows alone: codes from Windows' headers, and libraries that are unloaded.

#![cfg(windows)]

#[path = "../../common/mod.rs"]
mod common;

use common::{Ear, LONG, until};
use libloading::{Library, Symbol};
use mapisync::abi::{HANDLE, IMAPISync};
use mapisync::{ComPtr, HRESULT, SyncFlags, SyncHost};
use mapisync_foreign::{BUILDS, Witness};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// Codes newer than mingw's headers.
const NEWER: [&str; 3] = ["MAPI_E_OFFLINE", "MAPI_E_RECONNECTED", "MAPI_E_STORE_FULL"];

#[test]
fn our_codes_are_those_of_windows_headers_and_none_is_missing() {
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
        let theirs = Witness::new(*build).codes();
        let theirs: BTreeMap<&str, HRESULT> =
            theirs.iter().map(|(name, code)| (&**name, *code)).collect();
        for (name, code) in &ours {
            match theirs.get(name) {
                Some(theirs) => assert_eq!(code, theirs, "{name}"),
                None => assert!(NEWER.contains(name), "{name} is in none of their headers"),
            }
        }
        for name in theirs.keys() {
            assert!(ours.contains_key(name), "{name} is missing here");
        }
        assert!(theirs.len() >= 88);
    }
}

#[test]
fn a_library_is_unloaded_right_after_the_event_a_thousand_times() {
    type Make = unsafe extern "C" fn(HANDLE, *const AtomicU32, bool) -> *mut IMAPISync;
    static FINISHED: AtomicU32 = AtomicU32::new(0);
    let library = common::example_library("unload");
    for n in 0..1000 {
        // SAFETY: the library has no initialisers but its language's own.
        let loaded = unsafe { Library::new(&library) }.unwrap();
        let (event, release) = common::pair();
        // SAFETY: the function has this signature; the counter is static, the event handed over.
        let sync = unsafe {
            let make: Symbol<'_, Make> = loaded.get(b"held_store").unwrap();
            ComPtr::from_raw(make(event.into_raw(), &FINISHED, n % 4 == 3)).unwrap()
        };
        let run = SyncHost::new(Ear::new())
            .start(&sync, SyncFlags::empty())
            .unwrap();
        assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK);
        drop((run, sync));
        loaded.close().unwrap();
        drop(release); // the worker goes on, in the library's code
        until(|| FINISHED.load(Ordering::SeqCst) == n + 1);
    }
}
