//! `SyncJob`: the work of a run, through which the store reports and ends it.

use crate::abi::{HRESULT, IMAPISyncProgressCallback};
use crate::error::{Error, Result};
use crate::object::{ComPtr, unwind};
use crate::provider::completion::Completion;
use crate::provider::outcome::Outcome;
use crate::provider::run_state::RunState;
use alloc::sync::Arc;
use core::fmt;

/// A running synchronization. The store reports its progress to the host through it.
///
/// It is `Send` and `Sync`, so any thread or executor can use it. It owes the host one `Done` and
/// one event, exactly once:
///
/// - [`finish`](SyncJob::finish) ends the run with a result. So does the return of the closure
///   given to [`SyncRequest::spawn`](crate::SyncRequest::spawn).
/// - Dropping the job ends the run with `E_ABORT`.
/// - A panic that drops the job ends the run with a message through `Error`, and `E_UNEXPECTED`.
/// - A job that is dropped on Outlook's thread, before the store's method has returned, ends the
///   run when the method returns: with its error or panic, otherwise with `E_ABORT`.
///
/// [`mem::forget`](core::mem::forget) is the only way out. The host then waits forever.
///
/// Effect on the counts: a job owns one reference to the host's callback, from start to end. It
/// owns none to the store or the session.
///
/// # Cancellation
///
/// The host asks a job to stop by a failure of `Progress`. That call returns [`Error::Host`] with
/// the host's code. All later calls return the same without calling the host, and
/// [`is_canceled`](SyncJob::is_canceled) returns `true`. The store asks a job to stop by
/// [`JobHandle::cancel`](crate::JobHandle::cancel), and the error is [`Error::Canceled`]. With `?`
/// the run ends with that code.
///
/// ```
/// use mapisync::{MapiSync, Result, SyncRequest};
/// use std::thread;
///
/// struct Store;
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         let job = request.start()?;
///         thread::spawn(move || {
///             let result = job.progress(Some("Receiving"), 0, 1);
///             job.finish(result);
///         });
///         Ok(())
///     }
/// }
/// ```
pub struct SyncJob {
    /// `None` once the run is completed.
    completion: Option<Completion>,
    state: Arc<RunState>,
}

impl SyncJob {
    pub(super) fn new(completion: Completion, state: Arc<RunState>) -> SyncJob {
        SyncJob {
            completion: Some(completion),
            state,
        }
    }

    /// Reports a step, or with `None` the position only: `index` of `max`, in units of the store's
    /// choice.
    ///
    /// A NUL in the step becomes U+FFFD. A step of up to 255 UTF-16 units is not allocated.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{Result, SyncJob};
    /// fn receive(job: &SyncJob) -> Result<()> {
    ///     job.progress(Some("Receiving «Inbox»"), 3, 120)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Error::Host`] with the code of the host's first failure, which is its request to stop.
    /// - [`Error::Canceled`] after [`JobHandle::cancel`](crate::JobHandle::cancel).
    #[inline]
    pub fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.state.check_stop_request()?;
        let Some(callback) = self.callback() else {
            return Ok(());
        };
        let code = callback.progress(step, index, max);
        if code.is_err() {
            return Err(self.state.host_requested_stop(code));
        }
        Ok(())
    }

    /// Reports the position only. The host keeps showing the last step.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{Result, SyncJob};
    /// fn receive(job: &SyncJob) -> Result<()> {
    ///     (0..120).try_for_each(|n| job.position(n, 120))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`progress`](SyncJob::progress).
    #[inline]
    pub fn position(&self, index: u32, max: u32) -> Result<()> {
        self.progress(None, index, max)
    }

    /// Reports an error or a warning that does not end the run. `code` may be of success severity.
    ///
    /// Do not call it for an error that ends the run. Return that error instead, and the host gets
    /// its message before `Done`. This function works after a request to stop, too.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{HRESULT, Result, SyncJob};
    /// fn skip(job: &SyncJob, name: &str) -> Result<()> {
    ///     job.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, &format!("«{name}» cannot be read; it is left out"))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Host`] if the host returns a failure. It is no request to stop: only `Progress` has
    /// one.
    pub fn error(&self, code: HRESULT, message: &str) -> Result<()> {
        let Some(callback) = self.callback() else {
            return Ok(());
        };
        let code = callback.error(code, message);
        if code.is_err() {
            let method = "Error";
            return Err(Error::Host { method, code });
        }
        Ok(())
    }

    /// Whether the host or the store has asked the run to stop.
    ///
    /// A request of the host arrives with its return from [`progress`](SyncJob::progress) or
    /// [`position`](SyncJob::position), and this function repeats it. A request of the store, by
    /// [`JobHandle::cancel`](crate::JobHandle::cancel), arrives at once.
    ///
    /// ```
    /// # use mapisync::{Result, SyncJob};
    /// fn chunks(job: &SyncJob, megabytes: u32) {
    ///     for n in 0..megabytes {
    ///         let _ = job.position(n, megabytes); // a request to stop is checked below
    ///         if job.is_canceled() {
    ///             return; // keeps what there is
    ///         }
    ///         // copy a megabyte
    ///     }
    /// }
    /// ```
    pub fn is_canceled(&self) -> bool {
        self.state.check_stop_request().is_err()
    }

    /// Ends the run: `Done`, then the event.
    ///
    /// `Ok` holds the status; `()` means `S_OK`. The message of an `Err` goes to the host through
    /// `Error` first, unless the error is the host's own. A message of more than 32 KiB is cut off.
    ///
    /// Effect on the counts: the reference to the callback is released, before the event occurs.
    ///
    /// ```
    /// # use mapisync::{HRESULT, SyncJob};
    /// fn end(job: SyncJob, left_out: usize) {
    ///     job.finish(Ok(if left_out == 0 { HRESULT::S_OK } else { HRESULT::MAPI_W_PARTIAL_COMPLETION }));
    /// }
    /// ```
    pub fn finish<R: Into<HRESULT>>(self, result: Result<R>) {
        let _status = self.end(Outcome::from_result(result));
    }

    /// Runs the closure of `spawn`, ends the run with its outcome, and returns the status.
    pub(super) fn run<R: Into<HRESULT>>(self, work: impl FnOnce(&SyncJob) -> Result<R>) -> HRESULT {
        self.state.set_worker_thread();
        // What the closure captured and returned is the user's, so it is dropped within the catch.
        let outcome = unwind::catch(|| Outcome::from_result(work(&self)));
        self.end(outcome.unwrap_or_else(|_panic| Outcome::panicked()))
    }

    fn end(mut self, outcome: Outcome) -> HRESULT {
        let completion = self.completion.take().expect("a job ends once");
        self.state.job_ended(completion, outcome)
    }

    pub(super) fn state(&self) -> Arc<RunState> {
        self.state.clone()
    }

    /// `None` if the host wants no progress.
    #[inline]
    fn callback(&self) -> Option<&ComPtr<IMAPISyncProgressCallback>> {
        self.completion.as_ref().and_then(Completion::callback)
    }
}

impl Drop for SyncJob {
    fn drop(&mut self) {
        if let Some(completion) = self.completion.take() {
            self.state.job_dropped(completion);
        }
    }
}

impl fmt::Debug for SyncJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncJob")
            .field("callback", &self.callback())
            .field("is_canceled", &self.is_canceled())
            .finish_non_exhaustive()
    }
}
