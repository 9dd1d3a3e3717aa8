//! `Recorder`: a callback that records the store's calls, and returns the results of its script.

use super::RecordedCall;
use super::state::{Script, State};
use crate::abi::HRESULT;
use crate::event::DoneEvent;
#[cfg(doc)]
use crate::host::MapiSyncProgressCallback;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A callback that records every call and returns the results of its script. Without a script, it
/// returns `S_OK`.
///
/// It is a handle. Its clones share the calls and the script, so a test keeps one and gives
/// another away:
///
/// - to an [`Outlook`](super::Outlook), which creates a COM object from it for each run;
/// - to a [`SyncHost`](crate::SyncHost), because it implements [`MapiSyncProgressCallback`];
/// - as the COM object that [`object`](Recorder::object) creates.
///
/// The functions that set the script take the recorder and return it. A test can call them on a
/// clone, too, while a run is in progress.
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

    /// The calls so far, in the order in which the store made them. A call is recorded before its
    /// method returns.
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

    /// Waits until a `Done` has returned to the store, and returns its status, or `None` at the
    /// timeout. If several have returned, it returns the status of the first one.
    ///
    /// The store's thread may still be running. The run's event signals its end, and
    /// [`Outlook`](super::Outlook) waits for the event.
    ///
    /// ```
    /// use mapisync::testing::Recorder;
    /// use std::time::Duration;
    /// assert_eq!(Recorder::new().wait_done(Duration::from_millis(1)), None);
    /// ```
    pub fn wait_done(&self, timeout: Duration) -> Option<HRESULT> {
        self.wait(timeout, |state| state.status.is_some()).status
    }

    /// Waits until `count` calls are recorded, and returns whether this happened within the
    /// timeout. The last of them may not have returned yet, for instance because it is blocked.
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

    /// Takes the event that the store passed to `Done`, if [`keeps_event`](Recorder::keeps_event)
    /// was set. The event closes its handle when dropped. After several runs, each call takes the
    /// event of one run, the oldest first.
    ///
    /// ```
    /// # use mapisync::testing::Recorder;
    /// # use mapisync::{DoneEvent, Result};
    /// fn is_complete(recorder: &Recorder) -> bool {
    ///     recorder.take_event().is_some_and(|event| event.is_signaled())
    /// }
    /// ```
    pub fn take_event(&self) -> Option<DoneEvent> {
        self.lock().kept.pop_front()
    }

    /// Lets every blocked `Progress` continue. Later ones do not block. See
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
