//! A store provider whose server and local copy are two Maildir++ trees: the example to copy from.
//!
//! This file contains all code that deals with the interface: a [`Store`] receives the request to
//! synchronize, starts a thread and returns. `transfer.rs` is the work of that thread. `tally.rs`
//! counts it, and `pulse.rs` reports to the host. `server_lock.rs` lets one run at a time use a
//! server. [`maildir`] is about mail folders on disk.
//!
//! `send_receive` is a program that runs the store, and `provider_dll` is a library that exports it.

pub mod maildir;
mod pulse;
mod server_lock;
mod tally;
mod transfer;

use maildir::Maildir;
use mapisync::{Error, ExclusiveRun, HRESULT, MapiSync, Result, SyncFlags, SyncRequest};
use std::path::Path;
use std::time::Duration;

/// The path of the sample mailbox, a Maildir++ tree with 25 messages in 12 folders. The README of
/// this package describes it.
///
/// The path leads into the source of this package, so it exists only where the package was built.
///
/// ```
/// let server = maildir_store::maildir::Maildir::open(maildir_store::SAMPLE.as_ref())?;
/// assert_eq!(server.folders()?.len(), 12);
/// # Ok::<(), mapisync::Error>(())
/// ```
pub const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mailbox");

/// The store.
///
/// One run at a time: a second call fails with `MAPI_E_BUSY` while the first run is in progress.
/// Runs of several stores on one server take turns. A request with
/// [`THESE_FOLDERS`](SyncFlags::THESE_FOLDERS) fails with `MAPI_E_NO_SUPPORT`.
///
/// ```
/// use maildir_store::{SAMPLE, Store};
/// use mapisync::testing::Outlook;
/// use mapisync::{ComPtr, SyncFlags, abi::IMAPISync};
///
/// # let folder = tempfile::tempdir()?;
/// let local = folder.path().join("local");
/// let store = Store::open(SAMPLE.as_ref(), &local)?;
/// let sync = ComPtr::<IMAPISync>::new(store); // Outlook gets it from QueryInterface
/// let flags = SyncFlags::DOWNLOAD_HIERARCHY | SyncFlags::DOWNLOAD_CONTENTS;
/// Outlook::new().flags(flags).run(&sync).assert_ok().assert_no_leaks();
/// assert!(local.join(".Sent/maildirfolder").exists());
/// # Ok::<(), mapisync::Error>(())
/// ```
// The thread of each run gets a clone, so it holds only paths and shared state.
#[derive(Clone)]
pub struct Store {
    server: Maildir,
    local: Maildir,
    run: ExclusiveRun,
    interval: Duration,
}

impl Store {
    /// Opens a store on a server's Maildir, which must exist, and a local one, which is created if
    /// it does not exist.
    ///
    /// Fails with `MAPI_E_NOT_FOUND` if the server's does not exist, with `E_INVALIDARG` if both are
    /// the same, and with the code of the [`io::Error`](std::io::Error) if a folder is not a
    /// Maildir, or cannot be read or created.
    pub fn open(server: &Path, local: &Path) -> Result<Store> {
        let server = Maildir::open(server)?;
        let local = Maildir::open_or_create(local)?;
        if server.root() == local.root() {
            let root = local.root().display();
            let message = format!("{root}: the server's Maildir cannot be the local one");
            return Err(Error::new(HRESULT::E_INVALIDARG, message));
        }
        Ok(Store { server, local, run: ExclusiveRun::default(), interval: pulse::INTERVAL })
    }

    /// Cancels the run and waits for its end, at logoff. Returns whether no run is left. Every
    /// later run fails with `MAPI_E_OFFLINE`.
    pub fn stop(&self, timeout: Duration) -> bool {
        self.run.stop(timeout)
    }

    /// Sets the time between two reports while a run lists folders, copies a message or waits for
    /// the disk. It is 50 ms by default. With zero, each unit of work is reported: each entry of a
    /// folder, and each 64 KiB of a message.
    pub fn report_every(mut self, interval: Duration) -> Store {
        self.interval = interval;
        self
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
        // Outlook waits for this call, so a thread does the work. It outlives the call, and perhaps
        // the store object, so it gets a clone. `spawn` refuses a second run, with MAPI_E_BUSY. It
        // calls Done once and then signals the event, however the closure ends: with `Ok`, with
        // `Err` or with a panic. Before Done it drops everything that the closure owns. Outlook may
        // therefore start the next run as soon as Done is called.
        let store = self.clone();
        self.run.spawn(request, move |job| {
            let on_demand = flags.contains(SyncFlags::ON_DEMAND);
            let _lock = server_lock::acquire(job, store.server.root(), on_demand)?;
            store.transfer(job, flags)
        })
    }
}
