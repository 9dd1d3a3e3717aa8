//! The example's store in a large folder: memory doesn't grow with the number of messages. Alone in its program, since
//! every allocation counts.

#![cfg(not(miri))] // Miri has no file system

mod common;
#[path = "../examples/maildir_store/mod.rs"]
mod maildir_store;

use common::{Recorder, TIMEOUT, fewer};
use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, HRESULT, SyncFlags, SyncHost};
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::{self, File};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes that are allocated, and the most that were at once.
struct Counting;
static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that a run needs which finds `messages` on both sides.
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
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let run = SyncHost::new(Recorder::new())
        .start(&sync, SyncFlags::DOWNLOAD_CONTENTS)
        .unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    PEAK.load(Relaxed) - before
}

#[test]
fn more_messages_take_no_more_memory() {
    // Both are dealt with in parts of 4,096.
    let messages = 4_000 + fewer(8_000).max(2_000);
    let (few, many) = (peak(4_000), peak(messages));
    assert!(
        many < few + few / 4,
        "{few} bytes for 4,000 messages, {many} for {messages}"
    );
}
