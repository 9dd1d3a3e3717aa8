//! `Wrapped`: the object to which a wrapper's `QueryInterface` forwards unknown IIDs.

use crate::abi::{GUID, HRESULT, IUnknown};
use crate::object::query_interface::query_checked;
use crate::object::{Class, ComPtr, ComRef, FreeThreaded, unwind};
use core::ffi::c_void;
use core::fmt;

/// The object that another one wraps. The function in [`Class::WRAPPED`]
/// returns it.
///
/// It is made from a pointer to a [`FreeThreaded`] interface, because every interface of the
/// wrapper may be called on any thread.
///
/// Effect on the count: none. It borrows the pointer.
///
/// ```
/// use mapisync::abi::IMAPISync;
/// use mapisync::{ComPtr, Wrapped};
///
/// fn wrapped(inner: &ComPtr<IMAPISync>) -> Wrapped<'_> {
///     inner.into()
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Wrapped<'a>(ComRef<'a, IUnknown>);

impl<'a, I: FreeThreaded> From<&'a ComPtr<I>> for Wrapped<'a> {
    /// Effect on the count: none.
    fn from(inner: &'a ComPtr<I>) -> Wrapped<'a> {
        // SAFETY: the object is alive while its owner is borrowed, and every vtable begins with
        // that of `IUnknown`. The rest of the contract holds by the invariant of `ComPtr`.
        Wrapped(unsafe { ComRef::from_raw(inner.as_raw().cast()) }.expect("it is never NULL"))
    }
}

impl fmt::Debug for Wrapped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wrapped").field(&self.0).finish()
    }
}

/// Calls `QueryInterface` of the object that `wrapped` returns. On success `*found` owns a
/// reference; otherwise it is NULL.
pub(super) fn query_wrapped<T: Class>(
    payload: &T,
    wrapped: fn(&T) -> Wrapped<'_>,
    iid: &GUID,
    found: &mut *mut c_void,
) -> HRESULT {
    match unwind::catch(|| wrapped(payload)) {
        // SAFETY: the pointer is borrowed from the payload, so the object is alive. It does not
        // unwind, by the invariant of `ComRef`.
        Ok(wrapped) => unsafe { query_checked(wrapped.0.as_raw(), iid, found) },
        Err(_panic) => HRESULT::E_UNEXPECTED,
    }
}
