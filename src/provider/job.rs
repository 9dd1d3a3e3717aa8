//! A run under way: `SyncJob`, and the debt of exactly one Done that it carries.

use crate::abi::{HRESULT, IMAPISyncProgressCallback};
use crate::error::{Error, Result};
use crate::event::Signal;
use crate::object::{ComPtr, unwind};
use crate::provider::control::Control;
use crate::provider::deaf::{deaf, is_deaf};
use crate::provider::debt::{Debt, Ending};
use alloc::sync::Arc;
use core::{fmt, mem};

/// A synchronisation under way: the store tells the host through it how it is getting on.
///
/// It is `Send` and `Sync`, so it can be used from any thread or executor. It owes the host one `Done` and one event,
/// and pays exactly once, whatever happens: when [`finish`](SyncJob::finish) is called or the closure given to
/// [`SyncRequest::spawn`](crate::SyncRequest::spawn) returns; with `E_ABORT` when it is dropped before; with `Error` and
/// `E_UNEXPECTED` when a panic drops it. (A job that is dropped on Outlook's thread before the store's method returns is
/// settled at that return, with the method's error or panic, otherwise with `E_ABORT`.)
/// [`mem::forget`] gets around that, and the host then waits forever.
///
/// Effect on the counts: a job owns one reference to the host's callback, from start to end, and none to the store or
/// the session.
///
/// # Being stopped
///
/// When the host answers `Progress` with a failure, that is its request to stop. The call answers
/// [`Error::Host`] with its code, all later ones answer the same without bothering the host again, and
/// [`is_canceled`](SyncJob::is_canceled) says so. [`JobHandle::cancel`](crate::JobHandle::cancel) does likewise from
/// the store's end, with [`Error::Canceled`]. `?` is the natural way to heed it: the run ends with that code.
///
/// ```
/// use mapisync::{MapiSync, Result, SyncRequest};
/// use std::thread;
///
/// struct Store;
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         let job = request.start()?; // on a thread of one's own
///         thread::spawn(move || {
///             let result = job.progress(Some("Receiving"), 0, 1);
///             job.finish(result);
///         });
///         Ok(())
///     }
/// }
/// ```
pub struct SyncJob {
    /// The host's, or one that hears nothing, if the host wants no progress or when all is paid.
    callback: ComPtr<IMAPISyncProgressCallback>,
    /// As in [`Debt`].
    handle: usize,
    /// `None` once all is paid.
    signal: Option<Signal>,
    control: Arc<Control>,
}

impl SyncJob {
    pub(super) fn new(debt: Debt, control: Arc<Control>) -> SyncJob {
        SyncJob {
            callback: debt.callback,
            handle: debt.handle,
            signal: Some(debt.signal),
            control,
        }
    }

    /// Reports the step that is under way, or with `None` the position alone: `index` of `max`, in units of the
    /// store's choosing.
    ///
    /// A NUL in the text becomes U+FFFD. Up to 255 UTF-16 units pass without allocation. Effect on the counts: none.
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
    /// [`Error::Host`] with the host's first answer that was a failure, its request to stop, unless the store stopped the job
    /// itself: [`Error::Canceled`] after [`JobHandle::cancel`](crate::JobHandle::cancel).
    #[inline]
    pub fn progress(&self, text: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.report(|callback| callback.progress(text, index, max))
    }

    /// Reports the position alone; the host goes on showing the last text. Effect on the counts: none.
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
    /// As [`progress`](SyncJob::progress).
    #[inline]
    pub fn position(&self, index: u32, max: u32) -> Result<()> {
        self.progress(None, index, max)
    }

    #[inline]
    fn report(
        &self,
        call: impl FnOnce(&ComPtr<IMAPISyncProgressCallback>) -> HRESULT,
    ) -> Result<()> {
        self.control.go_on()?;
        let answer = call(&self.callback);
        if answer.is_err() {
            return Err(self.control.stop(answer));
        }
        Ok(())
    }

    /// Tells the host of an error or a warning that does not end the run; `code` may be of success severity.
    ///
    /// An error that does end it needs no call: return it, and the host gets its text before `Done`. Works after a
    /// request to stop, too. Effect on the counts: none.
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
    /// [`Error::Host`] with the host's answer if it was a failure. That is no request to stop: only `Progress` has one.
    pub fn error(&self, code: HRESULT, text: &str) -> Result<()> {
        let answer = self.callback.error(code, text);
        if answer.is_err() {
            Err(Error::Host {
                method: "Error",
                code: answer,
            })
        } else {
            Ok(())
        }
    }

    /// Whether the host or the store has asked the run to stop.
    ///
    /// The host can only answer: a job hears of its wish by [`progress`](SyncJob::progress) or
    /// [`position`](SyncJob::position) alone, and this repeats what those have heard. Of
    /// [`JobHandle::cancel`](crate::JobHandle::cancel) it tells at once.
    ///
    /// ```
    /// # use mapisync::{Result, SyncJob};
    /// fn chunks(job: &SyncJob, megabytes: u32) {
    ///     for n in 0..megabytes {
    ///         let _ = job.position(n, megabytes); // what the host wants is asked below
    ///         if job.is_canceled() {
    ///             return; // with what there is so far
    ///         }
    ///         // copy a megabyte
    ///     }
    /// }
    /// ```
    pub fn is_canceled(&self) -> bool {
        self.control.go_on().is_err()
    }

    /// Ends the run: `Done`, then the event.
    ///
    /// `Ok` carries the status, `()` meaning `S_OK`. An `Err` is first reported to the host through `Error`, with its message,
    /// unless it is the host's own code on its way back. A message of more than 32 KiB is cut off.
    ///
    /// Effect on the counts: the reference to the callback is given back, before the event occurs.
    ///
    /// ```
    /// # use mapisync::{HRESULT, SyncJob};
    /// fn end(job: SyncJob, left_out: usize) {
    ///     job.finish(Ok(if left_out == 0 { HRESULT::S_OK } else { HRESULT::MAPI_W_PARTIAL_COMPLETION }));
    /// }
    /// ```
    pub fn finish<R: Into<HRESULT>>(self, result: Result<R>) {
        let ending = Ending::of_result(result);
        let _ = self.pay(ending);
    }

    /// Runs the closure of `spawn`, ends the run with what came of it, and returns the status given to `Done`.
    pub(super) fn run<R: Into<HRESULT>>(self, work: impl FnOnce(&SyncJob) -> Result<R>) -> HRESULT {
        self.control.worker_runs();
        // All that is the user's, what the closure captured and what it returned, is dropped in the catch.
        let ending = unwind::catch(|| Ending::of_result(work(&self)));
        let ending = ending.unwrap_or_else(|panic| Ending::of_panic(&panic));
        self.pay(ending)
    }

    fn pay(mut self, ending: Ending) -> HRESULT {
        let ending = self.control.overrule(ending);
        let code = ending.code();
        if let Some(debt) = self.debt() {
            debt.pay(ending);
        }
        code
    }

    pub(super) fn control(&self) -> Arc<Control> {
        self.control.clone()
    }

    /// What is owed, unless it has been taken before.
    fn debt(&mut self) -> Option<Debt> {
        self.signal.take().map(|signal| Debt {
            callback: mem::replace(&mut self.callback, deaf()),
            handle: self.handle,
            signal,
        })
    }
}

impl Drop for SyncJob {
    fn drop(&mut self) {
        if let Some(debt) = self.debt().and_then(|debt| self.control.hand_back(debt)) {
            let ending = if std::thread::panicking() {
                Ending::panicked(None)
            } else {
                Ending::ABORTED
            };
            debt.pay(self.control.overrule(ending));
        }
    }
}

impl fmt::Debug for SyncJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncJob")
            .field(
                "callback",
                &(!is_deaf(&self.callback)).then_some(&self.callback),
            )
            .field("is_canceled", &self.is_canceled())
            .finish_non_exhaustive()
    }
}
