//! `OutlookRun`: a call to a store on a new thread, and the wait for the end of its run.

use super::call_to_store::{CallToStore, RequestMemory};
use super::callback_object::CallbackObject;
use super::counts::{CallbackReferences, Counted};
use super::outcome::EventState;
use super::state::{RunState, State};
use super::{Outcome, Outlook, RecordedCall, Recorder, ThreadNumber};
use crate::abi::{HRESULT, IMAPISession, IMAPISync};
use crate::error::Error;
use crate::object::ComPtr;
use alloc::sync::Arc;
use core::fmt;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

impl Outlook {
    /// Calls the store, and waits until the run ends or the timeout expires.
    ///
    /// If the timeout expires, everything that the store may still use stays in memory until the
    /// process ends: the structure, the event handle location, and the event. The thread continues
    /// until the store returns.
    ///
    /// Effect on the counts: none after a run that has ended, unless the store leaks. Until the
    /// store returns from the call, the thread owns a reference to the store, the callback and the
    /// session.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync, testing::Outlook};
    /// fn test(sync: &ComPtr<IMAPISync>) {
    ///     Outlook::new().run(sync).assert_ok();
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread. A run that fails does not panic: that is for the
    /// assertions of [`Outcome`].
    #[must_use = "a run tests nothing unless its outcome is checked"]
    #[doc(alias = "SynchronizeInBackground")]
    pub fn run(&self, store: &ComPtr<IMAPISync>) -> Outcome {
        self.start(store).wait()
    }

    /// Calls the store and does not wait for it, so that the test can act while the run is in
    /// progress. [`Recorder::blocks`] has an example. The timeout begins with this call.
    ///
    /// The counts before the run include the test's own pointers. The test must therefore keep its
    /// pointer to the store until the run ends. Otherwise the count falls by one, and
    /// [`assert_no_leaks`](Outcome::assert_no_leaks) reports it.
    ///
    /// Effect on the counts: + 2 on the store's and the session's. The thread releases one
    /// reference when the call has returned, and the result releases the other.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync, testing::Outlook};
    /// fn two_at_once(sync: &ComPtr<IMAPISync>) {
    ///     let outlook = Outlook::new();
    ///     let runs = [outlook.start(sync), outlook.start(sync)];
    ///     for run in runs {
    ///         run.wait().assert_ok();
    ///     }
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread.
    #[must_use = "a run tests nothing unless its outcome is checked"]
    pub fn start(&self, store: &ComPtr<IMAPISync>) -> OutlookRun {
        let (recorder, request) = (self.recorder.clone(), Arc::default());
        let run = recorder.new_run(true);
        let object = || CallbackObject::create(recorder.clone(), run, Some(Arc::clone(&request)));
        let callback = self.has_callback.then(|| CallbackReferences::new(object()));
        let (store, session) = (Counted::new(store), self.session.as_ref().map(Counted::new));
        let call = CallToStore {
            store: store.pointer.clone(),
            session: self.session.clone(),
            callback: callback.as_ref().map(|callback| callback.pointer().clone()),
            request: request.clone(),
            recorder: recorder.clone(),
            run,
        };
        let (numbers, number) = channel();
        let started = Instant::now();
        let (flags, size) = (self.flags.bits(), self.struct_size);
        let has_location = self.has_event_location;
        let spawned = thread::Builder::new().name("outlook".into()).spawn(move || {
            let _ = numbers.send(ThreadNumber::current());
            call.make(flags, size, has_location);
        });
        spawned.expect("the system cannot start a thread");
        OutlookRun {
            store,
            session,
            callback,
            request,
            recorder,
            run,
            outlook_thread: number.recv().expect("the thread sends its number first"),
            started,
            timeout: self.timeout,
            has_ended: false,
        }
    }
}

/// A run that [`Outlook::start`] has started, and that may still be in progress.
///
/// Dropping it does not wait. The store continues, and everything that it may use stays in memory
/// until the process ends.
///
/// Effect on the counts: it owns a reference to the store and one to the session, and several to
/// the callback.
///
/// ```
/// # use mapisync::{ComPtr, abi::IMAPISync, testing::Outlook};
/// fn test(sync: &ComPtr<IMAPISync>) {
///     let run = Outlook::new().start(sync);
///     // act while the store works
///     run.wait().assert_ok();
/// }
/// ```
pub struct OutlookRun {
    store: Counted<IMAPISync>,
    session: Option<Counted<IMAPISession>>,
    callback: Option<CallbackReferences>,
    request: Arc<RequestMemory>,
    recorder: Recorder,
    /// The index of the run in the recorder.
    run: usize,
    outlook_thread: ThreadNumber,
    started: Instant,
    timeout: Duration,
    /// The run has ended, so the memory of the request may be freed.
    has_ended: bool,
}

/// The longest wait for references that a store releases after the end of its run.
const LATE_RELEASE: Duration = Duration::from_secs(1);

impl OutlookRun {
    /// Waits until the run ends or the timeout expires. The timeout began with
    /// [`start`](Outlook::start).
    ///
    /// A run has ended when all of these conditions hold:
    ///
    /// - `SynchronizeInBackground` has returned. If it failed, the store has started no run, and
    ///   the other conditions do not apply.
    /// - `Done` has returned, if the run has a callback.
    /// - The event is signaled, if the run has one. A run without a callback must have one.
    ///
    /// A store may release its references shortly after the end. `wait` waits for this up to a
    /// second, within the timeout.
    ///
    /// Effect on the counts: the run's references are released.
    ///
    /// ```
    /// # use mapisync::testing::{Outcome, OutlookRun};
    /// fn finish(run: OutlookRun) -> Outcome {
    ///     run.wait()
    /// }
    /// ```
    #[must_use = "a run tests nothing unless its outcome is checked"]
    pub fn wait(self) -> Outcome {
        self.finish(true)
    }

    /// Waits as [`wait`](OutlookRun::wait) does, but not for late releases. The counts of the outcome
    /// may therefore be too high.
    pub(super) fn wait_without_counts(self) -> Outcome {
        self.finish(false)
    }

    fn finish(mut self, awaits_releases: bool) -> Outcome {
        let returned = self.wait_returned();
        let (mut status, mut event) = (None, EventState::None);
        if returned.is_some_and(HRESULT::is_ok) {
            if self.callback.is_some() {
                status = self.wait_for(|run| run.status);
            }
            event = self.wait_for_event();
        }
        let is_signaled = matches!(event, EventState::BeforeDone | EventState::Signaled);
        let event_time = is_signaled.then(|| self.recorder.elapsed());
        self.has_ended = match (returned, event) {
            (None, _) | (_, EventState::Invalid | EventState::Pending) => false,
            (Some(code), _) if code.is_err() => true,
            // Without a callback, only the event signals the end.
            (_, EventState::None) => status.is_some(),
            _ => status.is_some() || self.callback.is_none(),
        };
        if self.has_ended && awaits_releases {
            self.wait_for_late_releases();
        }
        let mut calls = self.recorder.calls();
        calls.retain(|call| call.run == self.run);
        Outcome {
            returned,
            has_callback: self.callback.is_some(),
            status,
            event,
            event_time,
            calls,
            store: self.store.counts(),
            callback: self.callback.as_ref().map(CallbackReferences::counts),
            session: self.session.as_ref().map(Counted::counts),
            outlook_thread: self.outlook_thread,
            timeout: self.timeout,
            has_stray_event: returned.is_some_and(HRESULT::is_err)
                && !self.request.handle().is_null(),
        }
    }

    /// Waits until `SynchronizeInBackground` returns, or until the timeout. Returns its code.
    pub(super) fn wait_returned(&self) -> Option<HRESULT> {
        self.wait_for(|run| run.returned)
    }

    fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.started.elapsed())
    }

    /// Waits until a value of the run's state is set, or until the timeout.
    fn wait_for(&self, value: impl Fn(&RunState) -> Option<HRESULT>) -> Option<HRESULT> {
        let value = |state: &State| value(&state.runs[self.run]);
        value(&self.recorder.wait(self.left(), |state| value(state).is_some()))
    }

    /// Waits until the event is signaled, if there is one, or until the timeout.
    fn wait_for_event(&self) -> EventState {
        let state = self.recorder.lock();
        let run = &state.runs[self.run];
        let (event, is_invalid) = (run.event.clone(), run.handle_is_invalid);
        drop(state);
        let Some(event) = event else {
            return if is_invalid { EventState::Invalid } else { EventState::None };
        };
        match event.wait(Some(self.left())) {
            Err(Error::Timeout { .. }) => EventState::Pending,
            Err(_) => EventState::Invalid,
            Ok(()) if self.callback.is_some() && self.was_signaled_before_done() => {
                EventState::BeforeDone
            }
            Ok(()) => EventState::Signaled,
        }
    }

    /// Returns whether the event, which is signaled now, was signaled before `Done` was called.
    fn was_signaled_before_done(&self) -> bool {
        let state = self.recorder.lock();
        let mut calls = state.calls.iter().filter(|call| call.run == self.run);
        !state.runs[self.run].is_done || calls.any(RecordedCall::event_was_signaled)
    }

    /// Waits until the store has released its references, or until the limit.
    fn wait_for_late_releases(&self) {
        let (started, limit) = (Instant::now(), self.left().min(LATE_RELEASE));
        let leaks = || {
            self.store.counts().leaked() > 0
                || self.callback.as_ref().is_some_and(|callback| callback.counts().leaked() > 0)
                || self.session.as_ref().is_some_and(|session| session.counts().leaked() > 0)
        };
        while leaks() && started.elapsed() < limit {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for OutlookRun {
    fn drop(&mut self) {
        let mut state = self.recorder.lock();
        let run = &mut state.runs[self.run];
        run.is_watched = false;
        let event = run.event.take();
        drop(state);
        if !self.has_ended {
            self.request.clone().abandon(event);
        }
    }
}

impl fmt::Debug for OutlookRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut calls = self.recorder.calls();
        calls.retain(|call| call.run == self.run);
        f.debug_struct("OutlookRun").field("calls", &calls).finish_non_exhaustive()
    }
}
