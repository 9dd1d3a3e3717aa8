//! `IMAPISession`, reduced to the methods of `IUnknown`, because this crate calls no others.

use super::IUnknownVtbl;

/// The MAPI session that Outlook passes with a request.
///
/// Only the three slots of `IUnknown` are declared, because this crate only counts references to a
/// session. To call other methods, cast the raw pointer to a full declaration of the interface,
/// such as that of the crate `outlook-mapi-sys`. The calling thread must have called
/// `MAPIInitialize`.
///
/// ```
/// use mapisync::abi::{IMAPISessionVtbl, IUnknownVtbl};
/// assert_eq!(size_of::<IMAPISessionVtbl>(), size_of::<IUnknownVtbl>());
/// ```
///
/// Source:
/// [IMAPISession](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisessioniunknown).
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case)]
pub struct IMAPISession {
    /// The vtable.
    pub lpVtbl: *const IMAPISessionVtbl,
}

/// The first three slots of a session's vtable. The real vtable has more.
///
/// ```
/// use mapisync::abi::IMAPISessionVtbl;
/// assert_eq!(std::mem::offset_of!(IMAPISessionVtbl, base), 0);
/// ```
///
/// Source:
/// [IMAPISession](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisessioniunknown).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct IMAPISessionVtbl {
    /// Slots 0 to 2.
    pub base: IUnknownVtbl,
}
