//! `Outcome`: everything that is known of a run after its end.

use super::call::Short;
use super::recorded_call::Table;
use super::{RecordedCall, ThreadNumber};
use crate::abi::HRESULT;
use alloc::vec::Vec;
use core::fmt;
use std::time::Duration;

/// The outcome of a run that an [`Outlook`](super::Outlook) has made.
///
/// It is a snapshot: a call that comes later is not in it. It owns no reference to the store, the
/// callback or the session.
///
/// # Assertions
///
/// [`assert_ok`](Outcome::assert_ok), [`assert_status`](Outcome::assert_status),
/// [`assert_canceled`](Outcome::assert_canceled), [`assert_failed`](Outcome::assert_failed),
/// [`assert_refused`](Outcome::assert_refused) and
/// [`assert_no_leaks`](Outcome::assert_no_leaks) return the outcome, so that they chain. If one
/// fails, it panics with one sentence and a table of the recorded calls.
///
/// Each of them also requires that the store has kept the protocol:
///
/// - The call has returned within the timeout.
/// - If the call failed, no method of the callback was called.
/// - `Done` came exactly once, if the run has a callback. No other call came after it.
/// - The event occurred after `Done`, if the store returned or passed one. Without a callback, the
///   store must return one.
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
/// // SynchronizeInBackground returned S_OK on thread 2; the event occurred after Done
/// ```
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(super) returned: Option<HRESULT>,
    pub(super) has_callback: bool,
    pub(super) status: Option<HRESULT>,
    pub(super) event: EventState,
    pub(super) calls: Vec<RecordedCall>,
    pub(super) store: Counts,
    pub(super) callback: Option<Counts>,
    pub(super) session: Option<Counts>,
    pub(super) outlook_thread: ThreadNumber,
    pub(super) timeout: Duration,
}

/// The state of a run's event when the wait for it was over.
///
/// ```
/// # use mapisync::testing::{EventState, Outcome};
/// fn keeps_the_order(outcome: &Outcome) -> bool {
///     outcome.event() == EventState::Occurred
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventState {
    /// The store returned no handle, and passed none to `Done`, or it started no run.
    None,
    /// The store returned a number that is no open handle, or a handle for which the system cannot
    /// wait.
    Invalid,
    /// The event has not occurred within the timeout.
    Pending,
    /// The event occurred before `Done`, or without one. That breaks the protocol.
    BeforeDone,
    /// The event occurred, after `Done` if the run has a callback.
    Occurred,
}

/// A reference count before a run and after it.
///
/// ```
/// use mapisync::testing::Counts;
/// assert_eq!(Counts { before: 1, after: 3 }.leaked(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counts {
    /// The count before the run.
    pub before: u32,
    /// The count after the run.
    pub after: u32,
}

impl Counts {
    /// The number of references that the store has added and not released. It is negative if the
    /// store has released too many.
    ///
    /// ```
    /// use mapisync::testing::Counts;
    /// assert_eq!(Counts { before: 1, after: 0 }.leaked(), -1);
    /// ```
    pub fn leaked(self) -> i64 {
        i64::from(self.after) - i64::from(self.before)
    }
}

impl Outcome {
    /// The `HRESULT` of the call to the store, or `None` if it has not returned.
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

    /// The status that `Done` passed, the first one if there were several. `None` if no `Done` has
    /// returned.
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

    /// The calls of the run, in the order in which they came. They compare with an array of
    /// [`Call`](super::Call)s.
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
    /// assert_eq!(outcome.event(), EventState::Occurred);
    /// # }
    /// ```
    pub fn event(&self) -> EventState {
        self.event
    }

    /// The count of the store, without the references of the run itself.
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

    /// The count of the callback object, of which Outlook owns one reference. `None` if the run had
    /// no callback.
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

    /// The count of the session, without the references of the run itself. `None` if the run had no
    /// session.
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

    /// The thread on which the store was called.
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
            EventState::Invalid => "the event handle is not open, or not one to wait for",
            EventState::Pending => "the event has not occurred",
            EventState::BeforeDone => "the event occurred before Done",
            EventState::Occurred if self.has_callback => "the event occurred after Done",
            EventState::Occurred => "the event occurred",
        })
    }
}
