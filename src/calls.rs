//! Calling through the two interfaces: the caller's half of each vtable, for pointers to anybody's objects.
//!
//! Calls that take nothing but checked values are safe methods of [`ComPtr`], and of [`ComRef`](crate::ComRef) by
//! dereferencing. The one that takes a raw structure is `unsafe`; [`SyncHost`](crate::SyncHost) is its safe form.

use crate::abi::{HANDLE, HRESULT, IMAPISync, IMAPISyncProgressCallback, MAPISIB};
use crate::event::DoneEvent;
use crate::object::ComPtr;
use crate::utf16;
use core::ptr;

impl ComPtr<IMAPISync> {
    /// Calls `SynchronizeInBackground` with a structure that the caller filled in, and returns the store's answer.
    ///
    /// Effect on the count: none on the store's; the store adds a reference of its own to the callback and, if it
    /// keeps the session, to that.
    ///
    /// ```
    /// use mapisync::abi::{IMAPISync, MAPISIB};
    /// use mapisync::{ComPtr, HRESULT, SyncFlags};
    /// use std::ptr;
    ///
    /// # struct Store;
    /// # impl mapisync::MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
    /// # }
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// let mut event = ptr::null_mut();
    /// let mut request = MAPISIB {
    ///     ulSize: size_of::<MAPISIB>() as u32,
    ///     ulFlags: SyncFlags::DOWNLOAD_CONTENTS.bits(),
    ///     psesSync: ptr::null_mut(),
    ///     punkCallBack: ptr::null_mut(),
    ///     phSyncDoneEvent: &mut event,
    /// };
    /// // SAFETY: every field is NULL or valid for the call.
    /// let answer = unsafe { sync.synchronize_in_background(&mut request) };
    /// assert_eq!(answer, HRESULT::S_OK);
    /// // SAFETY: no callback was given, so the event is the caller's.
    /// let event = unsafe { mapisync::DoneEvent::from_raw(event) }.unwrap();
    /// assert!(event.wait(None)?);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// `psibpb` is whatever the store behind the pointer can bear. Any store of this crate's takes NULL, a short
    /// `ulSize`, NULL fields and odd addresses; otherwise the structure is readable for its `ulSize` bytes, its
    /// pointers are valid for the call as [`MAPISIB`] describes, and the interface pointers in it keep the promise of
    /// [`ComPtr::from_raw`].
    #[inline]
    pub unsafe fn synchronize_in_background(&self, psibpb: *mut MAPISIB) -> HRESULT {
        // SAFETY: the object is alive; slot 3 of an IMAPISync is this method; the argument is the caller's promise.
        unsafe { ((*self.vtbl()).SynchronizeInBackground)(self.as_raw(), psibpb) }
    }
}

impl ComPtr<IMAPISyncProgressCallback> {
    /// Calls `Progress` with a text, or with none to update the position only, and returns the host's answer.
    ///
    /// `index` of `max` is the position, in units of the caller's choosing. A NUL in the text becomes U+FFFD. Up to
    /// 255 UTF-16 units pass without allocation. Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISyncProgressCallback};
    /// # fn tell(callback: &ComPtr<IMAPISyncProgressCallback>) {
    /// let answer = callback.progress(Some("Receiving «Inbox»"), 3, 120);
    /// assert!(answer.is_ok());
    /// # }
    /// ```
    #[inline]
    pub fn progress(&self, text: Option<&str>, index: u32, max: u32) -> HRESULT {
        match text {
            Some(text) => self.text_progress(text, index, max),
            None => self.raw_progress(ptr::null(), index, max),
        }
    }

    /// Apart from the above, which is part of its callers' code then and costs what a call in C++ does.
    fn text_progress(&self, text: &str, index: u32, max: u32) -> HRESULT {
        utf16::encode(text, move |text| self.raw_progress(text, index, max))
    }

    #[inline]
    fn raw_progress(&self, text: *const u16, index: u32, max: u32) -> HRESULT {
        // SAFETY: the object is alive; slot 3 is Progress; `text` is NULL or `encode`'s, which is terminated, aligned
        // and unchanged during the call.
        unsafe { ((*self.vtbl()).Progress)(self.as_raw(), text, index, max) }
    }

    /// Calls `Error` with an error or a warning and its text, and returns the host's answer.
    ///
    /// No source says that the text may be NULL, so none can be left out here. Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, abi::IMAPISyncProgressCallback};
    /// # fn tell(callback: &ComPtr<IMAPISyncProgressCallback>) {
    /// callback.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "«Drafts» cannot be read").ok().unwrap();
    /// # }
    /// ```
    pub fn error(&self, code: HRESULT, text: &str) -> HRESULT {
        utf16::encode(text, move |text| {
            // SAFETY: the object is alive; slot 4 is Error; `text` is terminated and outlives the call.
            unsafe { ((*self.vtbl()).Error)(self.as_raw(), code, text) }
        })
    }

    /// Calls `Done` with the final status and returns the host's `HRESULT`. The event's handle is handed over: the host closes
    /// it, whatever it returns.
    ///
    /// A [`SyncJob`](crate::SyncJob) does this at the end of its run. This function is for a provider that does without one.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, abi::IMAPISyncProgressCallback};
    /// /// Ends a run that a provider of its own kind has worked off.
    /// ///
    /// /// # Safety
    /// ///
    /// /// The run must have been started with this callback, and must not have ended.
    /// unsafe fn end(callback: &ComPtr<IMAPISyncProgressCallback>) {
    ///     // SAFETY: the run ends here, once.
    ///     unsafe { callback.done(None, HRESULT::S_OK) }.ok().unwrap();
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// The caller must be the provider of a run that was started with this callback, and must call this once for that run, as
    /// its last call. A host may free the run's resources at `Done`. On [`SyncRequest::callback`](crate::SyncRequest::callback)
    /// `Done` is the job's to call.
    pub unsafe fn done(&self, event: Option<DoneEvent>, status: HRESULT) -> HRESULT {
        let event = event.map_or(ptr::null_mut(), DoneEvent::into_raw);
        // SAFETY: `into_raw` has given the handle up; the run ends here, as the caller promises.
        unsafe { self.raw_done(event, status) }
    }

    /// `Done` with the number of a handle.
    ///
    /// # Safety
    ///
    /// As [`done`](ComPtr::done). `event`, if it is an open handle, is handed over, so nothing else may close it.
    pub(crate) unsafe fn raw_done(&self, event: HANDLE, status: HRESULT) -> HRESULT {
        // SAFETY: the object is alive; slot 5 is Done, which takes the handle over, as the caller does with it.
        unsafe { ((*self.vtbl()).Done)(self.as_raw(), event, status) }
    }
}
