//! The callback of a run for which the host wants no progress: an object that hears nothing.
//!
//! It stands where NULL would, so that no report has to ask whether there is somebody to hear it. There is one of it, which is
//! nobody's: it is not counted and never goes.

use crate::abi::{
    GUID, HANDLE, HRESULT, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl, IUnknown,
    IUnknownVtbl,
};
use crate::object::ComPtr;
use core::ffi::c_void;
use core::ptr::NonNull;

/// The one.
static DEAF: Static = Static(IMAPISyncProgressCallback {
    lpVtbl: &IMAPISyncProgressCallbackVtbl {
        base: IUnknownVtbl {
            QueryInterface: query_interface,
            AddRef: count,
            Release: count,
        },
        Progress: progress,
        Error: error,
        Done: done,
    },
});

struct Static(IMAPISyncProgressCallback);

// SAFETY: it is a pointer to a constant, and nobody writes to either.
unsafe impl Sync for Static {}

/// A pointer to it.
pub(super) fn deaf() -> ComPtr<IMAPISyncProgressCallback> {
    // SAFETY: an object that lives for ever, with the interface's vtable. References to it are not counted, so whoever gives one
    // up owns it. Its methods use nothing of it, so they may be called on any thread, and do not unwind. The pointer is made from
    // a reference, knowingly: all that is read through it is the pointer to the vtable, for which that is enough.
    unsafe { ComPtr::from_non_null(NonNull::from(&DEAF.0)) }
}

/// Whether it is this one.
pub(super) fn is_deaf(callback: &ComPtr<IMAPISyncProgressCallback>) -> bool {
    core::ptr::eq(callback.as_raw(), &DEAF.0)
}

/// Nobody gets hold of it but the job, which asks it for nothing.
unsafe extern "system" fn query_interface(
    _: *mut IUnknown,
    _: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    if ppv.is_null() {
        return HRESULT::E_POINTER;
    }
    // SAFETY: `ppv` is not NULL, so it is valid for a write, says COM.
    unsafe { ppv.write_unaligned(core::ptr::null_mut()) };
    HRESULT::E_NOINTERFACE
}

unsafe extern "system" fn count(_: *mut IUnknown) -> u32 {
    1
}

unsafe extern "system" fn progress(
    _: *mut IMAPISyncProgressCallback,
    _: *const u16,
    _: u32,
    _: u32,
) -> HRESULT {
    HRESULT::S_OK
}

unsafe extern "system" fn error(
    _: *mut IMAPISyncProgressCallback,
    _: HRESULT,
    _: *const u16,
) -> HRESULT {
    HRESULT::S_OK
}

/// The handle stays whose it is: with no callback to hand it to, that is the caller of `SynchronizeInBackground`.
unsafe extern "system" fn done(
    _: *mut IMAPISyncProgressCallback,
    _: HANDLE,
    _: HRESULT,
) -> HRESULT {
    HRESULT::S_OK
}
