//! The store's calls to the host's callback.
//!
//! They are methods of [`ComPtr`], and of [`ComRef`](crate::ComRef) by dereferencing. `Done` is
//! unsafe, because it must be called once for each run.

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback};
use crate::event::DoneEvent;
use crate::object::ComPtr;
use crate::trace::{self, Direction, Method};
use crate::utf16;
use core::ptr;

impl ComPtr<IMAPISyncProgressCallback> {
    /// Calls `Progress` and returns the host's `HRESULT`. Without a step only the position changes.
    ///
    /// `index` of `max` is the position, in units of the caller's choice. Do not pass a `max` of 0:
    /// no source defines it.
    ///
    /// A NUL in the step becomes U+FFFD. A step of up to 255 UTF-16 units is converted without an
    /// allocation.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISyncProgressCallback};
    /// # fn report(callback: &ComPtr<IMAPISyncProgressCallback>) {
    /// let code = callback.progress(Some("Receiving «Inbox»"), 3, 120);
    /// assert!(code.is_ok());
    /// # }
    /// ```
    #[inline]
    #[doc(alias = "Progress")]
    pub fn progress(&self, string: Option<&str>, index: u32, max: u32) -> HRESULT {
        match string {
            Some(step) => {
                utf16::with_utf16(step, |string| self.raw_progress(Some(step), string, index, max))
            }
            None => self.raw_progress(None, ptr::null(), index, max),
        }
    }

    /// `string` is the step in UTF-16, or NULL.
    #[inline]
    fn raw_progress(
        &self,
        step: Option<&str>,
        string: *const u16,
        index: u32,
        max: u32,
    ) -> HRESULT {
        let method = Method::Progress { step, index, max };
        trace::call(Direction::Outgoing, method, || {
            // SAFETY: the object is alive, and slot 3 is Progress. The string is NULL, or comes
            // from `with_utf16`, which terminates it and keeps it valid during the call.
            unsafe { ((*self.vtbl()).Progress)(self.as_raw(), string, index, max) }
        })
    }

    /// Calls `Error` with an error or a warning and its message, and returns the host's `HRESULT`.
    ///
    /// The message is not optional, because no source says that it may be NULL.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, abi::IMAPISyncProgressCallback};
    /// # fn report(callback: &ComPtr<IMAPISyncProgressCallback>) {
    /// callback.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "«Drafts» cannot be read").ok().unwrap();
    /// # }
    /// ```
    #[doc(alias = "Error")]
    pub fn error(&self, code: HRESULT, message: &str) -> HRESULT {
        utf16::with_utf16(message, |string| {
            let method = Method::Error { code, message: Some(message) };
            trace::call(Direction::Outgoing, method, || {
                // SAFETY: the object is alive, and slot 4 is Error. The message comes from
                // `with_utf16`, which terminates it and keeps it valid during the call.
                unsafe { ((*self.vtbl()).Error)(self.as_raw(), code, string) }
            })
        })
    }

    /// Calls `Done` with the final status, and returns the host's `HRESULT`. The host owns the
    /// event's handle after the call, even if `Done` fails.
    ///
    /// A [`SyncJob`](crate::SyncJob) calls `Done` at the end of its run. This function is for a
    /// store that does not use one.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, abi::IMAPISyncProgressCallback};
    /// /// Ends a run of a store that does not use `SyncJob`.
    /// ///
    /// /// # Safety
    /// ///
    /// /// The run must have been started with this callback, and must not have ended.
    /// unsafe fn end(callback: &ComPtr<IMAPISyncProgressCallback>) {
    ///     // SAFETY: the run ends here, once, by this function's contract.
    ///     unsafe { callback.done(None, HRESULT::S_OK) }.ok().unwrap();
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// The caller must be the store of a run that was started with this callback. `done` must be
    /// its last call for that run, because the host may then free the run's resources. For
    /// [`SyncRequest::callback`](crate::SyncRequest::callback) only the job may call `Done`.
    #[doc(alias = "Done")]
    pub unsafe fn done(&self, event: Option<DoneEvent>, status: HRESULT) -> HRESULT {
        let handle = event.map_or(ptr::null_mut(), DoneEvent::into_raw);
        // SAFETY: the run ends here, by this function's contract, and `into_raw` gave up the
        // handle.
        unsafe { self.raw_done(handle, status) }
    }

    /// Calls `Done` as [`done`](ComPtr::done) does, with a raw handle.
    ///
    /// # Safety
    ///
    /// The contract of [`done`](ComPtr::done) must hold. If `handle` is open, the caller must own
    /// it and give it up.
    pub(crate) unsafe fn raw_done(&self, handle: HANDLE, status: HRESULT) -> HRESULT {
        trace::call(Direction::Outgoing, Method::Done { status }, || {
            // SAFETY: the object is alive, and slot 5 is Done. The run ends here and the handle is
            // given up, by this function's contract.
            unsafe { ((*self.vtbl()).Done)(self.as_raw(), handle, status) }
        })
    }
}
