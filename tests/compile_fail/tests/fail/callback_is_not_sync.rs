//! Any thread may call a callback, so a callback must not contain a `Cell`.

use mapisync::{HRESULT, MapiSyncProgressCallback, Result};
use std::cell::Cell;

struct Dialog {
    steps: Cell<u32>,
}

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        self.steps.set(self.steps.get() + 1);
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

fn main() {}
