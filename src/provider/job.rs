//! `SyncJob`: a running synchronization, which reports progress and ends the run.

use crate::abi::{HRESULT, IMAPISyncProgressCallback};
use crate::error::{CallbackMethod, Error, Result};
use crate::object::{ComPtr, unwind};
use crate::provider::Canceled;
use crate::provider::ProgressValue;
use crate::provider::completion::Completion;
use crate::provider::outcome::Outcome;
use crate::provider::run_state::RunState;
use crate::trace::{self, RunSpan};
use alloc::sync::Arc;
use core::fmt;

/// A running synchronization. The store reports its progress to the host through it:
/// [`track`](SyncJob::track) the progress of a loop, [`bar`](SyncJob::bar) that of nested folders,
/// and [`progress`](SyncJob::progress) anything else.
///
/// It is `Send` and `Sync`, so any thread or executor can use it. It calls `Done` once and then
/// signals the event, in each of these cases:
///
/// - [`finish`](SyncJob::finish) ends the run with a result. So does the return of the closure
///   given to [`SyncRequest::spawn`](crate::SyncRequest::spawn).
/// - Dropping the job ends the run with `E_ABORT`.
/// - A panic that drops the job ends the run with `E_UNEXPECTED`, after a message through `Error`.
/// - If the job is dropped on the host's thread before the store's method has returned, the run
///   ends when the method returns: with the method's error or panic, otherwise with `E_ABORT`.
/// - If the method fails or panics while the job runs elsewhere, the job is asked to stop. The run
///   then ends with the method's error, whatever the job ends with.
///
/// A job that is never dropped, for instance by [`mem::forget`](core::mem::forget), never ends its
/// run, and the host waits forever.
///
/// Effect on the counts: a job owns one reference to the host's callback, from start to end. It
/// owns no reference to the store or the session.
///
/// # Cancellation
///
/// The host asks the job to stop when its `Progress` fails. That call of
/// [`progress`](SyncJob::progress) or [`position`](SyncJob::position) and all later ones return
/// [`Error::Host`] with the host's first code, and the later ones do not call the host. The store
/// asks the job to stop by [`JobHandle::cancel`](crate::JobHandle::cancel), and they return
/// [`Error::Canceled`]. A closure that returns this error by `?` ends the run with its code.
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
#[must_use = "a job that is dropped ends its run with `E_ABORT`"]
pub struct SyncJob {
    /// `None` once the run is completed.
    completion: Option<Completion>,
    state: Arc<RunState>,
}

impl SyncJob {
    pub(super) fn new(completion: Completion, state: Arc<RunState>) -> SyncJob {
        SyncJob { completion: Some(completion), state }
    }

    /// Reports a step, or with `None` only the position: `index` of `max`, in the store's units.
    ///
    /// Both accept every [integer](ProgressValue), and become the nearest `u32`. To report each item
    /// of a loop, use [`track`](SyncJob::track). For one position over several loops or functions,
    /// use [`bar`](SyncJob::bar).
    ///
    /// Do not pass a `max` of 0: no source defines it, and a host may divide by it. (A host of this
    /// crate reads it as an unknown total, which is inferred.) If the total is unknown, pass 0 of 1,
    /// and 1 of 1 at the end.
    ///
    /// A NUL in the step becomes U+FFFD. A step of up to 255 UTF-16 units is converted
    /// without an allocation.
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
    /// - [`Error::Canceled`] after [`JobHandle::cancel`](crate::JobHandle::cancel), and after the
    ///   store's method has failed.
    #[inline]
    #[doc(alias = "Progress")]
    pub fn progress(
        &self,
        step: Option<&str>,
        index: impl ProgressValue,
        max: impl ProgressValue,
    ) -> Result<()> {
        self.report(step, index.to_u32(), max.to_u32())
    }

    #[inline]
    fn report(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.check_stop_request()?;
        let Some(callback) = self.callback() else {
            return Ok(());
        };
        let code = trace::in_scope(self.span(), || callback.progress(step, index, max));
        if code.is_err() {
            return Err(self.state.host_requested_stop(CallbackMethod::Progress, code));
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
    /// It fails as [`progress`](SyncJob::progress) does.
    #[inline]
    pub fn position(&self, index: impl ProgressValue, max: impl ProgressValue) -> Result<()> {
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
    /// # use mapisync::{HRESULT, SyncJob};
    /// fn skip(job: &SyncJob, name: &str) {
    ///     job.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, &format!("«{name}» cannot be read; it is left out"));
    /// }
    /// ```
    ///
    /// It never ends the run: most failures of the host's `Error` are ignored, because a host may
    /// not implement it. If the host returns `MAPI_E_USER_CANCEL` or `MAPI_E_CANCEL`, the job is
    /// asked to stop, and its next report fails.
    #[doc(alias = "Error")]
    pub fn error(&self, code: HRESULT, message: &str) {
        let Some(callback) = self.callback() else {
            return;
        };
        let code = trace::in_scope(self.span(), || callback.error(code, message));
        if code == HRESULT::MAPI_E_USER_CANCEL || code == HRESULT::MAPI_E_CANCEL {
            let _reported_later = self.state.host_requested_stop(CallbackMethod::Error, code);
        }
    }

    /// Returns whether the host or the store has asked the job to stop.
    ///
    /// A request of the host is known after [`progress`](SyncJob::progress) or
    /// [`position`](SyncJob::position) has failed. A request of the store, by
    /// [`JobHandle::cancel`](crate::JobHandle::cancel), is known at once.
    ///
    /// ```
    /// # use mapisync::{Result, SyncJob};
    /// fn chunks(job: &SyncJob, megabytes: u32) {
    ///     for n in 0..megabytes {
    ///         let _ = job.position(n, megabytes); // the next line checks for a request to stop
    ///         if job.is_canceled() {
    ///             return; // keeps what has been copied
    ///         }
    ///         // copy a megabyte
    ///     }
    /// }
    /// ```
    pub fn is_canceled(&self) -> bool {
        self.check_stop_request().is_err()
    }

    /// Fails as a report does if the host or the store has asked the job to stop. The host is not
    /// called.
    #[inline]
    pub(super) fn check_stop_request(&self) -> Result<()> {
        self.state.check_stop_request()
    }

    /// Returns a handle with which the store can ask this job to stop, from any thread. A job of
    /// [`SyncRequest::start`](crate::SyncRequest::start) is canceled by it, as a job of `spawn` is
    /// by its [`JobHandle`](crate::JobHandle).
    ///
    /// Effect on the counts: none. The handle does not keep the run alive.
    ///
    /// ```
    /// # use mapisync::{CancelHandle, Result, SyncRequest};
    /// fn start(request: SyncRequest<'_>) -> Result<CancelHandle> {
    ///     let job = request.start()?;
    ///     let handle = job.cancel_handle();
    ///     std::thread::spawn(move || {
    ///         let result = (0..100).try_for_each(|n| job.position(n, 100));
    ///         job.finish(result);
    ///     });
    ///     Ok(handle)
    /// }
    /// ```
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(self.state())
    }

    /// Returns a future that is ready when the host or the store asks the job to stop, so that an
    /// async store can stop in the middle of a long `await`. Its output is the error with which the
    /// job should end.
    ///
    /// The host can ask only through the result of a report. A store that awaits something for a
    /// long time should therefore also report at intervals, as `examples/async_store` does. The
    /// future needs no particular runtime.
    ///
    /// Effect on the counts: none. The future does not keep the run alive.
    ///
    /// ```
    /// use mapisync::{Result, SyncJob};
    ///
    /// async fn receive(job: &SyncJob) -> Result<()> {
    ///     job.progress(Some("Receiving"), 0, 1)?;
    ///     tokio::select! {
    ///         mail = fetch() => mail?,
    ///         error = job.canceled() => return Err(error), // `fetch` is dropped
    ///     }
    ///     job.position(1, 1)
    /// }
    ///
    /// async fn fetch() -> Result<()> {
    ///     Ok(())
    /// }
    /// # mod tokio {
    /// #     macro_rules! select {
    /// #         ($mail:ident = $fetch:expr => $a:expr, $e:ident = $f:expr => $b:expr,) => {{
    /// #             if false { let $e = $f.await; $b }
    /// #             let $mail = $fetch.await;
    /// #             $a
    /// #         }};
    /// #     }
    /// #     pub(crate) use select;
    /// # }
    /// ```
    pub fn canceled(&self) -> Canceled {
        Canceled::new(self.state())
    }

    /// Ends the run: `Done`, then the event.
    ///
    /// `Ok` holds the status; `()` means `S_OK`. The message of an `Err` goes to the host through
    /// `Error` first, unless the error is a [cancellation](Error::is_canceled). A message of more
    /// than 32 KiB is cut off.
    ///
    /// Effect on the counts: releases the reference to the callback, before the event is signaled.
    ///
    /// ```
    /// # use mapisync::{HRESULT, SyncJob};
    /// fn end(job: SyncJob, left_out: usize) {
    ///     job.finish(Ok(if left_out == 0 { HRESULT::S_OK } else { HRESULT::MAPI_W_PARTIAL_COMPLETION }));
    /// }
    /// ```
    #[doc(alias = "Done")]
    pub fn finish<R: Into<HRESULT>>(self, result: Result<R>) {
        let _status = self.complete(Outcome::from_result(result), || ());
    }

    /// Ends the run with an error, as [`finish`](SyncJob::finish) does. The compiler cannot infer
    /// the type of the missing status in `finish(Err(error))`.
    ///
    /// Effect on the counts: the reference to the callback is released, before the event is
    /// signaled.
    ///
    /// ```
    /// # use mapisync::{HRESULT, SyncJob};
    /// fn end(job: SyncJob) {
    ///     job.fail(HRESULT::MAPI_E_NETWORK_ERROR);
    /// }
    /// ```
    pub fn fail(self, error: impl Into<Error>) {
        self.finish::<()>(Err(error.into()));
    }

    /// Runs the closures of `spawn_with`, ends the run with their outcome, and returns the status.
    pub(super) fn run<G, R: Into<HRESULT>>(
        self,
        setup: impl FnOnce() -> Result<G>,
        work: impl FnOnce(&SyncJob, &mut G) -> Result<R>,
    ) -> HRESULT {
        self.state.set_worker_thread();
        let mut guard = None;
        // The captures and the result of the closures are the user's, so they are dropped within
        // the catch.
        let outcome = trace::in_scope(self.span(), || {
            unwind::catch(|| {
                let set_up = setup().map(|value| guard.insert(value));
                Outcome::from_result(set_up.and_then(|value| work(&self, value)))
            })
        });
        let outcome = outcome.unwrap_or_else(|_panic| Outcome::panicked());
        self.complete(outcome, || {
            let _panic = unwind::catch(|| drop(guard));
        })
    }

    fn complete(mut self, outcome: Outcome, before_signal: impl FnOnce()) -> HRESULT {
        let completion = self.completion.take().expect("a job ends once");
        self.state.job_ended(completion, outcome, before_signal)
    }

    pub(super) fn state(&self) -> Arc<RunState> {
        self.state.clone()
    }

    /// Returns the callback, or `None` if the host wants no progress.
    #[inline]
    fn callback(&self) -> Option<&ComPtr<IMAPISyncProgressCallback>> {
        self.completion.as_ref().and_then(Completion::callback)
    }

    #[inline]
    fn span(&self) -> Option<&RunSpan> {
        self.completion.as_ref().map(Completion::span)
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

/// A handle with which a store asks a job to stop. It is made by [`SyncJob::cancel_handle`].
///
/// It holds no reference to a COM object. Dropping it does not affect the job.
///
/// ```
/// fn log_off(handle: &mapisync::CancelHandle) {
///     handle.cancel();
/// }
/// ```
#[derive(Clone)]
pub struct CancelHandle(Arc<RunState>);

impl CancelHandle {
    /// Asks the job to stop, and returns at once. The job's next
    /// [`progress`](SyncJob::progress) fails with [`Error::Canceled`].
    ///
    /// ```
    /// # use mapisync::CancelHandle;
    /// /// The jobs of an async store, which has no threads to wait for.
    /// fn log_off(running: &[CancelHandle]) {
    ///     running.iter().for_each(CancelHandle::cancel);
    /// }
    /// ```
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").field("is_canceled", &self.0.is_canceled_by_store()).finish()
    }
}
