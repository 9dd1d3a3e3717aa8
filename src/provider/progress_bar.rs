//! `ProgressBar`: one position over several loops or functions.

use crate::error::Result;
use crate::provider::SyncJob;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// The interval between reports of a position, unless the store sets another one.
const INTERVAL: Duration = Duration::from_millis(100);

impl SyncJob {
    /// Creates a progress bar of `total` units, such as messages or bytes, at the position 0. It
    /// makes no report yet.
    ///
    /// Use it if the work is in several functions, such as one for each of several nested folders.
    /// For a single loop, use [`track`](SyncJob::track).
    ///
    /// ```
    /// use mapisync::{ProgressBar, Result, SyncJob};
    ///
    /// struct Folder {
    ///     name: String,
    ///     mails: Vec<String>,
    ///     subfolders: Vec<Folder>,
    /// }
    /// # impl Folder {
    /// #     fn count(&self) -> usize { self.mails.len() + self.subfolders.iter().map(Folder::count).sum::<usize>() }
    /// # }
    /// # fn fetch(_mail: &str) -> std::io::Result<()> { Ok(()) }
    ///
    /// fn receive_all(job: &SyncJob, root: &Folder) -> Result<()> {
    ///     receive(root, &job.bar(root.count() as u64))
    /// }
    ///
    /// fn receive(folder: &Folder, bar: &ProgressBar<'_>) -> Result<()> {
    ///     bar.step(&format!("Receiving {}", folder.name))?;
    ///     for mail in &folder.mails {
    ///         fetch(mail)?;
    ///         bar.advance(1)?;
    ///     }
    ///     folder.subfolders.iter().try_for_each(|subfolder| receive(subfolder, bar))
    /// }
    /// ```
    ///
    /// Effect on the counts: none.
    pub fn bar(&self, total: u64) -> ProgressBar<'_> {
        ProgressBar {
            job: self,
            total,
            interval: INTERVAL,
            done: Mutex::new(0),
            last_report: Mutex::new(None),
        }
    }
}

/// A progress bar of a run. It is made by [`SyncJob::bar`].
///
/// - [`advance`](ProgressBar::advance) moves the position. So that it can be called for each
///   kilobyte, it makes a report only if 100 ms have passed since the last one, or the
///   [`interval`](ProgressBar::interval) that the store sets. The first report is always made, and
///   so is the one when the position reaches the total.
/// - [`step`](ProgressBar::step) shows what the store is doing. It always makes a report.
/// - A total above `u32::MAX` is scaled to `u32::MAX`. The position never exceeds the total. A
///   total of 0 is reported as 1 of 1, because no source defines a maximum of 0.
///
/// Several threads can advance one bar. Its reports are made one after the other, so the position
/// never moves back.
///
/// ```
/// # use mapisync::{Result, SyncJob};
/// # use std::thread;
/// # fn fetch(_mail: &str) -> Result<()> { Ok(()) }
/// fn receive(job: &SyncJob, folders: &[Vec<String>]) -> Result<()> {
///     let bar = job.bar(folders.iter().map(|mails| mails.len() as u64).sum());
///     bar.step("Receiving")?;
///     thread::scope(|scope| {
///         let workers: Vec<_> = folders
///             .iter()
///             .map(|mails| scope.spawn(|| mails.iter().try_for_each(|mail| fetch(mail).and(bar.advance(1)))))
///             .collect();
///         workers.into_iter().try_for_each(|worker| worker.join().unwrap())
///     })
/// }
/// ```
#[must_use = "a bar makes no report until it is advanced"]
pub struct ProgressBar<'a> {
    job: &'a SyncJob,
    total: u64,
    interval: Duration,
    /// The position, which is at most the total.
    done: Mutex<u64>,
    /// The time of the last report. It is locked during a report, so that one thread at a time
    /// makes a report, and each has the newest position.
    last_report: Mutex<Option<Instant>>,
}

impl ProgressBar<'_> {
    /// Sets the shortest time between two reports by [`advance`](ProgressBar::advance). With
    /// [`Duration::ZERO`] each call makes a report. With [`Duration::MAX`] only the first and the
    /// last one do.
    ///
    /// ```
    /// # use mapisync::{Result, SyncJob};
    /// # use std::time::Duration;
    /// fn copy(job: &SyncJob, bytes: u64) -> Result<()> {
    ///     let bar = job.bar(bytes).interval(Duration::from_secs(1));
    ///     bar.step("Copying")
    /// }
    /// ```
    pub fn interval(self, interval: Duration) -> Self {
        ProgressBar { interval, ..self }
    }

    /// Moves the position forward by `n` units, and reports it unless the last report is too recent
    /// or another thread is making one. The host keeps showing the last step.
    ///
    /// `advance(0)` is for long work that does not move the position: it notices a cancellation.
    ///
    /// ```
    /// # use mapisync::{ProgressBar, Result};
    /// # use std::io::{Read, Write};
    /// fn copy(bar: &ProgressBar<'_>, from: &mut impl Read, to: &mut impl Write) -> Result<()> {
    ///     let mut buffer = [0; 4096];
    ///     loop {
    ///         let n = from.read(&mut buffer)?;
    ///         if n == 0 {
    ///             return Ok(());
    ///         }
    ///         to.write_all(&buffer[..n])?;
    ///         bar.advance(n as u64)?;
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// It fails as [`SyncJob::progress`] does. A request of the store to stop is noticed by each
    /// call, and one of the host by the next report.
    pub fn advance(&self, n: u64) -> Result<()> {
        self.job.check_stop_request()?;
        let completes_now = {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            let before = *done;
            *done = before.saturating_add(n).min(self.total);
            before < self.total && *done == self.total
        };
        if completes_now {
            return self.report(None, self.lock_last_report());
        }
        let last_report = match self.last_report.try_lock() {
            Ok(last_report) => last_report,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()), // another thread is making a report
        };
        if last_report.is_some_and(|time| time.elapsed() < self.interval) {
            return Ok(());
        }
        self.report(None, last_report)
    }

    /// Reports a step and the current position.
    ///
    /// ```
    /// # use mapisync::{Result, SyncJob};
    /// fn receive(job: &SyncJob, folders: &[(&str, u64)]) -> Result<()> {
    ///     let bar = job.bar(folders.iter().map(|(_, mails)| mails).sum());
    ///     for (name, mails) in folders {
    ///         bar.step(&format!("Receiving {name}"))?;
    ///         (0..*mails).try_for_each(|_| bar.advance(1))?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// It fails as [`SyncJob::progress`] does.
    pub fn step(&self, step: &str) -> Result<()> {
        self.report(Some(step), self.lock_last_report())
    }

    fn lock_last_report(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(
        &self,
        step: Option<&str>,
        mut last_report: MutexGuard<'_, Option<Instant>>,
    ) -> Result<()> {
        let (index, max) = scaled(self.position(), self.total);
        let result = self.job.progress(step, index, max);
        // The interval begins when the host has returned, so a slow host is not called all the time.
        *last_report = Some(Instant::now());
        result
    }

    fn position(&self) -> u64 {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Scales a position to 32 bits. `done` is at most `total`.
fn scaled(done: u64, total: u64) -> (u32, u32) {
    match u32::try_from(total) {
        Ok(0) => (1, 1),
        Ok(total) => (done as u32, total),
        // The quotient is less than `u32::MAX` unless the position is the total.
        Err(_) => {
            let max = u128::from(u32::MAX);
            let index = u128::from(done) * max / u128::from(total);
            (index as u32, u32::MAX)
        }
    }
}

impl fmt::Debug for ProgressBar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressBar")
            .field("position", &self.position())
            .field("total", &self.total)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
