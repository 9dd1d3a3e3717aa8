//! The arguments of a `QueryInterface` call, and its rules for what a foreign object returns.

use crate::abi::{GUID, HRESULT, IUnknown};
use core::ffi::c_void;
use core::ptr;

/// Runs `query` with the arguments of a `QueryInterface` call, and stores the pointer that it
/// found, or NULL. NULL arguments fail with `E_POINTER`.
///
/// `query` gets references, which are valid and aligned wherever the caller's arguments lie. If
/// both arguments are one address, the requested IID is read before it is overwritten.
///
/// # Safety
///
/// `riid` must be NULL or valid for a read, and `ppv` NULL or valid for a write, at any address.
#[inline(always)]
pub(super) unsafe fn with_arguments(
    riid: *const GUID,
    ppv: *mut *mut c_void,
    query: impl FnOnce(&GUID, &mut *mut c_void) -> HRESULT,
) -> HRESULT {
    if ppv.is_null() {
        return HRESULT::E_POINTER;
    }
    let mut found = ptr::null_mut();
    let code = if riid.is_null() {
        HRESULT::E_POINTER
    } else {
        // SAFETY: `riid` is not NULL, so it is valid for a read, by this function's contract.
        query(&unsafe { riid.read_unaligned() }, &mut found)
    };
    // SAFETY: `ppv` is not NULL, so it is valid for a write, by this function's contract.
    unsafe { ppv.write_unaligned(found) };
    code
}

/// Asks `object`, which may be foreign and may break COM's rules, for `iid`. On success `*found` is
/// a pointer that owns a reference; otherwise it is NULL.
///
/// Aggregation calls this on behalf of a caller that knows nothing of `object`:
///
/// - A failing object must store NULL. Anything else that it leaves behind is not a reference, and
///   is dropped.
/// - Success with NULL becomes `E_NOINTERFACE`.
///
/// # Safety
///
/// `object` must point to the `IUnknown` of a live object whose methods do not unwind.
pub(super) unsafe fn query_checked(
    object: *mut IUnknown,
    iid: &GUID,
    found: &mut *mut c_void,
) -> HRESULT {
    *found = ptr::null_mut();
    // SAFETY: the object is alive, by this function's contract, and slot 0 of every vtable is
    // QueryInterface. Both arguments are references, so they are valid and aligned.
    let code = unsafe { ((*(*object).lpVtbl).QueryInterface)(object, iid, found) };
    if code.is_err() {
        *found = ptr::null_mut();
        return code;
    }
    if found.is_null() {
        return HRESULT::E_NOINTERFACE;
    }
    code
}
