//! The host's side: a program that calls a store, as Outlook does.
//!
//! - [`SyncHost`] starts runs on a store. [`SyncRun`] is a run, and [`RunFuture`] awaits it.
//! - [`MapiSyncProgressCallback`] is the callback to which the store reports.
//! - [`dispatch_progress`], [`dispatch_error`] and [`dispatch_done`] are the bodies of the
//!   callback's methods, for an object whose vtable another framework makes.
//!
//! The chapter [Being Outlook](crate::guide::being_outlook) builds a host.

// A progress string passes through the thunk and `dispatch_progress` in `thunks`, and `utf16`. It
// then reaches the user's callback, through `run_callback` if a `SyncHost` started the run. A
// callback object that exists already gets the string itself, through `forwarding_callback`.

mod call;
mod forwarding_callback;
#[cfg(all(test, mapisync_loom))]
mod loom_tests;
mod run;
mod run_callback;
mod run_future;
mod run_state;
mod sync_host;
mod thunks;

use crate::abi::{HRESULT, IMAPISyncProgressCallback};
use crate::error::Result;
use crate::event::DoneEvent;
use crate::object::{Class, ComObject, ComPtr};
use alloc::boxed::Box;
use alloc::sync::Arc;
pub use run::SyncRun;
pub use run_future::RunFuture;
pub use sync_host::SyncHost;
pub use thunks::{dispatch_done, dispatch_error, dispatch_progress};

/// The receiver of a synchronization's progress: Outlook's dialog, or a test in its place.
///
/// The store may call it on any of its threads, so it is `Send + Sync`. If a method panics, the
/// store gets `E_UNEXPECTED`.
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
#[doc(alias = "IMAPISyncProgressCallback")]
pub trait MapiSyncProgressCallback: Send + Sync + 'static {
    /// The store reports a step, or with `None` the position only: `index` of `max`, in units of
    /// the store's choice. Invalid UTF-16 in the step arrives as U+FFFD.
    ///
    /// Read a `max` of 0 as an unknown total, and do not divide by it. That is inferred: no source
    /// defines it, and this crate's own helpers never send it. `index` may exceed `max`.
    ///
    /// ```
    /// # use mapisync::{HRESULT, MapiSyncProgressCallback, Result};
    /// struct Dialog {
    ///     is_closed: fn() -> bool,
    /// }
    ///
    /// impl MapiSyncProgressCallback for Dialog {
    ///     fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
    ///         if (self.is_closed)() {
    ///             return Err(HRESULT::MAPI_E_USER_CANCEL.into()); // asks the store to stop
    ///         }
    ///         let percent = u64::from(index.min(max)) * 100 / u64::from(max.max(1));
    ///         println!("{} {percent} %", step.unwrap_or("…"));
    ///         Ok(())
    ///     }
    /// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
    /// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// An error asks the store to stop. The store should end the run with its code.
    #[doc(alias = "Progress")]
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()>;

    /// The store reports an error, or a warning if `code` is of success severity, with a message to
    /// display. Invalid UTF-16 arrives as U+FFFD here, too.
    ///
    /// ```
    /// # use mapisync::{HRESULT, MapiSyncProgressCallback, Result};
    /// struct Dialog;
    ///
    /// impl MapiSyncProgressCallback for Dialog {
    ///     fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
    ///         let kind = if code.is_err() { "Error" } else { "Warning" };
    ///         println!("{kind}: {}", message.map_or(code.to_string(), String::from));
    ///         Ok(())
    ///     }
    /// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
    /// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The store receives the code, and may ignore it.
    #[doc(alias = "Error")]
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()>;

    /// The store reports the end of the run, with this status.
    ///
    /// ```
    /// # use mapisync::{HRESULT, MapiSyncProgressCallback, Result};
    /// struct Dialog;
    ///
    /// impl MapiSyncProgressCallback for Dialog {
    ///     fn done(&self, status: HRESULT) -> Result<()> {
    ///         match status {
    ///             HRESULT::S_OK => println!("Done"),
    ///             HRESULT::MAPI_W_PARTIAL_COMPLETION => println!("Done, with exceptions"),
    ///             status => println!("Failed: {status}"),
    ///         }
    ///         Ok(())
    ///     }
    /// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
    /// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The store receives the code, which changes nothing.
    #[doc(alias = "Done")]
    fn done(&self, status: HRESULT) -> Result<()>;

    /// Receives `Done` with the event that the store passes, which is signaled when the store's
    /// thread is complete.
    ///
    /// The provided method closes the event and calls [`done`](MapiSyncProgressCallback::done).
    /// Override it to keep the event. Do not wait for the event here, because the store's thread is
    /// not complete before this method returns.
    ///
    /// ```
    /// # use mapisync::{HRESULT, MapiSyncProgressCallback, Result};
    /// # use mapisync::DoneEvent;
    /// # use std::sync::Mutex;
    /// /// Keeps the event, so that another thread can wait for the store's.
    /// #[derive(Default)]
    /// struct Dialog {
    ///     event: Mutex<Option<DoneEvent>>,
    /// }
    ///
    /// impl MapiSyncProgressCallback for Dialog {
    ///     fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
    ///         *self.event.lock().unwrap() = event;
    ///         self.done(status)
    ///     }
    /// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
    /// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
    /// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// They are those of [`done`](MapiSyncProgressCallback::done).
    #[doc(alias("Done", "hThreadDoneEvent"))]
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
    /// Makes a COM object from a callback, with the interface `IMAPISyncProgressCallback` only. Use
    /// it to call a store without a [`SyncHost`].
    ///
    /// It allocates once. The result owns the only reference.
    ///
    /// The object can serve several runs, so it cannot detect a second `Done` of one run, as the
    /// object of a [`SyncHost`] can. If a store passes one handle twice, the second `Done` may
    /// close another object that has received the handle's number.
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
        unsafe { ComObject::new(OnlyCallback(callback)).into_first_interface() }
    }
}

/// The class of callbacks with no other interface. A blanket `impl Class` for callbacks would
/// forbid every other `impl Class`.
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
