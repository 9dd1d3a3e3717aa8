//! The store's calls to the host's callback.
//!
//! They are methods of [`ComPtr`], and of [`ComRef`](crate::ComRef) by dereferencing. `Progress`
//! and `Error` take checked values and are safe. `Done` is not: it must come once for each run.

use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback};
use crate::event::DoneEvent;
use crate::object::ComPtr;
use crate::utf16;
use core::ptr;

impl ComPtr<IMAPISyncProgressCallback> {
    /// Calls `Progress` and returns the host's `HRESULT`. Without a string only the position
    /// changes.
    ///
    /// `index` of `max` is the position, in units of the caller's choice. A NUL in the string
    /// becomes U+FFFD. A string of up to 255 UTF-16 units is not allocated.
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
    pub fn progress(&self, string: Option<&str>, index: u32, max: u32) -> HRESULT {
        match string {
            Some(string) => {
                utf16::with_utf16(string, |string| self.raw_progress(string, index, max))
            }
            None => self.raw_progress(ptr::null(), index, max),
        }
    }

    #[inline]
    fn raw_progress(&self, string: *const u16, index: u32, max: u32) -> HRESULT {
        // SAFETY: the object is alive, and slot 3 is Progress. The string is NULL, or comes from
        // `encode`, which terminates it and keeps it valid during the call.
        unsafe { ((*self.vtbl()).Progress)(self.as_raw(), string, index, max) }
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
    pub fn error(&self, code: HRESULT, message: &str) -> HRESULT {
        utf16::with_utf16(message, |message| {
            // SAFETY: the object is alive, and slot 4 is Error. The message comes from `encode`,
            // which terminates it and keeps it valid during the call.
            unsafe { ((*self.vtbl()).Error)(self.as_raw(), code, message) }
        })
    }

    /// Calls `Done` with the final status, and returns the host's `HRESULT`. The host owns the
    /// event's handle from then on, whatever it returns.
    ///
    /// A [`SyncJob`](crate::SyncJob) calls `Done` at the end of its run. This function is for a
    /// provider without a job.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, abi::IMAPISyncProgressCallback};
    /// /// Ends a run of a provider without a job.
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
    /// The caller must be the provider of a run that was started with this callback. It must call
    /// this once for that run, as its last call, because a host may free the run's resources at
    /// `Done`. For [`SyncRequest::callback`](crate::SyncRequest::callback) only the job may call
    /// `Done`.
    pub unsafe fn done(&self, event: Option<DoneEvent>, status: HRESULT) -> HRESULT {
        let handle = event.map_or(ptr::null_mut(), DoneEvent::into_raw);
        // SAFETY: the run ends here, by this function's contract, and `into_raw` gave up the
        // handle.
        unsafe { self.raw_done(handle, status) }
    }

    /// Like [`done`](ComPtr::done), with a handle.
    ///
    /// # Safety
    ///
    /// The caller must keep the contract of [`done`](ComPtr::done). If `handle` is open, the caller
    /// must own it and give it up.
    pub(crate) unsafe fn raw_done(&self, handle: HANDLE, status: HRESULT) -> HRESULT {
        // SAFETY: the object is alive, and slot 5 is Done. The run ends here and the handle is
        // given up, by this function's contract.
        unsafe { ((*self.vtbl()).Done)(self.as_raw(), handle, status) }
    }
}
