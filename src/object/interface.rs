//! `Interface` declares a COM interface, and `ImplementedBy` supplies its vtables.

use crate::abi::{
    GUID, HRESULT, IID_IMAPISession, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown,
    IMAPISession, IMAPISessionVtbl, IMAPISync, IMAPISyncProgressCallback,
    IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl, IUnknown, IUnknownVtbl,
};
use crate::error::Error;
use core::any::type_name;

/// A COM interface: a C struct whose only field is the pointer to its vtable.
///
/// [`com_interface!`](crate::com_interface) declares an interface and implements this trait. By
/// hand, implement it for a struct whose vtable begins with that of its base:
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
/// mapisync::vtable_layout! { ICounterVtbl { base: IUnknownVtbl, Increase } } // checks the slots
///
/// // SAFETY: `ICounter` is one pointer to its vtable, which begins with that of its base.
/// unsafe impl Interface for ICounter {
///     type Vtbl = ICounterVtbl;
///     type Base = IUnknown;
///     const IID: GUID = GUID::from_u128(0x6B1F3C8E_9D53_4F0B_8E2A_51D7C0A9E3F4);
/// }
/// ```
///
/// # Safety
///
/// - `Self` must be `#[repr(C)]` or `#[repr(transparent)]`, and must consist of one pointer to a
///   `Vtbl`.
/// - `Vtbl` must be `#[repr(C)]`, must have the alignment of a pointer, and must begin with the
///   vtable of `Base`.
/// - The rest of `Vtbl` must be `extern "system"` function pointers in the order of the interface's
///   vtable slots. It may be incomplete if the interface is only called, never implemented.
/// - The chain of `Base` types must end at `IUnknown`.
/// - `IID` must identify this interface and no other. Every object that returns an interface for
///   this IID from `QueryInterface` must return one with this vtable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a COM interface",
    label = "`unsafe impl Interface` is missing, which declares the vtable and the IID"
)]
#[doc(alias = "IUnknown")]
pub unsafe trait Interface: Sized + 'static {
    /// The vtable, which begins with the vtable of `Base`.
    type Vtbl: 'static;

    /// The interface that this one extends: `IUnknown`, if it extends no other.
    type Base: Interface;

    /// The identifier to pass to `QueryInterface`.
    const IID: GUID;
}

/// An interface whose objects may be called and released on any thread.
///
/// [`ComPtr<I>`](crate::ComPtr) and [`ComRef<I>`](crate::ComRef) are `Send` and `Sync` if `I` is
/// `FreeThreaded`. The MAPI interfaces are `FreeThreaded`, because MAPI is documented so. A bare
/// `IUnknown` is not: its object may live in a single-threaded apartment.
///
/// ```
/// fn is_send<T: Send>() {}
/// is_send::<mapisync::ComPtr<mapisync::abi::IMAPISync>>();
/// ```
///
/// # Safety
///
/// Every object with this interface must accept calls on any thread, and on several threads at
/// once. This includes the methods of `IUnknown`. It also includes every interface that
/// `QueryInterface` returns, because the thread that has the pointer calls that one, too.
///
/// A thread may have to prepare for calls, for instance by `MAPIInitialize`. The interface may be
/// `FreeThreaded` if a call without this preparation fails and does no damage.
#[diagnostic::on_unimplemented(
    message = "objects behind `{Self}` may belong to one thread",
    label = "`{Self}` is not marked `FreeThreaded`, so a pointer to it stays on its thread"
)]
pub unsafe trait FreeThreaded: Interface {}

/// The vtable of this interface in objects with payload `T`, where the interface is element `INDEX`
/// of `T::Interfaces`.
///
/// The crate implements it for `IMAPISync`, for every [`Class`](crate::Class) that implements
/// [`MapiSync`]. The same holds for `IMAPISyncProgressCallback` and [`MapiSyncProgressCallback`].
/// [`com_interface!`](crate::com_interface) implements it for your own interface. To do it by hand,
/// write the vtable yourself. [`Thunk`](crate::Thunk) supplies its three `IUnknown` functions, and
/// finds the payload of `this`.
///
/// ```
/// use mapisync::abi::{IUnknown, IUnknownVtbl};
/// use mapisync::{Class, ComObject, GUID, HRESULT, ImplementedBy, Interface, Result, Thunk};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// #[repr(C)]
/// struct ICounter {
///     vtbl: *const ICounterVtbl,
/// }
///
/// #[repr(C)]
/// struct ICounterVtbl {
///     base: IUnknownVtbl,
///     increase: unsafe extern "system" fn(this: *mut ICounter, by: u32) -> HRESULT,
/// }
///
/// // SAFETY: one pointer to a vtable that begins with IUnknown's, under its own IID.
/// unsafe impl Interface for ICounter {
///     type Vtbl = ICounterVtbl;
///     type Base = IUnknown;
///     const IID: GUID = GUID::from_u128(0x6B1F3C8E_9D53_4F0B_8E2A_51D7C0A9E3F4);
/// }
///
/// /// The safe form of the interface. The `impl` below supplies the vtable of every class with it.
/// trait Counter: Class {
///     fn increase(&self, by: u32) -> Result<()>;
/// }
///
/// // SAFETY: the IUnknown slots are `Thunk`'s, and `increase` has the documented signature.
/// unsafe impl<T: Counter, const INDEX: usize> ImplementedBy<T, INDEX> for ICounter {
///     const VTABLE: &'static ICounterVtbl =
///         &ICounterVtbl { base: Thunk::<T, INDEX>::UNKNOWN, increase: increase::<T, INDEX> };
/// }
///
/// unsafe extern "system" fn increase<T: Counter, const INDEX: usize>(
///     this: *mut ICounter,
///     by: u32,
/// ) -> HRESULT {
///     // SAFETY: `this` comes from this vtable, so it points to interface `INDEX` of a live object.
///     unsafe { Thunk::<T, INDEX>::call(this, |counter| counter.increase(by)) }
/// }
///
/// struct Total(AtomicU32);
///
/// impl Class for Total {
///     type Interfaces = (ICounter,);
/// }
///
/// impl Counter for Total {
///     fn increase(&self, by: u32) -> Result<()> {
///         self.0.fetch_add(by, Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// let object = ComObject::new(Total(AtomicU32::new(40)));
/// let counter = object.cast::<ICounter>()?;
/// // SAFETY: `counter` is a live ICounter.
/// let code = unsafe { ((*counter.vtbl()).increase)(counter.as_raw(), 2) };
/// assert_eq!((code, object.0.load(Ordering::Relaxed)), (HRESULT::S_OK, 42));
/// # Ok::<(), mapisync::Error>(())
/// ```
///
/// # Safety
///
/// - [`Interface::Vtbl`] must declare all vtable slots of the interface.
/// - The `IUnknown` slots of the vtable must be
///   [`Thunk::<T, INDEX>::UNKNOWN`](crate::Thunk::UNKNOWN).
/// - Every other function must meet the interface's contract if `this` points to interface `INDEX`
///   of an object with payload `T`. It must not unwind, and must accept calls on any thread and on
///   several threads at once.
/// - A function that adds or releases a reference to its own object must call the vtable of `this`,
///   as [`ComPtr`](crate::ComPtr) does. It must not call the functions of [`Thunk`](crate::Thunk),
///   because an aggregated object has other functions in these slots.
#[doc = std_links!()]
#[diagnostic::on_unimplemented(
    message = "`{T}` has no vtable for the interface `{Self}`, element {INDEX} of its list",
    label = "listed in `Class::Interfaces`, but not `ImplementedBy<{T}, {INDEX}>`",
    note = "for your own interface write `unsafe impl<const INDEX: usize> ImplementedBy<{T}, INDEX> for {Self}`; \
            for IMAPISync implement `MapiSync`, for IMAPISyncProgressCallback `MapiSyncProgressCallback`"
)]
pub unsafe trait ImplementedBy<T, const INDEX: usize>: Interface {
    /// The vtable.
    const VTABLE: &'static Self::Vtbl;
}

/// Returns whether `iid` identifies `I` or an interface that `I` extends. It is false for
/// `IUnknown`. An object that lists `IMsgStore` is thus also found as `IMAPIProp`.
///
/// An object returns one pointer for `IUnknown`, whichever interface `QueryInterface` is called on.
#[inline(always)]
pub(super) fn is_or_extends<I: Interface>(iid: &GUID) -> bool {
    I::IID != IID_IUnknown && (*iid == I::IID || is_or_extends::<I::Base>(iid))
}

/// Checks, at compile time, the parts of `Interface`'s contract that the compiler can see:
///
/// - The interface is one pointer.
/// - Its vtable is aligned like a pointer. It is a whole number of pointers, and at least as long
///   as the vtable of its base. An aggregated object copies the vtable pointer by pointer.
pub(super) const fn assert_contract<I: Interface>() {
    const POINTER: usize = size_of::<*const ()>();
    assert!(
        size_of::<I>() == POINTER && align_of::<I>() == align_of::<*const ()>(),
        "an interface must consist of one pointer, which points to its vtable"
    );
    assert!(
        align_of::<I::Vtbl>() == align_of::<*const ()>() && size_of::<I::Vtbl>() % POINTER == 0,
        "a vtable must consist of function pointers and must have the alignment of a pointer"
    );
    assert!(
        size_of::<I::Vtbl>() >= size_of::<<I::Base as Interface>::Vtbl>()
            && size_of::<I::Vtbl>() >= size_of::<IUnknownVtbl>(),
        "a vtable must begin with the whole vtable of its base"
    );
}

/// The error for a `QueryInterface` for `I` that failed with `code`.
#[inline]
pub(super) fn query_interface_error<I: Interface>(code: HRESULT) -> Error {
    Error::QueryInterface { interface: type_name::<I>(), iid: I::IID, code }
}

/// The error for a call that returned success and NULL instead of an `I`.
#[inline]
pub(super) fn null_interface_error<I: Interface>() -> Error {
    Error::NullInterface { interface: type_name::<I>(), iid: I::IID }
}

// SAFETY: `repr(C)`, one pointer to the three documented slots, with which every vtable begins. It
// is its own base and so ends every chain. The IID is the documented one.
unsafe impl Interface for IUnknown {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IUnknown;
}

// SAFETY: `repr(C)`, one pointer to the documented vtable of four slots, of which the first three
// are those of its base, IUnknown. The IID is the documented one.
unsafe impl Interface for IMAPISync {
    type Vtbl = IMAPISyncVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IMAPISync;
}

// SAFETY: `repr(C)`, one pointer to the documented vtable of six slots, of which the first three
// are those of its base, IUnknown. The IID is the documented one.
unsafe impl Interface for IMAPISyncProgressCallback {
    type Vtbl = IMAPISyncProgressCallbackVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IMAPISyncProgressCallback;
}

// SAFETY: `repr(C)`, one pointer to the first three slots of the documented vtable, which are those
// of its base, IUnknown. The IID is the documented one.
unsafe impl Interface for IMAPISession {
    type Vtbl = IMAPISessionVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_IMAPISession;
}

// SAFETY: MAPI is documented as free-threaded: its objects, store providers' included, are called
// on any thread.
unsafe impl FreeThreaded for IMAPISync {}
// SAFETY: objects used as callbacks are documented as being assumed thread-safe.
unsafe impl FreeThreaded for IMAPISyncProgressCallback {}
// SAFETY: MAPI is documented as free-threaded, its session included. A thread that uses a session
// must call MAPIInitialize. The crate assumes that a Release without it does no damage, because no
// source says that it does. `SyncRequest::session` documents what the store must do.
unsafe impl FreeThreaded for IMAPISession {}
