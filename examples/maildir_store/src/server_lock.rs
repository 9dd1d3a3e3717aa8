//! A lock on a server, which one run at a time holds. Runs that the user requested come before
//! those in the background.

use mapisync::{Result, SyncJob};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The state of the lock on one server.
#[derive(Default)]
struct State {
    is_locked: bool,
    /// The number of waiting runs that the user requested.
    waiting_on_demand: u32,
}

static SERVERS: Mutex<Option<HashMap<PathBuf, State>>> = Mutex::new(None);
static RELEASED: Condvar = Condvar::new();

/// The lock on a server, released when it is dropped.
pub struct ServerLock(PathBuf);

/// Waits for the lock on a server. Fails if the run is canceled.
pub fn acquire(job: &SyncJob, server: &Path, on_demand: bool) -> Result<ServerLock> {
    state(&mut lock(), server).waiting_on_demand += u32::from(on_demand);
    let result = loop {
        let mut servers = lock();
        let state = state(&mut servers, server);
        if !state.is_locked && (on_demand || state.waiting_on_demand == 0) {
            state.is_locked = true;
            break Ok(ServerLock(server.into()));
        }
        // The mutex is released before Progress is called: a slow host must not block other runs.
        drop(RELEASED.wait_timeout(servers, Duration::from_millis(100)));
        if let Err(canceled) = job.progress(Some("Waiting for another run"), 0, 1) {
            break Err(canceled);
        }
    };
    state(&mut lock(), server).waiting_on_demand -= u32::from(on_demand);
    RELEASED.notify_all();
    result
}

impl Drop for ServerLock {
    fn drop(&mut self) {
        state(&mut lock(), &self.0).is_locked = false;
        RELEASED.notify_all();
    }
}

type Servers = MutexGuard<'static, Option<HashMap<PathBuf, State>>>;

fn lock() -> Servers {
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn state<'a>(servers: &'a mut Servers, server: &Path) -> &'a mut State {
    servers.get_or_insert_default().entry(server.into()).or_default()
}
