use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, ExclusiveRun, GUID, HRESULT, MapiSync, Result, SyncFlags, SyncRequest};
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

pub struct Store {
    mailbox: Arc<Vec<String>>,
    run: ExclusiveRun,
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        if !request.flags().contains(SyncFlags::DOWNLOAD_CONTENTS) {
            return Ok(()); // nothing to do: the crate calls Done with S_OK
        }
        let mailbox = self.mailbox.clone(); // the thread outlives the call, so it owns its data
        self.run.spawn(request, move |job| {
            for mail in job.track("Receiving", &*mailbox) {
                let _mail = mail?;
            }
            Ok(())
        })
    }
}

/// The library's own export, for hosts that know it.
///
/// # Safety
///
/// `riid` must be NULL or valid for a read, and `ppv` NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CreateMapiSync(riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
    let mailbox = Arc::new(vec!["one".into(), "two".into()]);
    let store = Store { mailbox, run: ExclusiveRun::default() };
    // SAFETY: the contract is this function's.
    unsafe { mapisync::create_instance(riid, ppv, || Ok(ComPtr::<IMAPISync>::new(store))) }
}

impl Store {
    /// The body of IMsgStore::StoreLogoff.
    pub fn log_off(&self) -> bool {
        self.run.stop(Duration::from_secs(5))
    }
}
