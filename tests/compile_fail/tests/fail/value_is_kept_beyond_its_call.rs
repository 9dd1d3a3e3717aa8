//! An in-parameter and a job are borrowed. A store that keeps an in-parameter must take a reference,
//! `session.to_ptr()`. `spawn` lends the job to its closure, so that a panic cannot drop the job
//! before the completion. Only the job calls `Done`, so safe code cannot end a run twice.

use mapisync::abi::{IMAPISession, IMAPISyncProgressCallback};
use mapisync::{ComRef, HRESULT, MapiSync, Result, SyncJob, SyncRequest};
use std::sync::Mutex;

static JOB: Mutex<Option<&'static SyncJob>> = Mutex::new(None);

struct Store {
    session: Mutex<Option<ComRef<'static, IMAPISession>>>,
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        *self.session.lock().unwrap() = request.session();
        let callback = request.callback().unwrap().cast::<IMAPISyncProgressCallback>()?;
        callback.done(None, HRESULT::S_OK);
        request.spawn(|job| {
            *JOB.lock().unwrap() = Some(job);
            Ok(())
        })
    }
}

struct Worker;

impl MapiSync for Worker {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let session = request.session();
        request.spawn(move |job| {
            drop(session);
            job.position(1, 1)
        })
    }
}

fn main() {}
