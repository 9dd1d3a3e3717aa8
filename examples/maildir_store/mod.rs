//! A store provider whose "server" and local copy are two Maildir++ trees: the example to copy from.
//!
//! What there is to see of the interface is in this file: a [`Store`] is asked to synchronise, starts a thread, and
//! returns. What that thread does is in `transfer.rs`; `turn.rs` decides who goes first; `../maildir` knows mail folders
//! on disk and nothing of COM.

#[path = "../maildir/mod.rs"]
mod maildir;
mod transfer;
mod turn;

use maildir::Maildir;
use mapisync::{Error, HRESULT, MapiSync, Result, SyncFlags, SyncRequest};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The store. It is cloned into the thread of each run, so it holds nothing but where its mail is.
#[derive(Clone)]
pub struct Store {
    server: Maildir,
    local: Maildir,
    running: Arc<AtomicBool>,
}

impl Store {
    /// Opens a store on a server's Maildir, which has to be there, and a local one, which is made if it isn't.
    pub fn open(server: &Path, local: &Path) -> Result<Store> {
        let (server, running) = (Maildir::open(server)?, Arc::default());
        let local = Maildir::open_or_create(local)?;
        Ok(Store {
            server,
            local,
            running,
        })
    }
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        // Refuse what the store can't do before anything is started: this answer is what Outlook gets, and there
        // will be no Done. OUTGOING_MAIL is documented as not in use, and bits that nobody has heard of yet ask for
        // nothing that could be refused: both are passed over.
        let flags = request.flags();
        if flags.contains(SyncFlags::THESE_FOLDERS) {
            let text = "MAPISIB has no place to name folders, so this store does all or none";
            return Err(Error::new(HRESULT::MAPI_E_NO_SUPPORT, text));
        }
        if self.running.swap(true, Ordering::Acquire) {
            return Err(Error::new(
                HRESULT::MAPI_E_BUSY,
                "this store is being synchronised",
            ));
        }
        let running = Running(self.running.clone());

        // Outlook waits for this call, so the work goes to a thread. The thread outlives the call, and perhaps the
        // store object as well: it gets a clone. From here on Outlook is owed one Done and one event; whichever way
        // the closure ends, by `Ok`, by `Err` or by a panic, `spawn` sees to both. What the closure owns is dropped
        // before Done, so that whoever hears Done may start the next run.
        let store = self.clone();
        request.spawn(move |job| {
            let _running = running;
            let _turn = turn::wait(
                job,
                store.server.root(),
                flags.contains(SyncFlags::ON_DEMAND),
            )?;
            store.transfer(job, flags)
        })
    }
}

/// Says that a run is under way, until it is dropped.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
