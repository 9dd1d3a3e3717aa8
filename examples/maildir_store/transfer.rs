//! The work of a run: folders and messages that one tree has and the other lacks, in either direction.
//!
//! It only ever adds. Nothing is deleted, and nothing overwritten but a header that its whole message replaces, so that
//! a run may be cancelled or killed at any moment, and the next one does what is left.

use super::Store;
use super::maildir::{Folder, Maildir, Message, Part};
use bytesize::ByteSize;
use mapisync::{HRESULT, Result, SyncFlags, SyncJob};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many message names are held in memory at once, whatever the size of a folder.
const BATCH: usize = 4096;

/// A run under way.
struct Run<'a> {
    job: &'a SyncJob,
    messages: u32,
    bytes: u64,
    /// Whether something had to be left out.
    trouble: bool,
}

/// One direction of a run, and what of it was asked for.
struct Way<'a> {
    verb: &'static str,
    from: &'a Maildir,
    to: &'a Maildir,
    hierarchy: bool,
    contents: Option<Part>,
}

impl Store {
    /// Runs on the thread of the run, and reports to the host through `job`.
    pub(super) fn transfer(&self, job: &SyncJob, flags: SyncFlags) -> Result<HRESULT> {
        let headers = flags
            .contains(SyncFlags::GLOBAL_HEADERS)
            .then_some(Part::Header);
        let whole = |flag| flags.contains(flag).then_some(Part::Whole);
        let down = Way {
            verb: "Receiving",
            from: &self.server,
            to: &self.local,
            hierarchy: flags.contains(SyncFlags::DOWNLOAD_HIERARCHY),
            // "Headers only" says how to download: it goes before, and without, the flag for whole messages.
            contents: headers.or(whole(SyncFlags::DOWNLOAD_CONTENTS)),
        };
        let up = Way {
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
            trouble: false,
        };
        let result = run.go(&down).and_then(|()| run.go(&up));
        let sum = format!(
            "{} messages, {}",
            run.messages,
            ByteSize(run.bytes).display().si()
        );
        let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
        if let Err(error) = result.and_then(|()| job.progress(Some(&sum), 0, 0)) {
            // Progress would only repeat the host's wish to stop, but a warning can still be shown. The error itself
            // need not be told here: the host gets it, text and all, because this function returns it.
            job.error(partial, &format!("{sum}; the next run goes on from there"))?;
            return Err(error);
        }
        Ok(if run.trouble { partial } else { HRESULT::S_OK })
    }
}

impl Run<'_> {
    fn go(&mut self, way: &Way) -> Result<()> {
        if !way.hierarchy && way.contents.is_none() {
            return Ok(());
        }
        // Every `?` behind a call to `progress` is where a run is cancelled: if the host has answered "stop", the
        // function returns here and the host's own code is what Done gets.
        self.job.progress(Some("Looking for folders"), 0, 0)?;
        let mut folders = vec![];
        for folder in way.from.folders()? {
            let Some(from) = self.survive(folder)? else {
                continue;
            };
            let to = way.to.folder(&from);
            if way.hierarchy && !to.is_complete() {
                self.survive(to.create())?;
            }
            // Without that flag, folders that the other side does not have are none of this run's business.
            if to.exists() {
                folders.push((format!("{} {from}", way.verb), from, to));
            }
        }
        let Some(part) = way.contents else {
            return Ok(());
        };
        // Announce what there is to do before doing it, so that the host knows of how much it shows the position: each
        // step is a text with a position of its own, and the whole is their sum.
        let mut counted = vec![];
        for (step, from, to) in folders {
            let mut count = 0;
            let _unreadable = each_missing(&from, &to, part, |message, _| {
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
            let result = each_missing(&from, &to, part, |message, stub| {
                // More may have come in since they were counted.
                self.job.progress(Some(&step), done, count.max(done))?;
                let delivered = message.and_then(|message| to.deliver(&from, message, part, stub));
                let Some(Some(bytes)) = self.survive(delivered)? else {
                    return Ok(false);
                };
                done += 1;
                self.messages += 1;
                self.bytes += bytes;
                Ok(true)
            });
            self.survive(result)?;
            if done > 0 {
                self.job.progress(Some(&step), done, done)?;
            }
        }
        Ok(())
    }

    /// Tells the host of an error with which the rest can go on. What ends the run passes: the wish to stop, a full disk.
    fn survive<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Err(error)
                if error.is_canceled() || error.hresult() == HRESULT::MAPI_E_NOT_ENOUGH_DISK =>
            {
                Err(error)
            }
            Err(error) => {
                self.trouble = true;
                self.job.error(
                    HRESULT::MAPI_W_PARTIAL_COMPLETION,
                    &format!("left out: {error}"),
                )?;
                Ok(None)
            }
            Ok(value) => Ok(Some(value)),
        }
    }
}

/// Calls `deal_with` for each message of `from` that `to` lacks, with what `to` has of it, and for each that can't be read.
///
/// A mailbox may hold millions of messages, so their names are never all in memory. They are dealt with in as many
/// parts as it takes for a part to be small, and a name's hash tells which part it belongs to.
fn each_missing(
    from: &Folder,
    to: &Folder,
    part: Part,
    mut deal_with: impl FnMut(Result<&Message>, Option<&Message>) -> Result<bool>,
) -> Result<()> {
    let parts = usize::max(from.messages().count(), to.messages().count()) / BATCH + 1;
    for number in 0..parts {
        let mine = |message: &Message| {
            let mut hasher = DefaultHasher::new();
            message.unique().hash(&mut hasher);
            hasher.finish() % parts as u64 == number as u64
        };
        // Names that are known here; with a message of which there is but the header, if the whole of it is wanted.
        let mut known = HashMap::new();
        for message in to.messages() {
            let message = message?; // or there is no telling what would arrive twice
            if mine(&message) {
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
                Ok(message) if mine(&message) && !message.is_stub() => {
                    let stub = known.get(message.unique());
                    if matches!(stub, None | Some(Some(_)))
                        && deal_with(Ok(&message), stub.and_then(Option::as_ref))?
                    {
                        // Lest one that a mail reader moves meanwhile, from `new` to `cur`, is met twice.
                        known.insert(message.unique().to_owned(), None);
                    }
                }
                Err(error) if number == 0 => drop(deal_with(Err(error), None)?),
                _ => {}
            }
        }
    }
    Ok(())
}
