//! The wrapped `IMsgStore`, which also has `IMAPISync`.

use crate::mapi::{
    IMAPIProp, IMsgStore, IMsgStoreCalls, LOGOFF_NO_WAIT, MapiMemory, MapiProp, MsgStore,
};
use crate::settings::Settings;
use crate::sync::{Delivery, MapiThread};
use mapisync::abi::IMAPISync;
use mapisync::{
    Class, ComPtr, ExclusiveRun, Extends, HRESULT, MapiSync, Result, SyncFlags, SyncRequest,
    Wrapped,
};
use std::time::Duration;

/// How long `StoreLogoff` and `Shutdown` wait for a run.
pub(super) const LOGOFF_WAIT: Duration = Duration::from_secs(5);

/// Passes all calls on to the inner store, and delivers mail to it.
pub struct Store {
    inner: ComPtr<IMsgStore>,
    memory: MapiMemory,
    settings: Settings,
    run: ExclusiveRun,
}

impl Store {
    /// Wraps a store. `run` admits its runs, so that the provider can stop them, too.
    ///
    /// Effect on the counts: none. The pointer moves into the result.
    pub fn new(
        inner: ComPtr<IMsgStore>,
        memory: MapiMemory,
        settings: Settings,
        run: ExclusiveRun,
    ) -> Store {
        Store { inner, memory, settings, run }
    }
}

impl Class for Store {
    type Interfaces = (IMsgStore, IMAPISync);

    const WRAPPED: Option<fn(&Self) -> Wrapped<'_>> = Some(|this| Wrapped::from(&this.inner));
}

impl MapiProp for Store {
    fn inner_prop(&self) -> Option<&ComPtr<impl Extends<IMAPIProp>>> {
        Some(&self.inner)
    }
}

impl MsgStore for Store {
    fn inner_store(&self) -> Option<&ComPtr<impl Extends<IMsgStore>>> {
        Some(&self.inner)
    }

    /// Stops the run, which uses the inner store, before that logs off.
    unsafe fn StoreLogoff(&self, flags: *mut u32) -> Result<HRESULT> {
        // SAFETY: MAPI requires that `flags` is NULL or valid.
        let no_wait = unsafe { flags.as_ref() }.is_some_and(|flags| flags & LOGOFF_NO_WAIT != 0);
        let wait = if no_wait { Duration::ZERO } else { LOGOFF_WAIT };
        // A run that has not ended holds its own reference to the inner store.
        let _has_ended = self.run.stop(wait);
        // SAFETY: the contract is this function's.
        unsafe { self.inner.StoreLogoff(flags) }.ok_code()
    }
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        if !request.flags().contains(SyncFlags::DOWNLOAD_CONTENTS) {
            return Ok(()); // there is nothing else to do, so the run ends at once
        }
        let delivery = Delivery::new(self.inner.clone(), self.memory, self.settings.clone());
        let memory = self.memory;
        // The thread outlives this call and perhaps the store object. `spawn_with` drops the pointer
        // to the inner store before `Done`, and uninitializes MAPI after it.
        self.run.spawn_with(
            request,
            move || MapiThread::initialize(&memory),
            move |job, _mapi| delivery.run(job),
        )
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _has_ended = self.run.stop(Duration::ZERO); // if the host has not logged off
    }
}
