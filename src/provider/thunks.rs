//! The vtable of `IMAPISync`, its thunk, and the thunk's body as a plain function.

use crate::abi::{HRESULT, IMAPISync, IMAPISyncVtbl, MAPISIB};
use crate::object::{Class, ImplementedBy, Thunk, unwind};
use crate::provider::call::Call;
use crate::provider::outcome::Outcome;
use crate::provider::{MapiSync, SyncRequest};

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
            .map_err(Outcome::from_error)
    });
    call.finish(result.unwrap_or_else(|_panic| Err(Outcome::panicked())))
}
