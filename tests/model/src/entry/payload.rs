//! The payload of every object: a store and a callback.

use super::callback::CheckedRecorder;
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{
    Class, DoneEvent, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncRequest,
};
use std::sync::{Arc, Mutex};
use test_support::{DropCounter, DropToken};

/// The store's method for the next call.
pub type Script = Arc<Mutex<Option<StoreMethod>>>;
pub type StoreMethod = Box<dyn FnOnce(SyncRequest<'_>) -> Result<()> + Send>;

pub struct Part {
    script: Script,
    recorder: Arc<CheckedRecorder>,
    _token: DropToken,
}

impl Part {
    pub fn new(script: &Script, recorder: &Arc<CheckedRecorder>, drops: &DropCounter) -> Part {
        Part { script: script.clone(), recorder: recorder.clone(), _token: drops.token() }
    }
}

impl Class for Part {
    type Interfaces = (IMAPISyncProgressCallback, IMAPISync);
}

impl MapiSync for Part {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let method = self.script.lock().unwrap().take();
        method.expect("the call was prepared, and comes once")(request)
    }
}

impl MapiSyncProgressCallback for Part {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.recorder.recorder.progress(step, index, max)
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.recorder.recorder.error(code, message)
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.recorder.recorder.done(status)
    }
    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        self.recorder.recorder.done_with_event(event, status)
    }
}
