//! The store in a large folder: memory for each message is small. The test is alone in its program,
//! because it counts every allocation.

#![cfg(not(miri))] // Miri has no file system

mod support;

use maildir_store::Store;
use mapisync::ComPtr;
use mapisync::abi::IMAPISync;
use mapisync::testing::Outlook;
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use support::{TIMEOUT, fewer, make};

/// An allocator that counts the allocated bytes and their peak.
struct Counting;
static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator, which keeps the contract of `GlobalAlloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller guarantees a layout with a size, as `GlobalAlloc::alloc` requires.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller guarantees that `memory` comes from `alloc` with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the peak of bytes in a run with `messages` messages on both sides.
fn peak(messages: usize) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let [server, local] = ["server", "local"].map(|side| dir.path().join(side));
    for side in [&server, &local] {
        make(side);
        for n in 0..messages {
            File::create(side.join("new").join(format!("{n}.of.some.host"))).unwrap();
        }
    }
    let sync = ComPtr::<IMAPISync>::new(Store::open(&server, &local).unwrap());
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    Outlook::new().timeout(TIMEOUT).run(&sync).assert_ok();
    PEAK.load(Relaxed) - before
}

#[test]
fn a_message_takes_a_few_bytes_of_memory() {
    // The store keeps eight bytes and a mark of each message, in a vector that grows.
    const MOST: usize = 32;
    let more = fewer(8_000).max(2_000);
    let (few, many) = (peak(4_000), peak(4_000 + more));
    assert!(
        many < few + MOST * more,
        "{few} bytes for 4,000 messages, {many} for {more} more"
    );
}
