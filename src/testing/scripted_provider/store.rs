//! The COM object of a `ScriptedProvider`, and its runs.
//!
//! A job makes the reports and ends the run. The misbehavior is added between the job and the host:
//! the job receives a `MAPISIB` in which the callback is a [`Relay`]. If the host must receive
//! another event than the job's, the event handle location in it is a local variable.

use crate::abi::{HANDLE, HRESULT, IMAPISync, IMAPISyncProgressCallback, IMAPISyncVtbl, MAPISIB};
use crate::error::Result;
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use crate::object::{Class, ComPtr, ComRef, ImplementedBy, Thunk};
use crate::provider;
use crate::testing::scripted_provider::results::{Results, Running};
use crate::testing::scripted_provider::script::{End, Event, Script, Worker};
use alloc::sync::Arc;
use core::ptr;
use std::sync::{Mutex, PoisonError};

/// The payload of the COM object.
pub(super) struct ScriptedStore {
    script: Arc<Script>,
    results: Arc<Results>,
}

impl Class for ScriptedStore {
    type Interfaces = (IMAPISync,);
}

// SAFETY: the vtable has all four slots: the three of `Thunk`, and the method in its documented
// place. `Thunk::call` catches panics, so the method does not unwind. It only borrows the payload,
// which is `Send + Sync`. It neither adds nor releases a reference to its object.
unsafe impl<const INDEX: usize> ImplementedBy<ScriptedStore, INDEX> for IMAPISync {
    const VTABLE: &'static IMAPISyncVtbl = &IMAPISyncVtbl {
        base: Thunk::<ScriptedStore, INDEX>::UNKNOWN,
        SynchronizeInBackground: synchronize_in_background::<INDEX>,
    };
}

/// The thunk of `SynchronizeInBackground`, slot 3.
unsafe extern "system" fn synchronize_in_background<const INDEX: usize>(
    this: *mut IMAPISync,
    psibpb: *mut MAPISIB,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `ScriptedStore`. COM requires the caller to hold a reference. The documentation
    // requires the structure to be valid.
    unsafe {
        Thunk::<ScriptedStore, INDEX>::call(this, |store| {
            let result = store.start(psibpb);
            if store.script.never_returns {
                store.results.wait_for_drop();
            }
            result
        })
    }
}

impl ScriptedStore {
    pub(super) fn new(script: Script, results: Arc<Results>) -> ScriptedStore {
        ScriptedStore { script: Arc::new(script), results }
    }

    /// Starts a run.
    ///
    /// # Safety
    ///
    /// `psibpb` must meet the contract of [`provider::dispatch`].
    unsafe fn start(&self, psibpb: *mut MAPISIB) -> Result<HRESULT> {
        let worker = Worker(self.script.clone());
        // SAFETY: the contract of `read` is this function's.
        let Some(request) = (unsafe { read(psibpb) }) else {
            // SAFETY: the contract of `dispatch` is this function's. The call fails, because
            // `dispatch` refuses what `read` refuses.
            return Ok(unsafe { provider::dispatch(&worker, psibpb) });
        };
        let set_host_handle = |handle: HANDLE| {
            // SAFETY: `read` returns no request with a NULL location. By the contract of
            // `dispatch`, the location is therefore valid for a write at any address during the
            // call. This closure is not used after the call.
            unsafe { request.phSyncDoneEvent.write_unaligned(handle) };
        };
        set_host_handle(ptr::null_mut());
        if let End::Refuse(code) = self.script.end {
            return Ok(code);
        }
        // SAFETY: by the contract of `dispatch`, the pointer is NULL or meets the contract of
        // `ComRef::from_raw` during the call. The borrow ends within the call.
        let host = unsafe { ComRef::from_raw(request.punkCallBack) };
        let host: Option<ComPtr<IMAPISyncProgressCallback>> =
            host.map(|host| host.cast()).transpose()?;

        let replacement = match self.script.event {
            Event::Signaled | Event::Null => None,
            Event::Withheld => {
                let (event, signal) = DoneEvent::pair()?;
                self.results.withhold_signal(signal);
                Some(event)
            }
        };
        let is_replaced = self.script.event != Event::Signaled;
        set_host_handle(replacement.as_ref().map_or(ptr::null_mut(), DoneEvent::as_raw));
        let mut job_handle = ptr::null_mut();

        let (relay, unowned) = match host {
            Some(host) => (Some(self.relay(host, replacement)), None),
            None => (None, replacement),
        };
        let mut own = MAPISIB {
            ulSize: size_of::<MAPISIB>() as u32,
            punkCallBack: relay.as_ref().map_or(ptr::null_mut(), |relay| relay.as_raw().cast()),
            phSyncDoneEvent: if is_replaced {
                &raw mut job_handle
            } else {
                request.phSyncDoneEvent
            },
            ..request
        };
        // SAFETY: `ulSize` is the size of the structure. The session and the host's location are
        // valid during the call, by this function's contract. The relay and the local variable live
        // until this function returns.
        let code = unsafe { provider::dispatch(&worker, &mut own) };
        if is_replaced && code.is_err() {
            set_host_handle(ptr::null_mut());
        } else if is_replaced && relay.is_none() {
            // SAFETY: without a callback, a successful `dispatch` passes the job's handle to its
            // caller, which is this function. The host has received another handle or NULL.
            drop(unsafe { DoneEvent::from_raw(job_handle) });
            let _owned_by_host = unowned.map(DoneEvent::into_raw);
        }
        Ok(code)
    }

    fn relay(
        &self,
        host: ComPtr<IMAPISyncProgressCallback>,
        replacement: Option<DoneEvent>,
    ) -> ComPtr<IMAPISyncProgressCallback> {
        ComPtr::<IMAPISyncProgressCallback>::new(Relay {
            host,
            script: self.script.clone(),
            replacement: Mutex::new(replacement),
            running: Results::run(&self.results),
        })
    }
}

/// Copies the host's structure. Returns `None` if `dispatch` refuses it.
///
/// # Safety
///
/// `psibpb` must be as [`provider::dispatch`] demands.
unsafe fn read(psibpb: *const MAPISIB) -> Option<MAPISIB> {
    if psibpb.is_null() {
        return None;
    }
    // SAFETY: the pointer is not NULL. By the contract of `dispatch`, at least four bytes are then
    // readable, which are `ulSize`, the first field.
    let size = unsafe { psibpb.cast::<u32>().read_unaligned() };
    if size < size_of::<MAPISIB>() as u32 {
        return None;
    }
    // SAFETY: by the contract of `dispatch`, as many bytes as `ulSize` states are readable. They
    // cover the structure.
    let request = unsafe { psibpb.read_unaligned() };
    (!request.phSyncDoneEvent.is_null()).then_some(request)
}

/// The callback that the job calls. It forwards to the host's callback, records the results, and
/// misbehaves if the script says so.
struct Relay {
    host: ComPtr<IMAPISyncProgressCallback>,
    script: Arc<Script>,
    /// The event that `Done` passes instead of the job's.
    replacement: Mutex<Option<DoneEvent>>,
    /// Dropped last, after the release of the host's callback.
    running: Running,
}

impl Relay {
    fn call_done(&self, event: Option<DoneEvent>, status: HRESULT) {
        // SAFETY: this is the store of a run that was started with the host's callback, and the job
        // calls `Done` once, as its last call. Only `done_twice` adds another one, and its contract
        // requires that the host survives it.
        let code = unsafe { self.host.done(event, status) };
        self.running.record("Done", code);
    }
}

impl MapiSyncProgressCallback for Relay {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        let code = self.host.progress(step, index, max);
        self.running.record("Progress", code);
        if self.script.ignores_cancel {
            return Ok(());
        }
        code.ok()
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        let code = self.host.error(code, message.unwrap_or_default());
        self.running.record("Error", code);
        code.ok()
    }

    fn done(&self, status: HRESULT) -> Result<()> {
        self.done_with_event(None, status)
    }

    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        let event = match self.script.event {
            Event::Signaled => event,
            Event::Null | Event::Withheld => {
                drop(event);
                let mut replacement =
                    self.replacement.lock().unwrap_or_else(PoisonError::into_inner);
                replacement.take()
            }
        };
        if self.script.never_done {
            self.running.withhold_event(event);
            return Ok(());
        }
        self.call_done(event, status);
        if self.script.done_twice {
            self.call_done(None, status);
        }
        Ok(())
    }
}
