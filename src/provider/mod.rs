//! The store's side: `MapiSync`, and the thunk between it and Outlook.
//!
//! A store's author writes one safe method. Everything that Outlook relies on is kept here: the
//! checks before a start, the one `Done`, the event.
//!
//! A request passes through these files, in this order: the thunk and [`dispatch`] here, `request`
//! (validation and start), `job` (the closure), `run_state` (which actor completes the run),
//! `completion` (`Error`, `Done`, the event).

mod call;
mod callback;
mod completion;
mod job;
mod job_handle;
mod outcome;
mod request;
mod run_state;
mod thunks;

use crate::abi::IMAPISync;
use crate::error::Result;
use crate::object::{Class, ComObject, ComPtr};
use alloc::boxed::Box;
use alloc::sync::Arc;
pub use job::SyncJob;
pub use job_handle::JobHandle;
pub use request::SyncRequest;
pub use thunks::dispatch;

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
        unsafe { ComObject::new(OnlySync(store)).into_first_interface() }
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
