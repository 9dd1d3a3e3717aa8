//! The store in a large folder: memory for each message is small. The test is alone in its program,
//! because it counts every allocation.

#![cfg(not(miri))] // Miri has no file system

use maildir_store::Store;
use mapisync::ComPtr;
use mapisync::abi::IMAPISync;
use std::fs::{self, File};
use test_support::{bytes, fewer, outlook};

/// Returns the peak of bytes in a run with `messages` messages on both sides.
fn peak(messages: usize) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let [server, local] = ["server", "local"].map(|side| dir.path().join(side));
    for side in [&server, &local] {
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(side.join(sub)).unwrap();
        }
        for n in 0..messages {
            File::create(side.join("new").join(format!("{n}.of.some.host"))).unwrap();
        }
    }
    let sync = ComPtr::<IMAPISync>::new(Store::open(&server, &local).unwrap());
    let (bytes, outcome) = bytes(|| outlook().run(&sync));
    outcome.assert_ok();
    bytes.peak
}

#[test]
fn a_message_takes_a_few_bytes_of_memory() {
    // The store keeps eight bytes and a mark of each message, in a vector that grows.
    const MOST: usize = 32;
    let more = fewer(8_000).max(2_000);
    let (few, many) = (peak(4_000), peak(4_000 + more));
    assert!(many < few + MOST * more, "{few} bytes for 4,000 messages, {many} for {more} more");
}
