//! The work of a run: copies folders and messages that one tree has and the other lacks, in either
//! direction.
//!
//! It deletes nothing, and overwrites only a header, with the complete message. A run can therefore
//! be canceled or killed at any moment, and the next run completes the work.

use crate::Store;
use crate::maildir::{Folder, Maildir, Message, Part};
use bytesize::ByteSize;
use mapisync::{HRESULT, Result, SyncFlags, SyncJob};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The approximate number of message names in memory at once, whatever the size of a folder.
const BATCH: usize = 4096;

/// A run in progress, and what it has copied so far.
struct Run<'a> {
    job: &'a SyncJob,
    messages: u32,
    bytes: u64,
    /// Whether something had to be skipped.
    is_partial: bool,
}

/// One direction of a run, and the parts of it that the flags select.
struct Direction<'a> {
    verb: &'static str,
    from: &'a Maildir,
    to: &'a Maildir,
    hierarchy: bool,
    contents: Option<Part>,
}

impl Store {
    /// Does the work on the thread of the run, and reports to the host through `job`.
    pub(super) fn transfer(&self, job: &SyncJob, flags: SyncFlags) -> Result<HRESULT> {
        let headers = flags
            .contains(SyncFlags::GLOBAL_HEADERS)
            .then_some(Part::Header);
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
        let mut run = Run {
            job,
            messages: 0,
            bytes: 0,
            is_partial: false,
        };
        let result = run.transfer(&down).and_then(|()| run.transfer(&up));
        let summary = format!(
            "{} messages, {}",
            run.messages,
            ByteSize(run.bytes).display().si()
        );
        let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
        if let Err(error) = result.and_then(|()| job.progress(Some(&summary), 1, 1)) {
            // The host may have asked to stop, so Progress would only fail again. A warning still
            // reaches the user. `spawn` reports the returned error itself.
            let message = format!("{summary}; the next run goes on from there");
            job.error(partial, &message);
            return Err(error);
        }
        Ok(if run.is_partial {
            partial
        } else {
            HRESULT::S_OK
        })
    }
}

impl Run<'_> {
    fn transfer(&mut self, direction: &Direction) -> Result<()> {
        if !direction.hierarchy && direction.contents.is_none() {
            return Ok(());
        }
        // A run is canceled at a `?` after a call to `progress`. If the host's Progress fails, this
        // function returns the error, and the run ends with the host's own code. The number of
        // folders is unknown, which is reported as 0 of 1: a maximum of 0 is not defined.
        self.job.progress(Some("Looking for folders"), 0, 1)?;
        let mut folders = vec![];
        for folder in direction.from.folders()? {
            let Some(from) = self.skip_failure(folder)? else {
                continue;
            };
            let to = direction.to.folder(&from);
            if direction.hierarchy && !to.is_complete() {
                self.skip_failure(to.create())?;
            }
            // Without the flag for the hierarchy, the run ignores folders that the other side
            // lacks.
            if to.exists() {
                folders.push((format!("{} {from}", direction.verb), from, to));
            }
        }
        let Some(part) = direction.contents else {
            return Ok(());
        };
        // Announce all steps first, so that the host can add their maxima to a total. Each step is
        // a string with a separate position.
        let mut counted = vec![];
        for (step, from, to) in folders {
            let mut count = 0;
            let _unreadable = for_each_missing(&from, &to, part, |message, _| {
                count += u32::from(message.is_ok());
                Ok(true)
            });
            if count > 0 {
                self.job.progress(Some(&step), 0, count)?;
            }
            counted.push((step, count, from, to));
        }
        for (step, count, from, to) in counted {
            let mut done = 0;
            let result = for_each_missing(&from, &to, part, |message, stub| {
                // More messages may have arrived since they were counted.
                self.job.progress(Some(&step), done, count.max(done + 1))?;
                let delivered = message.and_then(|message| to.deliver(&from, message, part, stub));
                let Some(Some(bytes)) = self.skip_failure(delivered)? else {
                    return Ok(false);
                };
                done += 1;
                self.messages += 1;
                self.bytes += bytes;
                Ok(true)
            });
            self.skip_failure(result)?;
            if done > 0 {
                self.job.progress(Some(&step), done, done)?;
            }
        }
        Ok(())
    }

    /// Reports a failure to the host as a warning, and returns `None`. Returns the error if it must
    /// end the run: a request to stop, or a full disk.
    fn skip_failure<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Err(error)
                if error.is_canceled() || error.hresult() == HRESULT::MAPI_E_NOT_ENOUGH_DISK =>
            {
                Err(error)
            }
            Err(error) => {
                self.is_partial = true;
                self.job.error(
                    HRESULT::MAPI_W_PARTIAL_COMPLETION,
                    &format!("skipped: {error}"),
                );
                Ok(None)
            }
            Ok(value) => Ok(Some(value)),
        }
    }
}

/// Calls `handle` with each message of `from` that `to` lacks, and with its stub if `to` has one.
/// Calls it with an error for each message that cannot be read. A message for which `handle`
/// returns true is not passed again.
///
/// A mailbox may hold millions of messages, so their names are never all in memory. The hash of a
/// name assigns it to one of several batches, of about `BATCH` names each.
fn for_each_missing(
    from: &Folder,
    to: &Folder,
    part: Part,
    mut handle: impl FnMut(Result<&Message>, Option<&Message>) -> Result<bool>,
) -> Result<()> {
    let batches = usize::max(from.messages().count(), to.messages().count()) / BATCH + 1;
    for batch in 0..batches {
        let in_batch = |message: &Message| {
            let mut hasher = DefaultHasher::new();
            message.unique().hash(&mut hasher);
            hasher.finish() % batches as u64 == batch as u64
        };
        // The names that `to` has. A name maps to its stub if `to` has only the stub and `part` is
        // the whole message.
        let mut known = HashMap::new();
        for message in to.messages() {
            let message = message?; // without this name the message might be copied twice
            if in_batch(&message) {
                let unique = message.unique().to_owned();
                if message.is_stub() && part == Part::Whole {
                    known.entry(unique).or_insert(Some(message));
                } else {
                    known.insert(unique, None);
                }
            }
        }
        for message in from.messages() {
            match message {
                Ok(message) if in_batch(&message) && !message.is_stub() => {
                    let stub = known.get(message.unique());
                    if matches!(stub, None | Some(Some(_)))
                        && handle(Ok(&message), stub.and_then(Option::as_ref))?
                    {
                        // A mail reader may move the message from `new` to `cur`, where it is
                        // listed again.
                        known.insert(message.unique().to_owned(), None);
                    }
                }
                Err(error) if batch == 0 => drop(handle(Err(error), None)?),
                _ => {}
            }
        }
    }
    Ok(())
}
