//! `Recorder`: a callback that records what a store calls, and returns what its script says.

use super::callback_object::CallbackObject;
use super::script::Script;
use super::state::{State, TRAIT_CALLS};
use super::{Call, RecordedCall};
use crate::abi::{HRESULT, IMAPISyncProgressCallback};
use crate::error::Result;
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use crate::object::ComPtr;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A callback that records every call, and returns what its script says: without a script, `S_OK`.
///
/// It is a handle. Its clones share the calls and the script, so a test keeps one and gives the
/// other away:
///
/// - to an [`Outlook`](super::Outlook), which makes an object of it for each run;
/// - to a [`SyncHost`](crate::SyncHost), because it implements [`MapiSyncProgressCallback`];
/// - as the COM object that [`object`](Recorder::object) makes.
///
/// The functions that set the script take the recorder and return it. Through a clone, they also
/// change the script while a run is in progress.
///
/// ```
/// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
/// # struct Store;
/// # impl MapiSync for Store {
/// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
/// #         request.spawn(|job| (0..9).try_for_each(|n| job.position(n, 9)))
/// #     }
/// # }
/// use mapisync::testing::{Call, Recorder};
/// use mapisync::{HRESULT, SyncFlags, SyncHost};
/// use std::time::Duration;
///
/// let sync = ComPtr::<IMAPISync>::new(Store);
/// let recorder = Recorder::new().cancel_at(1);
/// let run = SyncHost::new(recorder.clone()).start(&sync, SyncFlags::default())?;
/// assert_eq!(run.wait(Duration::from_secs(30))?, HRESULT::MAPI_E_USER_CANCEL);
/// let expected =
///     [Call::position(0, 9), Call::position(1, 9), Call::done(HRESULT::MAPI_E_USER_CANCEL)];
/// assert_eq!(recorder.calls(), expected);
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    created: Instant,
    state: Mutex<State>,
    /// The state has changed.
    changed: Condvar,
}

impl Recorder {
    /// Creates a recorder that returns `S_OK` from every method.
    ///
    /// ```
    /// use mapisync::testing::Recorder;
    /// assert!(Recorder::new().calls().is_empty());
    /// ```
    pub fn new() -> Recorder {
        Recorder(Arc::new(Shared {
            created: Instant::now(),
            state: Mutex::new(State::new()),
            changed: Condvar::new(),
        }))
    }

    /// Makes a COM object that records here: one allocation, with a count of 1 that the result
    /// owns. The object owns a handle to the recorder until it is freed.
    ///
    /// Make one object for each run. A second `Done` for the same object is recorded, but its
    /// handle stays open, because the number may belong to another object by then.
    ///
    /// A success code of the script, such as `S_FALSE`, reaches the store only through this object.
    /// Through a [`SyncHost`](crate::SyncHost) it becomes `S_OK`.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::{Call, Method, Recorder};
    ///
    /// let recorder = Recorder::new().returns(Method::Error, HRESULT::S_FALSE);
    /// let callback = recorder.object();
    /// assert_eq!(callback.error(HRESULT::E_FAIL, "no luck"), HRESULT::S_FALSE);
    /// assert_eq!(recorder.calls(), [Call::error(HRESULT::E_FAIL, "no luck")]);
    /// ```
    pub fn object(&self) -> ComPtr<IMAPISyncProgressCallback> {
        CallbackObject::create(self.clone(), self.new_run(false), None)
    }

    /// The calls so far, in the order in which they came. A call is recorded before its method
    /// returns.
    ///
    /// ```
    /// use mapisync::testing::{Call, Recorder};
    /// let recorder = Recorder::new();
    /// recorder.object().progress(None, 1, 2).ok()?;
    /// assert_eq!(recorder.calls(), [Call::position(1, 2)]);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    pub fn calls(&self) -> Vec<RecordedCall> {
        self.lock().calls.clone()
    }

    /// Waits until a `Done` has returned to the store, and passes its status on. Returns `None` at
    /// the timeout. If there were several, the status is the first one's.
    ///
    /// The store's thread may not be complete yet. The run's event tells that, for which
    /// [`Outlook`](super::Outlook) waits.
    ///
    /// ```
    /// use mapisync::testing::Recorder;
    /// use std::time::Duration;
    /// assert_eq!(Recorder::new().wait_done(Duration::from_millis(1)), None);
    /// ```
    pub fn wait_done(&self, timeout: Duration) -> Option<HRESULT> {
        self.wait(timeout, |state| state.status.is_some()).status
    }

    /// Waits until `count` calls have come, and returns whether they have within the timeout. The
    /// last of them may still be running: a blocked one, for instance.
    ///
    /// ```
    /// use mapisync::testing::Recorder;
    /// use std::time::Duration;
    /// assert!(!Recorder::new().wait_calls(1, Duration::from_millis(1)));
    /// ```
    pub fn wait_calls(&self, count: usize, timeout: Duration) -> bool {
        let state = self.wait(timeout, |state| state.calls.len() >= count);
        state.calls.len() >= count
    }

    /// Takes the event that the last `Done` passed, if [`keeps_event`](Recorder::keeps_event) was
    /// set. It closes its handle when dropped.
    ///
    /// ```
    /// # use mapisync::testing::Recorder;
    /// # use mapisync::{DoneEvent, Result};
    /// fn is_complete(recorder: &Recorder) -> bool {
    ///     recorder.take_event().is_some_and(|event| event.is_signaled())
    /// }
    /// ```
    pub fn take_event(&self) -> Option<DoneEvent> {
        self.lock().kept.take()
    }

    /// Lets every blocked `Progress` continue, and no later one block. See
    /// [`blocks`](Recorder::blocks).
    ///
    /// ```
    /// # use mapisync::testing::Recorder;
    /// # use std::time::Duration;
    /// # fn f(recorder: &Recorder) {
    /// assert!(recorder.wait_calls(1, Duration::from_secs(30))); // the store is in `Progress` now
    /// recorder.release();
    /// # }
    /// ```
    pub fn release(&self) {
        self.change(|script| script.block_limit = None);
    }

    pub(super) fn new_run(&self, is_watched: bool) -> usize {
        self.lock().add_run(is_watched)
    }

    /// The time since the recorder was created.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.created.elapsed()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the condition holds, or until the timeout.
    pub(super) fn wait(
        &self,
        timeout: Duration,
        condition: impl Fn(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let changed = &self.0.changed;
        let waited = changed.wait_timeout_while(self.lock(), timeout, |state| !condition(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn notify(&self) {
        self.0.changed.notify_all();
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.lock().script);
        self.notify();
    }
}

impl MapiSyncProgressCallback for Recorder {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        let call = Call::Progress(step.map(String::from), index, max);
        self.receive(TRAIT_CALLS, call, None).ok().map(drop)
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        let call = Call::Error(code, message.map(String::from));
        self.receive(TRAIT_CALLS, call, None).ok().map(drop)
    }

    fn done(&self, status: HRESULT) -> Result<()> {
        self.done_with_event(None, status)
    }

    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        self.receive(TRAIT_CALLS, Call::Done(status), event)
            .ok()
            .map(drop)
    }
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder::new()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recorder").field(&self.calls()).finish()
    }
}
