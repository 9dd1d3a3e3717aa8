//! `QueryInterface` of another object, called on behalf of a caller that relies on COM's rules.
//!
//! An outer asks its inners, and an inner asks its outer. Either may be foreign and may break the rules. The caller that gets
//! the result knows nothing of that object, so the result is checked here: success comes with a pointer, failure with NULL.

use crate::abi::{GUID, HRESULT, IUnknown};
use core::ffi::c_void;
use core::ptr;

/// Asks `object` for `iid`. On success `*found` is a pointer that owns a reference; otherwise it is NULL.
///
/// A failing object must have stored NULL. Anything else that it left behind is not a reference and is dropped. Success with
/// NULL becomes `E_NOINTERFACE`.
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
    // SAFETY: the object is alive, as the caller promises, and slot 0 of every vtable is QueryInterface. Both arguments are
    // references, so they are valid and aligned.
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

/// Runs `query` with the arguments of a `QueryInterface` call, and stores what it found. NULL arguments fail with
/// `E_POINTER`. `query` gets valid and aligned references, wherever the caller's arguments lie.
///
/// # Safety
///
/// `riid` must be NULL or valid for a read, and `ppv` NULL or valid for a write, at any address.
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
        // SAFETY: `riid` is not NULL, so the caller promises that it can be read.
        query(&unsafe { riid.read_unaligned() }, &mut found)
    };
    // SAFETY: `ppv` is not NULL, so the caller promises that it can be written.
    unsafe { ppv.write_unaligned(found) };
    code
}
