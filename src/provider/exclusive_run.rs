//! `ExclusiveRun`: one run at a time, and its stop at logoff.

use crate::abi::HRESULT;
use crate::error::{Error, Result};
use crate::primitive::{Condvar, Mutex, MutexGuard};
use crate::provider::run_state::RunState;
use crate::provider::{SyncJob, SyncRequest};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::PoisonError;
use std::time::Duration;

/// Starts the runs of a store, one at a time, and stops them at logoff.
///
/// A store keeps it in a field, and starts its runs through it:
///
/// - While a run is in progress, another one is refused with `MAPI_E_BUSY`.
/// - After [`stop`](ExclusiveRun::stop), every run is refused with `MAPI_E_OFFLINE`.
///
/// The next run may start as soon as the work of the last one has ended, even during its `Done`.
/// Clones share the state, so a store that is cloned can have it, too.
///
/// ```
/// use mapisync::{ExclusiveRun, MapiSync, Result, SyncRequest};
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct Store {
///     run: ExclusiveRun,
/// }
///
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         self.run.spawn(request, |job| {
///             for message in job.track("Receiving Inbox", 0..100) {
///                 let _message = message?; // fails if the host or `stop` cancels the run
///             }
///             Ok(())
///         })
///     }
/// }
///
/// impl Store {
///     /// IMsgStore::StoreLogoff
///     fn store_logoff(&self) {
///         if !self.run.stop(Duration::from_secs(5)) {
///             // the run still uses the mailbox
///         }
///     }
/// }
/// # Store::default().store_logoff();
/// ```
#[derive(Clone, Default)]
pub struct ExclusiveRun(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// A run has been removed.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    is_stopped: bool,
    next_id: usize,
    /// The runs that have not ended: one whose work is in progress, and those that are calling
    /// `Done` or signaling their event.
    runs: Vec<Run>,
}

struct Run {
    id: usize,
    is_working: bool,
    /// `None` until the run has started.
    state: Option<Arc<RunState>>,
}

impl ExclusiveRun {
    /// Starts a run on a new thread, as [`SyncRequest::spawn`] does.
    ///
    /// Effect on the counts: that of [`SyncRequest::spawn`]. A run that is refused has none.
    ///
    /// ```
    /// # use mapisync::{ExclusiveRun, Result, SyncRequest};
    /// # fn f(run: &ExclusiveRun, request: SyncRequest<'_>) -> Result<()> {
    /// run.spawn(request, |job| job.progress(Some("Receiving"), 1, 1))
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - `MAPI_E_BUSY` while another run is in progress.
    /// - `MAPI_E_OFFLINE` after [`stop`](ExclusiveRun::stop).
    /// - The errors of [`SyncRequest::spawn`].
    pub fn spawn<R: Into<HRESULT>>(
        &self,
        request: SyncRequest<'_>,
        work: impl FnOnce(&SyncJob) -> Result<R> + Send + 'static,
    ) -> Result<()> {
        self.spawn_with(request, || Ok(()), |job, ()| work(job))
    }

    /// Starts a run on a new thread, with a value that lives there until after `Done`, as
    /// [`SyncRequest::spawn_with`] does.
    ///
    /// ```
    /// # use mapisync::{ExclusiveRun, Result, SyncRequest};
    /// # struct Mapi;
    /// # impl Mapi { fn initialize() -> Result<Mapi> { Ok(Mapi) } }
    /// # fn f(run: &ExclusiveRun, request: SyncRequest<'_>) -> Result<()> {
    /// run.spawn_with(request, Mapi::initialize, |job, _mapi| job.position(1, 1))
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// They are those of [`spawn`](ExclusiveRun::spawn).
    pub fn spawn_with<G, R: Into<HRESULT>>(
        &self,
        request: SyncRequest<'_>,
        setup: impl FnOnce() -> Result<G> + Send + 'static,
        work: impl FnOnce(&SyncJob, &mut G) -> Result<R> + Send + 'static,
    ) -> Result<()> {
        let permit = self.permit()?;
        request.spawn_thread(Some(permit), setup, work).map(|_handle| ())
    }

    /// Starts a run, as [`SyncRequest::start`] does, for an async store or a thread of the store.
    ///
    /// The run is in progress until the job ends. A job that is never dropped blocks all later
    /// runs.
    ///
    /// ```
    /// # use mapisync::{ExclusiveRun, Result, SyncRequest};
    /// # fn f(run: &ExclusiveRun, request: SyncRequest<'_>) -> Result<()> {
    /// let job = run.start(request)?;
    /// std::thread::spawn(move || {
    ///     let result = job.position(1, 1);
    ///     job.finish(result);
    /// });
    /// Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - `MAPI_E_BUSY` while another run is in progress.
    /// - `MAPI_E_OFFLINE` after [`stop`](ExclusiveRun::stop).
    /// - The errors of [`SyncRequest::start`].
    pub fn start(&self, request: SyncRequest<'_>) -> Result<SyncJob> {
        let permit = self.permit()?;
        request.start_with(Some(permit))
    }

    /// Cancels the run, waits for its end, and refuses all later runs. Returns whether no run is
    /// left.
    ///
    /// A run has ended after `Done` and the event. If a run starts at the same time, it is canceled
    /// before its first report can succeed. `stop` may be called more than once.
    ///
    /// A run may need a thread on which the host calls `stop`: its report waits for the host's
    /// `Progress`, and that for the thread. The wait therefore ends at the timeout, and the run
    /// then continues. On the thread of a spawned run, `stop` does not wait, and returns `false`.
    ///
    /// ```
    /// # use mapisync::ExclusiveRun;
    /// # use std::path::Path;
    /// # use std::time::Duration;
    /// # use std::{fs, io};
    /// /// The body of IMsgStore::StoreLogoff.
    /// fn log_off(run: &ExclusiveRun, cache: &Path) -> io::Result<()> {
    ///     if run.stop(Duration::from_secs(5)) {
    ///         fs::remove_dir_all(cache)?; // no run uses it any more
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use = "a run that has not ended still uses the store's data"]
    #[doc(alias = "StoreLogoff")]
    pub fn stop(&self, timeout: Duration) -> bool {
        let mut state = self.0.lock();
        state.is_stopped = true;
        let running = state.runs.iter().filter_map(|run| run.state.clone());
        let running: Vec<_> = running.collect();
        drop(state); // no lock is held while tasks are woken
        for run in &running {
            run.cancel();
        }
        let timeout =
            if running.iter().any(|run| run.is_worker_thread()) { Duration::ZERO } else { timeout };
        drop(running);
        let has_runs = |state: &mut State| !state.runs.is_empty();
        let waited = self.0.ended.wait_timeout_while(self.0.lock(), timeout, has_runs);
        waited.unwrap_or_else(PoisonError::into_inner).0.runs.is_empty()
    }

    /// Returns whether a run is in progress, so that another one would be refused. It is `false`
    /// once the work has ended, also if `Done` has not been called yet.
    ///
    /// ```
    /// # use mapisync::ExclusiveRun;
    /// fn status_line(run: &ExclusiveRun) -> &'static str {
    ///     if run.is_running() { "Synchronizing" } else { "Up to date" }
    /// }
    /// assert_eq!(status_line(&ExclusiveRun::default()), "Up to date");
    /// ```
    pub fn is_running(&self) -> bool {
        self.0.lock().is_working()
    }

    /// Admits a run, before it starts.
    fn permit(&self) -> Result<Permit> {
        let mut state = self.0.lock();
        if state.is_stopped {
            let message = "the store has been stopped";
            return Err(Error::new(HRESULT::MAPI_E_OFFLINE, message));
        }
        if state.is_working() {
            let message = "a synchronization of this store is in progress";
            return Err(Error::new(HRESULT::MAPI_E_BUSY, message));
        }
        let id = state.next_id;
        state.next_id += 1;
        state.runs.push(Run { id, is_working: true, state: None });
        Ok(Permit { shared: self.0.clone(), id })
    }
}

impl fmt::Debug for ExclusiveRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("ExclusiveRun")
            .field("is_running", &state.is_working())
            .field("is_stopped", &state.is_stopped)
            .finish()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_working(&self) -> bool {
        self.runs.iter().any(|run| run.is_working)
    }

    fn run(&mut self, id: usize) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }
}

/// The permission for one run, which its completion holds. It is dropped after the event is
/// signaled, or if the run does not start.
pub(super) struct Permit {
    shared: Arc<Shared>,
    id: usize,
}

impl Permit {
    /// Records that the run has started. Its job must not have reported yet, so that a `stop` that
    /// came before cancels it in time.
    pub(super) fn run_started(&self, run_state: &Arc<RunState>) {
        let mut state = self.shared.lock();
        if let Some(run) = state.run(self.id) {
            run.state = Some(run_state.clone());
        }
        if state.is_stopped {
            drop(state);
            run_state.cancel();
        }
    }

    /// Records that the run's work has ended, so that the next run may start.
    pub(super) fn work_ended(&self) {
        if let Some(run) = self.shared.lock().run(self.id) {
            run.is_working = false;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let index = state.runs.iter().position(|run| run.id == self.id);
        let ended = index.map(|index| state.runs.swap_remove(index));
        drop(state);
        drop(ended); // the last owner of the run's state drops the wakers of its tasks
        self.shared.ended.notify_all();
    }
}
