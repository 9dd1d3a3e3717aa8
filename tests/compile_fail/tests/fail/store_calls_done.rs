//! Only the job calls `Done`, so safe code cannot end a run twice.

use mapisync::abi::IMAPISyncProgressCallback;
use mapisync::{HRESULT, MapiSync, Result, SyncRequest};

struct Store;

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let callback = request.callback().unwrap().cast::<IMAPISyncProgressCallback>()?;
        callback.done(None, HRESULT::S_OK);
        request.spawn(|job| job.position(1, 1))
    }
}

fn main() {}
