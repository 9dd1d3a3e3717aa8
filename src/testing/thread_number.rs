//! `ThreadNumber`: identifies the thread of a call.

use core::cell::Cell;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The number of a thread. No two threads of a process have the same number.
///
/// It is used instead of `std::thread::ThreadId`, because `std::thread::current` panics on a thread
/// whose thread-locals have been destroyed, and a store may call the callback even there.
///
/// ```
/// use mapisync::testing::ThreadNumber;
/// let here = ThreadNumber::current();
/// assert_eq!(here, ThreadNumber::current());
/// assert_ne!(here, std::thread::spawn(ThreadNumber::current).join().unwrap());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadNumber(usize);

impl ThreadNumber {
    /// The number of the current thread.
    ///
    /// ```
    /// # use mapisync::testing::ThreadNumber;
    /// let elsewhere = std::thread::spawn(ThreadNumber::current).join().unwrap();
    /// assert_ne!(ThreadNumber::current(), elsewhere);
    /// ```
    pub fn current() -> ThreadNumber {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        std::thread_local!(static NUMBER: Cell<usize> = const { Cell::new(0) });
        ThreadNumber(NUMBER.with(|number| {
            if number.get() == 0 {
                number.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
            }
            number.get()
        }))
    }
}

impl fmt::Display for ThreadNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
