//! The reference count of an object.

use crate::primitive::atomic::{AtomicU32, Ordering};

/// The value of a pinned count: halfway between 2³¹ and 2³². To leave the negative half, 2³⁰ calls
/// would have to happen before one of them pins the count again.
const PINNED: u32 = 0xC000_0000;

/// The number of references to an object, 1 at first.
///
/// A count that is negative as an `i32` is wrong: callers have added 2³¹ references without
/// releasing them, or have called Release on an object whose count was 0. AddRef and Release pin
/// such a count, and the object leaks. A leak is better than a use after free, and better than
/// ending the mail client.
///
/// The payload is dropped under the same value. AddRef and Release that its `Drop` calls therefore
/// cannot bring the count to 0 a second time.
///
/// One Release too many is not caught while other references exist, as in every COM implementation:
/// the object is then freed before the last of them is released.
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

    /// Releases a reference and returns the new count. At 0 the caller must end the object, after
    /// [`pin`](RefCount::pin) if the count can still be used.
    #[inline(always)]
    pub(crate) fn release(&self) -> u32 {
        // Release: what this thread did to the object happens before the end of the object.
        // Acquire: the thread that ends it sees what the others did.
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

    /// Like [`release`](RefCount::release), but goes from the last reference to the pinned value in
    /// one step.
    ///
    /// An outer uses it. Its inners call AddRef and Release without a reference of their own while
    /// the outer ends. Such a pair must not find the count at 0 and end the outer again.
    pub(crate) fn release_and_pin_at_zero(&self) -> u32 {
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            let new = old.wrapping_sub(1);
            let stored = if new == 0 { PINNED } else { new };
            // AcqRel for the reasons in `release`.
            match self
                .0
                .compare_exchange_weak(old, stored, Ordering::AcqRel, Ordering::Relaxed)
            {
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

/// Takes the value, not the count: after a release the object may be freed.
#[inline(always)]
fn is_negative(count: u32) -> bool {
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
