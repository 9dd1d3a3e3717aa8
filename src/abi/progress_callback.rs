//! `IMAPISyncProgressCallback`, which Outlook implements and a store calls.

use super::{HANDLE, HRESULT, IUnknownVtbl};

/// The interface through which a store reports the progress and the end of a synchronization.
///
/// Safe Rust implements it with [`MapiSyncProgressCallback`]. It calls it through [`SyncJob`], or
/// with the methods of `ComPtr<IMAPISyncProgressCallback>`.
///
/// ```
/// use mapisync::abi::{IMAPISyncProgressCallback, IID_IMAPISyncProgressCallback};
/// use mapisync::Interface;
/// assert_eq!(IMAPISyncProgressCallback::IID, IID_IMAPISyncProgressCallback);
/// ```
///
/// Source:
/// [IMAPISyncProgressCallback](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisyncprogresscallbackiunknown).
#[doc = std_links!()]
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case)]
pub struct IMAPISyncProgressCallback {
    /// The vtable.
    pub lpVtbl: *const IMAPISyncProgressCallbackVtbl,
}

/// The vtable of `IMAPISyncProgressCallback`, which has six slots.
///
/// ```
/// use mapisync::abi::IMAPISyncProgressCallbackVtbl;
/// assert_eq!(size_of::<IMAPISyncProgressCallbackVtbl>(), 6 * size_of::<usize>());
/// ```
///
/// Source:
/// [IMAPISyncProgressCallback](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisyncprogresscallbackiunknown).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_snake_case)]
pub struct IMAPISyncProgressCallbackVtbl {
    /// Slots 0 to 2.
    pub base: IUnknownVtbl,
    /// Slot 3. Reports a step and a position.
    ///
    /// `pwcszProgress` is a NUL-terminated UTF-16 string, or NULL to update only the position. The
    /// position is `ulIndex` of `ulIndexMax`, in units that the store chooses. A failure code asks
    /// the store to stop. That is inferred: no source documents how Outlook cancels.
    ///
    /// No source defines an `ulIndexMax` of 0. A store must not pass it, because Outlook may divide
    /// by it. A host should read it as an unknown total. Both are inferred.
    pub Progress: unsafe extern "system" fn(
        this: *mut IMAPISyncProgressCallback,
        pwcszProgress: *const u16,
        ulIndex: u32,
        ulIndexMax: u32,
    ) -> HRESULT,
    /// Slot 4. Reports an error or a warning, and the message to display. For a warning, `hResult`
    /// is a success code.
    pub Error: unsafe extern "system" fn(
        this: *mut IMAPISyncProgressCallback,
        hResult: HRESULT,
        pwcszErrorStr: *const u16,
    ) -> HRESULT,
    /// Slot 5. Reports the final status. `hThreadDoneEvent` may be NULL. Otherwise Outlook becomes
    /// its owner and must close it. That is inferred: the source only says that Outlook can do so.
    pub Done: unsafe extern "system" fn(
        this: *mut IMAPISyncProgressCallback,
        hThreadDoneEvent: HANDLE,
        hResult: HRESULT,
    ) -> HRESULT,
}
