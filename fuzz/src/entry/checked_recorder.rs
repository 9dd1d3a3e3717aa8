//! The host's side of a run: a `Recorder` with a plan of the results, and the calls that it must
//! have recorded.

use super::program::{CallbackPlan, CallbackReturn};
use crate::process::TIMEOUT;
use mapisync::testing::{Call, Method, RecordedCall, Recorder};
use mapisync::{DoneEvent, HRESULT, Result};
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// The event that the store passed to `Done`. The other methods have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    None,
    Unsignaled,
    Signaled,
}

impl Event {
    fn of(call: &RecordedCall) -> Event {
        match (call.has_event(), call.event_was_signaled()) {
            (false, _) => Event::None,
            (true, false) => Event::Unsignaled,
            (true, true) => Event::Signaled,
        }
    }
}

/// Returns the string that the recorder must receive for a `&str`.
pub fn sent(string: &str) -> String {
    string.replace('\0', "\u{FFFD}")
}

/// A recorder with a plan and expectations.
pub struct CheckedRecorder {
    /// Records the calls, and returns the results of the plan.
    pub recorder: Recorder,
    plan: Plan,
    expected: Mutex<Vec<(Call, Event)>>,
}

#[derive(Clone)]
struct Plan {
    returns: Vec<CallbackReturn>,
    /// Whether the object is hand-written, so that its vtable returns every code unchanged.
    foreign: bool,
}

impl Plan {
    fn of(&self, number: usize) -> &CallbackReturn {
        let returns = &self.returns;
        returns
            .get(number % returns.len().max(1))
            .unwrap_or(&CallbackReturn::Ok)
    }

    /// Returns the code that the vtable must return for a call.
    fn code(&self, number: usize) -> HRESULT {
        match self.of(number) {
            CallbackReturn::Ok => HRESULT::S_OK,
            CallbackReturn::Code(code) if self.foreign => code.hresult(),
            // An `Err` with a success code is a failure.
            CallbackReturn::Code(code) if code.hresult().is_ok() => HRESULT::E_FAIL,
            CallbackReturn::Code(code) => code.hresult(),
            CallbackReturn::Panic(_) => HRESULT::E_UNEXPECTED,
        }
    }

    /// Returns the result of the recorder for a call.
    fn result(&self, number: usize) -> Result<HRESULT> {
        match self.of(number) {
            CallbackReturn::Code(code) if !self.foreign => Err(code.hresult().into()),
            CallbackReturn::Panic(panic) if !self.foreign => panic.raise(),
            _ => Ok(self.code(number)),
        }
    }
}

impl CheckedRecorder {
    /// `captures` is the number of closures of `spawn` whose captures are not dropped yet.
    pub fn new(
        plan: &CallbackPlan,
        foreign: bool,
        captures: &Arc<AtomicUsize>,
    ) -> Arc<CheckedRecorder> {
        let returns = plan.returns.clone();
        let keeps_event = plan.keeps_event;
        let plan = Plan { returns, foreign };
        let (planned, captures, numbers) = (plan.clone(), captures.clone(), AtomicUsize::new(0));
        let mut recorder = Recorder::new().returns_with(move |call| {
            if call.method() == Method::Done {
                assert_eq!(captures.load(SeqCst), 0, "captures are dropped before Done");
            }
            planned.result(numbers.fetch_add(1, SeqCst))
        });
        if keeps_event {
            recorder = recorder.keeps_event();
        }
        Arc::new(CheckedRecorder {
            recorder,
            plan,
            expected: Mutex::default(),
        })
    }

    /// Expects a call of `Progress` or `Error`, and returns the code that it must return.
    pub fn expect(&self, call: Call) -> HRESULT {
        self.expect_with(call, Event::None)
    }

    /// Expects a call of `Done`, and returns the code that it must return.
    pub fn expect_done(&self, status: HRESULT, event: Event) -> HRESULT {
        self.expect_with(Call::Done(status), event)
    }

    fn expect_with(&self, call: Call, event: Event) -> HRESULT {
        let mut expected = self.expected.lock().unwrap();
        let returned = self.plan.code(expected.len());
        expected.push((call, event));
        returned
    }

    /// Checks that the calls are the expected ones.
    pub fn check(&self) {
        let calls = self.recorder.calls();
        let calls: Vec<_> = calls.iter().map(with_event).collect();
        assert_eq!(calls, *self.expected.lock().unwrap());
    }

    /// Returns the number of calls so far.
    pub fn mark(&self) -> usize {
        self.recorder.calls().len()
    }

    /// Returns the calls since a mark, and makes them the expected ones.
    pub fn accept_since(&self, mark: usize) -> Vec<RecordedCall> {
        let since = self.recorder.calls().split_off(mark);
        let mut expected = self.expected.lock().unwrap();
        expected.truncate(mark);
        expected.extend(since.iter().map(with_event));
        since
    }

    /// Returns the codes that the plan has for the calls since a mark.
    pub fn planned_since(&self, mark: usize) -> Vec<HRESULT> {
        (mark..self.mark()).map(|n| self.plan.code(n)).collect()
    }

    /// Waits for a `Done` after a mark.
    pub fn wait_for_done(&self, mark: usize) {
        let is_done = |call: &RecordedCall| call.method() == Method::Done;
        let mut calls = self.recorder.calls();
        while !calls[mark..].iter().any(is_done) {
            let one_more = self.recorder.wait_calls(calls.len() + 1, TIMEOUT);
            assert!(one_more, "Done was not called");
            calls = self.recorder.calls();
        }
    }

    /// Takes the kept events. Each run has signaled its event, or will signal it.
    pub fn take_kept(&self) -> impl Iterator<Item = DoneEvent> {
        iter::from_fn(|| self.recorder.take_event())
    }
}

/// Returns the call and its event.
pub fn with_event(call: &RecordedCall) -> (Call, Event) {
    (call.call().clone(), Event::of(call))
}
