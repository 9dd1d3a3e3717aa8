//! `SyncHost` starts runs, and `SyncRun` is a run that it has started.

use crate::abi::{HRESULT, IMAPISession, IMAPISync, IMAPISyncProgressCallback, MAPISIB, SyncFlags};
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use crate::host::run_callback::RunCallback;
use crate::host::run_state::{RunEvent, SharedState};
use crate::object::{ComObject, ComPtr};
use alloc::sync::Arc;
use core::fmt;
use core::ptr;
use std::time::{Duration, Instant};

/// The host of a store, in Outlook's place: it starts runs and forwards the store's reports to a
/// callback. The store may be foreign.
///
/// All pointers to a store must be dropped, and its runs must have ended, before its library is
/// closed.
///
/// A host can start any number of runs, on one store or several. All runs share the callback.
///
/// ```
/// use mapisync::abi::IMAPISync;
/// use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncRequest};
/// # use mapisync::MapiSyncProgressCallback;
/// # struct Dialog;
/// # impl MapiSyncProgressCallback for Dialog {
/// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
/// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
/// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
/// # }
/// # struct Store;
/// # impl MapiSync for Store {
/// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
/// #         request.spawn(|job| job.position(1, 1))
/// #     }
/// # }
/// use std::time::Duration;
///
/// let sync = ComPtr::<IMAPISync>::new(Store);
/// let run = SyncHost::new(Dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)?;
/// let status: HRESULT = run.wait(Duration::from_secs(30))?;
/// assert_eq!(status, HRESULT::S_OK);
/// # Ok::<(), mapisync::Error>(())
/// ```
pub struct SyncHost {
    callback: Arc<dyn MapiSyncProgressCallback>,
    session: Option<ComPtr<IMAPISession>>,
}

impl SyncHost {
    /// Makes a host whose runs report to `callback`. Use [`session`](SyncHost::session) for a store
    /// that needs a session.
    ///
    /// An `Arc` can be given, and read after the runs.
    ///
    /// Effect on the counts: none. Each start makes a COM object for its run.
    ///
    /// ```
    /// # use mapisync::{MapiSyncProgressCallback, SyncHost};
    /// # fn f(dialog: impl MapiSyncProgressCallback) {
    /// let host = SyncHost::new(dialog);
    /// # }
    /// ```
    pub fn new(callback: impl MapiSyncProgressCallback) -> SyncHost {
        SyncHost {
            callback: Arc::new(callback),
            session: None,
        }
    }

    /// Sets the MAPI session that is passed to stores. The default is NULL.
    ///
    /// Effect on the session's count: none. The host owns the reference until it is dropped.
    ///
    /// ```
    /// # use mapisync::{ComPtr, SyncHost, abi::IMAPISession};
    /// fn with_session(host: SyncHost, session: ComPtr<IMAPISession>) -> SyncHost {
    ///     host.session(session)
    /// }
    /// ```
    #[must_use]
    pub fn session(self, session: ComPtr<IMAPISession>) -> SyncHost {
        SyncHost {
            session: Some(session),
            ..self
        }
    }

    /// Asks the store to synchronize. A store that does not return from the call blocks this
    /// function forever. The store may call the callback on any thread, and may even call `Done`
    /// before this returns.
    ///
    /// Effect on the counts: none on the store's. The store adds a reference to the run's callback
    /// object, which keeps the callback of [`new`](SyncHost::new) alive.
    ///
    /// ```
    /// # use mapisync::{ComPtr, Result, SyncFlags, SyncHost, SyncRun, abi::IMAPISync};
    /// fn receive(host: &SyncHost, sync: &ComPtr<IMAPISync>) -> Result<SyncRun> {
    ///     host.start(sync, SyncFlags::DOWNLOAD_HIERARCHY | SyncFlags::DOWNLOAD_CONTENTS)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the store's code if the store fails. No run was started then.
    pub fn start(&self, sync: &ComPtr<IMAPISync>, flags: SyncFlags) -> Result<SyncRun> {
        let (state, event) = (SharedState::default(), RunEvent::default());
        let callback = RunCallback::new(self.callback.clone(), state.clone(), &event);
        // SAFETY: IMAPISyncProgressCallback is the first interface of the list.
        let callback: ComPtr<IMAPISyncProgressCallback> =
            unsafe { ComObject::new(callback).into_first_interface() };
        let session = self.session.as_ref();
        let mut request = MAPISIB {
            ulSize: size_of::<MAPISIB>() as u32,
            ulFlags: flags.bits(),
            psesSync: session.map_or(ptr::null_mut(), ComPtr::as_raw),
            punkCallBack: callback.as_raw().cast(),
            phSyncDoneEvent: state.event_handle_location(),
        };
        // SAFETY: `ulSize` is the size of the structure. Its pointers are valid during the call:
        // `self` owns the session, this function owns the callback, and `state` contains the event
        // handle location. Both objects are free-threaded and do not unwind.
        let code = unsafe { sync.synchronize_in_background(&mut request) };
        state.call_returned(code.is_ok().then_some(&event));
        if code.is_err() {
            return Err(Error::Refused { code });
        }
        Ok(SyncRun { state, event })
    }
}

impl fmt::Debug for SyncHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncHost")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// A run that a store has started. See [`SyncHost`] for an example.
///
/// Dropping it closes the run's duplicate of the event handle. It does not block, and the store
/// continues to call the callback.
#[must_use = "dropping a run forgets it, and the store continues"]
pub struct SyncRun {
    state: SharedState,
    event: RunEvent,
}

impl SyncRun {
    /// Waits until the run has ended, and returns the status that `Done` passed.
    ///
    /// The run has ended when the callback's `done` has returned or panicked, *and* the run's
    /// [`event`](SyncRun::event), if it has one, is signaled. The store's thread is complete then.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{HRESULT, Result, SyncRun};
    /// # use std::time::Duration;
    /// fn finish(run: &SyncRun) -> Result<HRESULT> {
    ///     run.wait(Duration::from_secs(30))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Error::Timeout`] if the run takes longer than `timeout`. The error names the missing
    ///   part, and the run continues.
    /// - [`Error::Io`] if the system cannot wait for the event.
    ///
    /// In both cases [`status`](SyncRun::status) returns the status if `done` has returned. If the
    /// status is a failure, the result is still `Ok`.
    pub fn wait(&self, timeout: Duration) -> Result<HRESULT> {
        let started = Instant::now();
        let timed_out = |missing| Error::Timeout {
            waited: timeout,
            missing,
        };
        let Some(status) = self.state.wait(timeout) else {
            let occurred = self.event().is_some_and(DoneEvent::is_signaled);
            return Err(timed_out(if occurred {
                "its event is signaled, but Done was not called"
            } else {
                "Done was not called"
            }));
        };
        if let Some(event) = self.event() {
            let left = timeout.saturating_sub(started.elapsed());
            event.wait(Some(left)).map_err(|error| match error {
                Error::Timeout { .. } => {
                    timed_out("Done was called, but its event is not signaled")
                }
                error => error,
            })?;
        }
        Ok(status)
    }

    /// Asks the store to stop, and returns at once. The callback still gets the store's reports,
    /// but from now on each `Progress` returns `MAPI_E_USER_CANCEL` to the store. The store should
    /// end the run with that code.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{HRESULT, Result, SyncRun};
    /// # use std::time::Duration;
    /// fn stop(run: &SyncRun) -> Result<HRESULT> {
    ///     run.cancel();
    ///     run.wait(Duration::from_secs(30))
    /// }
    /// ```
    pub fn cancel(&self) {
        self.state.cancel();
    }

    /// The run's event, or `None` if there is none yet. The run owns a duplicate of the handle,
    /// which is closed when the run is dropped.
    ///
    /// - If `Done` was called before [`start`](SyncHost::start) returned, it is the event that
    ///   `Done` passed, or `None` if `Done` passed none. The handle that the store returned may be
    ///   closed already.
    /// - Otherwise it is the event whose handle the store returned. If the store returned none, it
    ///   is the event that `Done` passes, and `None` until then.
    /// - It stays `None` if the handle cannot be duplicated, or is not an open handle.
    ///
    /// ```
    /// # use mapisync::SyncRun;
    /// # fn f(run: &SyncRun) {
    /// let complete = run.event().is_some_and(|event| event.is_signaled());
    /// # }
    /// ```
    pub fn event(&self) -> Option<&DoneEvent> {
        self.event.get()
    }

    /// The status that `Done` passed, or `None` until the callback's `done` has returned or
    /// panicked.
    ///
    /// ```
    /// # use mapisync::SyncRun;
    /// # fn f(run: &SyncRun) {
    /// match run.status() {
    ///     Some(status) => println!("ended with {status}"),
    ///     None => println!("in progress"),
    /// }
    /// # }
    /// ```
    pub fn status(&self) -> Option<HRESULT> {
        self.state.status()
    }
}

impl fmt::Debug for SyncRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRun")
            .field("status", &self.status())
            .field("event", &self.event())
            .finish()
    }
}

impl ComPtr<IMAPISync> {
    /// Calls `SynchronizeInBackground` with a structure that the caller has filled in, and returns
    /// the store's `HRESULT`. [`SyncHost::start`] is the safe function.
    ///
    /// Effect on the counts: none on the store's. The store adds a reference to the callback, and
    /// one to the session if it keeps the session.
    ///
    /// ```
    /// use mapisync::abi::{IMAPISync, MAPISIB};
    /// use mapisync::{ComPtr, HRESULT, SyncFlags};
    /// use std::ptr;
    ///
    /// # struct Store;
    /// # impl mapisync::MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
    /// # }
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// let mut event = ptr::null_mut();
    /// let mut request = MAPISIB {
    ///     ulSize: size_of::<MAPISIB>() as u32,
    ///     ulFlags: SyncFlags::DOWNLOAD_CONTENTS.bits(),
    ///     psesSync: ptr::null_mut(),
    ///     punkCallBack: ptr::null_mut(),
    ///     phSyncDoneEvent: &mut event,
    /// };
    /// // SAFETY: every pointer is NULL or valid during the call.
    /// let code = unsafe { sync.synchronize_in_background(&mut request) };
    /// assert_eq!(code, HRESULT::S_OK);
    /// // SAFETY: without a callback, the caller owns the event.
    /// let event = unsafe { mapisync::DoneEvent::from_raw(event) }.unwrap();
    /// event.wait(None)?;
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// A store of this crate demands only what [`provider::dispatch`](crate::provider::dispatch)
    /// demands of `psibpb`. For every other store:
    ///
    /// - The structure must be readable for its `ulSize` bytes.
    /// - Its pointers must be valid during the call, as [`MAPISIB`] describes.
    /// - Its interface pointers must meet the contract of
    ///   [`ComRef::from_raw`](crate::ComRef::from_raw).
    #[inline]
    pub unsafe fn synchronize_in_background(&self, psibpb: *mut MAPISIB) -> HRESULT {
        // SAFETY: the object is alive, and slot 3 of its vtable is this method. The argument is as
        // the store demands, by this function's contract.
        unsafe { ((*self.vtbl()).SynchronizeInBackground)(self.as_raw(), psibpb) }
    }
}
