//! Helpers that the tests share and that `mapisync::testing` does not have: stores made of
//! closures, objects that break the rules of COM, drop counters, events, and open handles.

mod allocations;
mod foreign;
#[cfg(any(windows, target_os = "linux"))]
mod handles;
pub mod outer;
mod programs;

pub use allocations::*;
pub use foreign::*;
#[cfg(any(windows, target_os = "linux"))]
pub use handles::*;
pub use programs::*;

use mapisync::abi::{HANDLE, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::testing::Outlook;
use mapisync::{
    Class, ComObject, ComPtr, DoneEvent, GUID, HRESULT, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncJob, SyncRequest,
};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// The longest wait for an operation that ends on its own, on a slow machine.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// Returns a stand-in for Outlook, with a timeout for slow machines.
pub fn outlook() -> Outlook {
    Outlook::new().timeout(TIMEOUT)
}

/// Creates a store whose method is a closure.
pub fn store(
    method: impl Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static,
) -> ComPtr<IMAPISync> {
    struct Store<F>(F);
    impl<F: Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static> MapiSync for Store<F> {
        fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
            (self.0)(request)
        }
    }
    ComPtr::<IMAPISync>::new(Store(method))
}

/// Counts the drops of its tokens.
#[derive(Clone, Default)]
pub struct DropCounter(Arc<AtomicUsize>);

impl DropCounter {
    /// Returns how many tokens have been dropped.
    pub fn drops(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Returns a token of this counter.
    pub fn token(&self) -> DropToken {
        DropToken(self.clone())
    }
}

/// Adds 1 to its drop counter when it is dropped.
pub struct DropToken(DropCounter);

impl Drop for DropToken {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, SeqCst);
    }
}

/// Creates an object whose only interface is `IUnknown`.
pub fn bare_object() -> ComPtr<IUnknown> {
    struct BareObject;
    impl Class for BareObject {
        type Interfaces = (IUnknown,);
    }
    ComObject::new(BareObject).cast().unwrap()
}

/// A store that is also a callback. Its methods do nothing.
pub struct Both;

impl Class for Both {
    type Interfaces = (IMAPISyncProgressCallback, IMAPISync);
}

impl MapiSync for Both {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Ok(())
    }
}

impl MapiSyncProgressCallback for Both {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

/// Releases the last two references to each object on two threads, which go through the objects in
/// the same order at the same time. A thread that is interrupted in `Release` may continue after
/// the other thread has freed the object, so it must not access the object again.
pub fn release_at_once(one: Vec<impl Clone + Send>, other: Vec<impl Clone + Send>) {
    fn release_all(start: &Barrier, references: Vec<impl Clone>) {
        start.wait();
        for reference in references {
            drop((reference.clone(), reference));
        }
    }
    let start = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| release_all(&start, one));
        scope.spawn(|| release_all(&start, other));
    });
}

/// Calls `QueryInterface` through the vtable, as C does.
///
/// # Safety
///
/// `riid` must be NULL or readable, and `ppv` must be NULL or writable. Any alignment is allowed.
pub unsafe fn query<I: Interface>(
    pointer: &ComPtr<I>,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    let this = pointer.as_raw().cast::<IUnknown>();
    // SAFETY: `pointer` owns a reference, so the object is alive. The caller guarantees that `riid`
    // and `ppv` are NULL or valid.
    unsafe { ((*(*this).lpVtbl).QueryInterface)(this, riid, ppv) }
}

/// Returns a `MAPISIB` with the values that Outlook uses. `location` is the event handle location.
pub fn request(callback: *mut IUnknown, location: *mut HANDLE) -> MAPISIB {
    MAPISIB {
        ulSize: size_of::<MAPISIB>() as u32,
        ulFlags: 0x80,
        psesSync: ptr::null_mut(),
        punkCallBack: callback,
        phSyncDoneEvent: location,
    }
}

/// Returns an invalid pointer that is not NULL. It shows whether a call overwrites it.
pub fn garbage() -> *mut c_void {
    ptr::without_provenance_mut(0x5A5A_5A5A)
}

/// Returns the event of a handle that the store wrote to the event handle location, or `None` if
/// the handle is closed. The event closes the handle when it is dropped.
///
/// # Safety
///
/// If the handle is open, the caller must own it. That is so if the request had no callback, or if
/// `Done` passed the handle on.
pub unsafe fn event(event_handle: HANDLE) -> Option<DoneEvent> {
    // SAFETY: the caller owns the handle, by this function's contract.
    unsafe { DoneEvent::from_raw(event_handle) }
}

/// Returns an event, and a job that signals it when dropped. The job has no callback, so the caller
/// owns the event.
pub fn event_pair() -> (DoneEvent, SyncJob) {
    let (sender, started) = channel();
    let sync = store(move |request| {
        sender.send(request.start()?).unwrap();
        Ok(())
    });
    let mut location = garbage();
    // SAFETY: the pointers of the request are NULL or valid. It has no callback, so the caller owns
    // the handle.
    let event = unsafe {
        let code = sync.synchronize_in_background(&mut request(ptr::null_mut(), &mut location));
        assert_eq!(code, HRESULT::S_OK);
        event(location)
    };
    (event.unwrap(), started.recv().unwrap())
}

/// Calls `Done` as a store without a job does, which may break the protocol.
pub fn done(
    callback: &ComPtr<IMAPISyncProgressCallback>,
    event: Option<DoneEvent>,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: the contract of `done` allows one call for each run, because a host may free its
    // resources in it. The callbacks of the tests free nothing in `Done`, so a second call is
    // sound.
    unsafe { callback.done(event, status) }
}

/// Waits until `condition` is true.
pub fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < TIMEOUT, "the condition is still false");
        thread::yield_now();
    }
}

/// A panic payload that panics when it is dropped, with a payload of the same type and a smaller
/// number. The payload with the number 0 does not panic.
pub struct PanicOnDrop(pub u32);

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(PanicOnDrop(self.0 - 1));
        }
    }
}

/// Returns the code of a result that must be an error.
pub fn code<T>(result: Result<T>) -> HRESULT {
    result.err().expect("the result is an error").hresult()
}
