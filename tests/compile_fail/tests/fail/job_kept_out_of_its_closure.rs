//! `spawn` lends the job to its closure, so that a panic cannot drop the job before the completion.

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
