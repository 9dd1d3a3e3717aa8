//! What makes a type an interface.

use crate::abi::{
    GUID, HRESULT, IID_IMAPISession, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown,
    IMAPISession, IMAPISessionVtbl, IMAPISync, IMAPISyncProgressCallback,
    IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl, IUnknown, IUnknownVtbl,
};

use crate::error::Error;
use crate::object::asked::Asked;
use core::any::type_name;

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
/// mapisync::vtable_layout! { ICounterVtbl { base: IUnknownVtbl, Increase } } // every slot is where it should be
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
///   with `Base`'s vtable. It may end before the last slot, if the interface is only called and never implemented. It must
///   have the alignment of a pointer: no `#[repr(align)]`, no field that is aligned more strictly.
/// - Following `Base` leads to `IUnknown`, never round in a circle.
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
/// Every object that offers the interface may be called on any thread and on several at once: through this interface,
/// `IUnknown`'s methods included, and through every other that `QueryInterface` gives from there, since a pointer to this
/// one is asked for those on whichever thread has it. What a thread has to do before it calls, such as `MAPIInitialize`, is
/// no reason against the mark as long as a call without it fails instead of doing damage.
#[diagnostic::on_unimplemented(
    message = "objects behind `{Self}` may belong to one thread",
    label = "`{Self}` is not marked `FreeThreaded`, so a pointer to it stays on its thread"
)]
pub unsafe trait FreeThreaded: Interface {}

/// Whether `I` or an interface that it extends, `IUnknown` aside, is asked for: this is how an object that lists
/// `IMsgStore` also answers for `IMAPIProp`. For `IUnknown` an object answers apart from its interfaces, with one pointer
/// for all of them.
#[inline(always)]
pub(super) fn answers_for<I: Interface, const INDEX: usize>(asked: Asked<'_>) -> bool {
    if I::IID == IID_IUnknown {
        return false;
    }
    let is_asked = if INDEX == 0 {
        asked.is_first(&I::IID)
    } else {
        asked.is_further(&I::IID)
    };
    is_asked || answers_for::<I::Base, INDEX>(asked)
}

/// Fails to compile unless the parts of `Interface`'s contract hold that the compiler can see: the interface is one pointer,
/// and its vtable is a whole number of words, at least those of its base. The vtables of aggregated objects are copied word by
/// word, to an address that is aligned for words.
pub(super) const fn assert_contract<I: Interface>() {
    const WORD: usize = size_of::<*const ()>();
    assert!(
        size_of::<I>() == WORD && align_of::<I>() == align_of::<*const ()>(),
        "an interface must consist of one pointer, that to its vtable"
    );
    assert!(
        align_of::<I::Vtbl>() == align_of::<*const ()>() && size_of::<I::Vtbl>() % WORD == 0,
        "a vtable must consist of function pointers and must have the alignment of a pointer"
    );
    assert!(
        size_of::<I::Vtbl>() >= size_of::<<I::Base as Interface>::Vtbl>()
            && size_of::<I::Vtbl>() >= size_of::<IUnknownVtbl>(),
        "a vtable must begin with the whole vtable of its base"
    );
}

/// The error where an object has no `I`.
#[inline]
pub(super) fn not_offered<I: Interface>(code: HRESULT) -> Error {
    Error::QueryInterface {
        interface: type_name::<I>(),
        iid: I::IID,
        code,
    }
}

/// The error where an object gives NULL for `I`.
#[inline]
pub(super) fn given_null<I: Interface>() -> Error {
    Error::NullInterface {
        interface: type_name::<I>(),
        iid: I::IID,
    }
}

// SAFETY: `repr(C)`, one pointer to the documented three slots, with which every vtable begins. It is its own base, where
// every chain ends, and the IID is the documented one.
unsafe impl Interface for IUnknown {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IUnknown;
}

// SAFETY: `repr(C)`, one pointer to the documented vtable: four slots, IUnknown's, its base's, first. The IID is its own.
unsafe impl Interface for IMAPISync {
    type Vtbl = IMAPISyncVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IMAPISync;
}

// SAFETY: `repr(C)`, one pointer to the documented vtable: six slots, IUnknown's, its base's, first. The IID is its own.
unsafe impl Interface for IMAPISyncProgressCallback {
    type Vtbl = IMAPISyncProgressCallbackVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IMAPISyncProgressCallback;
}

// SAFETY: `repr(C)`, one pointer to a prefix of the documented vtable, the three slots of its base, IUnknown. The IID is its
// own.
unsafe impl Interface for IMAPISession {
    type Vtbl = IMAPISessionVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IMAPISession;
}

// SAFETY: MAPI is documented as free-threaded: its objects are called from any thread, store providers' included.
unsafe impl FreeThreaded for IMAPISync {}
// SAFETY: objects used as callbacks are documented as being assumed thread-safe.
unsafe impl FreeThreaded for IMAPISyncProgressCallback {}
// SAFETY: MAPI is documented as free-threaded, its session first of all. Threads that use a session are told to call
// MAPIInitialize; that one which merely releases it does damage without is not documented, and is assumed not to be so.
// `SyncRequest::session` passes the duty on to the store.
unsafe impl FreeThreaded for IMAPISession {}
