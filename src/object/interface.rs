//! What makes a type an interface.

use crate::abi::{
    GUID, IID_IMAPISession, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown,
    IMAPISession, IMAPISessionVtbl, IMAPISync, IMAPISyncProgressCallback,
    IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl, IUnknown, IUnknownVtbl,
};

/// A COM interface: a C struct that holds nothing but the pointer to its vtable.
///
/// Users lay interfaces of their own with it, base first:
///
/// ```
/// use mapisync::abi::{IUnknown, IUnknownVtbl};
/// use mapisync::{GUID, HRESULT, Interface};
///
/// #[repr(C)]
/// struct ICounter {
///     vtbl: *const ICounterVtbl,
/// }
///
/// #[repr(C)]
/// struct ICounterVtbl {
///     base: IUnknownVtbl,
///     Increase: unsafe extern "system" fn(this: *mut ICounter, by: u32) -> HRESULT,
/// }
///
/// // SAFETY: `ICounter` is one pointer to its vtable, the vtable begins with its base's, and the IID is its own.
/// unsafe impl Interface for ICounter {
///     type Vtbl = ICounterVtbl;
///     type Base = IUnknown;
///     const IID: GUID = GUID::from_u128(0x6B1F3C8E_9D53_4F0B_8E2A_51D7C0A9E3F4);
/// }
/// ```
///
/// # Safety
///
/// - `Self` is `#[repr(C)]` (or transparent) and consists of one pointer to a `Vtbl`.
/// - `Vtbl` is `#[repr(C)]`, consists of `extern "system"` function pointers in the interface's slot order, and begins
///   with `Base`'s vtable.
/// - `IID` identifies this interface and no other: any object that answers `QueryInterface` for it has that vtable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a COM interface",
    label = "no `unsafe impl Interface` says which vtable and IID it has"
)]
pub unsafe trait Interface: Sized + 'static {
    /// The table of functions, base first.
    type Vtbl: 'static;

    /// The interface that this one extends; `IUnknown`, if no other.
    type Base: Interface;

    /// The identifier that `QueryInterface` takes.
    const IID: GUID;

    /// Whether this interface or one that it extends, `IUnknown` aside, has the identifier.
    ///
    /// This is how an object that lists `IMsgStore` also answers for `IMAPIProp`. There is no need to override it.
    ///
    /// ```
    /// use mapisync::abi::{IID_IMAPISync, IID_IUnknown, IMAPISync};
    /// use mapisync::Interface;
    /// assert!(IMAPISync::extends(&IID_IMAPISync));
    /// assert!(!IMAPISync::extends(&IID_IUnknown));
    /// ```
    #[inline(always)]
    fn extends(iid: &GUID) -> bool {
        *iid == Self::IID || Self::Base::extends(iid)
    }
}

/// An interface whose objects may be called and released on any thread.
///
/// [`ComPtr`](crate::ComPtr) and [`ComRef`](crate::ComRef) of it are `Send` and `Sync`. The MAPI interfaces are marked,
/// since MAPI is documented as free-threaded; a bare `IUnknown` is not, since it may belong to an object that lives in
/// a single-threaded apartment.
///
/// ```
/// fn is_send<T: Send>() {}
/// is_send::<mapisync::ComPtr<mapisync::abi::IMAPISync>>();
/// ```
///
/// # Safety
///
/// Every object that offers the interface allows all of its methods, `IUnknown`'s included, to be called from any
/// thread and from several at once.
#[diagnostic::on_unimplemented(
    message = "objects behind `{Self}` may belong to one thread",
    label = "`{Self}` is not marked `FreeThreaded`, so a pointer to it stays on its thread"
)]
pub unsafe trait FreeThreaded: Interface {}

// SAFETY: the declarations in `abi` are one pointer each, and their vtables have IUnknown's three slots alone.
unsafe impl Interface for IUnknown {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IUnknown;

    // The end of every chain. An object answers for IUnknown apart from its interfaces, with one pointer for all.
    #[inline(always)]
    fn extends(_: &GUID) -> bool {
        false
    }
}

// SAFETY: one pointer, and the documented vtable of four slots with IUnknown's first.
unsafe impl Interface for IMAPISync {
    type Vtbl = IMAPISyncVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IMAPISync;
}

// SAFETY: one pointer, and the documented vtable of six slots with IUnknown's first.
unsafe impl Interface for IMAPISyncProgressCallback {
    type Vtbl = IMAPISyncProgressCallbackVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IMAPISyncProgressCallback;
}

// SAFETY: one pointer, and a prefix of the documented vtable, IUnknown's three slots.
unsafe impl Interface for IMAPISession {
    type Vtbl = IMAPISessionVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IMAPISession;
}

// SAFETY: MAPI is documented as free-threaded: its objects are called from any thread, store providers' included.
unsafe impl FreeThreaded for IMAPISync {}
// SAFETY: objects used as callbacks are documented as being assumed thread-safe.
unsafe impl FreeThreaded for IMAPISyncProgressCallback {}
// SAFETY: MAPI is documented as free-threaded, its session first of all.
unsafe impl FreeThreaded for IMAPISession {}
