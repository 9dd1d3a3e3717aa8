//! `SyncHost`: starts runs on a store.

use crate::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, MAPISIB, SyncFlags};
use crate::error::{Error, Result};
use crate::host::forwarding_callback::ForwardingCallback;
use crate::host::run_callback::RunCallback;
use crate::host::run_state::{RunEvent, SharedState};
use crate::host::{MapiSyncProgressCallback, SyncRun};
use crate::object::{ComObject, ComPtr};
use crate::trace::{self, RunSpan};
use alloc::sync::Arc;
use core::fmt;
use core::ptr;

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
    callback: Callback,
    session: Option<ComPtr<IMAPISession>>,
}

/// The callback to which all runs of a host report.
enum Callback {
    Rust(Arc<dyn MapiSyncProgressCallback>),
    Com(ComPtr<IMAPISyncProgressCallback>),
}

impl Callback {
    /// Makes the callback object of one run.
    fn object(
        &self,
        state: SharedState,
        event: &RunEvent,
        span: RunSpan,
    ) -> ComPtr<IMAPISyncProgressCallback> {
        // SAFETY: IMAPISyncProgressCallback is the first interface of both lists.
        unsafe {
            match self {
                Callback::Rust(callback) => {
                    let callback = RunCallback::new(callback.clone(), state, event, span);
                    ComObject::new(callback).into_first_interface()
                }
                Callback::Com(callback) => {
                    let callback = ForwardingCallback::new(callback.clone(), state, event, span);
                    ComObject::new(callback).into_first_interface()
                }
            }
        }
    }
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
    /// # use mapisync::{ComPtr, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncFlags, SyncHost, SyncRequest};
    /// # use mapisync::abi::IMAPISync;
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| job.position(1, 1))
    /// #     }
    /// # }
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// #[derive(Default)]
    /// struct Counter(AtomicU32);
    ///
    /// impl MapiSyncProgressCallback for Counter {
    ///     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
    ///         self.0.fetch_add(1, Ordering::Relaxed);
    ///         Ok(())
    ///     }
    /// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
    /// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
    /// }
    ///
    /// let (sync, counter) = (ComPtr::<IMAPISync>::new(Store), Arc::new(Counter::default()));
    /// let run = SyncHost::new(counter.clone()).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)?;
    /// run.wait(Duration::from_secs(30))?;
    /// assert_eq!(counter.0.load(Ordering::Relaxed), 1);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    pub fn new(callback: impl MapiSyncProgressCallback) -> SyncHost {
        SyncHost { callback: Callback::Rust(Arc::new(callback)), session: None }
    }

    /// Makes a host whose runs report to a callback object that exists already: a dialog in C++, or
    /// in another COM crate.
    ///
    /// The store does not get that object, but one of this crate, which forwards each call:
    ///
    /// - Strings are forwarded unchanged, also if they are not valid UTF-16.
    /// - After [`SyncRun::cancel`], `Progress` returns `MAPI_E_USER_CANCEL` to the store instead of
    ///   success.
    /// - The first `Done` of a run is forwarded with its handle, which the dialog then owns and
    ///   should close. The run waits on its own duplicate. A second `Done` is refused with
    ///   `E_UNEXPECTED`.
    ///
    /// The dialog must not wait for the event in its `Done`.
    ///
    /// Effect on the dialog's count: none. The host owns the reference until it is dropped, and
    /// each run adds one until the store releases the run's callback object.
    ///
    /// ```
    /// use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
    /// use mapisync::{ComPtr, Result, SyncFlags, SyncHost, SyncRun};
    ///
    /// fn receive(
    ///     sync: &ComPtr<IMAPISync>,
    ///     dialog: ComPtr<IMAPISyncProgressCallback>,
    /// ) -> Result<SyncRun> {
    ///     SyncHost::forwarding_to(dialog).start(sync, SyncFlags::DOWNLOAD_CONTENTS)
    /// }
    /// ```
    pub fn forwarding_to(dialog: ComPtr<IMAPISyncProgressCallback>) -> SyncHost {
        SyncHost { callback: Callback::Com(dialog), session: None }
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
        SyncHost { session: Some(session), ..self }
    }

    /// Asks the store to synchronize. A store that does not return from the call blocks this
    /// function forever. The store may call the callback on any thread, and may even call `Done`
    /// before this returns.
    ///
    /// Effect on the counts: none on the store's. The store adds a reference to the run's callback
    /// object, which keeps the host's callback alive.
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
    #[doc(alias = "SynchronizeInBackground")]
    pub fn start(&self, sync: &ComPtr<IMAPISync>, flags: SyncFlags) -> Result<SyncRun> {
        let (state, event) = (SharedState::default(), RunEvent::default());
        let span = RunSpan::host(flags);
        let callback = self.callback.object(state.clone(), &event, span.clone());
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
        let code = trace::in_scope(Some(&span), || unsafe {
            sync.raw_synchronize_in_background(&mut request, Some(flags))
        });
        state.call_returned(code.is_ok().then_some(&event));
        if code.is_err() {
            return Err(Error::Refused { code });
        }
        Ok(SyncRun::new(state, event))
    }
}

impl fmt::Debug for SyncHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncHost").field("session", &self.session).finish_non_exhaustive()
    }
}
