//! The primitives of `loom`, adapted where they differ from the standard library's.

pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
pub(crate) use loom::thread;
use std::sync::LockResult;
use std::time::Duration;

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicI32, Ordering};

    /// An atomic whose `store` is a swap. `loom` does not order a plain store among the
    /// read-modify-write operations of other threads, so such an operation could miss it. In Rust's
    /// memory model, all writes to an atomic have one order.
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

        /// Exchanges without spurious failures, which would only repeat the caller's loop.
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

/// A condition variable without a clock. A timeout of 0 returns at once, and every other one waits
/// forever.
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
