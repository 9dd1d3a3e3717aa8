//! The host's call to a store, with a structure that the caller has filled in.

use crate::abi::{HRESULT, IMAPISync, MAPISIB, SyncFlags};
use crate::object::ComPtr;
use crate::trace::{self, Direction, Method};

#[cfg(doc)]
use crate::host::SyncHost;

impl ComPtr<IMAPISync> {
    /// Calls `SynchronizeInBackground` with a structure that the caller has filled in, and returns
    /// the store's `HRESULT`. [`SyncHost::start`] is the safe function.
    ///
    /// Effect on the counts: none on the store's. The store adds a reference to the callback, and
    /// one to the session if it keeps the session.
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
    /// // SAFETY: every pointer is NULL or valid during the call.
    /// let code = unsafe { sync.synchronize_in_background(&mut request) };
    /// assert_eq!(code, HRESULT::S_OK);
    /// // SAFETY: without a callback, the caller owns the event.
    /// let event = unsafe { mapisync::DoneEvent::from_raw(event) }.unwrap();
    /// event.wait(None)?;
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// A store of this crate demands only what [`provider::dispatch`](crate::provider::dispatch)
    /// demands of `psibpb`. For every other store:
    ///
    /// - The structure must be readable for its `ulSize` bytes.
    /// - Its pointers must be valid during the call, as [`MAPISIB`] describes.
    /// - Its interface pointers must meet the contract of
    ///   [`ComRef::from_raw`](crate::ComRef::from_raw).
    #[inline]
    #[doc(alias = "SynchronizeInBackground")]
    pub unsafe fn synchronize_in_background(&self, psibpb: *mut MAPISIB) -> HRESULT {
        // SAFETY: the contract is this function's.
        unsafe { self.raw_synchronize_in_background(psibpb, None) }
    }

    /// Calls as [`synchronize_in_background`](ComPtr::synchronize_in_background) does, with the
    /// flags of the event.
    ///
    /// # Safety
    ///
    /// The contract of [`synchronize_in_background`](ComPtr::synchronize_in_background) must hold.
    #[inline]
    pub(super) unsafe fn raw_synchronize_in_background(
        &self,
        psibpb: *mut MAPISIB,
        flags: Option<SyncFlags>,
    ) -> HRESULT {
        let method = Method::SynchronizeInBackground { flags };
        trace::call(Direction::Outgoing, method, || {
            // SAFETY: the object is alive, and slot 3 of its vtable is this method. The argument is
            // as the store demands, by this function's contract.
            unsafe { ((*self.vtbl()).SynchronizeInBackground)(self.as_raw(), psibpb) }
        })
    }
}
