//! The reference count of an object.

use crate::primitive::atomic::{AtomicU32, Ordering};

/// Where a count that has gone astray is put: half-way between 2³¹ and 2³², so that it takes 2³⁰ further calls at
/// once, between two of its repairs, to move it out of the negative half.
const PINNED: u32 = 0xC000_0000;

/// How many references an object has; 1 at first.
///
/// A count that is negative as an `i32` can't be right: a caller added 2³¹ references without releasing them, or called
/// Release on an object whose count was 0. Both operations pin such a count, and the object leaks. A leak is better than a
/// use after free, and better than ending the mail client. The payload is dropped under the same value, so that AddRef and
/// Release called from its `Drop` can't bring the count to 0 a second time.
///
/// One Release too many while other references exist is not caught, as in every COM implementation: the object is then freed
/// before the last of them is released.
pub(crate) struct RefCount(AtomicU32);

impl RefCount {
    pub(crate) fn new() -> RefCount {
        RefCount(AtomicU32::new(1))
    }

    /// Adds a reference and returns the new count.
    #[inline(always)]
    pub(crate) fn add(&self) -> u32 {
        // Relaxed: the caller already holds a reference, through which it sees the object.
        let new = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if is_astray(new) {
            self.pin();
        }
        new
    }

    /// Gives a reference back and returns the new count. At 0 the caller is alone with the object and frees it, after
    /// [`pin`](RefCount::pin) where something may still count it.
    #[inline(always)]
    pub(crate) fn release(&self) -> u32 {
        // Release: all that this thread did to the object happens before whatever the last one does. Acquire: the last one
        // does it after that. In one operation: the decrement is one anyway.
        let new = self.0.fetch_sub(1, Ordering::AcqRel).wrapping_sub(1);
        if new == 0 {
            return 0;
        }
        // Another thread may free the object from here on. Only a count that went astray is touched again: that
        // object is never freed.
        if is_astray(new) {
            self.pin();
        }
        new
    }

    /// Puts the count where no pair of AddRef and Release brings it to 0 a second time.
    #[inline(always)]
    pub(crate) fn pin(&self) {
        self.0.store(PINNED, Ordering::Relaxed);
    }

    /// As [`release`](RefCount::release), for an object that others count without a reference of their own while it ends, as
    /// inners do with their outer: from the last reference to the pinned value it is one step, so that a pair of AddRef and
    /// Release which falls into it is not the last a second time.
    pub(crate) fn release_last_pinned(&self) -> u32 {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            let new = now.wrapping_sub(1);
            let put = if new == 0 { PINNED } else { new };
            // As in `release`.
            match self
                .0
                .compare_exchange_weak(now, put, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => {
                    // As in `release`: only an object that is never freed is touched again.
                    if is_astray(new) {
                        self.pin();
                    }
                    return new;
                }
                Err(other) => now = other,
            }
        }
    }

    /// Puts the count where a hostile caller would drive it.
    #[cfg(test)]
    pub(crate) fn force(&self, count: u32) {
        self.0.store(count, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn value(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether a count cannot be right: it is negative as an `i32`. It takes the value alone and not the count, which may be freed
/// after a release.
#[inline(always)]
fn is_astray(count: u32) -> bool {
    (count as i32) < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(value: u32) -> RefCount {
        RefCount(AtomicU32::new(value))
    }

    #[test]
    fn counts_up_and_down_to_zero() {
        let count = RefCount::new();
        assert_eq!(
            (
                count.add(),
                count.add(),
                count.release(),
                count.release(),
                count.release()
            ),
            (2, 3, 2, 1, 0)
        );
        assert_eq!(count.value(), 0);
        count.pin();
        assert_eq!((count.add(), count.release()), (PINNED + 1, PINNED - 1));
    }

    #[test]
    fn a_negative_count_is_pinned_by_add_and_release_alike() {
        let top = i32::MAX as u32;
        for (before, returned, after) in [
            (top - 1, top, top),
            (top, top + 1, PINNED),
            (PINNED, PINNED + 1, PINNED),
        ] {
            let count = at(before);
            assert_eq!(
                (count.add(), count.value()),
                (returned, after),
                "add at {before:#X}"
            );
        }
        for (before, returned, after) in [
            (top + 1, top, top),
            (top + 2, top + 1, PINNED),
            (0, u32::MAX, PINNED),
        ] {
            let count = at(before);
            assert_eq!(
                (count.release(), count.value()),
                (returned, after),
                "release at {before:#X}"
            );
        }
    }

    #[test]
    fn a_pinned_count_never_reaches_zero() {
        let count = at(i32::MAX as u32);
        for _ in 0..10_000 {
            count.add();
            assert_ne!(count.release(), 0);
            assert_ne!(count.release(), 0);
        }
        assert!((count.value() as i32) < 0);
    }
}
