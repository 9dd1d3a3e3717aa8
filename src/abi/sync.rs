//! `IMAPISync`, which a store implements and Outlook calls, and `MAPISIB`, the argument of its
//! method.

use super::{HRESULT, IMAPISession, IUnknown, IUnknownVtbl};
use core::ffi::c_void;

/// The interface through which Outlook starts a synchronization. Outlook requests it from the store
/// object.
///
/// Safe Rust implements it with [`MapiSync`] and calls it through [`SyncHost`].
///
/// ```
/// use mapisync::abi::{IMAPISync, IID_IMAPISync};
/// use mapisync::Interface;
/// assert_eq!(IMAPISync::IID, IID_IMAPISync);
/// ```
///
/// Source:
/// [IMAPISync](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisynciunknown).
/// Its row "Implemented by: Outlook" is wrong: according to the page of the method, the provider
/// implements it.
#[doc = std_links!()]
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case)]
pub struct IMAPISync {
    /// The vtable.
    pub lpVtbl: *const IMAPISyncVtbl,
}

/// The vtable of `IMAPISync`, which has four slots.
///
/// ```
/// use mapisync::abi::IMAPISyncVtbl;
/// assert_eq!(size_of::<IMAPISyncVtbl>(), 4 * size_of::<usize>());
/// ```
///
/// Source:
/// [IMAPISync](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisynciunknown).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_snake_case)]
pub struct IMAPISyncVtbl {
    /// Slots 0 to 2.
    pub base: IUnknownVtbl,
    /// Slot 3. Starts a synchronization on a thread of the store, writes the handle of the done
    /// event to `*phSyncDoneEvent`, and returns. That it does not wait for the thread is inferred.
    pub SynchronizeInBackground:
        unsafe extern "system" fn(this: *mut IMAPISync, psibpb: *mut MAPISIB) -> HRESULT,
}

/// The handle of a kernel object, as wide as a pointer. NULL is no handle.
///
/// On Windows, the handle of an event comes from `CreateEventW`. Elsewhere it is a file descriptor,
/// but never one of the standard descriptors. [`DoneEvent`] is its safe wrapper.
///
/// ```
/// use mapisync::abi::HANDLE;
/// assert_eq!(size_of::<HANDLE>(), size_of::<usize>());
/// ```
///
/// Source: [Windows data
/// types](https://learn.microsoft.com/windows/win32/winprog/windows-data-types).
#[doc = std_links!()]
pub type HANDLE = *mut c_void;

/// The structure that Outlook passes to `SynchronizeInBackground`.
///
/// [`SyncRequest`] is its validated form on the store's side. On Outlook's side,
/// [`SyncHost::start`] fills one in.
///
/// Inferred: the store creates the event. No source says whether `psesSync` and `punkCallBack` may
/// be NULL. This crate accepts it.
///
/// ```
/// use mapisync::abi::MAPISIB;
/// assert_eq!(std::mem::offset_of!(MAPISIB, psesSync), 8);
/// ```
///
/// Source: [MAPISIB](https://learn.microsoft.com/office/client-developer/outlook/mapi/mapisib).
#[doc = std_links!()]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_snake_case)]
pub struct MAPISIB {
    /// In: the size of this structure in bytes.
    pub ulSize: u32,
    /// In: the bits of [`SyncFlags`], which select what to synchronize.
    pub ulFlags: u32,
    /// In: the session, or NULL. The store borrows it for the call.
    pub psesSync: *mut IMAPISession,
    /// In: an object that has `IMAPISyncProgressCallback`, or NULL. The store borrows it for the
    /// call.
    pub punkCallBack: *mut IUnknown,
    /// Out: the event handle location. The store writes the handle of an event to it. The event is
    /// signaled when the store's thread is complete.
    pub phSyncDoneEvent: *mut HANDLE,
}

bitflags::bitflags! {
    /// The flags that tell a store what to synchronize. Bits without a name are preserved.
    ///
    /// Expect combinations. The documentation says "one of", but the values are distinct bits, and
    /// two of them make sense only together with others.
    ///
    /// ```
    /// use mapisync::SyncFlags;
    ///
    /// let flags = SyncFlags::DOWNLOAD_HIERARCHY | SyncFlags::DOWNLOAD_CONTENTS;
    /// assert_eq!(flags.bits(), 0x82);
    /// assert_eq!(format!("{flags:?}"), "SyncFlags(DOWNLOAD_HIERARCHY | DOWNLOAD_CONTENTS)");
    /// assert_eq!(SyncFlags::from_bits_retain(0x8000_0080).bits(), 0x8000_0080);
    /// ```
    ///
    /// Source: [MAPISIB](https://learn.microsoft.com/office/client-developer/outlook/mapi/mapisib)
    /// has seven of them. `BACKGROUND` and `THESE_FOLDERS` are documented only for the [replication
    /// API](https://learn.microsoft.com/office/client-developer/outlook/mapi/mapi-constants).
    #[repr(transparent)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct SyncFlags: u32 {
        /// Push changes of the folder hierarchy to the server.
        #[doc(alias = "SYNC_UPLOAD_HIERARCHY")]
        const UPLOAD_HIERARCHY = 0x0000_0001;
        /// Pull changes of the folder hierarchy from the server.
        #[doc(alias = "SYNC_DOWNLOAD_HIERARCHY")]
        const DOWNLOAD_HIERARCHY = 0x0000_0002;
        /// Push changes of messages to the server.
        #[doc(alias = "SYNC_UPLOAD_CONTENTS")]
        const UPLOAD_CONTENTS = 0x0000_0040;
        /// Pull changes of messages from the server.
        #[doc(alias = "SYNC_DOWNLOAD_CONTENTS")]
        const DOWNLOAD_CONTENTS = 0x0000_0080;
        /// Send the message to the server. Documented as not currently in use.
        #[doc(alias = "SYNC_OUTGOING_MAIL")]
        const OUTGOING_MAIL = 0x0000_0200;
        /// Replication API: the synchronization runs on a background thread.
        #[doc(alias = "SYNC_BACKGROUND")]
        const BACKGROUND = 0x0000_1000;
        /// Replication API: the synchronization is limited to specified folders.
        #[doc(alias = "SYNC_THESE_FOLDERS")]
        const THESE_FOLDERS = 0x0002_0000;
        /// Pull only headers instead of whole messages. The replication API calls the bit
        /// `SYNC_HEADERS`.
        #[doc(alias = "SYNC_GLOBAL_HEADERS")]
        #[doc(alias = "SYNC_HEADERS")]
        const GLOBAL_HEADERS = 0x0200_0000;
        /// The user requested the synchronization. It takes precedence over automatic ones.
        #[doc(alias = "SYNC_ON_DEMAND")]
        const ON_DEMAND = 0x2000_0000;
        // A later Outlook may set any bit. The store sees it, and a round trip preserves it.
        const _ = !0;
    }
}
