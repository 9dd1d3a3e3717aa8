//! The event under Miri, which may lack `poll` and socket pairs. A handle is an entry in a table,
//! and the lowest free entry is used first, as with descriptors. Closing a handle twice, or using a
//! closed handle, panics.
//!
//! Only the signal synchronizes: dropping [`Signal`] is a release operation, and a wait that finds
//! the event signaled is an acquire operation. The table has only relaxed operations and no lock,
//! so it synchronizes nothing and hides no data race.

use super::{Waited, left};
use crate::abi::HANDLE;
use core::cell::Cell;
use core::mem::ManuallyDrop;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// The event of each open handle, or [`FREE`]. Handle n is entry n - 1, so that none is NULL.
static HANDLES: [AtomicUsize; 256] = [const { AtomicUsize::new(FREE) }; 256];
const FREE: usize = usize::MAX;

/// Whether each event is signaled. Events are never reused, so a waiter cannot see the signal of an
/// earlier one.
static SIGNALED: [AtomicBool; 1 << 14] = [const { AtomicBool::new(false) }; 1 << 14];
static EVENTS: AtomicUsize = AtomicUsize::new(0);

/// The entry of a handle in the table.
#[derive(Debug)]
pub(super) struct Owned(usize);

impl Owned {
    fn open(event: usize) -> io::Result<Owned> {
        let free = HANDLES.iter().position(|handle| {
            handle.compare_exchange(FREE, event, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        });
        free.map(Owned).ok_or_else(|| io::Error::other("every handle is open"))
    }

    fn event(&self) -> usize {
        let event = HANDLES[self.0].load(Ordering::Relaxed);
        assert_ne!(event, FREE, "a closed handle is used");
        event
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let event = HANDLES[self.0].swap(FREE, Ordering::Relaxed);
        assert_ne!(event, FREE, "a handle is closed twice");
    }
}

/// Signals the event when dropped.
pub(crate) struct Signal(usize);

impl Drop for Signal {
    fn drop(&mut self) {
        SIGNALED[self.0].store(true, Ordering::Release);
    }
}

pub(super) fn pair() -> io::Result<(Owned, Signal)> {
    let event = EVENTS.fetch_add(1, Ordering::Relaxed);
    assert!(event < SIGNALED.len(), "the table has no event left");
    Ok((Owned::open(event)?, Signal(event)))
}

pub(super) fn duplicate(handle: &Owned) -> io::Result<Owned> {
    Owned::open(handle.event())
}

pub(super) fn wait(handle: &Owned, timeout: Option<Duration>) -> Waited {
    let started = Instant::now();
    let signaled = &SIGNALED[handle.event()];
    loop {
        if signaled.load(Ordering::Acquire) {
            return Ok(true);
        }
        if left(timeout, started).is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        thread::yield_now();
    }
}

pub(super) fn as_raw(handle: &Owned) -> HANDLE {
    ptr::without_provenance_mut(handle.0 + 1)
}

pub(super) fn into_raw(handle: Owned) -> HANDLE {
    as_raw(&ManuallyDrop::new(handle))
}

/// # Safety
///
/// There are no requirements. The function is `unsafe` because those of the other platforms are.
pub(super) unsafe fn from_raw(handle: HANDLE) -> Option<Owned> {
    let entry = handle.addr().checked_sub(1)?;
    let event = HANDLES.get(entry)?.load(Ordering::Relaxed);
    (event != FREE).then(|| Owned(entry))
}

pub(crate) fn pin_module() -> io::Result<()> {
    Ok(())
}

/// Returns the number of the current thread, which no other thread of this process has or had.
pub(crate) fn thread_id() -> usize {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: Cell<usize> = const { Cell::new(0) });
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
        }
        number.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic = "a handle is closed twice"]
    fn closing_a_handle_twice_is_a_panic() {
        // No other test reaches the last entry, because the lowest free one is used first.
        drop(Owned(HANDLES.len() - 1));
    }

    #[test]
    #[should_panic = "a closed handle is used"]
    fn using_a_closed_handle_is_a_panic() {
        let closed = ManuallyDrop::new(Owned(HANDLES.len() - 1));
        let _ = wait(&closed, None);
    }

    #[test]
    fn a_closed_handle_is_none_and_its_number_is_used_again() {
        let (event, signal) = pair().unwrap();
        // The table is finite, so some number is used again, whatever other tests open and close at
        // the same time.
        let mut seen = std::collections::HashSet::new();
        while seen.insert(as_raw(&duplicate(&event).unwrap())) {}
        drop((event, signal));
        let closed = ptr::without_provenance_mut(HANDLES.len());
        // SAFETY: this platform's `from_raw` requires nothing.
        assert!(unsafe { from_raw(closed) }.is_none());
    }

    #[test]
    fn a_waiter_sees_every_write_before_the_signal() {
        static DONE: AtomicBool = AtomicBool::new(false);
        let (event, signal) = pair().unwrap();
        let worker = thread::spawn(move || {
            DONE.store(true, Ordering::Relaxed);
            drop(signal);
        });
        assert!(wait(&event, None).unwrap());
        assert!(DONE.load(Ordering::Relaxed));
        worker.join().unwrap();
    }
}
