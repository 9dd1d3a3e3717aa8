//! The vtable of `IMAPISync`, its thunk, and the thunk's body as a plain function.

use crate::abi::{HRESULT, IMAPISync, IMAPISyncVtbl, MAPISIB};
use crate::object::{Class, ImplementedBy, Thunk, unwind};
use crate::provider::call::Call;
use crate::provider::outcome::Outcome;
use crate::provider::{MapiSync, SyncRequest};
use crate::trace::{self, Direction, Method};

// SAFETY: the vtable has all four slots: the three of `Thunk`, and the method in its documented
// place. `dispatch` catches panics, so the method does not unwind. It only borrows the payload,
// which is `Send + Sync`. It neither adds nor releases a reference to its object.
unsafe impl<T: Class + MapiSync, const INDEX: usize> ImplementedBy<T, INDEX> for IMAPISync {
    const VTABLE: &'static IMAPISyncVtbl = &IMAPISyncVtbl {
        base: Thunk::<T, INDEX>::UNKNOWN,
        SynchronizeInBackground: synchronize_in_background::<T, INDEX>,
    };
}

/// The thunk of `SynchronizeInBackground`, slot 3.
unsafe extern "system" fn synchronize_in_background<T: Class + MapiSync, const INDEX: usize>(
    this: *mut IMAPISync,
    psibpb: *mut MAPISIB,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `T`. COM requires the caller to hold a reference. The documentation requires the
    // structure to be valid.
    unsafe { dispatch(Thunk::<T, INDEX>::payload(this), psibpb) }
}

/// The body of `SynchronizeInBackground`, for an object whose vtable this crate does not make: a
/// C++ class, `#[implement]` of windows-core, another framework. Call it from that method and
/// return its `HRESULT`.
///
/// It validates the structure and runs the store's method. If a run is started, it ends with one
/// `Done` and its event. A panic becomes `E_UNEXPECTED`.
///
/// Effect on the counts: none on the object's. A run holds the callback, and everything that its
/// closure has captured, until it ends. It holds no reference to `store`, which need not outlive
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
/// /// Slot 3 of a foreign object's vtable. The object contains a Rust store.
/// unsafe fn slot_3(store: &Store, psibpb: *mut MAPISIB) -> HRESULT {
///     // SAFETY: the documentation requires the caller to pass a valid structure.
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
/// - `psibpb` must be NULL or point, at any address, to a `MAPISIB`. As many bytes of it as its
///   `ulSize` states, and at least four, must be readable.
/// - If these bytes cover the structure, each of its pointers must be NULL or valid during the
///   call:
///   - the event handle location for a write, at any address;
///   - the interfaces, by the contract of [`ComRef::from_raw`](crate::ComRef::from_raw).
#[doc(alias = "SynchronizeInBackground")]
pub unsafe fn dispatch<T: MapiSync + ?Sized>(store: &T, psibpb: *mut MAPISIB) -> HRESULT {
    // SAFETY: the contract of `read` is this function's. The result is dropped before this function
    // returns, within the host's call.
    let call = match unsafe { Call::read(psibpb) } {
        Ok(call) => call,
        Err(error) => {
            let method = Method::SynchronizeInBackground { flags: None };
            return trace::call(Direction::Incoming, method, || error.hresult());
        }
    };
    let span = call.span.clone(); // it is exited after the call has ended
    let method = Method::SynchronizeInBackground { flags: Some(call.flags) };
    let run_method = || {
        let result = unwind::catch(|| {
            // An error may hold a user's value, whose `Drop` may panic, so it is converted within
            // the catch.
            store.synchronize_in_background(SyncRequest::new(&call)).map_err(Outcome::from_error)
        });
        call.finish(result.unwrap_or_else(|_panic| Err(Outcome::panicked())))
    };
    trace::in_scope(Some(&span), || trace::call(Direction::Incoming, method, run_method))
}
