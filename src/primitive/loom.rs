//! What `loom` has of these, and what it lacks.

pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
use std::sync::LockResult;
use std::time::Duration;

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicI32, Ordering};

    /// Stores by exchanging. `loom` gives a plain store no place among other threads'
    /// read-modify-writes and lets them go on from before it, where all writes to one atomic have
    /// one order in which each goes on from the last.
    pub(crate) struct AtomicU32(loom::sync::atomic::AtomicU32);

    impl AtomicU32 {
        pub(crate) fn new(value: u32) -> AtomicU32 {
            AtomicU32(loom::sync::atomic::AtomicU32::new(value))
        }

        pub(crate) fn store(&self, value: u32, ordering: Ordering) {
            self.0.swap(value, ordering);
        }

        pub(crate) fn load(&self, ordering: Ordering) -> u32 {
            self.0.load(ordering)
        }

        pub(crate) fn fetch_add(&self, by: u32, ordering: Ordering) -> u32 {
            self.0.fetch_add(by, ordering)
        }

        pub(crate) fn fetch_sub(&self, by: u32, ordering: Ordering) -> u32 {
            self.0.fetch_sub(by, ordering)
        }

        /// Never fails without a reason, which would only have the loop around it run once more.
        pub(crate) fn compare_exchange_weak(
            &self,
            now: u32,
            new: u32,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u32, u32> {
            self.0.compare_exchange(now, new, success, failure)
        }
    }
}

/// Knows no time: who would wait for none only looks, anybody else waits for as long as it takes.
#[derive(Default)]
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        while !timeout.is_zero() && condition(&mut guard) {
            guard = self.0.wait(guard).expect("no model panics under a lock");
        }
        Ok((guard, ()))
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
