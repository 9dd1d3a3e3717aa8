//! `IUnknown`, the base of every interface.

use super::{GUID, HRESULT};
use core::ffi::c_void;

/// The interface behind which any COM object stands: it is counted, and can be asked for its other interfaces.
///
/// This is the C struct, a pointer to the vtable. Values of it live inside objects and are used through pointers;
/// [`ComPtr<IUnknown>`](crate::ComPtr) owns one reference, [`ComRef`](crate::ComRef) borrows.
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

/// Slots 0 to 2 of every vtable.
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
    /// Slot 0. Writes the pointer to the interface `riid` of the same object to `*ppv`, with a reference for the
    /// caller, or NULL. Answers `S_OK`, `E_NOINTERFACE`, or `E_POINTER` where `ppv` is NULL.
    pub QueryInterface: unsafe extern "system" fn(
        this: *mut IUnknown,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT,
    /// Slot 1. Adds a reference and returns the new count, which is for tests only.
    pub AddRef: unsafe extern "system" fn(this: *mut IUnknown) -> u32,
    /// Slot 2. Gives a reference back and returns the new count; at 0 the object is gone.
    pub Release: unsafe extern "system" fn(this: *mut IUnknown) -> u32,
}
