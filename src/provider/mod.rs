//! The store's side: a store that Outlook asks to synchronize.
//!
//! The *host* is the program that calls the store: Outlook, or a [`SyncHost`](crate::SyncHost). The
//! store implements one safe method. This module validates the request, and completes every run
//! that is started with one `Done` and the event.
//!
//! - [`MapiSync`] is the store's trait, and [`SyncRequest`] the host's request.
//! - [`ExclusiveRun`] starts one run at a time, and stops it at logoff. [`JobHandle`] and
//!   [`CancelHandle`] stop single runs.
//! - [`SyncJob`] reports the progress: of a loop through [`Track`], of nested folders through a
//!   [`ProgressBar`]. [`Canceled`] is a future.
//! - [`dispatch`] is the body of the store's method, for an object whose vtable another framework
//!   makes.
//!
//! The chapter [From Outlook's call to your first Progress](crate::guide::first_progress) builds a
//! store.

// A request passes through these files:
//
// 1. `thunks`: the vtable, the thunk and `dispatch`;
// 2. `call`: the validation;
// 3. `request`: the start of a run;
// 4. `job`: the closure, whose reports go through `callback`. `track` makes them for a loop, and
//    `progress_bar` for several loops or functions;
// 5. `run_state`: whether the job or the method completes the run, and with which `outcome`;
// 6. `completion`: `Error`, `Done`, the event.
//
// `exclusive_run` admits requests one at a time.

mod call;
mod callback;
mod canceled;
mod completion;
mod exclusive_run;
mod job;
mod job_handle;
mod outcome;
mod progress_bar;
mod progress_value;
mod request;
mod run_state;
mod thunks;
mod track;

use crate::abi::IMAPISync;
use crate::error::Result;
use crate::object::{Class, ComObject, ComPtr};
use alloc::boxed::Box;
use alloc::sync::Arc;
pub use canceled::Canceled;
pub use exclusive_run::ExclusiveRun;
pub use job::{CancelHandle, SyncJob};
pub use job_handle::JobHandle;
pub use progress_bar::ProgressBar;
pub use progress_value::ProgressValue;
pub use request::SyncRequest;
pub use thunks::dispatch;
pub use track::Track;

#[cfg(doc)]
use crate::object::ComRef;

/// A store that the host can ask to synchronize. `ComPtr::<IMAPISync>::new` makes a COM object of
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
///         let mailbox = self.mailbox.clone(); // the thread outlives the call, so it owns its data
///         request.spawn(move |job| {
///             for name in job.track("Receiving", &mailbox.names) {
///                 let _name = name?; // fails if the host cancels: `?` ends the job
///             }
///             Ok(())
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
/// | [`MapiSync::synchronize_in_background`] | the host's; the method should start the work and return |
/// | the closure given to [`SyncRequest::spawn`] | a new thread, made for the run |
/// | `Progress` and `Error` | the thread that calls [`SyncJob`]'s methods |
/// | `Done`, after `spawn` | the run's thread, after the closure |
/// | `Done`, after [`SyncRequest::start`] | the thread that ends the job |
/// | `Done`, if the method starts nothing, or drops its job | the host's |
/// | a payload's `Drop` | the thread that releases the last reference |
///
/// # MAPIInitialize
///
/// Every thread that uses MAPI's objects, the session included, must have called `MAPIInitialize`.
/// Outlook has done so on the thread that calls the store. A store whose closure uses the session
/// should:
///
/// 1. capture it as a `ComPtr<IMAPISession>`, from [`SyncRequest::session`] and [`ComRef::to_ptr`];
/// 2. start the run by [`SyncRequest::spawn_with`] or [`ExclusiveRun::spawn_with`], with a guard
///    that calls `MAPIInitialize`, and `MAPIUninitialize` in its `Drop`.
///
/// The session is then released before `MAPIUninitialize`, however the closure ends, and MAPI is
/// still initialized during `Done`. The documentation of [`SyncRequest::spawn_with`] has the code.
/// A job holds no reference to the session. `MAPIInitialize` must not be called from `DllMain`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement IMAPISync",
    note = "implement `MapiSync` for it (or for the type in the `Arc` or `Box`)"
)]
#[doc(alias = "IMAPISync")]
pub trait MapiSync: Send + Sync + 'static {
    /// Starts a synchronization and returns. The host waits for it to return.
    ///
    /// Most stores call [`request.spawn`](SyncRequest::spawn) and return its result.
    ///
    /// - If the method returns `Ok` and has started no run, the crate starts a run and finishes it
    ///   with `S_OK`, before the host's call returns.
    /// - If the method fails or panics before a start, the host's call returns the code
    ///   (`E_UNEXPECTED` for a panic). The call cannot return a message.
    /// - After a start, the host's call returns `S_OK`. If the method then fails or panics, the job
    ///   is asked to stop. If the job has not ended yet, the run ends with the method's error.
    ///
    /// A second call may come while a run is in progress: no source rules it out. A store that runs
    /// one at a time must refuse the second with `HRESULT::MAPI_E_BUSY`. [`ExclusiveRun`] does so.
    ///
    /// ```
    /// use mapisync::{ExclusiveRun, HRESULT, MapiSync, Result, SyncFlags, SyncRequest};
    ///
    /// struct Store {
    ///     run: ExclusiveRun,
    /// }
    ///
    /// impl MapiSync for Store {
    ///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    ///         if request.flags().contains(SyncFlags::UPLOAD_CONTENTS) {
    ///             return Err(HRESULT::MAPI_E_NO_SUPPORT.into()); // no run is started
    ///         }
    ///         if !request.flags().contains(SyncFlags::DOWNLOAD_CONTENTS) {
    ///             return Ok(()); // nothing to do: the crate calls `Done` with `S_OK`
    ///         }
    ///         self.run.spawn(request, |job| job.position(1, 1)) // the work, on a new thread
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// An error that prevents the start. To show the user a message, start the run and return the
    /// error in its closure.
    #[doc(alias = "SynchronizeInBackground")]
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
    /// It allocates once. The result owns the only reference.
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

/// The class of stores with no other interface. A blanket `impl Class` for stores would forbid
/// every other `impl Class`.
struct OnlySync<T>(T);

impl<T: MapiSync> Class for OnlySync<T> {
    type Interfaces = (IMAPISync,);
}

impl<T: MapiSync> MapiSync for OnlySync<T> {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        self.0.synchronize_in_background(request)
    }
}
