//! `IMAPISession`, as far as this crate needs it: a counted object, opaque behind its `IUnknown` prefix.

use super::IUnknownVtbl;

/// The MAPI session that Outlook passes along with a request.
///
/// Only the three `IUnknown` slots are declared, since counting is all that this crate does with a session. A store
/// that calls it casts the raw pointer to its own declaration of the interface (`outlook-mapi`'s, say), on a thread
/// that has called `MAPIInitialize`.
///
/// ```
/// use mapisync::abi::{IMAPISessionVtbl, IUnknownVtbl};
/// assert_eq!(size_of::<IMAPISessionVtbl>(), size_of::<IUnknownVtbl>());
/// ```
///
/// Source: [IMAPISession](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisessioniunknown).
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case)]
pub struct IMAPISession {
    /// The vtable.
    pub lpVtbl: *const IMAPISessionVtbl,
}

/// The first three slots of a session's vtable; the real one goes on behind them.
///
/// ```
/// use mapisync::abi::IMAPISessionVtbl;
/// assert_eq!(std::mem::offset_of!(IMAPISessionVtbl, base), 0);
/// ```
///
/// Source: [IMAPISession](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisessioniunknown).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct IMAPISessionVtbl {
    /// Slots 0 to 2.
    pub base: IUnknownVtbl,
}
