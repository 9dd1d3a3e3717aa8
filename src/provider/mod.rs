//! The store's side: `MapiSync`, and the thunk between it and Outlook.
//!
//! A store's author writes one safe method. Everything that Outlook relies on is kept here: the
//! checks before a start, the one `Done`, the event.
//!
//! A request passes through these files, in this order: the thunk and [`dispatch`] here, `request`
//! (validation and start), `job` (the closure), `run_state` (which actor completes the run),
//! `completion` (`Error`, `Done`, the event).

mod callback;
mod completion;
mod job;
mod job_handle;
mod message;
mod request;
mod run_state;

use crate::abi::{HRESULT, IMAPISync, IMAPISyncVtbl, MAPISIB};
use crate::error::Result;
use crate::object::{Class, ComObject, ComPtr, ImplementedBy, Thunk, unwind};
use alloc::boxed::Box;
use alloc::sync::Arc;
use completion::Outcome;
pub use job::SyncJob;
pub use job_handle::JobHandle;
use request::Call;
pub use request::SyncRequest;

#[cfg(doc)]
use crate::object::ComRef;

/// A store that Outlook can ask to synchronize. `ComPtr::<IMAPISync>::new` makes a COM object of
/// it.
///
/// ```
/// use mapisync::abi::IMAPISync;
/// use mapisync::{ComPtr, MapiSync, Result, SyncFlags, SyncRequest};
/// use std::sync::Arc;
///
/// struct Mailbox {
///     names: Vec<String>,
/// }
///
/// struct Store {
///     mailbox: Arc<Mailbox>,
/// }
///
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         let mailbox = self.mailbox.clone(); // the thread outlives the call: give it what it needs
///         let all = mailbox.names.len() as u32;
///         request.spawn(move |job| {
///             for (n, name) in (0..).zip(&mailbox.names) {
///                 job.progress(Some(name), n, all)?; // fails if the host cancels: `?` ends the job
///             }
///             job.position(all, all)
///         })
///     }
/// }
///
/// let mailbox = Arc::new(Mailbox { names: vec!["Inbox".into(), "Sent".into()] });
/// let sync = ComPtr::<IMAPISync>::new(Store { mailbox });
/// # let _ = sync;
/// ```
///
/// # Threads
///
/// | code | thread |
/// |---|---|
/// | [`MapiSync::synchronize_in_background`] | Outlook's. The method should start the work and return. |
/// | the closure given to [`SyncRequest::spawn`] | a new thread, made for the run |
/// | `Progress` and `Error` of the host | the thread that calls [`SyncJob`]'s methods |
/// | `Done` of the host | after `spawn` the run's thread, after the closure; after [`SyncRequest::start`] the thread that finishes the job; Outlook's if the method has started nothing, or has dropped its job |
/// | a payload's `Drop` | the thread that releases the last reference |
///
/// # MAPIInitialize
///
/// Every thread that uses MAPI's objects, the session included, must have called `MAPIInitialize`.
/// Outlook has done so on its own thread. A worker that uses the session must:
///
/// 1. take it along as a `ComPtr<IMAPISession>`, by [`SyncRequest::session`] and
///    [`ComRef::to_ptr`];
/// 2. call `MAPIInitialize` at the beginning of its closure;
/// 3. drop the session and then call `MAPIUninitialize`, on every way out, `?` and panics included.
///
/// ```
/// # use mapisync::{Result, SyncRequest};
/// /// Keeps MAPI initialized on this thread.
/// struct Mapi;
///
/// impl Mapi {
///     fn initialize() -> Result<Mapi> {
///         // MAPIInitialize(…).ok()?;
///         Ok(Mapi)
///     }
/// }
///
/// impl Drop for Mapi {
///     fn drop(&mut self) {
///         // MAPIUninitialize();
///     }
/// }
///
/// # fn f(request: SyncRequest<'_>) -> Result<()> {
/// let session = request.session().map(|session| session.to_ptr());
/// request.spawn(move |job| {
///     let _mapi = Mapi::initialize()?;
///     let session = session; // declared after `_mapi`, so it is dropped before it
///     job.position(u32::from(session.is_some()), 1)
/// })
/// # }
/// ```
///
/// A store that needs MAPI during `Done`, too, must use [`SyncRequest::start`] on its own thread,
/// and must call [`SyncJob::finish`] before `MAPIUninitialize`. A job itself keeps no session.
/// `MAPIInitialize` must not be called from `DllMain`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement IMAPISync",
    note = "implement `MapiSync` for it (or for the type in the `Arc` or `Box`)"
)]
pub trait MapiSync: Send + Sync + 'static {
    /// Starts a synchronization and returns. Outlook waits for the return.
    ///
    /// Most stores call [`request.spawn`](SyncRequest::spawn) and return its result.
    ///
    /// - If the method returns `Ok` and has started nothing, there was nothing to do. A run is
    ///   started and finished with `S_OK` before Outlook's call returns.
    /// - If the method fails or panics (`E_UNEXPECTED`) before a start, Outlook's call returns the
    ///   code. It has no place for a message.
    /// - After a start, Outlook's call returns `S_OK`. If the method then fails or panics, the job
    ///   is asked to stop, and the run ends with the method's error, unless the job has ended it
    ///   already.
    ///
    /// A second call may come while a run is in progress. A store that runs one at a time must
    /// refuse the second with `HRESULT::MAPI_E_BUSY`, as `examples/maildir_store` does.
    ///
    /// # Errors
    ///
    /// An error that keeps the store from starting. To show the user a message, start the run and
    /// return the error in its closure.
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()>;
}

macro_rules! forward {
    ($($pointer:ty),+) => {$(
        impl<T: MapiSync + ?Sized> MapiSync for $pointer {
            fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
                (**self).synchronize_in_background(request)
            }
        }
    )+};
}

forward!(Arc<T>, Box<T>, &'static T);

impl ComPtr<IMAPISync> {
    /// Makes a COM object from a store, with the interface `IMAPISync` only. See [`Class`] for an
    /// object with more interfaces.
    ///
    /// One allocation, with a count of 1 that the result owns.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// struct Store;
    /// impl MapiSync for Store {
    ///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    ///         request.spawn(|_| Ok(()))
    ///     }
    /// }
    /// let raw: *mut IMAPISync = ComPtr::<IMAPISync>::new(Store).into_raw(); // `from_raw` takes it back
    /// # drop(unsafe { ComPtr::from_raw(raw) });
    /// ```
    pub fn new<T: MapiSync>(store: T) -> ComPtr<IMAPISync> {
        // SAFETY: IMAPISync is the first interface of the list.
        unsafe { ComObject::new(OnlySync(store)).into_first() }
    }
}

/// The class of stores with no other interface. A blanket `Class` for stores would exclude every
/// other.
struct OnlySync<T>(T);

impl<T: MapiSync> Class for OnlySync<T> {
    type Interfaces = (IMAPISync,);
}

impl<T: MapiSync> MapiSync for OnlySync<T> {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        self.0.synchronize_in_background(request)
    }
}

// SAFETY: the vtable has all four slots: `Thunk`'s three, and the method in its documented place.
// The method does not unwind, because `dispatch` catches panics, uses the payload shared, which is
// `Send + Sync`, and neither takes nor releases a reference to its object.
unsafe impl<T: Class + MapiSync, const INDEX: usize> ImplementedBy<T, INDEX> for IMAPISync {
    const VTABLE: &'static IMAPISyncVtbl = &IMAPISyncVtbl {
        base: Thunk::<T, INDEX>::UNKNOWN,
        SynchronizeInBackground: synchronize_in_background::<T, INDEX>,
    };
}

/// Slot 3.
unsafe extern "system" fn synchronize_in_background<T: Class + MapiSync, const INDEX: usize>(
    this: *mut IMAPISync,
    psibpb: *mut MAPISIB,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an object with payload
    // `T`. COM requires of the caller that it holds a reference, and the documentation that the
    // structure is valid.
    unsafe { dispatch(Thunk::<T, INDEX>::payload(this), psibpb) }
}

/// The body of `SynchronizeInBackground`, for an object whose vtable is made elsewhere: a C++
/// class, `#[implement]` of windows-core, another framework. Call it from that method and return
/// its `HRESULT`.
///
/// It validates the structure and runs the store's method. If a run is started, it ends with one
/// `Done` and its event. A panic becomes `E_UNEXPECTED`.
///
/// Effect on the counts: none on the object's. A run holds the callback, and everything that its
/// closure has captured, until it ends. It does not refer to `store`, which must only live during
/// the call.
///
/// ```
/// use mapisync::abi::MAPISIB;
/// use mapisync::{HRESULT, MapiSync, Result, SyncRequest, provider};
///
/// struct Store;
///
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         request.spawn(|job| job.position(1, 1))
///     }
/// }
///
/// /// Slot 3 of a vtable made elsewhere, which has found its Rust part.
/// unsafe fn slot_3(store: &Store, psibpb: *mut MAPISIB) -> HRESULT {
///     // SAFETY: the documentation requires a valid structure of the caller.
///     unsafe { provider::dispatch(store, psibpb) }
/// }
///
/// // SAFETY: NULL is allowed.
/// assert_eq!(unsafe { slot_3(&Store, std::ptr::null_mut()) }, HRESULT::E_POINTER);
/// ```
///
/// # Panics
///
/// Never. With `panic = "abort"`, a panic in the method ends the process.
///
/// # Safety
///
/// - `psibpb` must be NULL or point, at any address, to a `MAPISIB` that is readable for the number
///   of bytes that its `ulSize` states, and for at least four.
/// - If these bytes cover the structure, each of its pointers must be NULL or valid during the
///   call: the event handle location for a write, at any address, and the interfaces as
///   [`ComRef::from_raw`](crate::ComRef::from_raw) demands.
pub unsafe fn dispatch<T: MapiSync + ?Sized>(store: &T, psibpb: *mut MAPISIB) -> HRESULT {
    // SAFETY: the structure is as `read` demands, by this function's contract. The result is
    // dropped before this function returns, within Outlook's call.
    let call = match unsafe { Call::read(psibpb) } {
        Ok(call) => call,
        Err(error) => return error.hresult(),
    };
    let result = unwind::catch(|| {
        // An error may hold a value of the user's, whose `Drop` may panic, so it is converted
        // within the catch.
        store
            .synchronize_in_background(SyncRequest::new(&call))
            .map_err(Outcome::of_error)
    });
    call.returned(result.unwrap_or_else(|_panic| Err(Outcome::panicked())))
}
