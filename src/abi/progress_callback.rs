//! `IMAPISyncProgressCallback`: Outlook implements it, the store calls it.

use super::{HANDLE, HRESULT, IUnknownVtbl};

/// The interface through which a store tells Outlook how a synchronisation is getting on.
///
/// Safe Rust implements it with [`MapiSyncProgressCallback`](crate::MapiSyncProgressCallback) and calls it through
/// [`SyncJob`](crate::SyncJob) or through the methods of `ComPtr<IMAPISyncProgressCallback>`.
///
/// ```
/// use mapisync::abi::{IMAPISyncProgressCallback, IID_IMAPISyncProgressCallback};
/// use mapisync::Interface;
/// assert_eq!(IMAPISyncProgressCallback::IID, IID_IMAPISyncProgressCallback);
/// ```
///
/// Source: [IMAPISyncProgressCallback](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisyncprogresscallbackiunknown).
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case)]
pub struct IMAPISyncProgressCallback {
    /// The vtable.
    pub lpVtbl: *const IMAPISyncProgressCallbackVtbl,
}

/// The six slots of the callback.
///
/// ```
/// use mapisync::abi::IMAPISyncProgressCallbackVtbl;
/// assert_eq!(size_of::<IMAPISyncProgressCallbackVtbl>(), 6 * size_of::<usize>());
/// ```
///
/// Source: [IMAPISyncProgressCallback](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisyncprogresscallbackiunknown).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_snake_case)]
pub struct IMAPISyncProgressCallbackVtbl {
    /// Slots 0 to 2.
    pub base: IUnknownVtbl,
    /// Slot 3. `pwcszProgress` is a NUL-terminated UTF-16 text or NULL, which updates the position only;
    /// `ulIndex` of `ulIndexMax` is the position, in units of the store's choosing. A failing answer asks the store
    /// to stop (inferred: no source says how Outlook cancels).
    pub Progress: unsafe extern "system" fn(
        this: *mut IMAPISyncProgressCallback,
        pwcszProgress: *const u16,
        ulIndex: u32,
        ulIndexMax: u32,
    ) -> HRESULT,
    /// Slot 4. An error or a warning, so `hResult` may be of success severity, and the text to display.
    pub Error: unsafe extern "system" fn(
        this: *mut IMAPISyncProgressCallback,
        hResult: HRESULT,
        pwcszErrorStr: *const u16,
    ) -> HRESULT,
    /// Slot 5. The final status. `hThreadDoneEvent` may be NULL; otherwise it is handed over, for Outlook to close.
    pub Done: unsafe extern "system" fn(
        this: *mut IMAPISyncProgressCallback,
        hThreadDoneEvent: HANDLE,
        hResult: HRESULT,
    ) -> HRESULT,
}
