//! Several threads may call an object at the same time, so its payload must be `Sync`.

use mapisync::abi::IMAPISync;
use mapisync::{Class, ComObject, MapiSync, Result, SyncRequest};
use std::cell::Cell;

struct Store {
    runs: Cell<u32>,
}

impl Class for Store {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        self.runs.set(self.runs.get() + 1);
        request.spawn(|_| Ok(()))
    }
}

fn main() {
    let _ = ComObject::new(Store { runs: Cell::new(0) });
}
