//! The store's side: `MapiSync`, and the thunk that stands between it and Outlook.
//!
//! It exists so that a store's author writes one safe method, and everything that Outlook relies on, the checks before a
//! start, the one Done, the event, is kept in one place.

mod call;
mod control;
mod deaf;
mod debt;
mod job;
mod job_handle;
mod message;
mod request;

use crate::abi::{HRESULT, IMAPISync, IMAPISyncVtbl, MAPISIB};
use crate::error::Result;
use crate::object::{Class, ComObject, ComPtr, ImplementedBy, Thunk, unwind};
use alloc::sync::Arc;
use call::Call;
pub use job::SyncJob;
pub use job_handle::JobHandle;
pub use request::SyncRequest;

#[cfg(doc)]
use crate::object::ComRef;

/// A store that Outlook can ask to synchronise. `ComPtr::<IMAPISync>::new` makes a COM object of it.
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
///                 job.progress(Some(name), n, all)?; // the host may answer "stop": `?` ends the job
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
/// # Which thread runs what
///
/// | what | where |
/// |---|---|
/// | [`MapiSync::synchronize_in_background`] | the thread on which Outlook calls; it should start the work and return |
/// | the closure given to [`SyncRequest::spawn`] | a thread of its own, made for the run |
/// | `Progress` and `Error` of the host | whichever thread calls [`SyncJob`]'s methods |
/// | `Done` of the host | the run's thread after the closure; with [`SyncRequest::start`], where the job is finished; the thread on which Outlook calls, where the method returns and has started nothing, or dropped its job |
/// | a payload's `Drop` | whichever thread gives the last reference back |
///
/// # MAPIInitialize
///
/// Every thread that touches MAPI's own objects, the session first of all, has to have called `MAPIInitialize`.
/// Outlook has done so on the thread on which it calls. A worker that uses the session takes it along as a
/// `ComPtr<IMAPISession>` ([`SyncRequest::session`], then [`ComRef::to_ptr`]), calls `MAPIInitialize` at the
/// beginning of its closure, drops the session, and calls `MAPIUninitialize` at the end, on every way out, `?` and panics
/// too; a job itself keeps no session:
///
/// ```
/// # use mapisync::{Result, SyncRequest};
/// /// MAPI on this thread, for as long as this is there.
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
///     let session = session; // dropped before `_mapi`, since it comes after it
///     job.position(u32::from(session.is_some()), 1)
/// })
/// # }
/// ```
///
/// Who needs MAPI during `Done` as well uses [`SyncRequest::start`] on a thread of their own, and
/// [`SyncJob::finish`] before `MAPIUninitialize`. Never call it from `DllMain`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer as IMAPISync",
    note = "implement `MapiSync` for it (or for what the `Arc` holds)"
)]
pub trait MapiSync: Send + Sync + 'static {
    /// Starts a synchronisation and returns; Outlook waits meanwhile.
    ///
    /// Most stores call [`request.spawn`](SyncRequest::spawn) and return what it returns. If the method returns `Ok` and
    /// has started nothing, there was nothing to do: a run is started for it and finished at once with `S_OK`, before
    /// Outlook's call returns. An `Err`, or a panic (`E_UNEXPECTED`), before the start is what Outlook's call returns: its code
    /// alone, since there is no place for a message. After the start Outlook's call returns `S_OK`. An `Err` or a panic then
    /// stops the run, and the run ends with that, unless its worker has ended it before.
    ///
    /// Nothing here keeps a second call from coming while a run is under way. A store that can do one at a time refuses the
    /// second with `HRESULT::MAPI_E_BUSY`, as `examples/maildir_store` does.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from starting. To show the user a text, start the run and return the `Err` in there.
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()>;
}

impl<T: MapiSync + ?Sized> MapiSync for Arc<T> {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        (**self).synchronize_in_background(request)
    }
}

impl<T: MapiSync + ?Sized> MapiSync for &'static T {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        (**self).synchronize_in_background(request)
    }
}

impl ComPtr<IMAPISync> {
    /// Makes a COM object of a store; it exposes `IMAPISync` alone. For more interfaces on one object see
    /// [`Class`].
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
        // SAFETY: IMAPISync is the first and only interface of the list.
        unsafe { ComObject::new(OnlySync(store)).into_first() }
    }
}

/// The class of stores that expose nothing else; a blanket `Class` for them would shut out every other.
struct OnlySync<T>(T);

impl<T: MapiSync> Class for OnlySync<T> {
    type Interfaces = (IMAPISync,);
}

impl<T: MapiSync> MapiSync for OnlySync<T> {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        self.0.synchronize_in_background(request)
    }
}

// SAFETY: all four slots: `Thunk`'s three, then the method in its documented place. It takes `this` for a `T` at this index,
// uses it shared alone, which is `Send + Sync`, lets no panic out, and neither takes nor gives back a reference.
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
    // SAFETY: only the vtable of this index holds this function, so `this` is a live `T`'s interface number INDEX; the
    // structure is as COM and the documentation demand of the caller.
    unsafe { dispatch(Thunk::<T, INDEX>::payload(this), psibpb) }
}

/// What IMAPISync's method does, for an object whose vtable somebody else builds: a C++ class, `#[implement]` of
/// windows-core, a framework of your own. Call it from that method and return what it returns.
///
/// It reads and checks the structure, runs the store's method, and sees to it that a run which was started ends with one
/// Done and its event. A panic becomes `E_UNEXPECTED`.
///
/// Effect on the counts: none on the object's. A run holds the callback, and what its closure has captured, until it ends; it
/// does not refer to `store`, which only has to live for the call.
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
/// /// Slot 3 of a vtable made elsewhere, which has found its Rust half.
/// unsafe fn slot_3(store: &Store, psibpb: *mut MAPISIB) -> HRESULT {
///     // SAFETY: as COM and the documentation demand of who called this.
///     unsafe { provider::dispatch(store, psibpb) }
/// }
///
/// // SAFETY: NULL is answered.
/// assert_eq!(unsafe { slot_3(&Store, std::ptr::null_mut()) }, HRESULT::E_POINTER);
/// ```
///
/// # Panics
///
/// Never. Built with `panic = "abort"`, a panic in the method ends the process.
///
/// # Safety
///
/// `psibpb` is NULL or points, at any address, to a `MAPISIB` that is readable for the bytes its `ulSize` states, four
/// at least. If those cover the structure, each of its pointers is NULL or valid for the call: the slot to be written, at
/// any address, the interfaces to be called, which keep the promise of [`ComRef::from_raw`](crate::ComRef::from_raw)
/// (what is documented as free-threaded is, and nothing unwinds).
pub unsafe fn dispatch<T: MapiSync + ?Sized>(store: &T, psibpb: *mut MAPISIB) -> HRESULT {
    // SAFETY: the caller's promise; and what borrows from `call` ends with this function, within Outlook's call.
    let call = match unsafe { Call::read(psibpb) } {
        Ok(call) => call,
        Err(error) => return error.hresult(),
    };
    let outcome = unwind::catch(|| {
        // Only what the run can end with leaves the catch; errors hold values of the user's, whose drop may panic.
        store
            .synchronize_in_background(SyncRequest::new(&call))
            .map_err(debt::Ending::of_error)
    });
    // Starting for a store that did not, and ending a run that failed, call the host, whose methods do not unwind.
    call.settle(outcome.unwrap_or_else(|panic| Err(debt::Ending::of_panic(&panic))))
}
