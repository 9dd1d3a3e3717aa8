//! `Check`: one check of one object. It applies the options, and collects the rows.

use super::{Conformance, Report, Row, Rule, Verdict};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use std::panic;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// A check in progress.
pub(super) struct Check<'a> {
    pub(super) options: &'a Conformance,
    rows: Vec<Row>,
    /// The reason why the object must not be called again, if there is one.
    stopped: Option<String>,
}

/// The result of the test of a rule. The rule decides whether a violation fails or warns.
pub(super) enum Finding {
    Kept,
    /// The object breaks the rule.
    Broken(String),
    /// The object breaks the rule, and must not be called again.
    Fatal(String),
    NotApplicable(String),
}

impl Finding {
    pub(super) fn broken(seen: impl fmt::Display) -> Finding {
        Finding::Broken(format!("{seen}"))
    }

    pub(super) fn not_applicable(why: impl fmt::Display) -> Finding {
        Finding::NotApplicable(format!("{why}"))
    }

    /// `Broken` if something was seen.
    pub(super) fn from_seen(seen: Option<String>) -> Finding {
        seen.map_or(Finding::Kept, Finding::Broken)
    }
}

impl<'a> Check<'a> {
    pub(super) fn new(options: &'a Conformance) -> Check<'a> {
        Check { options, rows: Vec::new(), stopped: None }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.options.timeout
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Decides rules that follow from the same calls, which `test` makes.
    pub(super) fn rules<const N: usize>(
        &mut self,
        ids: [&str; N],
        test: impl FnOnce(&mut Check<'a>) -> [Finding; N],
    ) {
        let is_skipped = |id: &&str| self.options.skipped.iter().any(|skipped| skipped == id);
        if ids.iter().any(is_skipped) {
            return;
        }
        let rules = ids.map(Rule::named);
        let findings = match &self.stopped {
            Some(why) => [(); N].map(|()| Finding::not_applicable(why)),
            None => {
                if let Some(hook) = &self.options.on_start {
                    hook(&rules);
                }
                test(self)
            }
        };
        for (rule, finding) in rules.into_iter().zip(findings) {
            self.decide(rule, finding);
        }
    }

    pub(super) fn rule(&mut self, id: &str, test: impl FnOnce(&mut Check<'a>) -> Finding) {
        self.rules([id], |check| [test(check)]);
    }

    /// Decides a rule about a NULL argument, if the options allow one.
    pub(super) fn null_rule(&mut self, id: &str, test: impl FnOnce(&mut Check<'a>) -> Finding) {
        self.rule(id, |check| {
            if check.options.null_arguments {
                return test(check);
            }
            let why = "the check passes no NULL arguments; see Conformance::null_arguments";
            Finding::not_applicable(why)
        });
    }

    /// Does not call the object again.
    pub(super) fn stop(&mut self, why: impl fmt::Display) {
        self.stopped.get_or_insert_with(|| format!("{why}"));
    }

    fn decide(&mut self, rule: &'static Rule, finding: Finding) {
        let row = match finding {
            Finding::Kept => Row { rule, verdict: Verdict::Passed },
            Finding::Broken(seen) => Row::broken(rule, seen),
            Finding::Fatal(seen) => {
                self.stop(format_args!("not checked after {}: {seen}", rule.id));
                Row::broken(rule, seen)
            }
            Finding::NotApplicable(why) => Row { rule, verdict: Verdict::NotApplicable(why) },
        };
        if let Some(hook) = &self.options.on_row {
            hook(&row);
        }
        self.rows.push(row);
    }

    /// Makes calls on a new thread, within the timeout. If they take longer, the thread continues,
    /// and the object must not be called again.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread.
    pub(super) fn timed(&self, test: impl FnOnce() -> Finding + Send + 'static) -> Finding {
        self.timed_value(test).unwrap_or_else(Finding::Fatal)
    }

    /// Like [`timed`](Check::timed), for another result. The error says that the timeout expired.
    pub(super) fn timed_value<T: Send + 'static>(
        &self,
        calls: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let (sender, receiver) = channel();
        let spawned = thread::Builder::new().name("conformance".into()).spawn(move || {
            // Nothing receives the result after the timeout.
            let _ = sender.send(calls());
        });
        let thread = spawned.expect("the system cannot start a thread");
        let received = receiver.recv_timeout(self.timeout());
        match received {
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("the call did not return within {:?}", self.timeout()))
            }
            Ok(value) => {
                // The thread counts as a thread of the process until it is joined.
                let _ended = thread.join();
                Ok(value)
            }
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Err(payload) => panic::resume_unwind(payload),
                Ok(()) => unreachable!("the thread sends a result"),
            },
        }
    }

    pub(super) fn report(self) -> Report {
        Report::from_iter(self.rows)
    }
}
