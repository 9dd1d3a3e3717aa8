//! The done event: a real kernel object that occurs when a synchronisation's thread is complete.
//!
//! Both sides of a run hold a handle of their own to it, so that it is always clear who closes what: the provider keeps
//! the end that signals ([`Signal`]) and gives the other away ([`DoneEvent`]). A provider that is lost signals too,
//! since dropping a `Signal` does.
//!
//! On Windows it is a manual-reset event, the provider signalling through a duplicate. On Unix it is one end of a
//! socket pair; the provider shuts the other end down, at which this one becomes readable for ever. Neither SIGPIPE nor
//! a forked child that inherited a descriptor can come in between.

#[cfg(all(test, mapisync_loom))]
#[path = "event/loom.rs"]
mod platform;
#[cfg(all(miri, not(all(test, mapisync_loom))))]
#[path = "event/miri.rs"]
mod platform;
#[cfg(all(unix, not(miri), not(all(test, mapisync_loom))))]
#[path = "event/unix.rs"]
mod platform;
#[cfg(all(windows, not(miri), not(all(test, mapisync_loom))))]
#[path = "event/windows.rs"]
mod platform;

#[cfg(not(any(unix, windows)))]
compile_error!(
    "the feature `std` needs an event to wait for, which is implemented for Unix and Windows"
);

use crate::abi::HANDLE;
use crate::error::{Error, Result};
pub(crate) use platform::{Signal, pin_module, thread_id};
use std::io;
use std::time::Duration;

/// The event of a run, owned: it occurs when the store's thread is complete, and stays so. Dropping it closes the
/// handle.
///
/// The handle is one that the platform's own calls can wait for: `WaitForSingleObject` on Windows, `poll` elsewhere,
/// where **any** readiness (readable, hung up, an error of the socket) means that it occurred. `POLLNVAL` is the exception:
/// it means that the descriptor is not open. An event made by this crate never has one of the descriptors 0 to 2.
///
/// A foreign handle may be one that the system cannot wait for, such as an access token on Windows. [`wait`](DoneEvent::wait)
/// then fails with [`Error::Io`], [`is_signaled`](DoneEvent::is_signaled) returns `false`, and dropping the event closes the
/// handle all the same. A handle of another waitable kind, such as a file, is signaled when the system says so.
///
/// Under Miri an event is an entry of a table, and it implements neither `AsFd` nor `AsHandle`.
///
/// ```
/// use mapisync::abi::IMAPISync;
/// use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncRequest};
/// # use mapisync::{MapiSyncProgressCallback};
/// # struct Dialog;
/// # impl MapiSyncProgressCallback for Dialog {
/// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
/// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
/// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
/// # }
/// struct Store;
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         request.spawn(|job| job.position(1, 1))
///     }
/// }
///
/// let run = SyncHost::new(Dialog).start(&ComPtr::<IMAPISync>::new(Store), SyncFlags::default())?;
/// if let Some(event) = run.event() {
///     assert!(event.wait(None)?); // as long as it takes
///     assert!(event.is_signaled());
/// }
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Debug)]
pub struct DoneEvent(platform::Owned);

impl DoneEvent {
    /// Makes an event that has not occurred, and what makes it occur.
    pub(crate) fn pair() -> Result<(DoneEvent, Signal)> {
        let (owned, signal) = platform::pair().map_err(Error::Event)?;
        Ok((DoneEvent(owned), signal))
    }

    /// Waits until the event occurs, at most for `timeout`, and answers whether it did; `None` waits for ever, a
    /// timeout of 0 only looks.
    ///
    /// ```
    /// # use mapisync::{DoneEvent, Result};
    /// # use std::time::Duration;
    /// fn ended(event: &DoneEvent) -> Result<bool> {
    ///     event.wait(Some(Duration::from_millis(500)))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system's own wait fails: the handle cannot be waited for, or memory is short.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        Ok(platform::wait(&self.0, timeout)?)
    }

    /// Whether the event has occurred, without waiting. `false` where [`wait`](DoneEvent::wait) would fail.
    ///
    /// ```
    /// # fn look(event: &mapisync::DoneEvent) -> &'static str {
    /// if event.is_signaled() { "complete" } else { "under way" }
    /// # }
    /// ```
    pub fn is_signaled(&self) -> bool {
        self.wait(Some(Duration::ZERO)).unwrap_or(false)
    }

    /// Another handle to the same event, to be waited for and closed on its own.
    ///
    /// ```
    /// # use mapisync::{DoneEvent, Result};
    /// fn keep(event: &DoneEvent) -> Result<DoneEvent> {
    ///     event.try_clone()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Event`] if no further handle can be had.
    pub fn try_clone(&self) -> Result<DoneEvent> {
        platform::duplicate(&self.0)
            .map(DoneEvent)
            .map_err(Error::Event)
    }

    /// The handle, lent: it stays this event's, which closes it. Never 0 nor -1.
    ///
    /// ```
    /// # fn lend(event: &mapisync::DoneEvent) {
    /// assert!(!event.as_raw().is_null());
    /// # }
    /// ```
    pub fn as_raw(&self) -> HANDLE {
        platform::as_raw(&self.0)
    }

    /// The handle, handed over: whoever takes it closes it.
    ///
    /// ```
    /// # use mapisync::DoneEvent;
    /// fn there_and_back(event: DoneEvent) -> DoneEvent {
    ///     let raw = event.into_raw();
    ///     // SAFETY: `into_raw` has just handed the handle over.
    ///     unsafe { DoneEvent::from_raw(raw) }.expect("it is a handle")
    /// }
    /// ```
    #[must_use = "the handle leaks unless somebody closes it"]
    pub fn into_raw(self) -> HANDLE {
        platform::into_raw(self.0)
    }

    /// Takes a handle over. 0, -1 and what is no handle of this process give `None`, and nothing is closed.
    ///
    /// ```
    /// use mapisync::DoneEvent;
    /// use std::ptr;
    /// // SAFETY: neither is a handle.
    /// let events = unsafe {
    ///     [DoneEvent::from_raw(ptr::null_mut()), DoneEvent::from_raw(ptr::without_provenance_mut(usize::MAX))]
    /// };
    /// assert!(events.iter().all(Option::is_none));
    /// ```
    ///
    /// # Safety
    ///
    /// If `handle` is an open handle of this process, the caller owns it and gives it up, and closing it takes `CloseHandle`
    /// (`close` on Unix) and no more. It should be one that can be waited for; another is never signalled.
    pub unsafe fn from_raw(handle: HANDLE) -> Option<DoneEvent> {
        // SAFETY: the caller's promise.
        unsafe { platform::from_raw(handle) }.map(DoneEvent)
    }

    /// A handle of our own to somebody else's event; `None` if what is there is no handle.
    ///
    /// # Safety
    ///
    /// If `handle` is an open handle of this process, nobody closes it during the call.
    pub(crate) unsafe fn duplicate_of(handle: HANDLE) -> Option<DoneEvent> {
        // SAFETY: `from_raw` asks for ownership because its result closes the handle. This one never does: in
        // `ManuallyDrop` it is a borrow for the duplication, during which the handle stays open, says the caller.
        let borrowed = unsafe { DoneEvent::from_raw(handle) }.map(core::mem::ManuallyDrop::new)?;
        borrowed.try_clone().ok()
    }
}

/// How much of `timeout` is left after `started`, in a loop that waits in pieces; `None` is for ever.
#[cfg_attr(all(test, mapisync_loom), expect(dead_code))]
fn left(timeout: Option<Duration>, started: std::time::Instant) -> Option<Duration> {
    timeout.map(|timeout| timeout.saturating_sub(started.elapsed()))
}

/// What `platform::wait` answers.
type Waited = io::Result<bool>;

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr;

    #[test]
    fn occurs_once_signalled_and_stays_so_for_every_handle() {
        let (event, signal) = DoneEvent::pair().unwrap();
        let other = event.try_clone().unwrap();
        assert!(!event.is_signaled() && !other.is_signaled());
        assert!(!event.wait(Some(Duration::from_millis(5))).unwrap());
        drop(signal);
        for event in [&event, &other] {
            assert!(event.is_signaled());
            assert!(event.wait(None).unwrap() && event.wait(Some(Duration::MAX)).unwrap());
        }
    }

    #[test]
    fn threads_have_different_numbers_while_their_handles_exist() {
        let here = thread_id();
        let threads = [(); 2].map(|()| std::thread::spawn(thread_id));
        while !threads.iter().all(|thread| thread.is_finished()) {
            std::thread::yield_now();
        }
        let there = threads.map(|thread| thread.join().unwrap());
        assert_eq!(here, thread_id());
        assert!(here != there[0] && here != there[1] && there[0] != there[1]);
    }

    #[test]
    fn a_waiting_thread_is_woken() {
        let (event, signal) = DoneEvent::pair().unwrap();
        let waiter = std::thread::spawn(move || event.wait(Some(Duration::MAX)).unwrap());
        drop(signal);
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn the_signal_does_not_need_the_event() {
        let (event, signal) = DoneEvent::pair().unwrap();
        drop(event);
        drop(signal);
    }

    #[test]
    fn raw_handles_go_there_and_back() {
        let (event, signal) = DoneEvent::pair().unwrap();
        let raw = event.into_raw();
        assert!(!raw.is_null());
        // SAFETY: the handle stays open during the call.
        let mine = unsafe { DoneEvent::duplicate_of(raw) }.unwrap();
        assert_ne!(mine.as_raw(), raw);
        // SAFETY: `into_raw` handed it over.
        let event = unsafe { DoneEvent::from_raw(raw) }.unwrap();
        assert_eq!(event.as_raw(), raw);
        drop(signal);
        assert!(event.is_signaled() && mine.is_signaled());
    }

    #[test]
    fn what_is_no_handle_is_no_event() {
        let far = if cfg!(windows) {
            0x7FFF_FFF0
        } else {
            i32::MAX as usize - 1
        };
        for no_handle in [0, usize::MAX, far, usize::MAX / 2 + 1] {
            let handle = ptr::without_provenance_mut(no_handle);
            // SAFETY: none of them is an open handle.
            let event = unsafe { DoneEvent::from_raw(handle) };
            assert!(event.is_none(), "{no_handle:#X}");
        }
    }
}
