//! A store in a library that is unloaded as soon as its event has occurred, with a worker that still runs its code then.

use mapisync::abi::{HANDLE, IMAPISync};
use mapisync::{ComPtr, DoneEvent, MapiSync, Result, SyncRequest};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

struct Store {
    /// Until it occurs, the worker is held back.
    release: Arc<DoneEvent>,
    /// How many workers have come to their ends.
    finished: &'static AtomicU32,
    spawn: bool,
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let (release, finished) = (self.release.clone(), self.finished);
        if self.spawn {
            // Held back by nothing but chance: the crate's own end of a thread.
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

/// A store with a count of 1.
///
/// # Safety
///
/// `release` is an event that is handed over; `finished` stays where it is for as long as the process lives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn held_store(
    release: HANDLE,
    finished: *const AtomicU32,
    spawn: bool,
) -> *mut IMAPISync {
    // SAFETY: the caller's promise.
    let (release, finished) = unsafe { (DoneEvent::from_raw(release), &*finished) };
    let release = Arc::new(release.expect("an event"));
    ComPtr::<IMAPISync>::new(Store {
        release,
        finished,
        spawn,
    })
    .into_raw()
}
