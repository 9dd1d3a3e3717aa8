//! A run under way: `SyncJob`, and the debt of exactly one Done that it carries.

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback};
use crate::error::{Error, PROGRESS, Result};
use crate::event::Signal;
use crate::object::{ComPtr, guard};
use crate::provider::control::Control;
use crate::sync::atomic::{AtomicI32, Ordering};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;
use core::ptr;
use widestring::U16CStr;

/// A synchronisation under way: the store tells the host through it how it is getting on.
///
/// It is `Send` and `Sync`, so it can be used from any thread or executor. It owes the host one `Done` and one event,
/// and pays exactly once, whatever happens: when [`finish`](SyncJob::finish) is called or the closure given to
/// [`SyncRequest::spawn`](crate::SyncRequest::spawn) returns; with `E_ABORT` when it is dropped before; with `Error` and
/// `E_UNEXPECTED` when a panic drops it. (One dropped, by a panic or otherwise, in the very call that started it, on the
/// same thread, is paid when that call returns, with the error or the panic that ended it, or with `E_ABORT`.)
/// [`mem::forget`](core::mem::forget) gets around that, and the host then waits for ever; so would a store that calls
/// `Done` itself on [`SyncRequest::callback`](crate::SyncRequest::callback), which it should leave alone.
///
/// Effect on the counts: a job owns one reference to the host's callback, from start to end, and none to the store or
/// the session.
///
/// # Being stopped
///
/// When the host answers `Progress` with a failure, that is its request to stop. The call answers
/// [`Error::Host`] with its code, all later ones answer the same without bothering the host again, and
/// [`is_cancelled`](SyncJob::is_cancelled) says so. [`JobHandle::cancel`](crate::JobHandle::cancel) does likewise from
/// the store's end, with [`Error::Cancelled`]. `?` is the natural way to heed it: the run ends with that code.
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
    /// `None` once it is paid.
    debt: Option<Debt>,
    control: Arc<Control>,
    /// The host's request to stop, the code that it answered; 0 is none.
    stopped: AtomicI32,
}

impl SyncJob {
    pub(super) fn new(debt: Debt, control: Arc<Control>) -> SyncJob {
        SyncJob {
            debt: Some(debt),
            control,
            stopped: AtomicI32::new(0),
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
    /// [`Error::Host`] with the host's answer if it was a failure, its request to stop; [`Error::Cancelled`] after
    /// [`JobHandle::cancel`](crate::JobHandle::cancel).
    pub fn progress(&self, text: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.report(|callback| callback.progress(text, index, max))
    }

    /// As [`progress`](SyncJob::progress), with a text that is UTF-16 already. Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{Result, SyncJob, U16CStr};
    /// fn receive(job: &SyncJob, folder: &U16CStr) -> Result<()> {
    ///     job.progress_wide(Some(folder), 3, 120)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`progress`](SyncJob::progress).
    pub fn progress_wide(&self, text: Option<&U16CStr>, index: u32, max: u32) -> Result<()> {
        self.report(|callback| callback.progress_wide(text, index, max))
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
    pub fn position(&self, index: u32, max: u32) -> Result<()> {
        self.progress(None, index, max)
    }

    fn report(
        &self,
        call: impl FnOnce(&ComPtr<IMAPISyncProgressCallback>) -> HRESULT,
    ) -> Result<()> {
        self.go_on()?;
        let answer = self.callback().map_or(HRESULT::S_OK, call);
        if answer.is_err() {
            self.stopped.store(answer.0, Ordering::Relaxed);
        }
        self.go_on()
    }

    /// Whether nobody has asked to stop.
    fn go_on(&self) -> Result<()> {
        if self.control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match HRESULT(self.stopped.load(Ordering::Relaxed)) {
            HRESULT::S_OK => Ok(()),
            code => Err(Error::Host {
                method: PROGRESS,
                code,
            }),
        }
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
        let answer = self
            .callback()
            .map_or(HRESULT::S_OK, |callback| callback.error(code, text));
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
    /// The host can only answer: a job that makes no call to [`progress`](SyncJob::progress) does not hear of it.
    ///
    /// ```
    /// # use mapisync::SyncJob;
    /// fn chunks(job: &SyncJob) {
    ///     while !job.is_cancelled() {
    ///         // copy a megabyte
    /// #       break;
    ///     }
    /// }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.go_on().is_err()
    }

    /// Ends the run: `Done`, then the event.
    ///
    /// `Ok` carries the status, `()` meaning `S_OK`. An `Err` is told to the host through `Error` first, with its text,
    /// unless it is the host's own answer on its way back.
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
        // All that is the user's, what the closure captured and what it returned, is dropped in the catch.
        let ending = guard::catch(|| Ending::of_result(work(&self)));
        let ending = ending.unwrap_or_else(|panic| Ending::of_panic(&panic));
        self.pay(ending)
    }

    fn pay(mut self, ending: Ending) -> HRESULT {
        let ending = self.control.overrule(ending);
        let code = ending.code();
        if let Some(debt) = self.debt.take() {
            debt.pay(ending);
        }
        code
    }

    pub(super) fn control(&self) -> Arc<Control> {
        self.control.clone()
    }

    fn callback(&self) -> Option<&ComPtr<IMAPISyncProgressCallback>> {
        self.debt.as_ref()?.callback.as_ref()
    }
}

impl Drop for SyncJob {
    fn drop(&mut self) {
        if let Some(debt) = self
            .debt
            .take()
            .and_then(|debt| self.control.hand_back(debt))
        {
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
            .field("callback", &self.callback())
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// What a run owes from its start: one Done, if somebody wants it, and then the event.
pub(super) struct Debt {
    callback: Option<ComPtr<IMAPISyncProgressCallback>>,
    /// The number of the handle in Outlook's slot. It is theirs as soon as Done is called, or from the start where
    /// there is no callback; nothing is ever done with it here but passing it on.
    handle: usize,
    signal: Signal,
}

impl Debt {
    pub(super) fn new(
        callback: Option<ComPtr<IMAPISyncProgressCallback>>,
        handle: HANDLE,
        signal: Signal,
    ) -> Debt {
        Debt {
            callback,
            handle: handle.addr(),
            signal,
        }
    }

    /// Error, if there is a text for it; Done; the callback's release; the signal, last of all, since the host may
    /// take down everything when it comes.
    pub(super) fn pay(self, ending: Ending) {
        if let Some(callback) = self.callback {
            if let Some(text) = ending.text {
                // What the host thinks of it changes nothing any more, here and below.
                let _ = callback.error(ending.code, &text);
            }
            // SAFETY: the handle that was put into Outlook's slot, for Done to hand over; a run is paid for once.
            let _ =
                unsafe { callback.raw_done(ptr::without_provenance_mut(self.handle), ending.code) };
        }
        drop(self.signal);
    }
}

/// How a run ended, reduced to what the host is told, so that nothing of the user's is left in it.
pub(super) struct Ending {
    code: HRESULT,
    /// For Error; `None` where there is nothing to say or the host knows.
    text: Option<String>,
}

impl Ending {
    /// A job dropped half-way.
    pub(super) const ABORTED: Ending = Ending {
        code: HRESULT::E_ABORT,
        text: None,
    };

    pub(super) fn of_result<R: Into<HRESULT>>(result: Result<R>) -> Ending {
        match result {
            Ok(status) => Ending {
                code: status.into(),
                text: None,
            },
            Err(error) => Ending::of_error(error),
        }
    }

    pub(super) fn of_error(error: Error) -> Ending {
        let text = match &error {
            Error::Host { .. } => None,
            _ => Some(error.to_string()),
        };
        Ending {
            code: error.hresult(),
            text,
        }
    }

    pub(super) fn of_panic(panic: &guard::Panic) -> Ending {
        Ending::panicked(panic.message())
    }

    fn panicked(message: Option<&str>) -> Ending {
        let message = message.unwrap_or("without a message");
        let text = Some(alloc::format!(
            "the store's synchronisation panicked: {message}"
        ));
        Ending {
            code: HRESULT::E_UNEXPECTED,
            text,
        }
    }

    pub(super) fn code(&self) -> HRESULT {
        self.code
    }
}
