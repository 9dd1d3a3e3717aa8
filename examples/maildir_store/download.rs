//! The work of a run: folders and messages that the server has and the local copy lacks.
//!
//! It only ever adds. Nothing is deleted or overwritten on either side, so that a run may be cancelled or killed at any
//! moment, and the next one does what is left.

use super::Store;
use super::maildir::{Folder, Message};
use bytesize::ByteSize;
use mapisync::{HRESULT, Result, SyncFlags, SyncJob};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many message names are held in memory at once, whatever the size of a folder.
const BATCH: usize = 4096;

/// What a run has received so far.
#[derive(Default)]
struct Received {
    messages: u32,
    bytes: u64,
}

impl Store {
    /// Runs on the thread of the run, and reports to the host through `job`.
    pub(super) fn download(&self, job: &SyncJob, flags: SyncFlags) -> Result<()> {
        let mut received = Received::default();
        let result = self.receive(job, flags, &mut received);
        let Received { messages, bytes } = received;
        let sum = format!(
            "{messages} messages, {} received",
            ByteSize(bytes).display().si()
        );
        match &result {
            Ok(()) => job.progress(Some(&sum), messages, messages)?,
            // Progress would only repeat the host's wish to stop, but a warning can still be shown. The error itself
            // need not be told here: the host gets it, text and all, because this function returns it.
            Err(_) => job.error(
                HRESULT::MAPI_W_PARTIAL_COMPLETION,
                &format!("{sum}; the next run goes on from there"),
            )?,
        }
        result
    }

    fn receive(&self, job: &SyncJob, flags: SyncFlags, received: &mut Received) -> Result<()> {
        // Every `?` behind a call to `progress` is where a run is cancelled: if the host has answered "stop", the
        // function returns here and the host's own code is what Done gets.
        job.progress(Some("Looking for folders"), 0, 0)?;
        let mut folders = vec![];
        for folder in self.server.folders()? {
            let local = self.local.folder(&folder);
            if flags.contains(SyncFlags::DOWNLOAD_HIERARCHY) && !local.is_complete() {
                job.progress(Some(&format!("Creating {folder}")), 0, 0)?;
                local.create()?;
            }
            // Without that flag, folders that the user does not have locally are none of this run's business.
            if local.exists() {
                folders.push((folder, local));
            }
        }
        if !flags.contains(SyncFlags::DOWNLOAD_CONTENTS) {
            return Ok(());
        }

        // Count first: a position is worth showing only when it says of how many.
        let mut total = 0;
        for (server, local) in &folders {
            job.progress(Some(&format!("Comparing {server}")), 0, 0)?;
            for_each_missing(server, local, |_| {
                total += 1;
                Ok(true)
            })?;
        }
        for (server, local) in &folders {
            local.clean_up();
            let step = format!("Receiving {server}");
            for_each_missing(server, local, |message| {
                // More may have come in since they were counted.
                job.progress(Some(&step), received.messages, total.max(received.messages))?;
                let Some(bytes) = local.deliver(server, message)? else {
                    return Ok(false);
                };
                received.messages += 1;
                received.bytes += bytes;
                Ok(true)
            })?;
        }
        Ok(())
    }
}

/// Calls `deal_with` for each message of `server` that `local` lacks, and passes by what it says has vanished.
///
/// A mailbox may hold millions of messages, so their names are never all in memory. They are dealt with in as many
/// parts as it takes for a part to be small, and a name's hash tells which part it belongs to.
fn for_each_missing(
    server: &Folder,
    local: &Folder,
    mut deal_with: impl FnMut(&Message) -> Result<bool>,
) -> Result<()> {
    let parts = usize::max(server.count()?, local.count()?) / BATCH + 1;
    for part in 0..parts {
        let belongs = |message: &Message| {
            let mut hasher = DefaultHasher::new();
            message.unique().hash(&mut hasher);
            hasher.finish() % parts as u64 == part as u64
        };
        let mut known = HashSet::new();
        local.messages(|message| {
            if belongs(message) {
                known.insert(message.unique().to_owned());
            }
            Ok(())
        })?;
        server.messages(|message| {
            // Known from now on, lest one that a mail reader moves meanwhile, from `new` to `cur`, is met twice.
            if belongs(message) && known.insert(message.unique().to_owned()) && !deal_with(message)?
            {
                known.remove(message.unique());
            }
            Ok(())
        })?;
    }
    Ok(())
}
