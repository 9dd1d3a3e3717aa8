//! Counts what a run has copied and what it has left out, and tells the host.

use crate::maildir::{Batch, Folder, Handled};
use crate::pulse::Pulse;
use bytesize::ByteSize;
use mapisync::{Error, HRESULT, Result, SyncJob};
use std::mem;

/// After this number of failures to write in a row, a folder is left: it would fail for each
/// message. The same number of messages that cannot be moved to their place is named, and the
/// others are counted.
const MOST_FAILURES: u32 = 3;

/// The work that a run has done so far.
pub struct Tally<'a> {
    job: &'a SyncJob,
    pulse: &'a Pulse<'a>,
    /// The folders of the present direction.
    pub steps: Vec<Step>,
    messages: u64,
    bytes: u64,
    left_out: u64,
    /// The failures to write to a tree without permission.
    held: Vec<Error>,
}

/// A folder to copy, which the host shows as a step.
pub struct Step {
    pub label: String,
    pub from: Folder,
    pub to: Folder,
    /// The number of messages that are missing. More may arrive after they were counted.
    pub count: u64,
    done: u64,
    left_out: u64,
    /// The number of failures to write since the last success.
    failures: u32,
    /// The number of messages that could not be moved to their place.
    unpublished: u32,
}

impl Step {
    pub fn new(label: String, from: Folder, to: Folder) -> Step {
        Step { label, from, to, count: 0, done: 0, left_out: 0, failures: 0, unpublished: 0 }
    }
}

impl<'a> Tally<'a> {
    pub fn new(job: &'a SyncJob, pulse: &'a Pulse<'a>) -> Tally<'a> {
        Tally { job, pulse, steps: vec![], messages: 0, bytes: 0, left_out: 0, held: vec![] }
    }

    /// Counts a message that has arrived.
    pub fn arrived(&mut self, step: usize, bytes: u64) {
        self.steps[step].done += 1;
        self.messages += 1;
        self.bytes += bytes;
    }

    /// Reports the position of a step to the host. Fails if the host cancels the run.
    pub fn report(&self, step: usize) -> Result<()> {
        let step = &self.steps[step];
        let max = step.count.max(step.done + step.left_out);
        self.pulse.report(&step.label, step.done, max)
    }

    /// Leaves out a message that cannot be read.
    pub fn cannot_read(&mut self, step: usize, error: Error) -> Result<()> {
        self.steps[step].left_out += 1;
        self.leave_out(error)?;
        self.report(step)
    }

    /// Notes that a message was written.
    pub fn can_write(&mut self, step: usize) {
        self.steps[step].failures = 0;
    }

    /// Leaves out a message that cannot be written, or the rest of the folder.
    pub fn cannot_write(&mut self, step: usize, error: Error, batch: &Batch) -> Result<Handled> {
        self.steps[step].left_out += 1;
        self.cannot_create(error)?;
        let Step { count, done, left_out, failures, .. } = &mut self.steps[step];
        *failures += 1;
        if *failures < MOST_FAILURES {
            return Ok(Handled::Done);
        }
        let in_batch = batch.tickets().filter(|ticket| *ticket == step).count() as u64;
        let rest = count.saturating_sub(*done + *left_out + in_batch);
        *left_out += rest;
        self.left_out += rest;
        Ok(Handled::Stop)
    }

    /// Leaves out the messages of a batch, which belong to these steps.
    pub fn cannot_flush(&mut self, steps: &[usize], error: Error) -> Result<()> {
        for step in steps {
            self.steps[*step].left_out += 1;
        }
        self.left_out += steps.iter().skip(1).count() as u64; // the error counts as one
        self.cannot_create(error)
    }

    /// Leaves out a message that cannot be moved to its place.
    pub fn cannot_publish(&mut self, step: usize, error: Error) -> Result<()> {
        let state = &mut self.steps[step];
        state.left_out += 1;
        state.unpublished += 1;
        if state.unpublished <= MOST_FAILURES {
            self.cannot_create(error)?;
        } else {
            self.left_out += 1;
        }
        self.report(step)
    }

    /// Returns the value, or leaves out the folder or message that has failed.
    pub fn or_leave_out<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => self.leave_out(error).map(|()| None),
        }
    }

    /// Reports a failure to the host as a warning. Returns the error if it must end the run: a
    /// request to stop, or a full disk.
    fn leave_out(&mut self, error: Error) -> Result<()> {
        if error.is_canceled() || error.hresult() == HRESULT::MAPI_E_NOT_ENOUGH_DISK {
            return Err(error);
        }
        self.left_out += 1;
        self.warn(&error);
        Ok(())
    }

    /// Leaves out what cannot be created. Without permission to write, the warning waits until the
    /// end: if nothing at all can be written, the run fails with the first error instead.
    pub fn cannot_create(&mut self, error: Error) -> Result<()> {
        if error.hresult() != HRESULT::MAPI_E_NO_ACCESS {
            return self.leave_out(error);
        }
        self.left_out += 1;
        self.held.push(error);
        Ok(())
    }

    fn warn(&self, error: &Error) {
        let message = format!("left out: {error}");
        self.job.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, &message);
    }

    /// Reports the result of the run, and returns its status.
    pub fn finish(mut self, result: Result<()>) -> Result<HRESULT> {
        let mut held = mem::take(&mut self.held).into_iter();
        if result.is_ok() && self.messages == 0 {
            if let Some(error) = held.next() {
                return Err(error); // nothing could be written
            }
        }
        held.for_each(|error| self.warn(&error));
        let bytes = ByteSize(self.bytes).display().si();
        let mut summary = format!("{} messages, {bytes}", self.messages);
        if self.left_out > 0 {
            summary += &format!(", {} left out", self.left_out);
        }
        let reported = result.and_then(|()| self.pulse.report(&summary, 1, 1));
        let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
        if let Err(error) = reported {
            // The host may have asked to stop, so Progress would only fail again. A warning still
            // reaches the user. `spawn` reports the returned error itself.
            if error.is_canceled() || self.messages > 0 {
                let message = format!("{summary}; the next run goes on from there");
                self.job.error(partial, &message);
            }
            return Err(error);
        }
        Ok(if self.left_out > 0 { partial } else { HRESULT::S_OK })
    }
}
