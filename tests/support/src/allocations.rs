//! The allocator of every program that uses this crate. It counts for each thread and for the
//! process: a run has threads of its own, which the allocators of the registry's crates leave out.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

thread_local! {
    /// Allocations of this thread so far.
    static MADE: Cell<usize> = const { Cell::new(0) };
    /// Allocations less deallocations of this thread.
    static ALIVE: Cell<isize> = const { Cell::new(0) };
    /// The same of the allocations that are aligned to [`MARK`].
    static MARKED: Cell<isize> = const { Cell::new(0) };
}
/// The bytes that all threads have allocated, and the most of them at one time.
static BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator, which keeps the contract of `GlobalAlloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MADE.set(MADE.get() + 1);
        ALIVE.set(ALIVE.get() + 1);
        MARKED.set(MARKED.get() + isize::from(layout.align() == MARK));
        let bytes = BYTES.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(bytes, Relaxed);
        // SAFETY: the caller guarantees a layout with a size, as `GlobalAlloc::alloc` requires.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALIVE.set(ALIVE.get() - 1);
        MARKED.set(MARKED.get() - isize::from(layout.align() == MARK));
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller guarantees that `memory` comes from `alloc` with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns how many allocations `code` makes on this thread, how many of them it leaves, and its
/// result.
pub fn allocations<R>(code: impl FnOnce() -> R) -> (usize, isize, R) {
    let (made, alive) = (MADE.get(), ALIVE.get());
    let result = code();
    (MADE.get() - made, ALIVE.get() - alive, result)
}

/// The alignment of a type whose allocations [`marked`] counts. Only tests use this alignment, so
/// the count leaves out what a panic allocates and prints.
pub const MARK: usize = 1024;

/// Returns how many allocations with the alignment [`MARK`] this thread has made and not freed.
pub fn marked() -> isize {
    MARKED.get()
}

/// The bytes that a process allocates while a closure runs, on all threads.
pub struct Bytes {
    /// The most bytes at one time, beyond those before.
    pub peak: usize,
    /// The bytes that are left.
    pub left: isize,
}

/// Runs `code` and returns what it allocates on all threads. No other test must run at the time.
pub fn bytes<R>(code: impl FnOnce() -> R) -> (Bytes, R) {
    let before = BYTES.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = code();
    let bytes = Bytes {
        peak: PEAK.load(Relaxed) - before,
        left: BYTES.load(Relaxed) as isize - before as isize,
    };
    (bytes, result)
}
