//! The host's side of a run: a `Recorder` with a plan of its results, and the calls that it must
//! have recorded.

use super::program::{CallbackPlan, CallbackReturn};
use mapisync::testing::{Call, Method, RecordedCall, Recorder};
use mapisync::{HRESULT, Result};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use test_support::TIMEOUT;

/// The event that the store passed to `Done`. The other methods have none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    None,
    Unsignaled,
    Signaled,
}

/// Returns the string that a callback must receive for a `&str`.
pub fn sent(string: &str) -> String {
    string.replace('\0', "\u{FFFD}")
}

/// The closures of `spawn` whose captures are not dropped yet.
pub type Captures = Arc<AtomicUsize>;

/// A recorder with a plan and expectations.
pub struct CheckedRecorder {
    pub recorder: Recorder,
    plan: Plan,
    expected: Mutex<Vec<(Call, Event)>>,
}

#[derive(Clone)]
struct Plan {
    returns: Vec<CallbackReturn>,
    /// Whether the calls go to `Recorder::object`, which returns every code unchanged.
    foreign: bool,
}

impl Plan {
    fn of(&self, number: usize) -> &CallbackReturn {
        let number = number % self.returns.len().max(1);
        self.returns.get(number).unwrap_or(&CallbackReturn::Ok)
    }

    /// Returns the code that the vtable must return for a call.
    fn code(&self, number: usize) -> HRESULT {
        match self.of(number) {
            CallbackReturn::Ok => HRESULT::S_OK,
            CallbackReturn::Code(code) if self.foreign => code.hresult(),
            CallbackReturn::Code(code) => code.failing(),
            CallbackReturn::Panic(_) => HRESULT::E_UNEXPECTED,
        }
    }

    /// Returns the result of the recorder for a call.
    fn result(&self, number: usize) -> Result<HRESULT> {
        match self.of(number) {
            CallbackReturn::Code(code) if !self.foreign => Err(code.hresult().into()),
            CallbackReturn::Panic(panic) => panic.raise(),
            _ => Ok(self.code(number)),
        }
    }
}

impl CheckedRecorder {
    pub fn new(plan: &CallbackPlan, foreign: bool, captures: &Captures) -> Arc<CheckedRecorder> {
        let returns = plan.returns.clone();
        let checked = Plan { returns, foreign };
        let (planned, captures, numbers) = (checked.clone(), captures.clone(), AtomicUsize::new(0));
        let recorder = Recorder::new().returns_with(move |call| {
            if call.method() == Method::Done {
                assert_eq!(captures.load(SeqCst), 0, "captures are dropped before Done");
            }
            planned.result(numbers.fetch_add(1, SeqCst))
        });
        let recorder = if plan.keeps_event { recorder.keeps_event() } else { recorder };
        Arc::new(CheckedRecorder { recorder, plan: checked, expected: Mutex::default() })
    }

    /// Expects a call, and returns the code that it must return.
    pub fn expect(&self, call: Call, event: Event) -> HRESULT {
        let mut expected = self.expected.lock().unwrap();
        let returned = self.plan.code(expected.len());
        expected.push((call, event));
        returned
    }

    /// Waits for the expected calls, and checks that there are no others. Then waits for the events
    /// that were kept.
    pub fn check(&self) {
        let expected = self.expected.lock().unwrap().clone();
        self.recorder.wait_calls(expected.len(), TIMEOUT);
        let calls: Vec<_> = self.recorder.calls().iter().map(with_event).collect();
        assert_eq!(calls, expected);
        while let Some(event) = self.recorder.take_event() {
            event.wait(Some(TIMEOUT)).unwrap();
        }
    }
}

fn with_event(call: &RecordedCall) -> (Call, Event) {
    let event = match (call.has_event(), call.event_was_signaled()) {
        (false, _) => Event::None,
        (true, false) => Event::Unsignaled,
        (true, true) => Event::Signaled,
    };
    (call.call().clone(), event)
}
