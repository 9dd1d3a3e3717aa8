//! One call of `SynchronizeInBackground`, from the checked `MAPISIB` to what Outlook is answered.

use crate::abi::{
    HANDLE, HRESULT, IMAPISession, IMAPISyncProgressCallback, IUnknown, MAPISIB, SyncFlags,
};
use crate::error::{Error, Result};
use crate::event::{DoneEvent, Signal, pin_module};
use crate::object::{ComPtr, ComRef};
use crate::provider::SyncJob;
use crate::provider::control::Control;
use crate::provider::deaf::deaf;
use crate::provider::debt::{Debt, Ending};
use alloc::sync::Arc;
use core::cell::OnceCell;
use core::ptr;

/// What Outlook passed, checked, and whether a run has been started for it. It lives on the thunk's stack.
pub(super) struct Call<'a> {
    pub(super) flags: SyncFlags,
    pub(super) session: Option<ComRef<'a, IMAPISession>>,
    pub(super) callback: Option<ComRef<'a, IUnknown>>,
    /// Never NULL, perhaps unaligned, holding NULL until a run is started.
    slot: *mut HANDLE,
    started: OnceCell<Arc<Control>>,
}

impl<'a> Call<'a> {
    /// Reads and checks the structure, and nulls the event slot as soon as it is known to be there.
    ///
    /// # Safety
    ///
    /// As `dispatch`; `'a` lies within Outlook's call.
    pub(super) unsafe fn read(psibpb: *const MAPISIB) -> Result<Call<'a>> {
        const SIZE: u32 = size_of::<MAPISIB>() as u32;
        if psibpb.is_null() {
            return Err(Error::NullRequest);
        }
        // SAFETY: not NULL, so `ulSize`, the first field, is readable at least.
        let size = unsafe { psibpb.cast::<u32>().read_unaligned() };
        if size < SIZE {
            return Err(Error::RequestTooSmall { size, needed: SIZE });
        }
        // SAFETY: `ulSize` says that all of the structure is readable.
        let request = unsafe { psibpb.read_unaligned() };
        if request.phSyncDoneEvent.is_null() {
            return Err(Error::NoEventSlot);
        }
        // SAFETY: not NULL, so it is writable.
        unsafe { request.phSyncDoneEvent.write_unaligned(ptr::null_mut()) };
        Ok(Call {
            flags: SyncFlags::from_bits_retain(request.ulFlags),
            // SAFETY: NULL or a session that is borrowed for the call and keeps `ComRef`'s promise, says the caller.
            session: unsafe { ComRef::from_raw(request.psesSync) },
            // SAFETY: NULL or an object that is borrowed for the call and keeps it too.
            callback: unsafe { ComRef::from_raw(request.punkCallBack) },
            slot: request.phSyncDoneEvent,
            started: OnceCell::new(),
        })
    }

    /// Does everything about a start that can fail. Dropping the result undoes it without a trace.
    pub(super) fn prepare(&self) -> Result<Ready> {
        let callback = self
            .callback
            .map_or_else(|| Ok(deaf()), |callback| callback.cast())?;
        let (event, signal) = DoneEvent::pair()?;
        pin_module().map_err(Error::Thread)?;
        Ok(Ready {
            callback,
            event,
            signal,
        })
    }

    /// Hands the event out and takes the debt of one Done and one signal on, together; neither can fail.
    pub(super) fn take_on(&self, ready: Ready) -> SyncJob {
        let control = self.started.get_or_init(|| Arc::new(Control::new()));
        let handle = ready.event.into_raw();
        // SAFETY: the slot is not NULL, so it is writable for the length of Outlook's call, says `read`'s caller; and that
        // call, to which `self` is bound, is still under way.
        unsafe { self.slot.write_unaligned(handle) };
        let debt = Debt {
            callback: ready.callback,
            handle: handle.addr(),
            signal: ready.signal,
        };
        SyncJob::new(debt, control.clone())
    }

    /// Answers Outlook, after the store's method has returned or failed.
    pub(super) fn settle(self, outcome: Result<(), Ending>) -> HRESULT {
        match (self.started.get(), outcome) {
            (Some(control), outcome) => {
                control.call_returned(outcome.err());
                HRESULT::S_OK
            }
            (None, Err(ending)) => ending.code(),
            // The store had nothing to do, and Outlook would wait for the Done of a run that never was.
            (None, Ok(())) => match self.prepare() {
                Ok(ready) => {
                    self.take_on(ready).finish(Ok(()));
                    HRESULT::S_OK
                }
                Err(error) => error.hresult(),
            },
        }
    }
}

/// What a run needs, ready to be taken on.
pub(super) struct Ready {
    callback: ComPtr<IMAPISyncProgressCallback>,
    event: DoneEvent,
    signal: Signal,
}
