//! The worker outlives the call, so it must own the session: `session.to_ptr()`.

use mapisync::{MapiSync, Result, SyncRequest};

struct Store;

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let session = request.session();
        request.spawn(move |job| {
            drop(session);
            job.position(1, 1)
        })
    }
}

fn main() {}
