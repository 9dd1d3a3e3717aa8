//! `SyncHost` starts runs as Outlook does, and `SyncRun` is a run that it has started.

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

/// Outlook's part of a synchronization: it asks a store to synchronize, and forwards the store's
/// reports to a callback. The store may be foreign.
///
/// A host can start any number of runs, on one store or several. They share the callback.
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
    /// Makes a host whose runs report to `callback`. A store that needs a session gets it by
    /// [`session`](SyncHost::session).
    ///
    /// Effect on the counts: none. Each start makes a COM object.
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

    /// Sets the MAPI session that stores get. Without it they get none.
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

    /// Asks the store to synchronize. The store may call the callback on any thread, and even
    /// `Done` may arrive before this returns.
    ///
    /// Effect on the counts: none on the store's. The store takes a reference to the run's callback
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
    /// [`Error::Refused`] with the store's code if it fails. No run was started then.
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
        // SAFETY: `ulSize` is the size of the structure. Its pointers outlive the call: the session
        // is NULL or owned by `self`, the callback is owned here, and the event handle location is
        // the state's. Both objects are free-threaded and do not unwind.
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
/// Dropping it closes the run's own handle to the event. It does not block. The store continues,
/// and still calls the callback.
pub struct SyncRun {
    state: SharedState,
    event: RunEvent,
}

impl SyncRun {
    /// Waits until the run has ended, and returns the status that `Done` passed.
    ///
    /// The run has ended when the callback's `done` has returned *and* the run's
    /// [`event`](SyncRun::event), if it has one, has occurred. The store's thread is complete then.
    ///
    /// Effect on the counts: none, and none in the functions below.
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
    /// - [`Error::Timeout`] if the run takes longer than `timeout`. It names what is missing, and
    ///   the run continues.
    /// - [`Error::Io`] if the system cannot wait for the event.
    ///
    /// In both cases [`status`](SyncRun::status) returns the status if `Done` has arrived. A
    /// failing *status* is no error here.
    pub fn wait(&self, timeout: Duration) -> Result<HRESULT> {
        let started = Instant::now();
        let timed_out = |missing| Error::Timeout {
            waited: timeout,
            missing,
        };
        let Some(status) = self.state.wait(timeout) else {
            let occurred = self.event().is_some_and(DoneEvent::is_signaled);
            return Err(timed_out(if occurred {
                "its event has occurred, but Done has not come"
            } else {
                "Done has not come"
            }));
        };
        match self.event() {
            Some(event) if !event.wait(Some(timeout.saturating_sub(started.elapsed())))? => {
                Err(timed_out("Done has come, but its event has not occurred"))
            }
            _ => Ok(status),
        }
    }

    /// The run's event: the first one that the host could duplicate safely. The handle is the run's
    /// own, and is closed when the run is dropped.
    ///
    /// - If `Done` arrived before [`start`](SyncHost::start) returned, it is the event that `Done`
    ///   passed, or `None` if `Done` passed none. The store's handle may have been closed already.
    /// - Otherwise it is the event whose handle the store returned. If the store returned none, it
    ///   is the event that `Done` passes, and `None` until then.
    /// - It is `None`, too, if the system has no further handle, or if the number is no handle.
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

    /// The status that `Done` passed, or `None` while the run is in progress.
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
    /// the store's `HRESULT`. [`SyncHost::start`] is the safe form.
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
    /// assert!(event.wait(None)?);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// `psibpb` must be acceptable to the store. For every store:
    ///
    /// - The structure must be readable for its `ulSize` bytes.
    /// - Its pointers must be valid during the call, as [`MAPISIB`] describes.
    /// - Its interface pointers must keep the promise of [`ComPtr::from_raw`].
    ///
    /// A store of this crate also accepts NULL, a short `ulSize`, NULL fields and unaligned
    /// addresses.
    #[inline]
    pub unsafe fn synchronize_in_background(&self, psibpb: *mut MAPISIB) -> HRESULT {
        // SAFETY: the object is alive, and slot 3 of its vtable is this method. The argument is
        // acceptable to the store, by this function's contract.
        unsafe { ((*self.vtbl()).SynchronizeInBackground)(self.as_raw(), psibpb) }
    }
}
