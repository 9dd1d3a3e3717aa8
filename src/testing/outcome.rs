//! `Outcome`: everything that is known about a run after its end.

use super::call::Short;
use super::recorded_call::Table;
use super::{Counts, RecordedCall, ThreadNumber};
use crate::abi::HRESULT;
use alloc::vec::Vec;
use core::fmt;
use std::time::Duration;

/// The outcome of a run that an [`Outlook`](super::Outlook) has made.
///
/// It is a snapshot: it lacks every call that the store makes later. It owns no reference to the
/// store, the callback or the session.
///
/// # Assertions
///
/// [`assert_ok`](Outcome::assert_ok), [`assert_status`](Outcome::assert_status),
/// [`assert_canceled`](Outcome::assert_canceled), [`assert_failed`](Outcome::assert_failed),
/// [`assert_refused`](Outcome::assert_refused) and
/// [`assert_no_leaks`](Outcome::assert_no_leaks) return the outcome, so that they chain. If one
/// fails, it panics with one sentence and a table of the recorded calls.
///
/// Each of them also asserts that the store followed the protocol:
///
/// - `SynchronizeInBackground` returned within the timeout.
/// - If it failed, the store called no method of the callback.
/// - If the run has a callback, the store called `Done` exactly once, and no method after it.
/// - If the store returned an event or passed one to `Done`, it signaled the event after `Done`.
///   Without a callback, the store must return an event.
///
/// ```should_panic
/// # use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncRequest, abi::IMAPISync};
/// # struct Store;
/// # impl MapiSync for Store {
/// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
/// #         request.spawn(|job| { job.progress(Some("Receiving"), 0, 2)?; Ok(HRESULT::S_FALSE) })
/// #     }
/// # }
/// # use mapisync::testing::Outlook;
/// Outlook::new().run(&ComPtr::<IMAPISync>::new(Store)).assert_ok();
/// // panics: the run ended with S_FALSE (0x00000001), not with S_OK (0x00000000)
/// //
/// //       time  thread  call                         returned
/// //    0.000 s       3  Progress("Receiving", 0, 2)  S_OK
/// //    0.001 s       3  Done(S_FALSE)                S_OK
/// // SynchronizeInBackground returned S_OK on thread 2; the event was signaled after Done
/// ```
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(super) returned: Option<HRESULT>,
    pub(super) has_callback: bool,
    pub(super) status: Option<HRESULT>,
    pub(super) event: EventState,
    pub(super) event_time: Option<Duration>,
    pub(super) calls: Vec<RecordedCall>,
    pub(super) store: Counts,
    pub(super) callback: Option<Counts>,
    pub(super) session: Option<Counts>,
    pub(super) outlook_thread: ThreadNumber,
    pub(super) timeout: Duration,
    /// The call failed, and the store returned an event nevertheless.
    pub(super) has_stray_event: bool,
}

/// The state of a run's event when the wait for it was over.
///
/// ```
/// # use mapisync::testing::{EventState, Outcome};
/// fn keeps_the_order(outcome: &Outcome) -> bool {
///     outcome.event() == EventState::Signaled
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventState {
    /// The store returned no handle and passed none to `Done`, or `SynchronizeInBackground` failed
    /// or did not return.
    None,
    /// The store returned a number that is not an open handle, or a handle for which the system
    /// cannot wait.
    Invalid,
    /// The event was not signaled within the timeout.
    Pending,
    /// The event was signaled before `Done` was called, or without a `Done`. That breaks the
    /// protocol.
    BeforeDone,
    /// The event was signaled. If the run has a callback, `Done` was called first.
    Signaled,
}

impl Outcome {
    /// The `HRESULT` that `SynchronizeInBackground` returned, or `None` if it did not return within
    /// the timeout.
    ///
    /// ```
    /// # use mapisync::{HRESULT, testing::Outcome};
    /// fn is_busy(outcome: &Outcome) -> bool {
    ///     outcome.returned() == Some(HRESULT::MAPI_E_BUSY)
    /// }
    /// ```
    pub fn returned(&self) -> Option<HRESULT> {
        self.returned
    }

    /// The status that the store passed to `Done`, the first one if it called `Done` several times.
    /// `None` if no `Done` returned, or if `SynchronizeInBackground` failed.
    ///
    /// ```
    /// # use mapisync::{HRESULT, testing::Outcome};
    /// fn is_partial(outcome: &Outcome) -> bool {
    ///     outcome.status() == Some(HRESULT::MAPI_W_PARTIAL_COMPLETION)
    /// }
    /// ```
    pub fn status(&self) -> Option<HRESULT> {
        self.status
    }

    /// The calls of the run, in the order in which the store made them. They compare with an array
    /// of [`Call`](super::Call)s.
    ///
    /// ```
    /// # use mapisync::{HRESULT, testing::{Call, Outcome}};
    /// # fn f(outcome: Outcome) {
    /// assert_eq!(outcome.calls(), [Call::position(1, 1), Call::done(HRESULT::S_OK)]);
    /// # }
    /// ```
    pub fn calls(&self) -> &[RecordedCall] {
        &self.calls
    }

    /// The state of the run's event.
    ///
    /// ```
    /// # use mapisync::testing::{EventState, Outcome};
    /// # fn f(outcome: Outcome) {
    /// assert_eq!(outcome.event(), EventState::Signaled);
    /// # }
    /// ```
    pub fn event(&self) -> EventState {
        self.event
    }

    /// The time at which the stand-in saw the signal, on the clock of
    /// [`RecordedCall::time`](super::RecordedCall::time). It looks after `Done` has returned.
    /// `None` if the event was not signaled.
    ///
    /// ```
    /// # use mapisync::testing::Outcome;
    /// # fn f(outcome: Outcome) {
    /// let done = outcome.calls().last().unwrap();
    /// assert!(outcome.event_time().unwrap() >= done.time());
    /// # }
    /// ```
    pub fn event_time(&self) -> Option<Duration> {
        self.event_time
    }

    /// The reference count of the store, without the run's own references.
    ///
    /// ```
    /// # use mapisync::testing::{Counts, Outcome};
    /// # fn f(outcome: Outcome) {
    /// assert_eq!(outcome.store_count(), Counts { before: 1, after: 1 });
    /// # }
    /// ```
    pub fn store_count(&self) -> Counts {
        self.store
    }

    /// The reference count of the callback object, to which Outlook owns one reference. `None` if
    /// the run had no callback.
    ///
    /// ```
    /// # use mapisync::testing::{Counts, Outcome};
    /// # fn f(outcome: Outcome) {
    /// assert_eq!(outcome.callback_count(), Some(Counts { before: 1, after: 1 }));
    /// # }
    /// ```
    pub fn callback_count(&self) -> Option<Counts> {
        self.callback
    }

    /// The reference count of the session, without the run's own references. `None` if the run had
    /// no session.
    ///
    /// ```
    /// # use mapisync::testing::Outcome;
    /// # fn f(outcome: Outcome) {
    /// assert_eq!(outcome.session_count(), None);
    /// # }
    /// ```
    pub fn session_count(&self) -> Option<Counts> {
        self.session
    }

    /// The thread that called `SynchronizeInBackground`.
    ///
    /// ```
    /// # use mapisync::testing::Outcome;
    /// # fn f(outcome: Outcome) {
    /// assert!(!outcome.threads().contains(&outcome.outlook_thread())); // the store has its own
    /// # }
    /// ```
    pub fn outlook_thread(&self) -> ThreadNumber {
        self.outlook_thread
    }

    /// The threads on which the store called the callback, each once, in the order of their first
    /// calls.
    ///
    /// ```
    /// # use mapisync::testing::Outcome;
    /// # fn f(outcome: Outcome) {
    /// assert_eq!(outcome.threads().len(), 1);
    /// # }
    /// ```
    pub fn threads(&self) -> Vec<ThreadNumber> {
        let mut threads = Vec::new();
        for call in &self.calls {
            if !threads.contains(&call.thread) {
                threads.push(call.thread);
            }
        }
        threads
    }
}

/// Prints the calls as a table, and below it the call to the store and the event.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", Table(&self.calls))?;
        match self.returned {
            Some(code) => write!(f, "SynchronizeInBackground returned {}", Short(code))?,
            None => f.write_str("SynchronizeInBackground has not returned")?,
        }
        write!(f, " on thread {}; ", self.outlook_thread)?;
        f.write_str(match self.event {
            EventState::None => "there was no event",
            EventState::Invalid => "the event handle is not open, or the system cannot wait for it",
            EventState::Pending => "the event was not signaled",
            EventState::BeforeDone => "the event was signaled before Done",
            EventState::Signaled if self.has_callback => "the event was signaled after Done",
            EventState::Signaled => "the event was signaled",
        })
    }
}
