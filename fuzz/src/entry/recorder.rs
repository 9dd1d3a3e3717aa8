//! The host's side of a run: a callback that records its calls, returns the values of its plan, and
//! compares the calls with the expected ones.

use super::program::{CallbackPlan, CallbackReturn};
use crate::process::TIMEOUT;
use mapisync::{DoneEvent, Error, HRESULT, MapiSyncProgressCallback, Result};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Progress(Option<String>, u32, u32),
    Error(i32, Option<String>),
    Done(i32, Event),
}

/// The event that `Done` handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    None,
    Unsignaled,
    Signaled,
}

/// Returns the string that must arrive for a `&str`.
pub fn sent(string: &str) -> String {
    string.replace('\0', "\u{FFFD}")
}

pub struct Recorder {
    plan: CallbackPlan,
    /// Whether the object is hand-written, so that its vtable returns every code unchanged.
    foreign: bool,
    /// The calls and the returned codes.
    calls: Mutex<Vec<(Call, HRESULT)>>,
    changed: Condvar,
    expected: Mutex<Vec<Call>>,
    kept: Mutex<Vec<DoneEvent>>,
    /// The number of closures of `spawn` whose captures are not dropped.
    captures: Arc<AtomicUsize>,
}

impl Recorder {
    pub fn new(plan: &CallbackPlan, foreign: bool, captures: &Arc<AtomicUsize>) -> Arc<Recorder> {
        Arc::new(Recorder {
            plan: plan.clone(),
            foreign,
            calls: Mutex::default(),
            changed: Condvar::new(),
            expected: Mutex::default(),
            kept: Mutex::default(),
            captures: captures.clone(),
        })
    }

    fn calls(&self) -> MutexGuard<'_, Vec<(Call, HRESULT)>> {
        self.calls.lock().unwrap()
    }

    /// Returns the code that the vtable must return for a value of the plan.
    fn returned(&self, plan: &CallbackReturn) -> HRESULT {
        match plan {
            CallbackReturn::Ok => HRESULT::S_OK,
            CallbackReturn::Code(code) if self.foreign => code.hresult(),
            // An `Err` with a success code is a failure.
            CallbackReturn::Code(code) if code.hresult().is_ok() => HRESULT::E_FAIL,
            CallbackReturn::Code(code) => code.hresult(),
            CallbackReturn::Panic(_) => HRESULT::E_UNEXPECTED,
        }
    }

    fn plan(&self, number: usize) -> &CallbackReturn {
        let returns = &self.plan.returns;
        returns
            .get(number % returns.len().max(1))
            .unwrap_or(&CallbackReturn::Ok)
    }

    /// Records a call, and returns the plan's value for it and the code of that value.
    fn record(&self, call: Call) -> (&CallbackReturn, HRESULT) {
        let mut calls = self.calls();
        let plan = self.plan(calls.len());
        let returned = self.returned(plan);
        calls.push((call, returned));
        drop(calls);
        self.changed.notify_all();
        (plan, returned)
    }

    /// Records a call of a hand-written object and returns its code.
    pub fn record_raw(&self, call: Call) -> HRESULT {
        self.record(call).1
    }

    fn record_safe(&self, call: Call) -> Result<()> {
        match self.record(call).0 {
            CallbackReturn::Ok => Ok(()),
            CallbackReturn::Code(code) => Err(code.hresult().into()),
            CallbackReturn::Panic(panic) => panic.raise(),
        }
    }

    /// Takes the event of `Done`, and keeps or closes it.
    pub fn done_with(&self, event: Option<DoneEvent>) -> Event {
        assert_eq!(
            self.captures.load(SeqCst),
            0,
            "captures are dropped before Done"
        );
        match event {
            None => Event::None,
            Some(event) => {
                let signaled = event.is_signaled();
                if self.plan.keeps_event {
                    self.kept.lock().unwrap().push(event);
                }
                if signaled {
                    Event::Signaled
                } else {
                    Event::Unsignaled
                }
            }
        }
    }

    /// Expects a call, and returns the code that it must return.
    pub fn expect(&self, call: Call) -> HRESULT {
        let mut expected = self.expected.lock().unwrap();
        let returned = self.returned(self.plan(expected.len()));
        expected.push(call);
        returned
    }

    /// Checks that the calls are the expected ones.
    pub fn check(&self) {
        let calls = self.calls();
        let calls: Vec<_> = calls.iter().map(|(call, _)| call).collect();
        let expected = self.expected.lock().unwrap();
        assert_eq!(calls, expected.iter().collect::<Vec<_>>());
    }

    /// Returns the number of calls so far.
    pub fn mark(&self) -> usize {
        self.calls().len()
    }

    /// Returns the calls since a mark with their codes, and makes them the expected ones.
    pub fn accept_since(&self, mark: usize) -> Vec<(Call, HRESULT)> {
        let calls = self.calls();
        let since = calls[mark..].to_vec();
        let mut expected = self.expected.lock().unwrap();
        expected.truncate(mark);
        expected.extend(since.iter().map(|(call, _)| call.clone()));
        since
    }

    /// Waits for a `Done` after a mark.
    pub fn wait_for_done(&self, mark: usize) {
        let missing = |calls: &mut Vec<(Call, HRESULT)>| {
            let mut since = calls[mark.min(calls.len())..].iter();
            !since.any(|(call, _)| matches!(call, Call::Done(..)))
        };
        let waited = self
            .changed
            .wait_timeout_while(self.calls(), TIMEOUT, missing);
        assert!(!waited.unwrap().1.timed_out(), "Done has not come");
    }

    /// Returns the kept events, which their runs have signaled or will signal.
    pub fn kept(&self) -> MutexGuard<'_, Vec<DoneEvent>> {
        self.kept.lock().unwrap()
    }
}

impl MapiSyncProgressCallback for Recorder {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.record_safe(Call::Progress(step.map(String::from), index, max))
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.record_safe(Call::Error(code.0, message.map(String::from)))
    }

    fn done(&self, _: HRESULT) -> Result<()> {
        Err(Error::new(
            HRESULT::E_NOTIMPL,
            "done_with_event is overridden",
        ))
    }

    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        let event = self.done_with(event);
        self.record_safe(Call::Done(status.0, event))
    }
}
