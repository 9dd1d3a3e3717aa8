//! `Class`: which interfaces a Rust type exposes, and where their vtables come from.

use crate::abi::IUnknown;
use crate::object::aggregation::delegating::Delegating;
use crate::object::asked::Asked;
use crate::object::interface::{answers_for, assert_contract};
use crate::object::{Interface, Thunk};

/// A Rust type whose objects expose one COM interface or several.
///
/// A type that implements nothing but [`MapiSync`](crate::MapiSync) or the callback trait does not need it:
/// `ComPtr::<IMAPISync>::new` does the rest. `Class` is for a value that shows more than one interface, for instance a
/// message store of which Outlook expects both `IMsgStore` and `IMAPISync`.
///
/// ```
/// use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
/// use mapisync::{Class, ComObject, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncRequest};
///
/// struct Both;
///
/// impl Class for Both {
///     type Interfaces = (IMAPISync, IMAPISyncProgressCallback);
/// }
///
/// impl MapiSync for Both {
///     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// impl MapiSyncProgressCallback for Both {
///     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
///         Ok(())
///     }
///     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
///         Ok(())
///     }
///     fn done(&self, _: HRESULT) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// let object = ComObject::new(Both);
/// let sync = object.cast::<IMAPISync>()?;
/// let callback = sync.cast::<IMAPISyncProgressCallback>()?;
/// assert!(callback.is_same_object(&sync));
/// # Ok::<(), mapisync::Error>(())
/// ```
///
/// An object that lists `IMAPISyncProgressCallback` can serve several runs, and so it cannot tell a second `Done` of one run from
/// the first of another: each closes the handle that comes with it. Only the callback objects of `SyncHost` refuse a second
/// `Done`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which COM interfaces it exposes",
    note = "implement `Class` for it: `type Interfaces = (IMAPISync, …);`"
)]
pub trait Class: Sized + Send + Sync + 'static {
    /// The interfaces, a tuple of one to eight; for each of them `Self` is [`Implements`]. The order does not matter
    /// to callers.
    type Interfaces: InterfaceList<Self>;
}

/// The vtable with which objects of this type answer as interface `I`, at the index `INDEX` of their list.
///
/// The crate implements it for its own interfaces wherever [`MapiSync`](crate::MapiSync) or
/// [`MapiSyncProgressCallback`](crate::MapiSyncProgressCallback) is implemented. For an interface that you laid by hand
/// you write it yourself; [`Thunk`] supplies the three `IUnknown` slots and the way from `this` to the payload.
///
/// ```
/// use mapisync::abi::{IUnknown, IUnknownVtbl};
/// use mapisync::{Class, ComObject, GUID, HRESULT, Implements, Interface, Thunk};
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
/// // SAFETY: one pointer to a vtable that begins with IUnknown's, under an IID of its own.
/// unsafe impl Interface for ICounter {
///     type Vtbl = ICounterVtbl;
///     type Base = IUnknown;
///     const IID: GUID = GUID::from_u128(0x6B1F3C8E_9D53_4F0B_8E2A_51D7C0A9E3F4);
/// }
///
/// struct Counter(AtomicU32);
///
/// impl Class for Counter {
///     type Interfaces = (ICounter,);
/// }
///
/// // SAFETY: the IUnknown slots are `Thunk`'s, and `increase` has the documented signature and uses this index.
/// unsafe impl<const INDEX: usize> Implements<ICounter, INDEX> for Counter {
///     const VTABLE: &'static ICounterVtbl =
///         &ICounterVtbl { base: Thunk::<Counter, INDEX>::UNKNOWN, increase: increase::<INDEX> };
/// }
///
/// unsafe extern "system" fn increase<const INDEX: usize>(this: *mut ICounter, by: u32) -> HRESULT {
///     // SAFETY: only the vtable of this index holds this function, so `this` is a live Counter's interface there.
///     unsafe { Thunk::<Counter, INDEX>::call(this, |counter| Ok(drop(counter.0.fetch_add(by, Ordering::Relaxed)))) }
/// }
///
/// let object = ComObject::new(Counter(AtomicU32::new(40)));
/// let counter = object.cast::<ICounter>()?;
/// // SAFETY: `counter` is a live ICounter.
/// let answer = unsafe { ((*counter.vtbl()).increase)(counter.as_raw(), 2) };
/// assert_eq!((answer, object.0.load(Ordering::Relaxed)), (HRESULT::S_OK, 42));
/// # Ok::<(), mapisync::Error>(())
/// ```
///
/// # Safety
///
/// [`Interface::Vtbl`] is declared with all of the interface's slots. The `IUnknown` slots of the vtable are
/// [`Thunk::<Self, INDEX>::UNKNOWN`](Thunk::UNKNOWN), and each of its other functions keeps the interface's contract for a
/// `this` that is interface number `INDEX` of an object of this type, does not unwind, and may be called on any thread and
/// on several at once. References to the object itself are taken and given back through `this`'s own vtable, as
/// [`ComPtr`](crate::ComPtr) does, never by calling those of [`Thunk`]: inside an aggregate the vtable has others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no vtable for the interface `{I}`, number {INDEX} of its list",
    label = "listed in `Class::Interfaces`, but `Implements<{I}, {INDEX}>` is missing",
    note = "for an interface of your own write `unsafe impl<const INDEX: usize> Implements<{I}, INDEX> for {Self}`; \
            for IMAPISync implement `MapiSync`, for IMAPISyncProgressCallback `MapiSyncProgressCallback`"
)]
pub unsafe trait Implements<I: Interface, const INDEX: usize>: Class {
    /// The vtable. The example above lays one.
    const VTABLE: &'static I::Vtbl;
}

// SAFETY: the vtable consists of `Thunk`'s three slots and nothing else.
unsafe impl<T: Class, const INDEX: usize> Implements<IUnknown, INDEX> for T {
    const VTABLE: &'static crate::abi::IUnknownVtbl = &Thunk::<T, INDEX>::UNKNOWN;
}

/// A tuple of one to eight interfaces, for each of which `T` has a vtable. Implemented by this crate alone.
///
/// ```
/// use mapisync::abi::{IMAPISync, IUnknown};
/// use mapisync::{Class, MapiSync, Result, SyncRequest};
///
/// struct Store;
/// impl Class for Store {
///     type Interfaces = (IUnknown, IMAPISync);
/// }
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of interfaces that `{T}` exposes",
    note = "write a tuple of one to eight interfaces, `(IMAPISync,)` for one"
)]
pub trait InterfaceList<T>: private::List<T> {}

/// What only this crate needs to know of a list.
pub(crate) mod private {
    use super::Asked;

    pub trait List<T>: 'static {
        /// The vtable pointers of an object, in the order of the list.
        type Slots: 'static;
        const SLOTS: Self::Slots;
        /// The same for an object inside another, whose `IUnknown` methods are the outer's.
        const DELEGATING: Self::Slots;

        /// Goes on with the index whose interface is asked for, `IUnknown` aside, or with none. `found` is called in a place of
        /// its own for each index, where the compiler knows which that is.
        fn find<R>(asked: Asked<'_>, found: impl Fn(usize) -> R, none: impl FnOnce() -> R) -> R;
    }
}

/// A slot of an object: the pointer to the vtable of one of its interfaces.
pub(crate) type Slot = *const core::ffi::c_void;

macro_rules! lists {
    ($(($($interface:ident $index:literal),+) $count:literal;)+) => {$(
        impl<T, $($interface: Interface),+> InterfaceList<T> for ($($interface,)+)
        where
            T: $(Implements<$interface, $index> +)+
        {}

        impl<T, $($interface: Interface),+> private::List<T> for ($($interface,)+)
        where
            T: $(Implements<$interface, $index> +)+
        {
            type Slots = [Slot; $count];
            const SLOTS: [Slot; $count] = {
                $(assert_contract::<$interface>();)+
                [$((&raw const *<T as Implements<$interface, $index>>::VTABLE).cast()),+]
            };
            const DELEGATING: [Slot; $count] = [$(Delegating::<T, $interface, $index>::SLOT),+];

            #[inline(always)]
            fn find<R>(asked: Asked<'_>, found: impl Fn(usize) -> R, none: impl FnOnce() -> R) -> R {
                $(if answers_for::<$interface, $index>(asked) {
                    return found($index);
                })+
                none()
            }
        }
    )+};
}

lists! {
    (A 0) 1;
    (A 0, B 1) 2;
    (A 0, B 1, C 2) 3;
    (A 0, B 1, C 2, D 3) 4;
    (A 0, B 1, C 2, D 3, E 4) 5;
    (A 0, B 1, C 2, D 3, E 4, F 5) 6;
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6) 7;
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7) 8;
}
