//! The vtable of `IMAPISyncProgressCallback`, its thunks, and their bodies as plain functions.

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl};
use crate::error::Result;
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use crate::host::run_callback::RunCallback;
use crate::object::{Class, ImplementedBy, Thunk, unwind};
use crate::trace::{self, Method};
use crate::utf16;

// SAFETY: the vtable has all six slots: the three of `Thunk`, and the methods in their documented
// places. The dispatch functions catch panics, so the methods do not unwind. They only borrow the
// payload, which is `Send + Sync`. They neither add nor release a reference to their object.
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

/// The thunk of `Progress`, slot 3.
unsafe extern "system" fn progress<T: Class + MapiSyncProgressCallback, const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `T`. COM requires the caller to hold a reference. The documentation requires the
    // string to be NULL or terminated.
    unsafe {
        let callback = Thunk::<T, INDEX>::payload(this);
        trace::in_scope(RunCallback::span_of(callback), || {
            dispatch_progress(callback, string, index, max)
        })
    }
}

/// The thunk of `Error`, slot 4.
unsafe extern "system" fn error<T: Class + MapiSyncProgressCallback, const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `T`. COM requires the caller to hold a reference. The documentation requires the
    // string to be terminated; NULL is accepted.
    unsafe {
        let callback = Thunk::<T, INDEX>::payload(this);
        trace::in_scope(RunCallback::span_of(callback), || dispatch_error(callback, code, message))
    }
}

/// The thunk of `Done`, slot 5.
unsafe extern "system" fn done<T: Class + MapiSyncProgressCallback, const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `T`. COM requires the caller to hold a reference. The documentation says that the
    // host may close the handle, so Done gives it up.
    unsafe {
        let callback = Thunk::<T, INDEX>::payload(this);
        trace::in_scope(RunCallback::span_of(callback), || dispatch_done(callback, event, status))
    }
}

/// The body of `Progress`, for an object whose vtable this crate does not make. Call it from that
/// method and return its `HRESULT`. A panic becomes `E_UNEXPECTED`.
///
/// Effect on the counts: none.
///
/// ```
/// use mapisync::{HRESULT, MapiSyncProgressCallback, host};
///
/// /// Slot 3 of a foreign object's vtable. The object contains a Rust callback.
/// unsafe fn slot_3(dialog: &impl MapiSyncProgressCallback, string: *const u16, index: u32, max: u32) -> HRESULT {
///     // SAFETY: the documentation requires the caller to pass NULL or a terminated string.
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
#[doc(alias = "Progress")]
pub unsafe fn dispatch_progress<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // A position is the most frequent report, and needs no buffer for a string.
    if string.is_null() {
        return unwind::catch_hresult(|| traced_progress(callback, None, index, max));
    }
    // SAFETY: the contract of `with_str` is this function's.
    unsafe { progress_with_string(callback, string, index, max) }
}

/// It is a function apart, to keep its buffer off the stack of a position.
///
/// # Safety
///
/// The contract of [`dispatch_progress`] must hold for `string`.
#[inline(never)]
unsafe fn progress_with_string<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: the contract of `with_str` is this function's.
    unwind::catch_hresult(|| unsafe {
        utf16::with_str(string, |step| traced_progress(callback, step, index, max))
    })
}

#[inline(always)]
fn traced_progress<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    step: Option<&str>,
    index: u32,
    max: u32,
) -> Result<HRESULT> {
    let method = Method::Progress { step, index, max };
    trace::incoming(method, || callback.progress(step, index, max))
}

/// The body of `Error`, for an object whose vtable this crate does not make. Call it from that
/// method and return its `HRESULT`. A panic becomes `E_UNEXPECTED`.
///
/// Effect on the counts: none.
///
/// ```
/// use mapisync::{HRESULT, MapiSyncProgressCallback, host};
///
/// unsafe fn slot_4(dialog: &impl MapiSyncProgressCallback, code: HRESULT, message: *const u16) -> HRESULT {
///     // SAFETY: the documentation requires the caller to pass a terminated string.
///     unsafe { host::dispatch_error(dialog, code, message) }
/// }
/// ```
///
/// # Panics
///
/// Never. With `panic = "abort"`, a panic in the method ends the process.
///
/// # Safety
///
/// `message` must be NULL or point, at any address, to UTF-16 units that end with a NUL and do not
/// change during the call.
#[doc(alias = "Error")]
pub unsafe fn dispatch_error<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: the contract of `with_str` is this function's.
    unwind::catch_hresult(|| unsafe {
        utf16::with_str(message, |message| {
            trace::incoming(Method::Error { code, message }, || callback.error(code, message))
        })
    })
}

/// The body of `Done`, for an object whose vtable this crate does not make. Call it from that
/// method and return its `HRESULT`. A panic becomes `E_UNEXPECTED`. The handle is closed, unless
/// [`done_with_event`](MapiSyncProgressCallback::done_with_event) keeps the event.
///
/// Each call closes the handle that it receives. If a store passes one handle twice, the second
/// call may close another object that has received the handle's number. A callback that must
/// survive such a store must refuse the second call, as that of [`SyncHost`](crate::SyncHost) does.
///
/// Effect on the counts: none.
///
/// ```
/// use mapisync::abi::HANDLE;
/// use mapisync::{HRESULT, MapiSyncProgressCallback, host};
///
/// unsafe fn slot_5(dialog: &impl MapiSyncProgressCallback, event: HANDLE, status: HRESULT) -> HRESULT {
///     // SAFETY: the documentation lets the host close the handle, so the caller gives it up.
///     unsafe { host::dispatch_done(dialog, event, status) }
/// }
/// ```
///
/// # Panics
///
/// Never. With `panic = "abort"`, a panic in the method ends the process.
///
/// # Safety
///
/// If `event` is an open handle, the caller must own it and give it up, as [`DoneEvent::from_raw`]
/// demands.
#[doc(alias = "Done")]
pub unsafe fn dispatch_done<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    unwind::catch_hresult(|| {
        // SAFETY: the contract of `from_raw` is this function's.
        let event = unsafe { DoneEvent::from_raw(event) };
        trace::incoming(Method::Done { status }, || callback.done_with_event(event, status))
    })
}
