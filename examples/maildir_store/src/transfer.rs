//! The work of a run: copies folders and messages that one tree has and the other lacks, in either
//! direction.
//!
//! It deletes nothing, and replaces only a header, by the complete message. A run can therefore be
//! canceled or killed at any moment, and the next run completes the work.

use crate::Store;
use crate::maildir::{
    Added, Batch, Failure, Handled, Labels, Maildir, Pair, Part, Present, Side, TreeLock,
};
use crate::pulse::Pulse;
use crate::tally::{Step, Tally};
use mapisync::{HRESULT, Result, SyncFlags, SyncJob};
use std::hash::RandomState;
use std::rc::Rc;

/// One direction of a run, and the parts of it that the flags select.
struct Direction<'a> {
    verb: &'static str,
    from: &'a Maildir,
    to: &'a Maildir,
    hierarchy: bool,
    contents: Option<Part>,
}

/// A run in progress.
struct Run<'a> {
    tally: Tally<'a>,
    pulse: &'a Pulse<'a>,
    hasher: &'a RandomState,
    batch: Batch,
}

impl Store {
    /// Does the work on the thread of the run, and reports to the host through `job`.
    pub(super) fn transfer(&self, job: &SyncJob, flags: SyncFlags) -> Result<HRESULT> {
        let headers = flags.contains(SyncFlags::GLOBAL_HEADERS).then_some(Part::Header);
        let whole = |flag| flags.contains(flag).then_some(Part::Whole);
        let down = Direction {
            verb: "Receiving",
            from: &self.server,
            to: &self.local,
            hierarchy: flags.contains(SyncFlags::DOWNLOAD_HIERARCHY),
            // GLOBAL_HEADERS takes precedence over the flag for whole messages, and does not
            // require it.
            contents: headers.or(whole(SyncFlags::DOWNLOAD_CONTENTS)),
        };
        let up = Direction {
            verb: "Sending",
            from: &self.local,
            to: &self.server,
            hierarchy: flags.contains(SyncFlags::UPLOAD_HIERARCHY),
            contents: whole(SyncFlags::UPLOAD_CONTENTS),
        };
        let _locks = lock(&down, &up)?;
        let pulse = Pulse::new(job, self.interval);
        let hasher = RandomState::new(); // another one in each run, see `maildir::Present`
        let mut run = Run {
            tally: Tally::new(job, &pulse),
            pulse: &pulse,
            hasher: &hasher,
            batch: Batch::new(),
        };
        let result = run.transfer(&down).and_then(|()| run.transfer(&up));
        run.tally.finish(result)
    }
}

/// Locks the trees of a run. The server's is locked for uploads only: other runs may read it during
/// a download.
fn lock(down: &Direction, up: &Direction) -> Result<Vec<TreeLock>> {
    let local = (down.is_work() || up.is_work()).then_some(down.to);
    let server = up.is_work().then_some(up.to);
    local.into_iter().chain(server).map(Maildir::lock).collect()
}

impl Direction<'_> {
    fn is_work(&self) -> bool {
        self.hierarchy || self.contents.is_some()
    }
}

impl Run<'_> {
    fn transfer(&mut self, direction: &Direction) -> Result<()> {
        if !direction.is_work() {
            return Ok(());
        }
        // A run is canceled at a `?` after a call to `report`. If the host's Progress fails, this
        // function returns the error, and the run ends with the host's own code. The number of
        // folders is unknown, which is reported as 0 of 1: a maximum of 0 is not defined.
        self.pulse.report("Looking for folders", 0, 1)?;
        self.tally.steps = self.find_folders(direction)?;
        let Some(part) = direction.contents else {
            return Ok(());
        };
        // Announce all steps first, so that the host can add their maxima to a total. Each step is
        // a string with a separate position.
        for step in 0..self.tally.steps.len() {
            self.count(step, part)?;
        }
        for step in &self.tally.steps {
            if step.count > 0 {
                self.pulse.report(&step.label, 0, step.count)?;
            }
        }
        for step in 0..self.tally.steps.len() {
            let copied = self.copy(step, part);
            if copied.as_ref().is_err_and(|error| !error.is_canceled()) {
                self.publish()?; // the messages before the failure, such as a full disk
            }
            copied?;
        }
        self.publish()
    }

    /// Finds the folders to copy, and creates those that the other tree lacks.
    fn find_folders(&mut self, direction: &Direction) -> Result<Vec<Step>> {
        let (mut steps, mut labels) = (vec![], Labels::default());
        let mut names = direction.to.folder_names()?;
        for folder in direction.from.folders()? {
            self.pulse.go_on()?;
            let Some(from) = self.tally.or_leave_out(folder)? else {
                continue;
            };
            let to = direction.to.folder(&from);
            let is_separate = direction.to.is_separate(&to, &names);
            let Some(mut exists) = self.tally.or_leave_out(is_separate)? else {
                continue;
            };
            if direction.hierarchy && !to.is_complete() {
                match to.create() {
                    Ok(()) => exists = true,
                    Err(error) => self.tally.cannot_create(error)?,
                }
                names.insert(to.name());
            }
            // Without the flag for the hierarchy, the run ignores folders that the other side
            // lacks.
            if exists {
                let label = format!("{} {}", direction.verb, labels.label(&from));
                steps.push(Step::new(label, from, to));
            }
        }
        Ok(steps)
    }

    /// Counts the missing messages of a folder.
    fn count(&mut self, step: usize, part: Part) -> Result<()> {
        let Step { from, to, .. } = &self.tally.steps[step];
        let go_on = || self.pulse.go_on();
        let count = Present::read(to, part, self.hasher, &go_on)
            .and_then(|present| present.count_missing(from, &go_on));
        match count {
            Ok(count) => self.tally.steps[step].count = count as u64,
            Err(error) if error.is_canceled() => return Err(error),
            Err(_copy_reports_it) => {}
        }
        Ok(())
    }

    /// Copies the missing messages of a folder. The last ones may remain in the batch.
    fn copy(&mut self, step: usize, part: Part) -> Result<()> {
        let Step { from, to, .. } = &self.tally.steps[step];
        let (from, to) = (from.clone(), to.clone());
        let pulse = self.pulse;
        let go_on = || pulse.go_on();
        if self.tally.steps[step].count > 0 {
            self.tally.report(step)?;
        }
        to.remove_leftovers();
        let present = Present::read(&to, part, self.hasher, &go_on);
        let Some(present) = self.tally.or_leave_out(present)? else {
            return Ok(());
        };
        let mut pair = None;
        present.for_each_missing(&from, &to, &go_on, &mut |message, stub| {
            let added = message.and_then(|message| {
                let pair = match &pair {
                    Some(pair) => pair,
                    None => pair.insert(Rc::new(Pair::open(from.clone(), to.clone())?)),
                };
                if !self.batch.has_room(&to) {
                    self.publish().map_err(Failure::host)?;
                }
                self.batch.add(pair, message, stub, part, step, &go_on)
            });
            match added {
                Ok(Added::Added) => self.tally.can_write(step),
                Ok(Added::Gone) => return Ok(Handled::Gone),
                Err(Failure { side, error }) => match side {
                    Side::Host => return Err(error),
                    Side::Source => self.tally.cannot_read(step, error)?,
                    Side::Target => return self.tally.cannot_write(step, error, &self.batch),
                },
            }
            Ok(Handled::Done)
        })
    }

    /// Writes the batch to the disk, and then moves each message to its place.
    fn publish(&mut self) -> Result<()> {
        let tickets: Vec<usize> = self.batch.tickets().collect();
        if let Err(failure) = self.batch.flush(&|| self.pulse.go_on()) {
            return match failure.side {
                Side::Host => Err(failure.error),
                _ => self.tally.cannot_flush(&tickets, failure.error),
            };
        }
        while let Some((step, published)) = self.batch.publish_next() {
            match published {
                Ok(Some(bytes)) => {
                    self.tally.arrived(step, bytes);
                    self.tally.report(step)?;
                }
                Ok(None) => {} // another program has delivered it
                Err(failure) => self.tally.cannot_publish(step, failure.error)?,
            }
        }
        Ok(())
    }
}
