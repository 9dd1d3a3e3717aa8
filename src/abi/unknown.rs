//! `IUnknown`, the base of every interface.

use super::{GUID, HRESULT};
use core::ffi::c_void;

/// The interface that every COM object has. It counts references and returns the object's other
/// interfaces.
///
/// This is the C struct, a pointer to the vtable. Such a struct is part of an object and is used
/// only through a pointer. [`ComPtr<IUnknown>`](crate::ComPtr) owns one reference, and
/// [`ComRef`](crate::ComRef) borrows.
///
/// ```
/// use mapisync::abi::{IUnknown, IUnknownVtbl};
/// assert_eq!(size_of::<IUnknown>(), size_of::<*const IUnknownVtbl>());
/// ```
///
/// Source: [IUnknown](https://learn.microsoft.com/windows/win32/api/unknwn/nn-unknwn-iunknown).
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case)]
pub struct IUnknown {
    /// The vtable.
    pub lpVtbl: *const IUnknownVtbl,
}

/// The vtable of `IUnknown`, which forms slots 0 to 2 of every vtable.
///
/// ```
/// use mapisync::abi::IUnknownVtbl;
/// assert_eq!(std::mem::offset_of!(IUnknownVtbl, Release), 2 * size_of::<usize>());
/// ```
///
/// Source: [IUnknown](https://learn.microsoft.com/windows/win32/api/unknwn/nn-unknwn-iunknown).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_snake_case)]
pub struct IUnknownVtbl {
    /// Slot 0. Writes a pointer to the object's interface `riid` to `*ppv`, with a reference for
    /// the caller, and returns `S_OK`. If the object does not have the interface, it writes NULL
    /// and returns `E_NOINTERFACE`. If `ppv` is NULL, it returns `E_POINTER`.
    pub QueryInterface: unsafe extern "system" fn(
        this: *mut IUnknown,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT,
    /// Slot 1. Adds a reference and returns the new count, which is only for tests.
    pub AddRef: unsafe extern "system" fn(this: *mut IUnknown) -> u32,
    /// Slot 2. Releases a reference and returns the new count. At 0 the object no longer exists.
    pub Release: unsafe extern "system" fn(this: *mut IUnknown) -> u32,
}
