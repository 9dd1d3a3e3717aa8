//! Panics without the feature `std`, where the crate cannot catch them. A panic in a payload's
//! `Drop` ends the process, so it unwinds into no caller, whichever handle releases the last
//! reference.

#![cfg(all(not(feature = "std"), unix, not(miri)))]

use mapisync::abi::IUnknown;
use mapisync::{Class, ComObject, InnerObject};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::ptr::NonNull;

struct Panics;

impl Class for Panics {
    type Interfaces = (IUnknown,);
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("in a payload's drop");
    }
}

struct Quiet;

impl Class for Quiet {
    type Interfaces = (IUnknown,);
}

/// The ways to release the last reference. The test starts itself again for each, in a new process.
const WAYS: [(&str, fn()); 3] = [
    ("ComObject", || drop(ComObject::new(Panics))),
    ("ComPtr", || drop(ComObject::new(Panics).cast::<IUnknown>().unwrap())),
    ("InnerObject", || {
        let outer = ComObject::new(Quiet).cast::<IUnknown>().unwrap();
        // SAFETY: the outer outlives the inner, and its `IUnknown` is free-threaded.
        let inner = unsafe { InnerObject::new(NonNull::new(outer.as_raw()).unwrap(), Panics) };
        drop(inner);
    }),
];

#[test]
fn a_payload_whose_drop_panics_ends_the_process() {
    const WAY: &str = "MAPISYNC_WAY";
    if let Ok(way) = std::env::var(WAY) {
        let (_, release) = WAYS.iter().find(|(name, _)| *name == way).unwrap();
        let _ = std::panic::catch_unwind(release);
        // The panic did not end the process.
        std::process::exit(0);
    }
    for (way, _) in WAYS {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_payload_whose_drop_panics_ends_the_process"])
            .env(WAY, way)
            .output()
            .unwrap()
            .status;
        assert!(status.signal().is_some(), "{way}: {status}");
    }
}
