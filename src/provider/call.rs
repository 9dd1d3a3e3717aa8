//! `Call`: the host's call, from the validation of its `MAPISIB` to its `HRESULT`.

use crate::abi::{HANDLE, HRESULT, IMAPISession, IUnknown, MAPISIB, SyncFlags};
use crate::error::{Error, Result};
use crate::event::DoneEvent;
use crate::object::ComRef;
use crate::provider::SyncJob;
use crate::provider::completion::Completion;
use crate::provider::outcome::Outcome;
use crate::provider::run_state::RunState;
use crate::trace::RunSpan;
use alloc::sync::Arc;
use core::cell::OnceCell;
use core::ptr;

/// The host's call of `SynchronizeInBackground`: its arguments, and the run if one has been
/// started. `dispatch` keeps it on its stack.
pub(super) struct Call<'a> {
    pub(super) flags: SyncFlags,
    pub(super) session: Option<ComRef<'a, IMAPISession>>,
    pub(super) callback: Option<ComRef<'a, IUnknown>>,
    pub(super) span: RunSpan,
    /// It is not NULL, may be unaligned, and holds NULL until a run starts.
    event_handle_location: *mut HANDLE,
    run: OnceCell<Arc<RunState>>,
}

impl<'a> Call<'a> {
    /// Reads and checks the structure. Sets the event handle to NULL when its location is known.
    ///
    /// # Safety
    ///
    /// The contract of `dispatch` must hold for `psibpb`, and `'a` must end before the host's call
    /// does.
    pub(super) unsafe fn read(psibpb: *const MAPISIB) -> Result<Call<'a>> {
        const SIZE: u32 = size_of::<MAPISIB>() as u32;
        if psibpb.is_null() {
            return Err(Error::NullRequest);
        }
        // SAFETY: the pointer is not NULL, so at least `ulSize`, the first field, is readable, by
        // this function's contract.
        let size = unsafe { psibpb.cast::<u32>().read_unaligned() };
        if size < SIZE {
            return Err(Error::RequestTooSmall { size, needed: SIZE });
        }
        // SAFETY: the structure is readable for the bytes that `ulSize` states, by this function's
        // contract, and these cover it. Each of its pointers is NULL or valid during the call: the
        // event handle location for a write, the interfaces by the contract of `ComRef::from_raw`.
        unsafe {
            let request = psibpb.read_unaligned();
            if request.phSyncDoneEvent.is_null() {
                return Err(Error::NullEventLocation);
            }
            request.phSyncDoneEvent.write_unaligned(ptr::null_mut());
            let flags = SyncFlags::from_bits_retain(request.ulFlags);
            Ok(Call {
                flags,
                session: ComRef::from_raw(request.psesSync),
                callback: ComRef::from_raw(request.punkCallBack),
                span: RunSpan::provider(flags),
                event_handle_location: request.phSyncDoneEvent,
                run: OnceCell::new(),
            })
        }
    }

    /// Starts the run, which cannot fail. The host gets the event's handle, the job the completion.
    pub(super) fn start_run(&self, completion: Completion, event: DoneEvent) -> SyncJob {
        let state = self.run.get_or_init(|| Arc::new(RunState::new()));
        completion.run_started(state);
        // SAFETY: the location is not NULL, so it is valid for a write during the host's call, by
        // the contract of `read`. The call has not returned, because `self` is borrowed.
        unsafe { self.event_handle_location.write_unaligned(event.into_raw()) };
        SyncJob::new(completion, state.clone())
    }

    /// Ends the call after the store's method. Returns the `HRESULT` for the host.
    pub(super) fn finish(self, result: Result<(), Outcome>) -> HRESULT {
        if let Some(state) = self.run.get() {
            state.method_returned(result);
            return HRESULT::S_OK;
        }
        if let Err(outcome) = result {
            return outcome.status;
        }
        // The store had nothing to do. The host still waits for Done, so a run is started and
        // finished here.
        match Completion::prepare(self.callback, &self.span, None) {
            Ok((completion, event)) => {
                self.start_run(completion, event).finish(Ok(()));
                HRESULT::S_OK
            }
            Err(error) => error.hresult(),
        }
    }
}
