//! The payloads of a program's objects: a store, a callback, and both in one.

use super::checked_recorder::CheckedRecorder;
use super::store::StoreScript;
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{
    Class, DoneEvent, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncRequest,
};
use std::sync::Arc;

/// A payload that is a store.
pub struct Scripted {
    pub script: Arc<StoreScript>,
    pub _alive: Arc<()>,
}

impl MapiSync for Scripted {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        self.script.run(request)
    }
}

/// A payload that is a callback.
pub struct Listener {
    pub recorder: Arc<CheckedRecorder>,
    pub _alive: Arc<()>,
}

/// A payload that is both, for objects with two interfaces.
pub struct Part {
    pub store: Scripted,
    pub listener: Listener,
}

impl Class for Part {
    type Interfaces = (IMAPISyncProgressCallback, IMAPISync);
}

impl MapiSync for Part {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        self.store.synchronize_in_background(request)
    }
}

macro_rules! listen {
    ($($payload:ty: $recorder:ident $(. $more:ident)?;)+) => {$(
        impl MapiSyncProgressCallback for $payload {
            fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
                self.$recorder$(.$more)?.progress(step, index, max)
            }
            fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
                self.$recorder$(.$more)?.error(code, message)
            }
            fn done(&self, status: HRESULT) -> Result<()> {
                self.$recorder$(.$more)?.done(status)
            }
            fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
                self.$recorder$(.$more)?.done_with_event(event, status)
            }
        }
    )+};
}

listen! {
    CheckedRecorder: recorder;
    Listener: recorder;
    Part: listener.recorder;
}
