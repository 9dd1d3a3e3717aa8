//! `spawn` lends the job, so that a panic cannot drop it before its end is told.

use mapisync::{MapiSync, Result, SyncJob, SyncRequest};
use std::sync::Mutex;

static KEPT: Mutex<Option<&'static SyncJob>> = Mutex::new(None);

struct Store;

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        request.spawn(|job| {
            *KEPT.lock().unwrap() = Some(job);
            Ok(())
        })
    }
}

fn main() {}
