//! Outlook's side: `MapiSyncProgressCallback`, and the thunks between the store and it.
//!
//! A progress string passes through the thunk and `dispatch_progress` here, `utf16`, and, if a
//! [`SyncHost`] started the run, the callback object in `run_state`.

#[cfg(all(test, mapisync_loom))]
mod loom_tests;
mod run;
mod run_state;

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl};
use crate::error::Result;
use crate::event::DoneEvent;
use crate::object::{Class, ComObject, ComPtr, ImplementedBy, Thunk, unwind};
use crate::utf16;
use alloc::boxed::Box;
use alloc::sync::Arc;
pub use run::{SyncHost, SyncRun};

/// The receiver of a synchronization's progress: Outlook's dialog, or a test in its place.
///
/// The store calls it on the threads on which it works, hence `Send + Sync`. If a method panics,
/// the store gets `E_UNEXPECTED`.
///
/// ```
/// use mapisync::{HRESULT, MapiSyncProgressCallback, Result};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// #[derive(Default)]
/// struct Dialog {
///     cancel: AtomicBool,
/// }
///
/// impl MapiSyncProgressCallback for Dialog {
///     fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
///         if let Some(step) = step {
///             println!("{step} ({index} of {max})");
///         }
///         if self.cancel.load(Ordering::Relaxed) { Err(HRESULT::MAPI_E_USER_CANCEL.into()) } else { Ok(()) }
///     }
///     fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
///         println!("{code}: {}", message.unwrap_or_default());
///         Ok(())
///     }
///     fn done(&self, status: HRESULT) -> Result<()> {
///         println!("ended with {status}");
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement IMAPISyncProgressCallback",
    note = "implement `MapiSyncProgressCallback` for it (or for the type in the `Arc` or `Box`)"
)]
pub trait MapiSyncProgressCallback: Send + Sync + 'static {
    /// The store reports a step, or with `None` the position only: `index` of `max`, in units of
    /// the store's choice. Invalid UTF-16 in the step arrives as U+FFFD.
    ///
    /// # Errors
    ///
    /// An error asks the store to stop. The store should end the run with its code.
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()>;

    /// The store reports an error, or a warning if `code` is of success severity, with a message to
    /// display.
    ///
    /// # Errors
    ///
    /// The store gets the code. It is free to ignore it.
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()>;

    /// The run has ended with this status.
    ///
    /// # Errors
    ///
    /// The store gets the code, which changes nothing.
    fn done(&self, status: HRESULT) -> Result<()>;

    /// Like [`done`](MapiSyncProgressCallback::done), with the event that the store passes. The
    /// event occurs when the store's thread is complete.
    ///
    /// The provided method closes the event and calls `done`. Override it to keep the event. Do not
    /// wait for the event here: the store's thread is not complete before this method returns.
    ///
    /// # Errors
    ///
    /// Those of [`done`](MapiSyncProgressCallback::done).
    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        drop(event);
        self.done(status)
    }
}

macro_rules! forward {
    ($($pointer:ty),+) => {$(
        impl<T: MapiSyncProgressCallback + ?Sized> MapiSyncProgressCallback for $pointer {
            fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
                (**self).progress(step, index, max)
            }
            fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
                (**self).error(code, message)
            }
            fn done(&self, status: HRESULT) -> Result<()> {
                (**self).done(status)
            }
            fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
                (**self).done_with_event(event, status)
            }
        }
    )+};
}

forward!(Arc<T>, Box<T>, &'static T);

impl ComPtr<IMAPISyncProgressCallback> {
    /// Makes a COM object from a callback, with the interface `IMAPISyncProgressCallback` only. It
    /// serves to call a store without a [`SyncHost`], which makes such an object for each run.
    ///
    /// One allocation, with a count of 1 that the result owns.
    ///
    /// The object can serve several runs. It therefore cannot tell a second `Done` of one run from
    /// the first of another, as the object of a [`SyncHost`] can. If a store breaks the rules and
    /// passes the same handle twice, the second `Done` closes the object that has the handle's
    /// number by then.
    ///
    /// ```
    /// use mapisync::abi::IMAPISyncProgressCallback;
    /// use mapisync::{ComPtr, HRESULT};
    /// # use mapisync::{MapiSyncProgressCallback, Result};
    /// # struct Dialog;
    /// # impl MapiSyncProgressCallback for Dialog {
    /// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
    /// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
    /// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
    /// # }
    /// let callback = ComPtr::<IMAPISyncProgressCallback>::new(Dialog);
    /// assert_eq!(callback.progress(Some("Receiving"), 1, 3), HRESULT::S_OK);
    /// ```
    pub fn new<T: MapiSyncProgressCallback>(callback: T) -> ComPtr<IMAPISyncProgressCallback> {
        // SAFETY: IMAPISyncProgressCallback is the first interface of the list.
        unsafe { ComObject::new(OnlyCallback(callback)).into_first() }
    }
}

/// The class of callbacks with no other interface. A blanket `Class` for callbacks would exclude
/// every other.
struct OnlyCallback<T>(T);

impl<T: MapiSyncProgressCallback> Class for OnlyCallback<T> {
    type Interfaces = (IMAPISyncProgressCallback,);
}

impl<T: MapiSyncProgressCallback> MapiSyncProgressCallback for OnlyCallback<T> {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.0.progress(step, index, max)
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.0.error(code, message)
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.0.done(status)
    }
    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        self.0.done_with_event(event, status)
    }
}

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
        utf16::decode(string, |step| callback.progress(step, index, max))
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
        utf16::decode(message, |message| callback.error(code, message))
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
