//! `SyncRun`: a run that a host has started.

use crate::abi::HRESULT;
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::host::run_state::{RunEvent, SharedState};
use core::fmt;
use std::time::{Duration, Instant};

#[cfg(doc)]
use crate::host::SyncHost;

/// A run that a [`SyncHost`] has started on a store.
///
/// [`wait`](SyncRun::wait) blocks until it has ended. `run.await` does not block, and needs no
/// particular runtime; [`RunFuture`](crate::host::RunFuture) has the details.
///
/// Dropping it closes the run's duplicate of the event handle. It does not block, and the store
/// continues to call the callback.
///
/// ```
/// # use mapisync::{ComPtr, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncFlags, SyncHost, SyncRequest};
/// # use mapisync::abi::IMAPISync;
/// # struct Dialog;
/// # impl MapiSyncProgressCallback for Dialog {
/// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
/// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
/// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
/// # }
/// # struct Store;
/// # impl MapiSync for Store {
/// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
/// #         request.spawn(|job| job.position(1, 1))
/// #     }
/// # }
/// use std::time::Duration;
///
/// let sync = ComPtr::<IMAPISync>::new(Store);
/// let run = SyncHost::new(Dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)?;
/// let status = match run.wait(Duration::from_secs(30)) {
///     Ok(status) => status,
///     Err(_timeout) => {
///         run.cancel(); // the store's next report fails
///         run.wait(Duration::from_secs(5))?
///     }
/// };
/// assert_eq!(status, HRESULT::S_OK);
/// # Ok::<(), mapisync::Error>(())
/// ```
#[must_use = "dropping a run forgets it, and the store continues"]
pub struct SyncRun {
    pub(super) state: SharedState,
    pub(super) event: RunEvent,
}

impl SyncRun {
    pub(super) fn new(state: SharedState, event: RunEvent) -> SyncRun {
        SyncRun { state, event }
    }

    /// Waits until the run has ended, and returns the status that `Done` passed.
    ///
    /// The run has ended when the callback's `done` has returned or panicked, *and* the run's
    /// [`event`](SyncRun::event), if it has one, is signaled. The store's thread is complete then.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{HRESULT, Result, SyncRun};
    /// # use std::time::Duration;
    /// fn finish(run: &SyncRun) -> Result<HRESULT> {
    ///     run.wait(Duration::from_secs(30))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Error::Timeout`] if the run takes longer than `timeout`. The error names the missing
    ///   part, and the run continues.
    /// - [`Error::Io`] if the system cannot wait for the event.
    ///
    /// In both cases [`status`](SyncRun::status) returns the status if `Done` was called. If the
    /// status is a failure, the result is still `Ok`.
    pub fn wait(&self, timeout: Duration) -> Result<HRESULT> {
        let started = Instant::now();
        let timed_out = |missing| Error::Timeout { waited: timeout, missing };
        let Some(status) = self.state.wait(timeout) else {
            let is_signaled = self.event().is_some_and(DoneEvent::is_signaled);
            return Err(timed_out(if self.status().is_some() {
                "Done was called, but the callback's `done` has not returned"
            } else if is_signaled {
                "its event is signaled, but Done was not called"
            } else {
                "Done was not called"
            }));
        };
        if let Some(event) = self.event() {
            let left = timeout.saturating_sub(started.elapsed());
            event.wait(Some(left)).map_err(|error| match error {
                Error::Timeout { .. } => {
                    timed_out("Done was called, but its event is not signaled")
                }
                error => error,
            })?;
        }
        Ok(status)
    }

    /// Asks the store to stop, and returns at once. The callback still gets the store's reports,
    /// but from now on each `Progress` returns `MAPI_E_USER_CANCEL` to the store. The store should
    /// end the run with that code.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{HRESULT, Result, SyncRun};
    /// # use std::time::Duration;
    /// fn stop(run: &SyncRun) -> Result<HRESULT> {
    ///     run.cancel();
    ///     run.wait(Duration::from_secs(30))
    /// }
    /// ```
    pub fn cancel(&self) {
        self.state.cancel();
    }

    /// The run's event, or `None` if there is none yet. The run owns a duplicate of the handle,
    /// which is closed when the run is dropped.
    ///
    /// - If `Done` was called before [`start`](SyncHost::start) returned, it is the event that
    ///   `Done` passed, or `None` if `Done` passed none. The handle that the store returned may be
    ///   closed already.
    /// - Otherwise it is the event whose handle the store returned. If the store returned none, it
    ///   is the event that `Done` passes, and `None` until then.
    /// - It stays `None` if the handle cannot be duplicated, or is not an open handle.
    ///
    /// ```
    /// # use mapisync::{Result, SyncRun};
    /// /// Waits for the store's thread, whether or not `Done` was called.
    /// fn wait_for_thread(run: &SyncRun) -> Result<()> {
    ///     run.event().map_or(Ok(()), |event| event.wait(None))
    /// }
    /// ```
    pub fn event(&self) -> Option<&DoneEvent> {
        self.event.get()
    }

    /// The status that `Done` passed, or `None` until then. It is set before the callback's `done`
    /// runs, which may therefore wake a thread that reads it. The run has ended only when
    /// [`wait`](SyncRun::wait) returns.
    ///
    /// ```
    /// # use mapisync::SyncRun;
    /// # fn f(run: &SyncRun) {
    /// match run.status() {
    ///     Some(status) => println!("ended with {status}"),
    ///     None => println!("in progress"),
    /// }
    /// # }
    /// ```
    pub fn status(&self) -> Option<HRESULT> {
        self.state.status()
    }
}

impl fmt::Debug for SyncRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRun")
            .field("status", &self.status())
            .field("event", &self.event())
            .finish()
    }
}
