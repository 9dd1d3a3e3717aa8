//! `RecordedCall`: a call in a [`Recorder`](super::Recorder).

use super::call::Short;
use super::{Call, ThreadNumber};
use crate::abi::HRESULT;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;
use std::time::Duration;

/// A call that a [`Recorder`](super::Recorder) has recorded. It dereferences to its [`Call`] and
/// compares with one.
///
/// `Debug` prints only the call, as the `Debug` of [`Call`] does. `Display` prints one line, with
/// the time, the thread and the result.
///
/// ```
/// use mapisync::HRESULT;
/// use mapisync::testing::{Call, Recorder};
///
/// let recorder = Recorder::new();
/// recorder.object().progress(Some("Receiving"), 0, 2).ok()?;
/// assert_eq!(recorder.calls(), [Call::progress("Receiving", 0, 2)]);
/// assert_eq!(recorder.calls()[0].returned(), Some(HRESULT::S_OK));
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Clone)]
pub struct RecordedCall {
    pub(super) call: Call,
    /// The run that the call belongs to: its index in the recorder.
    pub(super) run: usize,
    pub(super) thread: ThreadNumber,
    pub(super) time: Duration,
    pub(super) returned: Option<HRESULT>,
    pub(super) has_event: bool,
    pub(super) event_was_signaled: bool,
}

impl RecordedCall {
    /// The call. `RecordedCall` dereferences to it.
    ///
    /// ```
    /// # use mapisync::testing::{Call, RecordedCall};
    /// fn is_first_position(call: &RecordedCall) -> bool {
    ///     matches!(call.call(), Call::Progress(_, 0, _))
    /// }
    /// ```
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The thread on which the store made the call.
    ///
    /// ```
    /// # use mapisync::testing::{RecordedCall, ThreadNumber};
    /// fn is_from_this_thread(call: &RecordedCall) -> bool {
    ///     call.thread() == ThreadNumber::current()
    /// }
    /// ```
    pub fn thread(&self) -> ThreadNumber {
        self.thread
    }

    /// The time from the creation of the recorder to the call.
    ///
    /// ```
    /// # use mapisync::testing::RecordedCall;
    /// # use std::time::Duration;
    /// fn paused_between(calls: &[RecordedCall], pause: Duration) -> bool {
    ///     calls.windows(2).all(|pair| pair[1].time() - pair[0].time() >= pause)
    /// }
    /// ```
    pub fn time(&self) -> Duration {
        self.time
    }

    /// The `HRESULT` that the call returned to the store, or `None` if it has not returned yet.
    ///
    /// ```
    /// # use mapisync::testing::RecordedCall;
    /// fn asks_to_stop(call: &RecordedCall) -> bool {
    ///     call.returned().is_some_and(|code| code.is_err())
    /// }
    /// ```
    pub fn returned(&self) -> Option<HRESULT> {
        self.returned
    }

    /// Whether the call is a `Done` that passed an event.
    ///
    /// ```
    /// # use mapisync::testing::RecordedCall;
    /// fn passed_its_event(calls: &[RecordedCall]) -> bool {
    ///     calls.last().is_some_and(RecordedCall::has_event)
    /// }
    /// ```
    pub fn has_event(&self) -> bool {
        self.has_event
    }

    /// Whether the call is a `Done`, and the run's event was already signaled when the store called
    /// it. A store must signal the event after `Done`.
    ///
    /// ```
    /// # use mapisync::testing::RecordedCall;
    /// fn signaled_too_early(calls: &[RecordedCall]) -> bool {
    ///     calls.iter().any(RecordedCall::event_was_signaled)
    /// }
    /// ```
    pub fn event_was_signaled(&self) -> bool {
        self.event_was_signaled
    }

    /// The last column of a table of calls.
    fn result(&self) -> String {
        match self.returned {
            Some(code) => alloc::format!("{}", Short(code)),
            None => String::from("(running)"),
        }
    }
}

impl Deref for RecordedCall {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

impl PartialEq<Call> for RecordedCall {
    fn eq(&self, other: &Call) -> bool {
        self.call == *other
    }
}

impl PartialEq<RecordedCall> for Call {
    fn eq(&self, other: &RecordedCall) -> bool {
        *self == other.call
    }
}

impl fmt::Debug for RecordedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

impl fmt::Display for RecordedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, thread) = (self.time.as_secs_f64(), self.thread);
        write!(f, "{time:.3} s, thread {thread}: {} returned {}", self.call, self.result())
    }
}

/// Prints calls as a table with a line for each.
pub(super) struct Table<'a>(pub(super) &'a [RecordedCall]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<String> =
            self.0.iter().map(|call| alloc::format!("{}", call.call)).collect();
        let width = calls.iter().map(|call| call.chars().count()).max().unwrap_or(0).clamp(4, 60);
        write!(f, "  {:>8}  {:>6}  {:width$}  returned", "time", "thread", "call")?;
        for (recorded, call) in self.0.iter().zip(calls) {
            let (time, thread) = (recorded.time.as_secs_f64(), recorded.thread);
            write!(f, "\n  {time:>6.3} s  {thread:>6}  {call:width$}  {}", recorded.result())?;
        }
        if self.0.is_empty() {
            f.write_str("\n  (no calls)")?;
        }
        Ok(())
    }
}
