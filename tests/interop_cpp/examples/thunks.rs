//! A library that exports the vtables of a store and a callback, so that `tests/stack.rs` can find
//! our thunks by their vtable slots.

use mapisync::abi::{
    IMAPISync, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl,
};
use mapisync::{
    Class, HRESULT, ImplementedBy, MapiSync, MapiSyncProgressCallback, Result, SyncRequest,
};

struct Both;

impl Class for Both {
    type Interfaces = (IMAPISync, IMAPISyncProgressCallback);
}

impl MapiSync for Both {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        request.spawn(|job| job.progress(Some("working"), 1, 1))
    }
}

impl MapiSyncProgressCallback for Both {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        println!("{step:?} {index} {max}");
        Ok(())
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        println!("{code} {message:?}");
        Ok(())
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        println!("{status}");
        Ok(())
    }
}

/// Slots 0 to 3.
#[unsafe(no_mangle)]
pub static IMAPISYNC_VTABLE: &IMAPISyncVtbl = <IMAPISync as ImplementedBy<Both, 0>>::VTABLE;

/// Slots 0 to 5.
#[unsafe(no_mangle)]
pub static IMAPISYNCPROGRESSCALLBACK_VTABLE: &IMAPISyncProgressCallbackVtbl =
    <IMAPISyncProgressCallback as ImplementedBy<Both, 1>>::VTABLE;
