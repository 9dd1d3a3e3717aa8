//! A callback is called from any thread, so a `Cell` has no place in it.

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
