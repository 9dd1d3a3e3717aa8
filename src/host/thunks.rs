//! The vtable of `IMAPISyncProgressCallback`, its thunks, and their bodies as plain functions.

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl};
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use crate::object::{Class, ImplementedBy, Thunk, unwind};
use crate::utf16;

// SAFETY: the vtable has all six slots: `Thunk`'s three, and the methods in their documented
// places. The methods do not unwind, because the dispatch functions catch panics, use the payload
// shared, which is `Send + Sync`, and neither take nor release a reference to their object.
unsafe impl<T: Class + MapiSyncProgressCallback, const INDEX: usize> ImplementedBy<T, INDEX>
    for IMAPISyncProgressCallback
{
    const VTABLE: &'static IMAPISyncProgressCallbackVtbl = &IMAPISyncProgressCallbackVtbl {
        base: Thunk::<T, INDEX>::UNKNOWN,
        Progress: progress::<T, INDEX>,
        Error: error::<T, INDEX>,
        Done: done::<T, INDEX>,
    };
}

/// Slot 3.
unsafe extern "system" fn progress<T: Class + MapiSyncProgressCallback, const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an object with payload
    // `T`. COM requires of the caller that it holds a reference, and the documentation that the
    // string is NULL or terminated.
    unsafe { dispatch_progress(Thunk::<T, INDEX>::payload(this), string, index, max) }
}

/// Slot 4.
unsafe extern "system" fn error<T: Class + MapiSyncProgressCallback, const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an object with payload
    // `T`. COM requires of the caller that it holds a reference, and the documentation that the
    // string is NULL or terminated.
    unsafe { dispatch_error(Thunk::<T, INDEX>::payload(this), code, message) }
}

/// Slot 5.
unsafe extern "system" fn done<T: Class + MapiSyncProgressCallback, const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an object with payload
    // `T`. COM requires of the caller that it holds a reference, and the documentation that Done
    // gives up the handle.
    unsafe { dispatch_done(Thunk::<T, INDEX>::payload(this), event, status) }
}

/// The body of `Progress`, for an object whose vtable is made elsewhere. Call it from that method
/// and return its `HRESULT`. A panic becomes `E_UNEXPECTED`.
///
/// Effect on the counts: none.
///
/// ```
/// use mapisync::{HRESULT, MapiSyncProgressCallback, host};
///
/// /// Slot 3 of a vtable made elsewhere, which has found its Rust part.
/// unsafe fn slot_3(dialog: &impl MapiSyncProgressCallback, string: *const u16, index: u32, max: u32) -> HRESULT {
///     // SAFETY: the documentation requires a NULL or terminated string of the caller.
///     unsafe { host::dispatch_progress(dialog, string, index, max) }
/// }
/// ```
///
/// # Panics
///
/// Never. With `panic = "abort"`, a panic in the method ends the process.
///
/// # Safety
///
/// `string` must be NULL or point, at any address, to UTF-16 units that end with a NUL and do not
/// change during the call.
#[inline]
pub unsafe fn dispatch_progress<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // Positions are reported most often, and must not pay for a string's buffer.
    if string.is_null() {
        return unwind::catch_hresult(|| callback.progress(None, index, max));
    }
    // SAFETY: the string is as `decode` demands, by this function's contract.
    unsafe { progress_with_string(callback, string, index, max) }
}

/// # Safety
///
/// `string` must be as for [`dispatch_progress`].
#[inline(never)]
unsafe fn progress_with_string<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: the string is as `decode` demands, by this function's contract.
    unwind::catch_hresult(|| unsafe {
        utf16::with_str(string, |step| callback.progress(step, index, max))
    })
}

/// The body of `Error`, as [`dispatch_progress`] is of `Progress`.
///
/// Effect on the counts: none.
///
/// ```
/// use mapisync::{HRESULT, MapiSyncProgressCallback, host};
///
/// unsafe fn slot_4(dialog: &impl MapiSyncProgressCallback, code: HRESULT, message: *const u16) -> HRESULT {
///     // SAFETY: the documentation requires a NULL or terminated string of the caller.
///     unsafe { host::dispatch_error(dialog, code, message) }
/// }
/// ```
///
/// # Panics
///
/// Never, as [`dispatch_progress`].
///
/// # Safety
///
/// `message` must be as the string of [`dispatch_progress`].
pub unsafe fn dispatch_error<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: the message is as `decode` demands, by this function's contract.
    unwind::catch_hresult(|| unsafe {
        utf16::with_str(message, |message| callback.error(code, message))
    })
}

/// The body of `Done`, as [`dispatch_progress`] is of `Progress`. The handle is closed, unless
/// [`done_with_event`](MapiSyncProgressCallback::done_with_event) keeps the event.
///
/// Each call closes the handle that it gets. If a store calls `Done` twice with one handle, the
/// second call closes the object that has the handle's number by then. An object that does not
/// trust its stores must refuse the second call, as [`SyncHost`] does.
///
/// Effect on the counts: none.
///
/// ```
/// use mapisync::abi::HANDLE;
/// use mapisync::{HRESULT, MapiSyncProgressCallback, host};
///
/// unsafe fn slot_5(dialog: &impl MapiSyncProgressCallback, event: HANDLE, status: HRESULT) -> HRESULT {
///     // SAFETY: the documentation requires of the caller that it gives up the handle.
///     unsafe { host::dispatch_done(dialog, event, status) }
/// }
/// ```
///
/// # Panics
///
/// Never, as [`dispatch_progress`].
///
/// # Safety
///
/// If `event` is an open handle, the caller must own it and give it up, as [`DoneEvent::from_raw`]
/// demands.
pub unsafe fn dispatch_done<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    unwind::catch_hresult(|| {
        // SAFETY: the handle is as `from_raw` demands, by this function's contract.
        let event = unsafe { DoneEvent::from_raw(event) };
        callback.done_with_event(event, status)
    })
}
