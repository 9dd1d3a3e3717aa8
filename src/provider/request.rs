//! `SyncRequest`: what Outlook asked for, checked, and the three ways to start.

use crate::abi::{HRESULT, IMAPISession, IUnknown, SyncFlags};
use crate::error::{Error, Result};
use crate::object::ComRef;
use crate::provider::call::Call;
use crate::provider::{JobHandle, SyncJob};
use alloc::sync::Arc;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Outlook's request to synchronise, as a checked view of its `MAPISIB`. It is good for the length of the call, on the
/// thread of the call.
///
/// Effect on the counts: none; a start adds one reference to the callback, which the job gives back at its end.
///
/// ```
/// use mapisync::{HRESULT, MapiSync, Result, SyncFlags, SyncRequest};
///
/// struct Store;
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         if request.flags().contains(SyncFlags::GLOBAL_HEADERS) {
///             return Err(HRESULT::MAPI_E_NO_SUPPORT.into());
///         }
///         request.spawn(|job| job.position(1, 1))
///     }
/// }
/// ```
pub struct SyncRequest<'a> {
    call: &'a Call<'a>,
}

impl<'a> SyncRequest<'a> {
    pub(super) fn new(call: &'a Call<'a>) -> SyncRequest<'a> {
        SyncRequest { call }
    }

    /// What to synchronise; bits that this crate doesn't know are passed on.
    ///
    /// ```
    /// # use mapisync::{SyncFlags, SyncRequest};
    /// # fn f(request: SyncRequest<'_>) {
    /// let download = request.flags().contains(SyncFlags::DOWNLOAD_CONTENTS);
    /// # }
    /// ```
    pub fn flags(&self) -> SyncFlags {
        self.call.flags
    }

    /// The MAPI session, borrowed for the call, or `None` if Outlook gave none. [`ComRef::to_ptr`] makes an owned
    /// pointer for a worker, which has to call `MAPIInitialize` before it uses it, and should drop it before
    /// `MAPIUninitialize`: what a release on a thread without MAPI does is not documented.
    ///
    /// Effect on the session's count: none.
    ///
    /// ```
    /// # use mapisync::{Result, SyncRequest};
    /// # fn f(request: SyncRequest<'_>) -> Result<()> {
    /// let session = request.session().map(|session| session.to_ptr());
    /// request.spawn(move |job| {
    ///     // MAPIInitialize, then use `session`
    ///     drop(session);
    ///     // MAPIUninitialize
    ///     job.position(1, 1)
    /// })
    /// # }
    /// ```
    pub fn session(&self) -> Option<ComRef<'a, IMAPISession>> {
        self.call.session
    }

    /// The object that is asked for the progress callback at the start, or `None` if Outlook wants no progress.
    ///
    /// A store needs it only to ask for other interfaces. A job calls the callback by itself, and ends the run with its one
    /// `Done`: safe code cannot call `Done` through this pointer.
    ///
    /// Effect on the callback's count: none.
    ///
    /// ```
    /// # use mapisync::SyncRequest;
    /// # fn f(request: SyncRequest<'_>) {
    /// let wanted = request.callback().is_some();
    /// # }
    /// ```
    pub fn callback(&self) -> Option<ComRef<'a, IUnknown>> {
        self.call.callback
    }

    /// Starts the run, to be worked off on a thread or executor of the store's own: from here on the job owes one
    /// `Done` and one event. See [`SyncJob`] for an example.
    ///
    /// Effect on the callback's count: + 1, until the job ends; none on failure.
    ///
    /// ```
    /// # use mapisync::{Result, SyncRequest};
    /// # fn f(request: SyncRequest<'_>) -> Result<()> {
    /// let job = request.start()?;
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
    /// Nothing has been started then, Outlook's slot holds NULL, and neither Done nor the event is owed.
    ///
    /// - [`Error::QueryInterface`] or [`Error::NullInterface`]: the callback object has no such interface.
    /// - [`Error::Event`]: no event could be created.
    /// - [`Error::Thread`]: on Windows, the library could not be kept loaded, which a worker's end needs.
    pub fn start(self) -> Result<SyncJob> {
        Ok(self.call.take_on(self.call.prepare()?))
    }

    /// Starts the run on a thread of its own and returns; `work` borrows the job, and the run ends when it returns.
    ///
    /// `Ok` carries the status for `Done`, `()` meaning `S_OK`; an `Err` is told to the host through `Error`, then
    /// ends the run with its code; so does a panic, with `E_UNEXPECTED`. All that `work` has captured is dropped
    /// before that. A panic in the destructor of a thread-local ends the process.
    ///
    /// The library is kept loaded for the rest of the process (on Windows; on Unix link it with
    /// `-z nodelete`), since the thread still runs its code after the event.
    ///
    /// Effect on the callback's count: + 1, until the run ends; none on failure.
    ///
    /// ```
    /// # use mapisync::{HRESULT, Result, SyncRequest};
    /// # fn f(request: SyncRequest<'_>) -> Result<()> {
    /// request.spawn(|job| {
    ///     job.progress(Some("Receiving"), 0, 1)?;
    ///     Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](SyncRequest::start), and [`Error::Thread`] if no thread could be started.
    pub fn spawn<R: Into<HRESULT>>(
        self,
        work: impl FnOnce(&SyncJob) -> Result<R> + Send + 'static,
    ) -> Result<()> {
        self.spawn_with_handle(work).map(drop)
    }

    /// As [`spawn`](SyncRequest::spawn), with a handle for the store to stop the run and to wait for its thread. The
    /// handle holds no reference.
    ///
    /// ```
    /// # use mapisync::{JobHandle, Result, SyncRequest};
    /// # fn f(request: SyncRequest<'_>) -> Result<JobHandle> {
    /// request.spawn_with_handle(|job| job.position(1, 1))
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`spawn`](SyncRequest::spawn).
    pub fn spawn_with_handle<R: Into<HRESULT>>(
        self,
        work: impl FnOnce(&SyncJob) -> Result<R> + Send + 'static,
    ) -> Result<JobHandle> {
        let ready = self.call.prepare()?;
        // The job is handed to the thread once there is one: a start that fails drops what it was to run, and a job
        // among that would call Done for a run that Outlook is told never began. Until then the thread waits for the lock.
        let hand_over = Arc::new(Mutex::new(None::<SyncJob>));
        let take = hand_over.clone();
        let mut hand_over = lock(&hand_over);
        let thread = thread::Builder::new()
            .name("mapisync".into())
            .spawn(move || {
                let job = lock(&take).take();
                drop(take);
                // There is none if the start has panicked.
                job.map_or(HRESULT::E_UNEXPECTED, |job| job.run(work))
            })
            .map_err(Error::Thread)?;
        let job = self.call.take_on(ready);
        let control = job.control();
        *hand_over = Some(job);
        Ok(JobHandle::new(control, thread))
    }
}

/// A start that fails may poison it, by a capture of `work` that panics when it is dropped, and nobody is left then to mind.
fn lock(job: &Mutex<Option<SyncJob>>) -> MutexGuard<'_, Option<SyncJob>> {
    job.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for SyncRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRequest")
            .field("flags", &self.flags())
            .field("session", &self.session())
            .field("callback", &self.callback())
            .finish()
    }
}
