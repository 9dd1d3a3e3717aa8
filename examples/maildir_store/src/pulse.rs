//! Reports to the host at regular intervals. A host can cancel a run only when the store reports,
//! so a run that lists, copies or waits must report, too.

use mapisync::{Result, SyncJob};
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// The longest time between two reports. The user does not notice a shorter delay after Cancel.
pub const INTERVAL: Duration = Duration::from_millis(50);

/// The last report, and its time.
pub struct Pulse<'a> {
    job: &'a SyncJob,
    interval: Duration,
    last: Cell<Instant>,
    report: RefCell<(String, u64, u64)>,
}

impl<'a> Pulse<'a> {
    pub fn new(job: &'a SyncJob, interval: Duration) -> Pulse<'a> {
        Pulse {
            job,
            interval,
            last: Cell::new(Instant::now()),
            report: RefCell::new((String::new(), 0, 1)),
        }
    }

    /// Reports a position. Fails if the host cancels the run.
    pub fn report(&self, step: &str, index: u64, max: u64) -> Result<()> {
        let mut report = self.report.borrow_mut();
        if report.0 != step {
            report.0 = step.into();
        }
        (report.1, report.2) = (index, max.max(1)); // a maximum of 0 is not defined
        drop(report);
        self.repeat()
    }

    /// Repeats the last report if the interval is over. Fails if the host cancels the run.
    pub fn go_on(&self) -> Result<()> {
        if self.last.get().elapsed() < self.interval {
            return Ok(());
        }
        self.repeat()
    }

    fn repeat(&self) -> Result<()> {
        let report = self.report.borrow();
        let (step, index, max) = &*report;
        let result = self.job.progress(Some(step), *index, *max);
        self.last.set(Instant::now());
        result
    }
}
