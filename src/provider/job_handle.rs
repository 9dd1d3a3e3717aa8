//! `JobHandle`: stops a run that `spawn` started, and waits for its thread.

use crate::abi::HRESULT;
use crate::error::{Error, Result};
use crate::provider::run_state::RunState;
use alloc::sync::Arc;
use core::fmt;
use std::thread::JoinHandle;

/// A handle with which a store stops a run that it has spawned, and waits for the run's thread. Use
/// it at logoff, or before the store's library is unloaded.
///
/// Dropping it does not affect the run. It holds no reference to a COM object.
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
///         let running = self.running.lock().unwrap().take(); // the lock is not held while waiting
///         if let Some(job) = running {
///             job.cancel();
///             job.join()?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub struct JobHandle {
    state: Arc<RunState>,
    thread: JoinHandle<HRESULT>,
}

impl JobHandle {
    pub(super) fn new(state: Arc<RunState>, thread: JoinHandle<HRESULT>) -> JobHandle {
        JobHandle { state, thread }
    }

    /// Asks the job to stop, and returns at once. The job's next
    /// [`progress`](crate::SyncJob::progress) fails with [`Error::Canceled`]. If the run ends with
    /// that error, the host gets `MAPI_E_USER_CANCEL` through `Done`, and no message.
    ///
    /// ```
    /// # fn stop(handle: &mapisync::JobHandle) {
    /// handle.cancel();
    /// # }
    /// ```
    pub fn cancel(&self) {
        self.state.cancel();
    }

    /// Waits until the run's thread has ended, after `Done` and the event, and returns the status
    /// that was passed to `Done`.
    ///
    /// Do not hold a lock here that the host or the job needs, because the run's thread may be
    /// calling the host.
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
    /// [`Error::JoinOnOwnThread`] on the run's own thread, for instance in a `Drop` that runs
    /// during `Done`, or in the destructor of a thread-local.
    pub fn join(self) -> Result<HRESULT> {
        if self.state.is_worker_thread() {
            return Err(Error::JoinOnOwnThread);
        }
        // The thread's function does not unwind: it catches the closure's panics, and a panic in
        // the destructor of a thread-local ends the process.
        Ok(self.thread.join().unwrap_or(HRESULT::E_UNEXPECTED))
    }
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle")
            .field("thread", &self.thread.thread().id())
            .field("is_canceled", &self.state.is_canceled_by_store())
            .finish()
    }
}
