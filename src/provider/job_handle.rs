//! `JobHandle`: the store's own hold on a job that runs on its thread.

use crate::abi::HRESULT;
use crate::error::{Error, Result};
use crate::provider::control::Control;
use alloc::sync::Arc;
use core::fmt;
use std::thread::JoinHandle;

/// A store's hold on a run that it spawned: to stop it and to wait for its thread, at logoff or before unloading.
///
/// Dropping it leaves the run alone. It holds no reference to any COM object, so keeping it keeps nothing alive.
///
/// ```
/// use mapisync::{JobHandle, MapiSync, Result, SyncRequest};
/// use std::sync::Mutex;
///
/// #[derive(Default)]
/// struct Store {
///     running: Mutex<Option<JobHandle>>,
/// }
///
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         let handle = request.spawn_with_handle(|job| (0..100).try_for_each(|n| job.position(n, 100)))?;
///         *self.running.lock().unwrap() = Some(handle);
///         Ok(())
///     }
/// }
///
/// impl Store {
///     fn log_off(&self) -> Result<()> {
///         let running = self.running.lock().unwrap().take(); // not held while waiting
///         if let Some(job) = running {
///             job.cancel();
///             job.join()?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub struct JobHandle {
    control: Arc<Control>,
    thread: JoinHandle<HRESULT>,
}

impl JobHandle {
    pub(super) fn new(control: Arc<Control>, thread: JoinHandle<HRESULT>) -> JobHandle {
        JobHandle { control, thread }
    }

    /// Asks the job to stop, without waiting: its next call to `progress` answers
    /// [`Error::Canceled`], `MAPI_E_USER_CANCEL`. If the job ends with that, the host hears through its `Error` that the
    /// store stopped the synchronisation.
    ///
    /// ```
    /// # fn stop(handle: &mapisync::JobHandle) {
    /// handle.cancel();
    /// # }
    /// ```
    pub fn cancel(&self) {
        self.control.cancel();
    }

    /// Waits until the run's thread has ended, after `Done` and the event, and returns the status given to `Done`.
    ///
    /// The worker may be in the middle of a call to the host, so don't hold a lock that the host or the job wants.
    ///
    /// ```
    /// # use mapisync::{HRESULT, JobHandle, Result};
    /// fn wait(handle: JobHandle) -> Result<HRESULT> {
    ///     handle.join()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::JoinOnOwnThread`] if the caller *is* the run's thread: in a `Drop` that `Done` set off for instance, or in the
    /// destructor of one of its thread-locals.
    pub fn join(self) -> Result<HRESULT> {
        if self.control.is_worker() {
            return Err(Error::JoinOnOwnThread);
        }
        // Nothing unwinds out of the thread's function: it catches what the closure throws, and a panic in the destructor of a
        // thread-local ends the process.
        Ok(self.thread.join().unwrap_or(HRESULT::E_UNEXPECTED))
    }
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle")
            .field("thread", &self.thread.thread().id())
            .field("is_canceled", &self.control.is_canceled())
            .finish()
    }
}
