//! A store provider whose server and local copy are two Maildir++ trees: the example to copy from.
//!
//! This file contains all code that deals with the interface: a [`Store`] receives the request to
//! synchronize, starts a thread and returns. `transfer.rs` is the work of that thread.
//! `server_lock.rs` lets one run at a time use a server. `../maildir` is about mail folders on
//! disk.

#[path = "../maildir/mod.rs"]
mod maildir;
mod server_lock;
mod transfer;

use maildir::Maildir;
use mapisync::{Error, HRESULT, MapiSync, Result, SyncFlags, SyncRequest};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The store. The thread of each run gets a clone, so it holds only paths and a shared flag.
#[derive(Clone)]
pub struct Store {
    server: Maildir,
    local: Maildir,
    is_running: Arc<AtomicBool>,
}

impl Store {
    /// Opens a store on a server's Maildir, which must exist, and a local one, which is created if
    /// it does not exist.
    pub fn open(server: &Path, local: &Path) -> Result<Store> {
        let server = Maildir::open(server)?;
        let local = Maildir::open_or_create(local)?;
        Ok(Store {
            server,
            local,
            is_running: Arc::default(),
        })
    }
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        // Before a run is started, refuse requests that the store does not support. Outlook's call
        // then returns this code, and Done is not called. The store ignores OUTGOING_MAIL, which is
        // documented as not in use, and unknown flags.
        let flags = request.flags();
        if flags.contains(SyncFlags::THESE_FOLDERS) {
            let message = "THESE_FOLDERS is not supported: MAPISIB does not name folders";
            return Err(Error::new(HRESULT::MAPI_E_NO_SUPPORT, message));
        }
        if self.is_running.swap(true, Ordering::Acquire) {
            let message = "a synchronization of this store is running";
            return Err(Error::new(HRESULT::MAPI_E_BUSY, message));
        }
        let running = Running(self.is_running.clone());

        // Outlook waits for this call, so a thread does the work. It outlives the call, and perhaps
        // the store object, so it gets a clone. `spawn` calls Done once and then signals the event,
        // however the closure ends: with `Ok`, with `Err` or with a panic. Before Done it drops
        // everything that the closure owns. Outlook may therefore start the next run as soon as
        // Done is called.
        let store = self.clone();
        request.spawn(move |job| {
            let _running = running;
            let on_demand = flags.contains(SyncFlags::ON_DEMAND);
            let _lock = server_lock::acquire(job, store.server.root(), on_demand)?;
            store.transfer(job, flags)
        })
    }
}

/// Marks the store as running until it is dropped.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
