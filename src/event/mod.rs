//! The done event: a kernel object that is signaled when the thread of a synchronization is
//! complete.
//!
//! Each side of a run has a separate handle, which it closes itself. The provider keeps a
//! [`Signal`], the end that signals the event, and passes the [`DoneEvent`] to the host. Dropping
//! the `Signal` signals the event, so dropping a job does so, too.
//!
//! - On Windows, it is a manual-reset event, which the provider signals through a duplicate handle.
//! - On Unix, it is one end of a socket pair. To signal it, the provider shuts down the other end,
//!   which makes this end readable forever. That causes no SIGPIPE, and a forked child that
//!   inherited a descriptor cannot prevent it.

#[cfg(all(test, mapisync_loom))]
mod loom;
#[cfg(all(miri, not(all(test, mapisync_loom))))]
mod miri;
#[cfg(all(unix, not(miri), not(all(test, mapisync_loom))))]
mod unix;
#[cfg(all(windows, not(miri), not(all(test, mapisync_loom))))]
mod windows;

#[cfg(all(test, mapisync_loom))]
use self::loom as platform;
#[cfg(all(miri, not(all(test, mapisync_loom))))]
use self::miri as platform;
#[cfg(all(unix, not(miri), not(all(test, mapisync_loom))))]
use self::unix as platform;
#[cfg(all(windows, not(miri), not(all(test, mapisync_loom))))]
use self::windows as platform;

#[cfg(not(any(unix, windows)))]
compile_error!("the feature `std` needs the done event, which is implemented for Unix and Windows");

use crate::abi::HANDLE;
use crate::error::{Error, Result};
#[cfg(all(windows, feature = "testing", not(miri), not(all(test, mapisync_loom))))]
pub(crate) use platform::open_handles;
pub(crate) use platform::{Signal, pin_module, thread_id};
use std::io;
use std::time::Duration;

/// The event of a run. It is signaled when the store's thread is complete, and stays signaled. It
/// owns its handle, and dropping it closes the handle.
///
/// The platform's own functions can wait for the handle: `WaitForSingleObject` on Windows, `poll`
/// elsewhere. With `poll`, **any** readiness means that the event is signaled, whether the
/// descriptor is readable, is hung up or has an error. Only `POLLNVAL` means something else: the
/// descriptor is not open. An event of this crate never has one of the descriptors 0 to 2.
///
/// It implements `AsFd`, `AsRawFd` and `Into<OwnedFd>` on Unix, and `AsHandle`, `AsRawHandle` and
/// `Into<OwnedHandle>` on Windows, for the libraries that wait for many handles at once.
///
/// The system may be unable to wait for a foreign handle, such as an access token on Windows. Then
/// [`wait`](DoneEvent::wait) fails with [`Error::Io`], [`is_signaled`](DoneEvent::is_signaled)
/// returns `false`, and dropping the event still closes the handle. If the system can wait for a
/// foreign handle of another kind, such as a file, the event counts as signaled when that wait
/// succeeds.
///
/// Under Miri, an event is an entry in a table, and implements none of these traits.
///
/// ```
/// use mapisync::abi::IMAPISync;
/// use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncRequest};
/// # use mapisync::MapiSyncProgressCallback;
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
///     event.wait(None)?; // without a timeout
///     assert!(event.is_signaled());
/// }
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias("hThreadDoneEvent", "phSyncDoneEvent"))]
pub struct DoneEvent(platform::Owned);

impl DoneEvent {
    /// Creates an event that is not signaled, and the end that signals it.
    pub(crate) fn pair() -> Result<(DoneEvent, Signal)> {
        let (owned, signal) = platform::pair().map_err(Error::Event)?;
        Ok((DoneEvent(owned), signal))
    }

    /// Waits until the event is signaled. With a timeout, it waits no longer than that. With `None`,
    /// it waits without a limit.
    ///
    /// ```
    /// # use mapisync::{DoneEvent, Result};
    /// # use std::time::Duration;
    /// fn complete(event: &DoneEvent) -> Result<()> {
    ///     event.wait(Some(Duration::from_millis(500)))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Error::Timeout`] if the event is not signaled within the timeout.
    /// - [`Error::Io`] if the system's wait fails, because it cannot wait for the handle or is out of
    ///   memory.
    #[doc(alias = "WaitForSingleObject")]
    pub fn wait(&self, timeout: Option<Duration>) -> Result<()> {
        if platform::wait(&self.0, timeout)? {
            return Ok(());
        }
        Err(Error::Timeout {
            waited: timeout.unwrap_or_default(),
            missing: "the event is not signaled",
        })
    }

    /// Returns whether the event is signaled, without waiting. If [`wait`](DoneEvent::wait) would
    /// fail, it returns `false`.
    ///
    /// ```
    /// # fn look(event: &mapisync::DoneEvent) -> &'static str {
    /// if event.is_signaled() { "complete" } else { "running" }
    /// # }
    /// ```
    pub fn is_signaled(&self) -> bool {
        self.wait(Some(Duration::ZERO)).is_ok()
    }

    /// Duplicates the handle. The result refers to the same event and is closed separately.
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
    /// [`Error::Event`] if the system cannot duplicate the handle.
    #[doc(alias = "DuplicateHandle")]
    pub fn try_clone(&self) -> Result<DoneEvent> {
        platform::duplicate(&self.0).map(DoneEvent).map_err(Error::Event)
    }

    /// Returns the handle, which the event still owns and closes. It is never 0 or -1.
    ///
    /// ```
    /// # fn lend(event: &mapisync::DoneEvent) {
    /// assert!(!event.as_raw().is_null());
    /// # }
    /// ```
    pub fn as_raw(&self) -> HANDLE {
        platform::as_raw(&self.0)
    }

    /// Converts the event to its handle. The caller becomes the owner and must close it.
    ///
    /// ```
    /// # use mapisync::DoneEvent;
    /// fn there_and_back(event: DoneEvent) -> DoneEvent {
    ///     let raw = event.into_raw();
    ///     // SAFETY: `into_raw` gave up the ownership of this open handle.
    ///     unsafe { DoneEvent::from_raw(raw) }.expect("an open handle")
    /// }
    /// ```
    #[must_use = "the handle leaks unless it is closed"]
    pub fn into_raw(self) -> HANDLE {
        platform::into_raw(self.0)
    }

    /// Creates an event that owns a handle. Returns `None`, and closes nothing, for 0, for -1, and
    /// for a number that is not an open handle of this process.
    ///
    /// ```
    /// use mapisync::DoneEvent;
    /// use std::ptr;
    /// for handle in [ptr::null_mut(), ptr::without_provenance_mut(usize::MAX)] {
    ///     // SAFETY: neither is an open handle.
    ///     assert!(unsafe { DoneEvent::from_raw(handle) }.is_none());
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// If `handle` is an open handle of this process, the caller must own it and give up the
    /// ownership. `CloseHandle` (`close` on Unix) must be the right way to close it.
    ///
    /// The handle should be one for which the system can wait. Otherwise the event is never
    /// signaled.
    pub unsafe fn from_raw(handle: HANDLE) -> Option<DoneEvent> {
        // SAFETY: this function has the contract of `platform::from_raw`, and the caller meets it.
        unsafe { platform::from_raw(handle) }.map(DoneEvent)
    }

    /// Duplicates a foreign handle. Returns `None` if it is not an open handle, or cannot be
    /// duplicated.
    ///
    /// # Safety
    ///
    /// If `handle` is an open handle of this process, it must stay open during the call.
    pub(crate) unsafe fn duplicate_of(handle: HANDLE) -> Option<DoneEvent> {
        // SAFETY: `from_raw` requires ownership only because its result closes the handle when it
        // is dropped. `ManuallyDrop` prevents that, so this only borrows the handle, which stays
        // open during the call by this function's contract.
        let borrowed = unsafe { DoneEvent::from_raw(handle) }.map(core::mem::ManuallyDrop::new)?;
        borrowed.try_clone().ok()
    }
}

/// Returns the part of `timeout` that is left after the time since `started`, for a loop that waits
/// in pieces. `None` means no limit.
#[cfg_attr(all(test, mapisync_loom), expect(dead_code))]
fn left(timeout: Option<Duration>, started: std::time::Instant) -> Option<Duration> {
    timeout.map(|timeout| timeout.saturating_sub(started.elapsed()))
}

/// The result of `platform::wait`: whether the event is signaled.
type Waited = io::Result<bool>;

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr;

    #[test]
    fn every_handle_is_signaled_by_the_signal_and_stays_so() {
        let (event, signal) = DoneEvent::pair().unwrap();
        let other = event.try_clone().unwrap();
        assert!(!event.is_signaled() && !other.is_signaled());
        let early = event.wait(Some(Duration::from_millis(5)));
        assert!(matches!(early, Err(Error::Timeout { .. })));
        drop(signal);
        for event in [&event, &other] {
            assert!(event.is_signaled());
            event.wait(None).unwrap();
            event.wait(Some(Duration::MAX)).unwrap();
        }
    }

    #[test]
    fn threads_have_different_ids_while_their_handles_exist() {
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
        waiter.join().unwrap();
    }

    #[test]
    fn the_signal_outlives_the_event() {
        let (event, signal) = DoneEvent::pair().unwrap();
        drop(event);
        drop(signal);
    }

    #[test]
    fn a_raw_handle_becomes_an_event_again() {
        let (event, signal) = DoneEvent::pair().unwrap();
        let raw = event.into_raw();
        assert!(!raw.is_null());
        // SAFETY: the handle stays open during the call.
        let duplicate = unsafe { DoneEvent::duplicate_of(raw) }.unwrap();
        assert_ne!(duplicate.as_raw(), raw);
        // SAFETY: `into_raw` gave up the ownership of this open handle.
        let event = unsafe { DoneEvent::from_raw(raw) }.unwrap();
        assert_eq!(event.as_raw(), raw);
        drop(signal);
        assert!(event.is_signaled() && duplicate.is_signaled());
    }

    #[test]
    fn a_number_that_is_not_a_handle_is_not_an_event() {
        let far = if cfg!(windows) { 0x7FFF_FFF0 } else { i32::MAX as usize - 1 };
        for number in [0, usize::MAX, far, usize::MAX / 2 + 1] {
            let handle = ptr::without_provenance_mut(number);
            // SAFETY: none of them is an open handle.
            let event = unsafe { DoneEvent::from_raw(handle) };
            assert!(event.is_none(), "{number:#X}");
        }
    }
}
