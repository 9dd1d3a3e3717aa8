//! `returned`: the object that a call of MAPI returns through its out parameter.

use mapisync::{ComPtr, HRESULT, Interface, Result};

/// Takes over the object that a call has stored in its out parameter.
///
/// Effect on the count: none. Dropping the result releases the reference.
///
/// # Errors
///
/// The code of the call, or `MAPI_E_CALL_FAILED` if it succeeded and stored NULL.
///
/// # Safety
///
/// If `code` is a success code, `object` must meet the contract of [`ComPtr::from_raw`]: it must be
/// NULL, or own a reference to an object, which is free-threaded as all of MAPI is.
pub unsafe fn returned<I: Interface>(code: HRESULT, object: *mut I) -> Result<ComPtr<I>> {
    code.ok()?;
    // SAFETY: the call has succeeded, so the contract is this function's.
    unsafe { ComPtr::from_raw(object) }.ok_or(HRESULT::MAPI_E_CALL_FAILED.into())
}
