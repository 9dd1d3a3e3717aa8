//! `Track`: the progress of a loop.

use crate::error::Result;
use crate::provider::SyncJob;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::iter::FusedIterator;

impl SyncJob {
    /// Reports the progress of a loop: returns the items of an iterator, and makes a report before
    /// each of them and after the last one. `?` on an item ends the loop if the run is canceled.
    ///
    /// ```
    /// use mapisync::{Result, SyncJob};
    /// # fn fetch(_mail: &str) -> std::io::Result<()> { Ok(()) }
    ///
    /// fn receive(job: &SyncJob, mails: &[String]) -> Result<()> {
    ///     for mail in job.track("Receiving Inbox", mails) {
    ///         fetch(mail?)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Before each item, the position is the number of items that the loop has completed. It also
    /// depends on whether the [size hint](Iterator::size_hint) is exact, as it is for collections:
    ///
    /// | report | exact, 2 items | unknown |
    /// |---|---|---|
    /// | before the first item | `Receiving Inbox`, 0 of 2 | `Receiving Inbox (0)`, 0 of 1 |
    /// | before the second item | `Receiving Inbox`, 1 of 2 | `Receiving Inbox (1)`, 0 of 1 |
    /// | after the last item | `Receiving Inbox`, 2 of 2 | `Receiving Inbox (2)`, 0 of 1, then 1 of 1 |
    ///
    /// - The maximum is never 0, because no source defines it and a host may divide by it. For that
    ///   reason, an empty collection makes no report.
    /// - A report is made before its item is taken from the iterator. A cancellation therefore
    ///   loses no item.
    /// - Every report has the step, because the body of the loop may report another one.
    /// - If the loop ends early, the last report is not made.
    /// - If a size hint is wrong, the maximum is at least the position.
    ///
    /// If the iterator's own items are results, use `item??`.
    ///
    /// Effect on the counts: none.
    ///
    /// # Errors
    ///
    /// If a report fails, as [`progress`](SyncJob::progress) does, its error is the last item. So
    /// is that of a request to stop which was made earlier, even if there is nothing to report.
    pub fn track<I: IntoIterator>(&self, step: &str, items: I) -> Track<'_, I::IntoIter> {
        let items = items.into_iter();
        let (lower, upper) = items.size_hint();
        Track {
            job: self,
            step: step.into(),
            len: upper.filter(|upper| *upper == lower),
            taken: 0,
            items: Some(items),
        }
    }
}

/// An iterator that reports its progress to the host. It is made by [`SyncJob::track`].
///
/// Each item is a [`Result`]: the iterator's item, or as the last item the error of a report.
///
/// ```
/// # use mapisync::{Result, SyncJob};
/// fn count_bytes(job: &SyncJob, mails: Vec<String>) -> Result<usize> {
///     job.track("Counting", mails).map(|mail| Ok(mail?.len())).sum()
/// }
/// ```
#[must_use = "iterators are lazy: without a loop there is no report"]
pub struct Track<'a, I> {
    job: &'a SyncJob,
    step: String,
    /// The number of items, if the iterator knows it.
    len: Option<usize>,
    /// The number of items that have been taken.
    taken: usize,
    /// `None` after the end.
    items: Option<I>,
}

impl<I> Track<'_, I> {
    fn report(&self) -> Result<()> {
        match self.len {
            Some(0) if self.taken == 0 => self.job.check_stop_request(),
            Some(len) => {
                let max = len.max(self.taken);
                self.job.progress(Some(&self.step), self.taken, max)
            }
            None => self.report_count(0),
        }
    }

    fn report_end(&self) -> Result<()> {
        match self.len {
            Some(_) => Ok(()), // the report before the end was that of the full bar
            None => self.report_count(1),
        }
    }

    /// Reports a step of unknown length. A growing maximum would move the bar back, and 0 is not
    /// defined, so the bar is empty or full and the step has the count.
    fn report_count(&self, index: u32) -> Result<()> {
        let step = format!("{} ({})", self.step, self.taken);
        self.job.progress(Some(&step), index, 1)
    }
}

impl<I: Iterator> Iterator for Track<'_, I> {
    type Item = Result<I::Item>;

    fn next(&mut self) -> Option<Result<I::Item>> {
        self.items.as_ref()?; // no report after the end
        if let Err(error) = self.report() {
            self.items = None;
            return Some(Err(error));
        }
        if let Some(item) = self.items.as_mut()?.next() {
            self.taken += 1;
            return Some(Ok(item));
        }
        self.items = None;
        self.report_end().err().map(Err)
    }
}

impl<I: Iterator> FusedIterator for Track<'_, I> {}

impl<I> fmt::Debug for Track<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Track")
            .field("step", &self.step)
            .field("len", &self.len)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}
