//! Who goes first. A server lets one run in at a time, and those that the user asked for before those in the background.

use mapisync::{Result, SyncJob};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The runs of one server.
#[derive(Default)]
struct Line {
    /// One is under way.
    taken: bool,
    /// How many wait that the user asked for.
    demanded: u32,
}

static SERVERS: Mutex<Option<HashMap<PathBuf, Line>>> = Mutex::new(None);
static FREED: Condvar = Condvar::new();

/// The right to use a server, until it is dropped.
pub struct Turn(PathBuf);

/// Waits for the server, in a way that can be cancelled.
pub fn wait(job: &SyncJob, server: &Path, on_demand: bool) -> Result<Turn> {
    line(&mut lock(), server).demanded += u32::from(on_demand);
    let result = loop {
        let mut servers = lock();
        let line = line(&mut servers, server);
        if !line.taken && (on_demand || line.demanded == 0) {
            line.taken = true;
            break Ok(Turn(server.into()));
        }
        // A host that waits for its Progress must not keep everybody else waiting: the lock is gone when it is called.
        drop(FREED.wait_timeout(servers, Duration::from_millis(100)));
        if let Err(cancelled) = job.progress(Some("Waiting for another run"), 0, 0) {
            break Err(cancelled);
        }
    };
    line(&mut lock(), server).demanded -= u32::from(on_demand);
    FREED.notify_all();
    result
}

impl Drop for Turn {
    fn drop(&mut self) {
        line(&mut lock(), &self.0).taken = false;
        FREED.notify_all();
    }
}

type Servers = MutexGuard<'static, Option<HashMap<PathBuf, Line>>>;

fn lock() -> Servers {
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn line<'a>(servers: &'a mut Servers, server: &Path) -> &'a mut Line {
    servers
        .get_or_insert_default()
        .entry(server.into())
        .or_default()
}
