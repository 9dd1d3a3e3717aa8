//! The memory of a request: the `MAPISIB` and the event handle location.

use crate::abi::{HANDLE, MAPISIB};
use crate::event::DoneEvent;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The memory of one request. The thread that calls the store, the callback object and the run share
/// it, so it lives as long as any of them.
#[derive(Default)]
pub(super) struct RequestMemory {
    /// The event handle location. It holds NULL until the store writes to it.
    handle: AtomicPtr<c_void>,
    /// The `MAPISIB`, and zeros up to the size that it states.
    structure: OnceLock<Vec<MaybeUninit<u64>>>,
}

/// The memory of runs that did not end in time. Their stores may still use it, so it is never freed.
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
        ABANDONED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((self, event));
    }
}
