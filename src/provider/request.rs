//! `SyncRequest`: the host's request, and the functions that start a run for it.

use crate::abi::{HRESULT, IMAPISession, IUnknown, SyncFlags};
use crate::error::{Error, Result};
use crate::object::ComRef;
use crate::provider::call::Call;
use crate::provider::completion::Completion;
use crate::provider::exclusive_run::Permit;
use crate::provider::job_handle::End;
use crate::provider::{JobHandle, SyncJob};
use alloc::sync::Arc;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// The host's request to synchronize: a validated view of its `MAPISIB`. It is valid during the
/// call, on the thread of the call.
///
/// Effect on the counts: none. A start adds one reference to the callback, which the job releases
/// at its end.
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
#[doc(alias = "MAPISIB")]
pub struct SyncRequest<'a> {
    call: &'a Call<'a>,
}

impl<'a> SyncRequest<'a> {
    pub(super) fn new(call: &'a Call<'a>) -> SyncRequest<'a> {
        SyncRequest { call }
    }

    /// The flags that say what to synchronize. Unknown bits are kept.
    ///
    /// ```
    /// # use mapisync::{Result, SyncFlags, SyncRequest};
    /// fn synchronize(request: SyncRequest<'_>) -> Result<()> {
    ///     let headers_only = request.flags().contains(SyncFlags::GLOBAL_HEADERS);
    ///     request.spawn(move |job| {
    ///         job.progress(Some(if headers_only { "Receiving headers" } else { "Receiving" }), 1, 1)
    ///     })
    /// }
    /// ```
    #[doc(alias = "ulFlags")]
    pub fn flags(&self) -> SyncFlags {
        self.call.flags
    }

    /// The MAPI session, borrowed for the call, or `None` if the host passed none.
    ///
    /// A worker needs an owned pointer, from [`ComRef::to_ptr`]. It must call `MAPIInitialize`
    /// before it uses the session. It should drop the session before `MAPIUninitialize`, because no
    /// source says whether a Release without MAPI is allowed.
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
    #[doc(alias = "psesSync")]
    pub fn session(&self) -> Option<ComRef<'a, IMAPISession>> {
        self.call.session
    }

    /// The object whose `IMAPISyncProgressCallback` the job calls, or `None` if the host wants no
    /// progress.
    ///
    /// A store needs it only to query other interfaces. The job calls `Done` at the end of the run.
    /// Safe code cannot call `Done` through this pointer.
    ///
    /// Effect on the callback's count: none.
    ///
    /// ```
    /// # use mapisync::{Result, SyncRequest};
    /// fn synchronize(request: SyncRequest<'_>, count: fn() -> u32) -> Result<()> {
    ///     let total = if request.callback().is_some() { count() } else { 1 }; // nobody reads it
    ///     request.spawn(move |job| job.progress(Some("Receiving"), 0, total))
    /// }
    /// ```
    #[doc(alias = "punkCallBack")]
    pub fn callback(&self) -> Option<ComRef<'a, IUnknown>> {
        self.call.callback
    }

    /// Starts the run. The store moves the job to a thread or an executor. The job calls `Done` and
    /// then signals the event, each once. See [`SyncJob`] for an example.
    ///
    /// Effect on the callback's count: + 1 until the job ends; none on failure.
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
    /// No run is started then, the host's event handle is NULL, and `Done` is not called.
    ///
    /// - [`Error::QueryInterface`] or [`Error::NullInterface`]: the callback object does not have
    ///   `IMAPISyncProgressCallback`.
    /// - [`Error::Event`]: no event could be created.
    /// - [`Error::Thread`]: on Windows, the library could not be pinned for the run's thread.
    pub fn start(self) -> Result<SyncJob> {
        self.start_with(None)
    }

    pub(super) fn start_with(self, permit: Option<Permit>) -> Result<SyncJob> {
        let (completion, event) = Completion::prepare(self.call.callback, &self.call.span, permit)?;
        Ok(self.call.start_run(completion, event))
    }

    /// Starts the run on a new thread and returns. `work` borrows the job, and the run ends when
    /// `work` returns.
    ///
    /// - `Ok` holds the status for `Done`; `()` means `S_OK`.
    /// - The message of an `Err` goes to the host through `Error`, and its code through `Done`.
    /// - A panic ends the run with a fixed message through `Error`, and `E_UNEXPECTED` through
    ///   `Done`. The panic's own message does not reach the host.
    ///
    /// A closure that only fails must name the type of its missing status: `Err::<(), _>(error)`.
    /// Everything that `work` has captured is dropped before `Error` and `Done` end the run. A
    /// panic in the destructor of a thread-local ends the process.
    ///
    /// The thread still runs the library's code after the event. On Windows the library is
    /// therefore pinned for the rest of the process. On Unix it must be linked with `-z nodelete`,
    /// by this line in its `build.rs`:
    ///
    /// ```no_run
    /// println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete"); // not on macOS
    /// ```
    ///
    /// Effect on the callback's count: + 1 until the run ends; none on failure.
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
    /// It fails as [`start`](SyncRequest::start) does, or with [`Error::Thread`] without a thread.
    pub fn spawn<R: Into<HRESULT>>(
        self,
        work: impl FnOnce(&SyncJob) -> Result<R> + Send + 'static,
    ) -> Result<()> {
        self.spawn_with_handle(work).map(drop)
    }

    /// Starts the run as [`spawn`](SyncRequest::spawn) does, with a value that `setup` makes on the
    /// new thread. The value lives there until after `Done`, and is dropped before the event is
    /// signaled: a guard for `MAPIInitialize`, for instance.
    ///
    /// If `setup` fails, the run ends with its error, and `work` does not run. A panic in the
    /// value's `Drop` is caught and changes nothing.
    ///
    /// Effect on the callback's count: + 1 until the run ends; none on failure.
    ///
    /// ```
    /// # use mapisync::{Result, SyncRequest};
    /// /// Keeps MAPI initialized on this thread.
    /// struct Mapi;
    ///
    /// impl Mapi {
    ///     fn initialize() -> Result<Mapi> {
    ///         // MAPIInitialize(…).ok()?;
    ///         Ok(Mapi)
    ///     }
    /// }
    ///
    /// impl Drop for Mapi {
    ///     fn drop(&mut self) {
    ///         // MAPIUninitialize();
    ///     }
    /// }
    ///
    /// # fn f(request: SyncRequest<'_>) -> Result<()> {
    /// let session = request.session().map(|session| session.to_ptr());
    /// request.spawn_with(Mapi::initialize, move |job, _mapi| {
    ///     job.position(0, 1)?; // `session` may be used here, and is dropped before `_mapi`
    ///     drop(session);
    ///     job.position(1, 1)
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// It fails as [`spawn`](SyncRequest::spawn) does.
    #[doc(alias = "MAPIInitialize")]
    pub fn spawn_with<G, R: Into<HRESULT>>(
        self,
        setup: impl FnOnce() -> Result<G> + Send + 'static,
        work: impl FnOnce(&SyncJob, &mut G) -> Result<R> + Send + 'static,
    ) -> Result<()> {
        self.spawn_thread(None, setup, work).map(drop)
    }

    /// Starts the run as [`spawn`](SyncRequest::spawn) does, and returns a handle with which the
    /// store can stop the run and wait for its thread. The handle holds no reference to a COM
    /// object.
    ///
    /// ```
    /// # use mapisync::{JobHandle, Result, SyncRequest};
    /// # use std::sync::Mutex;
    /// /// The runs of a store that allows several at a time.
    /// struct Runs(Mutex<Vec<JobHandle>>);
    ///
    /// impl Runs {
    ///     fn start(&self, request: SyncRequest<'_>) -> Result<()> {
    ///         let handle = request.spawn_with_handle(|job| job.position(1, 1))?;
    ///         let mut running = self.0.lock().unwrap();
    ///         running.retain(|job| !job.is_finished());
    ///         running.push(handle);
    ///         Ok(())
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// It fails as [`spawn`](SyncRequest::spawn) does.
    pub fn spawn_with_handle<R: Into<HRESULT>>(
        self,
        work: impl FnOnce(&SyncJob) -> Result<R> + Send + 'static,
    ) -> Result<JobHandle> {
        self.spawn_thread(None, || Ok(()), |job, ()| work(job))
    }

    pub(super) fn spawn_thread<G, R: Into<HRESULT>>(
        self,
        permit: Option<Permit>,
        setup: impl FnOnce() -> Result<G> + Send + 'static,
        work: impl FnOnce(&SyncJob, &mut G) -> Result<R> + Send + 'static,
    ) -> Result<JobHandle> {
        let (completion, event) = Completion::prepare(self.call.callback, &self.call.span, permit)?;
        // The job is made only after the thread exists. If the thread cannot start, its closure is
        // dropped, and a job in it would call Done for a run that never started. The new thread
        // waits for the lock until its job is there.
        let shared = Arc::new(Mutex::new(None::<SyncJob>));
        let received = shared.clone();
        let mut shared = lock(&shared);
        let end = Arc::new(End::default());
        let ended = end.clone();
        let thread = thread::Builder::new()
            .name("mapisync".into())
            .spawn(move || {
                let job = lock(&received).take();
                drop(received);
                // There is none only if the start has panicked.
                let status = job.map_or(HRESULT::E_UNEXPECTED, |job| job.run(setup, work));
                ended.set(status);
                status
            })
            .map_err(Error::Thread)?;
        let job = self.call.start_run(completion, event);
        let state = job.state();
        *shared = Some(job);
        Ok(JobHandle::new(state, thread, end))
    }
}

/// A panic in the start can poison the lock. There is no job then.
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
