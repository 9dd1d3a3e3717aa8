//! `SyncHost` starts runs as Outlook does, `SyncRun` is one under way.

use crate::abi::{HRESULT, IMAPISession, IMAPISync, IMAPISyncProgressCallback, MAPISIB, SyncFlags};
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use crate::host::state::{OwnEvent, RunCallback, Shared};
use crate::object::ComPtr;
use alloc::sync::Arc;
use core::fmt;
use core::ptr;
use std::time::{Duration, Instant};

/// Plays Outlook's part: asks a store, whoever wrote it, to synchronise, and passes what it reports to a callback.
///
/// One host can start any number of runs, on one store or several; they share the callback.
///
/// ```
/// use mapisync::abi::IMAPISync;
/// use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncRequest};
/// # use mapisync::{MapiSyncProgressCallback};
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
    /// A host whose runs report to `callback`. No COM object is made, and no count touched, before a start. A store that
    /// cannot do without a session needs one, by [`session`](SyncHost::session).
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

    /// The MAPI session to pass along; without it the store gets none.
    ///
    /// Effect on the session's count: none; the host keeps the reference until it is dropped.
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

    /// Asks the store to synchronise. `Done` may come before this returns, and any call on any thread.
    ///
    /// Effect on the counts: none on the store's; the store takes a reference to this run's callback object, and with
    /// it keeps what was given to [`new`](SyncHost::new).
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
    /// [`Error::Refused`] with the store's answer if that is a failure. The run has not begun then.
    pub fn start(&self, sync: &ComPtr<IMAPISync>, flags: SyncFlags) -> Result<SyncRun> {
        let (state, event) = (Shared::default(), OwnEvent::default());
        let callback = RunCallback::new(self.callback.clone(), state.clone(), &event);
        let callback = ComPtr::<IMAPISyncProgressCallback>::new(callback);
        let mut request = MAPISIB {
            ulSize: size_of::<MAPISIB>() as u32,
            ulFlags: flags.bits(),
            psesSync: self
                .session
                .as_ref()
                .map_or(ptr::null_mut(), ComPtr::as_raw),
            punkCallBack: callback.as_raw().cast(),
            phSyncDoneEvent: state.slot(),
        };
        // SAFETY: `ulSize` is the structure's own, and each field is as `MAPISIB` describes it and valid for longer than the
        // call: the session NULL or one that `self` owns, the slot the state's, the callback an object of ours, which is
        // free-threaded, does not unwind and is lent by the pointer that it gave out.
        let answer = unsafe { sync.synchronize_in_background(&mut request) };
        state.call_returned(answer.is_ok().then_some(&event));
        if answer.is_err() {
            return Err(Error::Refused { code: answer });
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

/// A run that a store has started.
///
/// Dropping it closes the run's own handle to the event and forgets about the rest; the store goes on, and the callback
/// goes on hearing of it. It neither blocks nor leaks.
///
/// See [`SyncHost`] for an example.
pub struct SyncRun {
    state: Shared,
    event: OwnEvent,
}

impl SyncRun {
    /// Waits until the run has ended, and returns the status given to `Done`. The run has ended when the callback's `done` has
    /// returned *and* the run's [`event`](SyncRun::event), if it has one, has occurred, so that the store's thread is
    /// complete.
    ///
    /// Effect on the counts, here and in the methods below: none.
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
    /// [`Error::Timeout`] if that takes longer than `timeout`; it names what is missing, and the run goes on. [`Error::Io`]
    /// if the system cannot wait for the event. [`status`](SyncRun::status) returns the status in both cases, if `Done` has
    /// come. A failing *status* is no error here.
    pub fn wait(&self, timeout: Duration) -> Result<HRESULT> {
        let started = Instant::now();
        let late = |missing| Error::Timeout {
            waited: timeout,
            missing,
        };
        let Some(status) = self.state.wait(timeout) else {
            let occurred = self.event().is_some_and(DoneEvent::is_signaled);
            return Err(late(if occurred {
                "its event has occurred, but Done has not come"
            } else {
                "Done has not come"
            }));
        };
        match self.event() {
            Some(event) if !event.wait(Some(timeout.saturating_sub(started.elapsed())))? => {
                Err(late("Done has come, but its event has not occurred"))
            }
            _ => Ok(status),
        }
    }

    /// The run's event: the first one that the host could duplicate safely. The handle is the run's own, and it is closed
    /// when the run is dropped.
    ///
    /// - If `Done` came before [`start`](SyncHost::start) returned, it is the event that `Done` handed over. `None` if it
    ///   handed over none; the one in the slot may be closed then.
    /// - Otherwise it is the event that the store put into the slot. If that is none, it is the one that `Done` hands over;
    ///   until then this is `None`.
    /// - `None` also as long as the system had no further handle, or if the number was no handle.
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

    /// The status given to `Done`, or `None` while the run is under way.
    ///
    /// ```
    /// # use mapisync::SyncRun;
    /// # fn f(run: &SyncRun) {
    /// match run.status() {
    ///     Some(status) => println!("ended with {status}"),
    ///     None => println!("under way"),
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
