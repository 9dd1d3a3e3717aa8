//! A store in a library that `tests/unload.rs` unloads when the event is signaled, while its worker
//! still runs.

use mapisync::abi::{HANDLE, IMAPISync};
use mapisync::{ComPtr, DoneEvent, MapiSync, Result, SyncRequest};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

struct Store {
    /// The worker waits for this event.
    release: Arc<DoneEvent>,
    /// The number of workers that have ended.
    finished: &'static AtomicU32,
    spawn: bool,
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let (release, finished) = (self.release.clone(), self.finished);
        if self.spawn {
            // This worker does not wait, so the crate's own end of the thread may still run.
            return request.spawn(move |_| {
                finished.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
        }
        let job = request.start()?;
        std::thread::spawn(move || {
            job.finish(Ok(()));
            release.wait(None).unwrap();
            drop(release);
            finished.fetch_add(1, Ordering::SeqCst);
        });
        Ok(())
    }
}

/// Returns a store with a reference count of 1.
///
/// # Safety
///
/// `release` must be an event that the caller owns, and this function becomes its owner. `finished`
/// must be valid until the process ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn held_store(
    release: HANDLE,
    finished: *const AtomicU32,
    spawn: bool,
) -> *mut IMAPISync {
    // SAFETY: the caller owns the event, and the counter is valid, by this function's contract.
    let (release, finished) = unsafe { (DoneEvent::from_raw(release), &*finished) };
    let release = Arc::new(release.expect("an event"));
    ComPtr::<IMAPISync>::new(Store { release, finished, spawn }).into_raw()
}
