//! `ForwardingCallback`: the callback object of one run, in front of a callback object that exists
//! already.
//!
//! The store gets this object, because only an object of the run can duplicate the event in time
//! and refuse a second `Done`. Everything else reaches the other object as the store passed it:
//! strings as UTF-16, also if they are invalid, and the handle of `Done` without a check.

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl};
use crate::event::DoneEvent;
use crate::host::run_state::{RunEvent, SharedState};
use crate::object::{Class, ComPtr, ImplementedBy, Thunk};
use crate::trace::{self, Direction, Method, RunSpan};
use alloc::sync::Weak;
use std::sync::OnceLock;

pub(super) struct ForwardingCallback {
    callback: ComPtr<IMAPISyncProgressCallback>,
    state: SharedState,
    event: Weak<OnceLock<DoneEvent>>,
    span: RunSpan,
}

impl ForwardingCallback {
    pub(super) fn new(
        callback: ComPtr<IMAPISyncProgressCallback>,
        state: SharedState,
        event: &RunEvent,
        span: RunSpan,
    ) -> ForwardingCallback {
        ForwardingCallback { callback, state, event: RunEvent::downgrade(event), span }
    }

    /// Calls `Progress` of the other object.
    ///
    /// # Safety
    ///
    /// `string` must be as `Progress` requires it.
    unsafe fn progress(&self, string: *const u16, index: u32, max: u32) -> HRESULT {
        let forward = || {
            let callback = &self.callback;
            // SAFETY: the object is alive, and slot 3 is Progress. The string is valid by this
            // function's contract.
            let code =
                unsafe { ((*callback.vtbl()).Progress)(callback.as_raw(), string, index, max) };
            if code.is_ok() && self.state.is_canceled() {
                return HRESULT::MAPI_E_USER_CANCEL;
            }
            code
        };
        // SAFETY: the string is valid by this function's contract.
        unsafe {
            trace::with_string(string, |step| {
                self.record(Method::Progress { step, index, max }, forward)
            })
        }
    }

    /// Calls `Error` of the other object.
    ///
    /// # Safety
    ///
    /// `message` must be as `Error` requires it.
    unsafe fn error(&self, code: HRESULT, message: *const u16) -> HRESULT {
        let forward = || {
            let callback = &self.callback;
            // SAFETY: the object is alive, and slot 4 is Error. The message is valid by this
            // function's contract.
            unsafe { ((*callback.vtbl()).Error)(callback.as_raw(), code, message) }
        };
        // SAFETY: the message is valid by this function's contract.
        unsafe {
            trace::with_string(message, |message| {
                self.record(Method::Error { code, message }, forward)
            })
        }
    }

    /// Forwards a call within the run's span, and emits its event.
    fn record(&self, method: Method<'_>, forward: impl FnOnce() -> HRESULT) -> HRESULT {
        trace::in_scope(Some(&self.span), || trace::call(Direction::Incoming, method, forward))
    }

    /// Calls `Done` of the other object, which then owns the handle. A second `Done` is refused.
    ///
    /// # Safety
    ///
    /// If `handle` is an open handle, the caller must own it and give it up.
    unsafe fn done(&self, handle: HANDLE, status: HRESULT) -> HRESULT {
        self.record(Method::Done { status }, || {
            // SAFETY: the caller gives up an open handle, by this function's contract.
            let event = unsafe { DoneEvent::from_raw(handle) };
            let Some((event, _done_returns)) = self.state.done_called(status, event, &self.event)
            else {
                return HRESULT::E_UNEXPECTED;
            };
            // The other object gets the handle, so it must stay open here.
            let _kept_open = event.map(DoneEvent::into_raw);
            let callback = &self.callback;
            // SAFETY: the object is alive, and slot 5 is Done. This is the only `Done` of the run,
            // and the handle is given up, by this function's contract.
            unsafe { ((*callback.vtbl()).Done)(callback.as_raw(), handle, status) }
        })
    }
}

impl Class for ForwardingCallback {
    type Interfaces = (IMAPISyncProgressCallback,);
}

// SAFETY: the vtable has all six slots: the three of `Thunk`, and the methods in their documented
// places. The other object does not unwind, by the contract of `ComPtr`, and a panic of a waker or of
// a subscriber is caught. The payload is only borrowed and is `Send + Sync`. The methods neither add
// nor release a reference to their object.
unsafe impl<const INDEX: usize> ImplementedBy<ForwardingCallback, INDEX>
    for IMAPISyncProgressCallback
{
    const VTABLE: &'static IMAPISyncProgressCallbackVtbl = &IMAPISyncProgressCallbackVtbl {
        base: Thunk::<ForwardingCallback, INDEX>::UNKNOWN,
        Progress: progress::<INDEX>,
        Error: error::<INDEX>,
        Done: done::<INDEX>,
    };
}

/// The thunk of `Progress`, slot 3.
unsafe extern "system" fn progress<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of a
    // `ForwardingCallback`. COM requires the caller to hold a reference. The documentation requires
    // the string to be NULL or terminated.
    unsafe { Thunk::<ForwardingCallback, INDEX>::payload(this).progress(string, index, max) }
}

/// The thunk of `Error`, slot 4.
unsafe extern "system" fn error<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of a
    // `ForwardingCallback`. COM requires the caller to hold a reference. The documentation requires
    // the message to be terminated.
    unsafe { Thunk::<ForwardingCallback, INDEX>::payload(this).error(code, message) }
}

/// The thunk of `Done`, slot 5.
unsafe extern "system" fn done<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of a
    // `ForwardingCallback`. COM requires the caller to hold a reference. The documentation says
    // that the host may close the handle, so Done gives it up.
    unsafe { Thunk::<ForwardingCallback, INDEX>::payload(this).done(event, status) }
}
