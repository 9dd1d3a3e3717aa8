//! An in-parameter is borrowed for the call. A store that keeps it must take a reference.

use mapisync::abi::IMAPISession;
use mapisync::{ComRef, MapiSync, Result, SyncRequest};
use std::sync::Mutex;

struct Store {
    session: Mutex<Option<ComRef<'static, IMAPISession>>>,
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        *self.session.lock().unwrap() = request.session();
        Ok(())
    }
}

fn main() {}
