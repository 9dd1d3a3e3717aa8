//! The reference count of an object.

use crate::primitive::atomic::{AtomicU32, Ordering};

/// The value of a pinned count, halfway between 2³¹ and 2³². It could become positive only if 2³⁰
/// calls changed it before one of them pinned it again.
const PINNED: u32 = 0xC000_0000;

/// The number of references to an object, 1 at first.
///
/// A count is wrong if it is negative as an `i32`. Either callers have added 2³¹ references without
/// releasing them, or they have called Release on a count of 0. AddRef and Release then pin the
/// count, and the object leaks. A leak is better than a use after free, or than ending the mail
/// client.
///
/// The count is also pinned while the payload is dropped. A pair of AddRef and Release in its
/// `Drop` therefore cannot bring the count to 0 again.
///
/// As in every COM implementation, one Release too many is not detected while other references
/// exist. The object is then freed before the last reference is released.
pub(crate) struct RefCount(AtomicU32);

impl RefCount {
    pub(crate) fn new() -> RefCount {
        RefCount(AtomicU32::new(1))
    }

    /// Adds a reference and returns the new count.
    #[inline(always)]
    pub(crate) fn add(&self) -> u32 {
        // Relaxed: the caller holds a reference already, through which it sees the object.
        let new = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if is_negative(new) {
            self.pin();
        }
        new
    }

    /// Releases a reference and returns the new count. At 0 the caller must destroy the object. It
    /// must call [`pin`](RefCount::pin) first if code can still change the count.
    #[inline(always)]
    pub(crate) fn release(&self) -> u32 {
        // Release: this thread's accesses happen before the destruction. Acquire: the thread that
        // destroys the object sees the accesses of the others.
        let new = self.0.fetch_sub(1, Ordering::AcqRel).wrapping_sub(1);
        if new == 0 {
            return 0;
        }
        // Another thread may free the object from here on, unless the count is negative: that
        // object is never freed.
        if is_negative(new) {
            self.pin();
        }
        new
    }

    /// Sets the count to a value from which AddRef and Release in pairs never reach 0.
    #[inline(always)]
    pub(crate) fn pin(&self) {
        self.0.store(PINNED, Ordering::Relaxed);
    }

    /// Returns whether the count is pinned, or is about to be. The caller must hold a reference, or
    /// be within the payload's `Drop`.
    pub(crate) fn is_pinned(&self) -> bool {
        // Relaxed: this thread has pinned the count itself if it is within the payload's `Drop`.
        is_negative(self.0.load(Ordering::Relaxed))
    }

    /// Releases a reference and returns the new count. If that is 0, it stores the pinned value in
    /// the same step.
    ///
    /// The outer of an aggregate needs this. Its inners call AddRef and Release on it without
    /// owning a reference while it is destroyed. Such a pair must not destroy it again.
    pub(crate) fn release_and_pin_at_zero(&self) -> u32 {
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            let new = old.wrapping_sub(1);
            let stored = if new == 0 { PINNED } else { new };
            // AcqRel for the reasons in `release`.
            match self.0.compare_exchange_weak(old, stored, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    // An object with a negative count is never freed, so it can be used here.
                    if is_negative(new) {
                        self.pin();
                    }
                    return new;
                }
                Err(current) => old = current,
            }
        }
    }

    /// Sets the count to a value that a hostile caller could reach.
    #[cfg(test)]
    pub(crate) fn force(&self, count: u32) {
        self.0.store(count, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn value(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Returns whether a count is negative. It takes the value, because the object may be freed.
#[inline(always)]
fn is_negative(count: u32) -> bool {
    (count as i32) < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_of(value: u32) -> RefCount {
        RefCount(AtomicU32::new(value))
    }

    #[test]
    fn add_and_release_count_up_and_down_to_zero() {
        let count = RefCount::new();
        assert_eq!(
            (count.add(), count.add(), count.release(), count.release(), count.release()),
            (2, 3, 2, 1, 0)
        );
        assert_eq!(count.value(), 0);
        count.pin();
        assert_eq!((count.add(), count.release()), (PINNED + 1, PINNED - 1));
    }

    #[test]
    fn a_negative_count_is_pinned_by_add_and_release_alike() {
        let top = i32::MAX as u32;
        for (before, returned, after) in
            [(top - 1, top, top), (top, top + 1, PINNED), (PINNED, PINNED + 1, PINNED)]
        {
            let count = count_of(before);
            assert_eq!((count.add(), count.value()), (returned, after), "add at {before:#X}");
        }
        for (before, returned, after) in
            [(top + 1, top, top), (top + 2, top + 1, PINNED), (0, u32::MAX, PINNED)]
        {
            let count = count_of(before);
            assert_eq!(
                (count.release(), count.value()),
                (returned, after),
                "release at {before:#X}"
            );
        }
    }

    #[test]
    fn a_pinned_count_never_reaches_zero() {
        let count = count_of(i32::MAX as u32);
        for _ in 0..10_000 {
            count.add();
            assert_ne!(count.release(), 0);
            assert_ne!(count.release(), 0);
        }
        assert!((count.value() as i32) < 0);
    }
}
