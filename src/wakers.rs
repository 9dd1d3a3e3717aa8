//! `Wakers`: the tasks that wait for one condition.
//!
//! A future registers its waker and then checks the condition again. The other side makes the
//! condition true and then wakes all tasks. Whichever comes first, no wake-up is lost: the lock
//! orders the registration and the wake-up.

use crate::object::unwind;
use crate::primitive::{Mutex, MutexGuard};
use alloc::vec::Vec;
use core::mem;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::PoisonError;

/// The wakers of the tasks that wait. A waker is the user's code, so no lock is held while one is
/// cloned, called or dropped.
#[derive(Default)]
pub(crate) struct Wakers(Mutex<Vec<(WaiterId, Waker)>>);

/// Identifies a future, which may be polled with a different waker each time.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct WaiterId(usize);

impl WaiterId {
    pub(crate) fn new() -> WaiterId {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        WaiterId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Wakers {
    /// Returns the result of `check`, or registers the task if there is none yet.
    pub(crate) fn poll<T>(
        &self,
        id: WaiterId,
        context: &Context<'_>,
        check: impl Fn() -> Option<T>,
    ) -> Poll<T> {
        if let Some(result) = check() {
            return Poll::Ready(result);
        }
        self.register(id, context.waker().clone());
        check().map_or(Poll::Pending, Poll::Ready)
    }

    fn register(&self, id: WaiterId, waker: Waker) {
        let mut wakers = self.lock();
        let old = wakers.iter_mut().find(|(waiter, _)| *waiter == id);
        let replaced = match old {
            Some((_, old)) => Some(mem::replace(old, waker)),
            None => {
                wakers.push((id, waker));
                None
            }
        };
        drop(wakers);
        drop(replaced);
    }

    /// Forgets the waker of a future that is dropped.
    pub(crate) fn remove(&self, id: WaiterId) {
        let mut wakers = self.lock();
        let found = wakers.iter().position(|(waiter, _)| *waiter == id);
        let removed = found.map(|index| wakers.swap_remove(index));
        drop(wakers);
        drop(removed);
    }

    /// Wakes all tasks. A waker that panics does not keep the others from being woken.
    pub(crate) fn wake_all(&self) {
        let wakers = mem::take(&mut *self.lock());
        for (_, waker) in wakers {
            let _panic = unwind::catch(|| waker.wake());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(WaiterId, Waker)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
