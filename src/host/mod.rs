//! Outlook's side: `MapiSyncProgressCallback`, and the thunks that stand between it and the store.

#[cfg(all(test, mapisync_loom))]
mod loom_tests;
mod run;
mod state;

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl};
use crate::error::Result;
use crate::event::DoneEvent;
use crate::object::{Class, ComObject, ComPtr, ImplementedBy, Thunk, unwind};
use crate::utf16;
use alloc::sync::Arc;
pub use run::{SyncHost, SyncRun};

/// Who is told how a synchronisation is getting on: Outlook's dialog, or a test in its place.
///
/// The store calls from whichever thread it works on, hence `Send + Sync`. A method that panics is answered
/// `E_UNEXPECTED` to the store.
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
    message = "`{Self}` cannot answer as IMAPISyncProgressCallback",
    note = "implement `MapiSyncProgressCallback` for it (or for what the `Arc` holds)"
)]
pub trait MapiSyncProgressCallback: Send + Sync + 'static {
    /// A step is under way, or, with `None`, only the position has changed: `index` of `max`, in units of the store's
    /// choosing. Unpaired surrogates arrive as U+FFFD.
    ///
    /// # Errors
    ///
    /// An error is a request to stop; a store should end the run with its code.
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()>;

    /// An error or, where `code` is of success severity, a warning, with a text to display.
    ///
    /// # Errors
    ///
    /// Told to the store, which may make of it what it wants.
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()>;

    /// The run has ended with this status.
    ///
    /// # Errors
    ///
    /// Told to the store, to which it makes no difference.
    fn done(&self, status: HRESULT) -> Result<()>;

    /// As [`done`](MapiSyncProgressCallback::done), with the event that the store hands over, which occurs when its
    /// thread is complete. The provided method closes it and calls `done`; override it to keep the event. Don't wait for
    /// it in here: the store's thread is not complete before this returns.
    ///
    /// # Errors
    ///
    /// As [`done`](MapiSyncProgressCallback::done).
    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        drop(event);
        self.done(status)
    }
}

macro_rules! forward {
    ($($holder:ty),+) => {$(
        impl<T: MapiSyncProgressCallback + ?Sized> MapiSyncProgressCallback for $holder {
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

forward!(Arc<T>, &'static T);

impl ComPtr<IMAPISyncProgressCallback> {
    /// Makes a COM object of a callback; it exposes `IMAPISyncProgressCallback` alone. [`SyncHost`] does so for each
    /// run; this is for calling a store by hand.
    ///
    /// One allocation, with a count of 1 that the result owns.
    ///
    /// Unlike the callback object of a [`SyncHost`], this one serves any number of runs, and so it cannot tell a second `Done`
    /// of one run from the first of another. A store that breaks the rules and calls `Done` twice with one handle closes
    /// whatever has that handle's number by then.
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
        // SAFETY: IMAPISyncProgressCallback is the first and only interface of the list.
        unsafe { ComObject::new(OnlyCallback(callback)).into_first() }
    }
}

/// The class of callbacks that expose nothing else.
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

// SAFETY: all six slots: `Thunk`'s three, then the methods in their documented places. Each takes `this` for a `T` at this
// index, uses it shared alone, which is `Send + Sync`, lets no panic out, and neither takes nor gives back a reference.
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
    text: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: only the vtable of this index holds this function, so `this` is a live `T`'s interface number INDEX; the
    // text is NULL or terminated and unchanged during the call, as the documentation has it.
    unsafe { dispatch_progress(Thunk::<T, INDEX>::payload(this), text, index, max) }
}

/// Slot 4.
unsafe extern "system" fn error<T: Class + MapiSyncProgressCallback, const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    text: *const u16,
) -> HRESULT {
    // SAFETY: as for slot 3.
    unsafe { dispatch_error(Thunk::<T, INDEX>::payload(this), code, text) }
}

/// Slot 5.
unsafe extern "system" fn done<T: Class + MapiSyncProgressCallback, const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: as for slot 3; with Done the store hands the event over.
    unsafe { dispatch_done(Thunk::<T, INDEX>::payload(this), event, status) }
}

/// What the callback's `Progress` does, for an object whose vtable somebody else builds: call it from that method and
/// return what it returns. A panic becomes `E_UNEXPECTED`. Effect on the counts: none.
///
/// ```
/// use mapisync::{HRESULT, MapiSyncProgressCallback, host};
///
/// /// Slot 3 of a vtable made elsewhere, which has found its Rust half.
/// unsafe fn slot_3(dialog: &impl MapiSyncProgressCallback, text: *const u16, index: u32, max: u32) -> HRESULT {
///     // SAFETY: as COM and the documentation demand of who called this.
///     unsafe { host::dispatch_progress(dialog, text, index, max) }
/// }
/// ```
///
/// # Panics
///
/// Never. Built with `panic = "abort"`, a panic in the method ends the process.
///
/// # Safety
///
/// `text` is NULL or points, at any address, to UTF-16 units that end with a NUL and stay unchanged for the call.
#[inline]
pub unsafe fn dispatch_progress<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    text: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    if text.is_null() {
        return unwind::catch_hresult(|| callback.progress(None, index, max));
    }
    // SAFETY: the caller's promise.
    unsafe { progress_with_text(callback, text, index, max) }
}

/// Apart from the above, so that a position, which is reported most often, does not pay for what a text takes. Nothing unwinds
/// out of here, and as a function of C's the compiler knows that.
///
/// # Safety
///
/// As [`dispatch_progress`].
#[inline(never)]
unsafe extern "C" fn progress_with_text<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    text: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: the caller's promise.
    unwind::catch_hresult(|| unsafe {
        utf16::decode(text, |text| callback.progress(text, index, max))
    })
}

/// What the callback's `Error` does, as [`dispatch_progress`] for `Progress`.
///
/// ```
/// use mapisync::{HRESULT, MapiSyncProgressCallback, host};
///
/// unsafe fn slot_4(dialog: &impl MapiSyncProgressCallback, code: HRESULT, text: *const u16) -> HRESULT {
///     // SAFETY: as COM and the documentation demand of who called this.
///     unsafe { host::dispatch_error(dialog, code, text) }
/// }
/// ```
///
/// # Panics
///
/// As [`dispatch_progress`].
///
/// # Safety
///
/// As [`dispatch_progress`].
pub unsafe fn dispatch_error<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    code: HRESULT,
    text: *const u16,
) -> HRESULT {
    // SAFETY: the caller's promise.
    unwind::catch_hresult(|| unsafe { utf16::decode(text, |text| callback.error(code, text)) })
}

/// What the callback's `Done` does, as [`dispatch_progress`] for `Progress`. The event is handed over with the call: it is
/// closed, unless [`done_with_event`](MapiSyncProgressCallback::done_with_event) keeps it.
///
/// Each call closes the handle that comes with it. A store that calls `Done` twice with one handle closes whatever has that
/// handle's number by then; an object that does not trust its stores must refuse the second call. [`SyncHost`] does.
///
/// ```
/// use mapisync::abi::HANDLE;
/// use mapisync::{HRESULT, MapiSyncProgressCallback, host};
///
/// unsafe fn slot_5(dialog: &impl MapiSyncProgressCallback, event: HANDLE, status: HRESULT) -> HRESULT {
///     // SAFETY: as COM and the documentation demand of who called this.
///     unsafe { host::dispatch_done(dialog, event, status) }
/// }
/// ```
///
/// # Panics
///
/// As [`dispatch_progress`].
///
/// # Safety
///
/// `event`, if it is an open handle, is handed over as [`DoneEvent::from_raw`] demands: nobody else closes it.
pub unsafe fn dispatch_done<T: MapiSyncProgressCallback + ?Sized>(
    callback: &T,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: the caller's promise.
    unwind::catch_hresult(|| {
        callback.done_with_event(unsafe { DoneEvent::from_raw(event) }, status)
    })
}
