//! `JobHandle`: stops a run that `spawn` started, and waits for its thread.

use crate::abi::HRESULT;
use crate::error::{Error, Result};
use crate::provider::run_state::RunState;
use alloc::sync::Arc;
use core::fmt;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A handle with which a store stops a run that it has spawned, and waits for the run's thread. Use
/// it at logoff, or before the store's library is unloaded. A store that runs one synchronization
/// at a time needs no handle: [`ExclusiveRun`](crate::ExclusiveRun) stops its run.
///
/// Dropping it does not affect the run. It holds no reference to a COM object.
///
/// ```
/// use mapisync::{JobHandle, MapiSync, Result, SyncRequest};
/// use std::sync::Mutex;
/// use std::time::Duration;
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
///     /// Returns whether the run has ended.
///     fn log_off(&self) -> bool {
///         let running = self.running.lock().unwrap().take(); // the lock is not held while waiting
///         running.is_none_or(|job| {
///             job.cancel();
///             job.join_timeout(Duration::from_secs(5)).is_ok()
///         })
///     }
/// }
/// # assert!(Store::default().log_off());
/// ```
pub struct JobHandle {
    state: Arc<RunState>,
    thread: JoinHandle<HRESULT>,
    end: Arc<End>,
}

/// The end of a run's thread. It is set when the thread has nothing left to do.
#[derive(Default)]
pub(super) struct End {
    status: Mutex<Option<HRESULT>>,
    is_set: Condvar,
}

impl End {
    pub(super) fn set(&self, status: HRESULT) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
        self.is_set.notify_all();
    }

    fn wait(&self, timeout: Duration) -> Option<HRESULT> {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.is_set.wait_timeout_while(status, timeout, |status| status.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl JobHandle {
    pub(super) fn new(
        state: Arc<RunState>,
        thread: JoinHandle<HRESULT>,
        end: Arc<End>,
    ) -> JobHandle {
        JobHandle { state, thread, end }
    }

    /// Asks the job to stop, and returns at once. The job's next
    /// [`progress`](crate::SyncJob::progress) fails with [`Error::Canceled`]. If the run ends with
    /// that error, the host gets `MAPI_E_USER_CANCEL` through `Done`, and no message.
    ///
    /// ```
    /// # use mapisync::JobHandle;
    /// /// Asks all jobs to stop before it waits for the first one.
    /// fn log_off(running: Vec<JobHandle>) {
    ///     running.iter().for_each(JobHandle::cancel);
    ///     for job in running {
    ///         let _status = job.join();
    ///     }
    /// }
    /// ```
    pub fn cancel(&self) {
        self.state.cancel();
    }

    /// Returns whether the run's thread has ended, after `Done` and the event.
    ///
    /// ```
    /// # use mapisync::JobHandle;
    /// fn forget_old_runs(running: &mut Vec<JobHandle>) {
    ///     running.retain(|job| !job.is_finished());
    /// }
    /// ```
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until the run's thread has ended, after `Done` and the event, and returns the status
    /// that was passed to `Done`.
    ///
    /// It can wait forever. Calls of the host are the most likely reason: the job reports its
    /// progress, the host's `Progress` waits for the user-interface thread, and that thread waits
    /// here. Use [`join_timeout`](JobHandle::join_timeout) on a thread that the host may need. Do
    /// not hold a lock here that the job or the host needs.
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

    /// Waits as [`join`](JobHandle::join) does, but no longer than `timeout`. The run continues if
    /// it has not ended by then, and the handle can be used again.
    ///
    /// ```
    /// # use mapisync::{Error, JobHandle};
    /// # use std::time::Duration;
    /// fn stop(handle: &JobHandle) {
    ///     handle.cancel();
    ///     match handle.join_timeout(Duration::from_secs(5)) {
    ///         Ok(status) => println!("the run ended with {status}"),
    ///         Err(error) => println!("the run still uses the mailbox: {error}"),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Error::Timeout`] if the thread has not ended within the timeout.
    /// - [`Error::JoinOnOwnThread`] on the run's own thread.
    pub fn join_timeout(&self, timeout: Duration) -> Result<HRESULT> {
        if self.state.is_worker_thread() {
            return Err(Error::JoinOnOwnThread);
        }
        let started = Instant::now();
        let status = self.end.wait(timeout);
        // The thread has nothing left to do but the destructors of its thread-locals.
        while status.is_some() && !self.is_finished() && started.elapsed() < timeout {
            thread::yield_now();
        }
        status
            .filter(|_| self.is_finished())
            .ok_or(Error::Timeout { waited: timeout, missing: "its thread has not ended" })
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
