//! The host's end of a run: a callback that notes what it hears, answers as its plan says, and knows what it should have
//! heard.

use super::program::{Answer, EarPlan};
use crate::process::LONG;
use mapisync::{DoneEvent, Error, HRESULT, MapiSyncProgressCallback, Result};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heard {
    Progress(Option<String>, u32, u32),
    Error(i32, Option<String>),
    Done(i32, Event),
}

/// The event that came with Done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    None,
    Waiting,
    Occurred,
}

/// The texts of a `&str`, as they have to arrive.
pub fn sent(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

pub struct Ear {
    plan: EarPlan,
    /// Whether the object is laid by hand, so that its answers pass as they are.
    foreign: bool,
    /// What was heard, and what was answered.
    heard: Mutex<Vec<(Heard, HRESULT)>>,
    heard_more: Condvar,
    expected: Mutex<Vec<Heard>>,
    kept: Mutex<Vec<DoneEvent>>,
    /// How many closures given to `spawn` still hold what they captured.
    captures: Arc<AtomicUsize>,
}

impl Ear {
    pub fn new(plan: &EarPlan, foreign: bool, captures: &Arc<AtomicUsize>) -> Arc<Ear> {
        Arc::new(Ear {
            plan: plan.clone(),
            foreign,
            heard: Mutex::default(),
            heard_more: Condvar::new(),
            expected: Mutex::default(),
            kept: Mutex::default(),
            captures: captures.clone(),
        })
    }

    fn heard(&self) -> MutexGuard<'_, Vec<(Heard, HRESULT)>> {
        self.heard.lock().unwrap()
    }

    /// What comes back through the vtable for an answer of the plan.
    fn answered(&self, answer: &Answer) -> HRESULT {
        match answer {
            Answer::Ok => HRESULT::S_OK,
            Answer::Code(code) if self.foreign => code.hresult(),
            // An `Err` with a code of success is a failure all the same.
            Answer::Code(code) if code.hresult().is_ok() => HRESULT::E_FAIL,
            Answer::Code(code) => code.hresult(),
            Answer::Panic(_) => HRESULT::E_UNEXPECTED,
        }
    }

    fn plan(&self, number: usize) -> &Answer {
        let answers = &self.plan.answers;
        answers
            .get(number % answers.len().max(1))
            .unwrap_or(&Answer::Ok)
    }

    /// Notes a call. The answer is that of the plan for its number.
    fn hear(&self, call: Heard) -> (&Answer, HRESULT) {
        let mut heard = self.heard();
        let answer = self.plan(heard.len());
        let answered = self.answered(answer);
        heard.push((call, answered));
        drop(heard);
        self.heard_more.notify_all();
        (answer, answered)
    }

    /// Notes a call, for an object that is laid by hand.
    pub fn hear_raw(&self, call: Heard) -> HRESULT {
        self.hear(call).1
    }

    fn hear_safe(&self, call: Heard) -> Result<()> {
        match self.hear(call).0 {
            Answer::Ok => Ok(()),
            Answer::Code(code) => Err(code.hresult().into()),
            Answer::Panic(panic) => panic.raise(),
        }
    }

    /// Done, with the event, which is the ear's.
    pub fn done_with(&self, event: Option<DoneEvent>) -> Event {
        assert_eq!(
            self.captures.load(SeqCst),
            0,
            "captures are dropped before Done"
        );
        match event {
            None => Event::None,
            Some(event) => {
                let occurred = event.is_signaled();
                if self.plan.keeps {
                    self.kept.lock().unwrap().push(event);
                }
                if occurred {
                    Event::Occurred
                } else {
                    Event::Waiting
                }
            }
        }
    }

    /// Says what the next call has to be, and how it is answered.
    pub fn expect(&self, call: Heard) -> HRESULT {
        let mut expected = self.expected.lock().unwrap();
        let answered = self.answered(self.plan(expected.len()));
        expected.push(call);
        answered
    }

    /// Everything that was expected has been heard, and nothing else.
    pub fn check(&self) {
        let heard = self.heard();
        let heard: Vec<_> = heard.iter().map(|(heard, _)| heard).collect();
        let expected = self.expected.lock().unwrap();
        assert_eq!(heard, expected.iter().collect::<Vec<_>>());
    }

    /// How many calls have come.
    pub fn mark(&self) -> usize {
        self.heard().len()
    }

    /// The calls since a mark and their answers, which from here on are what was expected.
    pub fn accept_since(&self, mark: usize) -> Vec<(Heard, HRESULT)> {
        let heard = self.heard();
        let since = heard[mark..].to_vec();
        let mut expected = self.expected.lock().unwrap();
        expected.truncate(mark);
        expected.extend(since.iter().map(|(heard, _)| heard.clone()));
        since
    }

    /// Waits until a Done has come since a mark.
    pub fn wait_for_done(&self, mark: usize) {
        let missing = |heard: &mut Vec<(Heard, HRESULT)>| {
            let mut since = heard[mark.min(heard.len())..].iter();
            !since.any(|(heard, _)| matches!(heard, Heard::Done(..)))
        };
        let waited = self
            .heard_more
            .wait_timeout_while(self.heard(), LONG, missing);
        assert!(!waited.unwrap().1.timed_out(), "Done has not come");
    }

    /// The events that were kept, which their runs have signalled or will.
    pub fn kept(&self) -> MutexGuard<'_, Vec<DoneEvent>> {
        self.kept.lock().unwrap()
    }
}

impl MapiSyncProgressCallback for Ear {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.hear_safe(Heard::Progress(step.map(String::from), index, max))
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.hear_safe(Heard::Error(code.0, message.map(String::from)))
    }

    fn done(&self, _: HRESULT) -> Result<()> {
        Err(Error::new(
            HRESULT::E_NOTIMPL,
            "done_with_event is overridden",
        ))
    }

    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        let event = self.done_with(event);
        self.hear_safe(Heard::Done(status.0, event))
    }
}
