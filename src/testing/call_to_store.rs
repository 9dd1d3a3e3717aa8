//! `CallToStore`: the call to the store, on the thread of an [`OutlookRun`](super::OutlookRun).
//! `RequestMemory`: the `MAPISIB` and the event handle location, which may outlive the call.

use super::Recorder;
use crate::abi::{HANDLE, IMAPISession, IMAPISync, IMAPISyncProgressCallback, MAPISIB};
use crate::event::DoneEvent;
use crate::object::ComPtr;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The call to the store, on its thread. It owns references, because it may never return.
pub(super) struct CallToStore {
    pub(super) store: ComPtr<IMAPISync>,
    pub(super) session: Option<ComPtr<IMAPISession>>,
    pub(super) callback: Option<ComPtr<IMAPISyncProgressCallback>>,
    pub(super) request: Arc<RequestMemory>,
    pub(super) recorder: Recorder,
    pub(super) run: usize,
}

impl CallToStore {
    pub(super) fn make(self, flags: u32, size: u32, has_location: bool) {
        let location = has_location.then(|| self.request.event_location());
        let (session, callback) = (self.session.as_ref(), self.callback.as_ref());
        let request = self.request.place(MAPISIB {
            ulSize: size,
            ulFlags: flags,
            psesSync: session.map_or(ptr::null_mut(), ComPtr::as_raw),
            punkCallBack: callback.map_or(ptr::null_mut(), |callback| callback.as_raw().cast()),
            phSyncDoneEvent: location.unwrap_or(ptr::null_mut()),
        });
        // SAFETY: the structure is readable for the bytes that `ulSize` states, and for its own
        // size. The session and the callback are NULL, or `self` owns a reference to them during
        // the call. Both are free-threaded and do not unwind (`ComPtr::from_raw`). The event handle
        // location lives as long as the request, which `self` shares. It is NULL only if the store
        // accepts that (`without_event_location`).
        let code = unsafe { self.store.synchronize_in_background(request) };
        if code.is_ok() {
            self.take_event();
        }
        let (recorder, run) = (self.recorder.clone(), self.run);
        // The references are released before the call counts as returned.
        drop(self);
        recorder.lock().runs[run].returned = Some(code);
        recorder.notify();
    }

    /// Gives the run its own handle to the event, after the call has returned.
    ///
    /// If `Done` has been called, the handle in the location may be closed, and its number may
    /// belong to another object. `Done` has then given the run its own handle, if it passed one.
    fn take_event(&self) {
        let handle = self.request.handle();
        let mut state = self.recorder.lock();
        let run = &mut state.runs[self.run];
        if handle.is_null() || run.is_done || !run.is_watched {
            return;
        }
        let event = if self.callback.is_some() {
            // SAFETY: the handle must stay open during the call. The documentation gives the handle
            // to the host with Done, so the store keeps it open until then. Done has not been
            // called yet (`is_done`), and it waits for the lock that is held here before it may
            // close the handle.
            unsafe { DoneEvent::duplicate_of(handle) }
        } else {
            // SAFETY: `from_raw` requires ownership of an open handle. Without a callback there is
            // no Done, so the caller owns the handle when the call returns. No source states this.
            // It is this crate's rule, for its own stores, too.
            unsafe { DoneEvent::from_raw(handle) }
        };
        run.handle_is_invalid = event.is_none();
        run.event = event.map(Arc::new);
    }
}

/// The memory of one request. The thread that calls the store, the callback object and the run
/// share it, so it lives as long as any of them.
#[derive(Default)]
pub(super) struct RequestMemory {
    /// The event handle location. It holds NULL until the store writes to it.
    handle: AtomicPtr<c_void>,
    /// The `MAPISIB`, and zeros up to the size that it states.
    structure: OnceLock<Vec<MaybeUninit<u64>>>,
}

/// The memory of runs that did not end in time. Their stores may still use it, so it is never
/// freed.
static ABANDONED: Mutex<Vec<Abandoned>> = Mutex::new(Vec::new());

/// The memory of a run, and its event. Without a callback, the event is the handle that the store
/// returned. It must stay open, because the store may still signal it.
type Abandoned = (Arc<RequestMemory>, Option<Arc<DoneEvent>>);

impl RequestMemory {
    /// Returns the value for `phSyncDoneEvent`. It is valid as long as `self` lives.
    pub(super) fn event_location(&self) -> *mut HANDLE {
        self.handle.as_ptr()
    }

    /// Returns the handle that the store wrote, or NULL.
    pub(super) fn handle(&self) -> HANDLE {
        self.handle.load(Ordering::Acquire)
    }

    /// Moves the structure into memory of `ulSize` bytes, or of its own size if that is more. The
    /// result is valid as long as `self` lives.
    ///
    /// # Panics
    ///
    /// If it is called a second time.
    pub(super) fn place(&self, request: MAPISIB) -> *mut MAPISIB {
        let size = size_of::<MAPISIB>().max(request.ulSize as usize);
        let mut memory = std::vec![MaybeUninit::new(0_u64); size.div_ceil(size_of::<u64>())];
        let place = memory.as_mut_ptr().cast::<MAPISIB>();
        // SAFETY: the memory has at least the size of the structure. It is aligned for `u64`, and
        // the structure needs no more, as asserted below.
        unsafe { place.write(request) };
        const { assert!(align_of::<MAPISIB>() <= align_of::<u64>()) };
        let placed = self.structure.set(memory);
        assert!(placed.is_ok(), "a request has one structure");
        place
    }

    /// Keeps the memory and the event until the process ends. They stay reachable, so leak checkers
    /// do not report them.
    pub(super) fn abandon(self: Arc<RequestMemory>, event: Option<Arc<DoneEvent>>) {
        ABANDONED.lock().unwrap_or_else(PoisonError::into_inner).push((self, event));
    }
}
