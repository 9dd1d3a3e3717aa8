//! Helpers that the tests share and that `mapisync::testing` does not have: stores made of
//! closures, objects that break the rules of COM, drop counters, events, and open handles.

#![allow(clippy::not_unsafe_ptr_arg_deref)] // only tests call these, with valid pointers

mod allocations;
pub mod outer;
mod programs;

pub use allocations::*;

use mapisync::abi::{
    IMAPISync, IMAPISyncProgressCallback, IMAPISyncVtbl, IUnknown, IUnknownVtbl, MAPISIB,
};
use mapisync::testing::Outlook;
use mapisync::{
    Class, ComObject, ComPtr, DoneEvent, GUID, HRESULT, ImplementedBy, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncJob, SyncRequest, Thunk,
};
pub use programs::*;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
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
pub fn request(callback: *mut IUnknown, location: *mut *mut c_void) -> MAPISIB {
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
/// the handle is closed. The caller must own an open handle.
pub fn event(event_handle: *mut c_void) -> Option<DoneEvent> {
    // SAFETY: the tests that call this own the handle, because they passed no callback or took the
    // event from it. In the other tests, the callback has already closed the handle.
    unsafe { DoneEvent::from_raw(event_handle) }
}

/// Returns an event, and a job that signals it when dropped. The job has no callback, so the caller
/// owns the event.
pub fn event_pair() -> (DoneEvent, SyncJob) {
    let started = Arc::new(Mutex::new(None));
    let (kept, mut location) = (started.clone(), garbage());
    let sync = store(move |request| {
        *kept.lock().unwrap() = Some(request.start()?);
        Ok(())
    });
    // SAFETY: the request is valid.
    let code =
        unsafe { sync.synchronize_in_background(&mut request(ptr::null_mut(), &mut location)) };
    assert_eq!(code, HRESULT::S_OK);
    let job = started.lock().unwrap().take().unwrap();
    (event(location).unwrap(), job)
}

/// An object whose methods break any rule.
struct Foreign {
    script: Box<dyn Fn(*mut MAPISIB) -> HRESULT + Send + Sync>,
    /// The code that `QueryInterface` returns and the address that it stores, if it misbehaves.
    misbehavior: Option<(HRESULT, usize)>,
}

impl Class for Foreign {
    type Interfaces = (IMAPISync,);
}

// SAFETY: the vtable has all four slots. `AddRef` and `Release` are those of `Thunk`, and
// `QueryInterface` misbehaves only if a test demands it. A script that panics ends the process,
// because Rust does not unwind through an `extern "system"` function.
unsafe impl<const INDEX: usize> ImplementedBy<Foreign, INDEX> for IMAPISync {
    const VTABLE: &'static IMAPISyncVtbl = &IMAPISyncVtbl {
        base: IUnknownVtbl {
            QueryInterface: foreign_query::<INDEX>,
            ..Thunk::<Foreign, INDEX>::UNKNOWN
        },
        SynchronizeInBackground: foreign_synchronize::<INDEX>,
    };
}

unsafe extern "system" fn foreign_query<const INDEX: usize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `Foreign`. COM requires the caller to hold a reference, and `riid` and `ppv` to be
    // valid.
    unsafe {
        let Some((code, out)) = Thunk::<Foreign, INDEX>::payload(this).misbehavior else {
            return (Thunk::<Foreign, INDEX>::UNKNOWN.QueryInterface)(this, riid, ppv);
        };
        *ppv = ptr::without_provenance_mut(out);
        code
    }
}

unsafe extern "system" fn foreign_synchronize<const INDEX: usize>(
    this: *mut IMAPISync,
    psibpb: *mut MAPISIB,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `Foreign`. COM requires the caller to hold a reference.
    unsafe { (Thunk::<Foreign, INDEX>::payload(this).script)(psibpb) }
}

/// Creates a store whose method is the script.
pub fn foreign_sync(
    script: impl Fn(*mut MAPISIB) -> HRESULT + Send + Sync + 'static,
) -> ComPtr<IMAPISync> {
    let foreign = Foreign {
        script: Box::new(script),
        misbehavior: None,
    };
    ComObject::new(foreign).cast().unwrap()
}

/// Creates an object whose `QueryInterface` returns and stores given values, in any combination.
pub fn misbehaving_object(code: HRESULT, out: *mut c_void) -> ComPtr<IUnknown> {
    let foreign = Foreign {
        script: Box::new(|_| HRESULT::E_NOTIMPL),
        misbehavior: Some((code, out.addr())),
    };
    ComObject::new(foreign).cast().unwrap()
}

/// Returns the callback of a request with a new reference, as a foreign store does.
pub fn callback_of(psibpb: *mut MAPISIB) -> ComPtr<IMAPISyncProgressCallback> {
    // SAFETY: the documentation requires the structure and the callback to be valid during the
    // call. The callback is an object of this crate, so it is free-threaded.
    let unknown = unsafe { ComPtr::from_raw_borrowed((*psibpb).punkCallBack) }.unwrap();
    unknown.cast().unwrap()
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

/// Returns the number of descriptors that this process has open, plus one for the listing itself.
#[cfg(target_os = "linux")]
pub fn open_handles() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Returns the number of handles that this process has open. It tries every number that may be a
/// handle, because Wine's own counter always returns 0.
#[cfg(windows)]
pub fn open_handles() -> usize {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetHandleInformation(handle: mapisync::abi::HANDLE, flags: *mut u32) -> i32;
    }
    let is_open = |number: &usize| {
        let mut flags = 0;
        // SAFETY: the documentation says that the call fails for an invalid handle.
        unsafe { GetHandleInformation(ptr::without_provenance_mut(*number), &mut flags) != 0 }
    };
    (4..0x2000).step_by(4).filter(is_open).count()
}

/// Returns the number of handles that stay open. A thread that has signaled its end still needs a
/// moment to close its handles.
#[cfg(any(windows, target_os = "linux"))]
pub fn remaining_handles() -> usize {
    let count = |_| {
        thread::sleep(Duration::from_millis(2));
        open_handles()
    };
    (0..10).map(count).min().unwrap()
}
