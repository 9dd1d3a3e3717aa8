//! A store provider whose "server" and local copy are two Maildir++ trees: the example to copy from.
//!
//! What there is to see of the interface is in this file: a [`Store`] is asked to synchronise, starts a thread, and
//! returns. What that thread does is in `download.rs`; `maildir.rs` knows mail folders on disk and nothing of COM.

mod download;
mod maildir;

use maildir::Maildir;
use mapisync::{Error, HRESULT, MapiSync, Result, SyncFlags, SyncRequest};
use std::path::Path;

/// The store. It is cloned into the thread of each run, so it holds nothing but where its mail is.
#[derive(Clone)]
pub struct Store {
    server: Maildir,
    local: Maildir,
}

impl Store {
    /// Opens a store on a server's Maildir and a local one, which is made if it is not there yet.
    ///
    /// # Errors
    ///
    /// Where `server` is no Maildir, or `local` is something else already.
    pub fn open(server: &Path, local: &Path) -> Result<Store> {
        Ok(Store {
            server: Maildir::open(server)?,
            local: Maildir::open_or_create(local)?,
        })
    }
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        // Refuse what the store can't do before anything is started: this answer is what Outlook gets, and there
        // will be no Done. Bits that nobody has heard of yet ask for nothing that could be refused; they are passed
        // over.
        let flags = request.flags();
        let cannot = SyncFlags::UPLOAD_HIERARCHY
            | SyncFlags::UPLOAD_CONTENTS
            | SyncFlags::GLOBAL_HEADERS
            | SyncFlags::THESE_FOLDERS;
        if flags.intersects(cannot) {
            return Err(Error::new(
                HRESULT::MAPI_E_NO_SUPPORT,
                format!(
                    "this store only downloads whole mailboxes, which excludes {:?}",
                    flags & cannot
                ),
            ));
        }
        // Outlook waits for this call, so the work goes to a thread. The thread outlives the call, and perhaps the
        // store object as well: it gets a clone. From here on Outlook is owed one Done and one event; whichever way
        // the closure ends, by `Ok`, by `Err` or by a panic, `spawn` sees to both.
        let store = self.clone();
        request.spawn(move |job| store.download(job, flags))
    }
}
