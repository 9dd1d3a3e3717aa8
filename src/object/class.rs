//! `Class` lists the interfaces of a Rust type's COM objects.

use crate::abi::GUID;
use crate::object::Wrapped;
use crate::object::interface::{ImplementedBy, assert_contract, is_or_extends};
use core::ffi::c_void;

/// A Rust type whose objects have one or several COM interfaces.
///
/// A type that implements only [`MapiSync`], or only [`MapiSyncProgressCallback`], needs no `Class`:
/// use `ComPtr::<IMAPISync>::new`, or `ComPtr::<IMAPISyncProgressCallback>::new`. `Class` is for an
/// object with more interfaces, such as a message store from which Outlook expects both `IMsgStore`
/// and `IMAPISync`.
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
/// An object that lists `IMAPISyncProgressCallback` can serve several runs, so it cannot detect a
/// second `Done` of one run. Every `Done` closes the handle that it receives. Only the callback
/// objects of [`SyncHost`] serve one run each and refuse a second `Done`.
#[doc = std_links!()]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which COM interfaces it exposes",
    note = "implement `Class` for it: `type Interfaces = (IMAPISync, …);`"
)]
#[doc(alias = "QueryInterface")]
pub trait Class: Sized + Send + Sync + 'static {
    /// The interfaces: a tuple of one to eight, each of them
    /// [`ImplementedBy`] this type. Their order makes no difference to
    /// callers.
    type Interfaces: InterfaceList<Self>;

    /// The way to the object to whose `QueryInterface` this object forwards every IID that is not in
    /// `Interfaces`. By default there is none, and such an IID fails with `E_NOINTERFACE`.
    ///
    /// It is for an object that passes most calls on to another one, and that must not hide the
    /// interfaces which that object also has.
    ///
    /// **This breaks COM's rules of identity.** An interface of the wrapped object belongs to that
    /// object: its `QueryInterface` does not lead back to the wrapper. Use
    /// [`aggregation`](crate::aggregation) if the other object supports it.
    ///
    /// - `IUnknown`, and the interfaces that those in `Interfaces` extend, are never forwarded.
    /// - The function must always return the same object, because the interfaces of an object must
    ///   not change.
    /// - It is not called while the payload is dropped, nor for an
    ///   [`InnerObject`](crate::InnerObject), whose outer decides.
    /// - If it panics, `QueryInterface` fails with `E_UNEXPECTED`.
    ///
    /// Effect on the counts: none. A pointer that `QueryInterface` returns owns a reference to the
    /// wrapped object.
    ///
    /// ```
    /// use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
    /// use mapisync::{Class, ComObject, ComPtr, MapiSync, Result, SyncRequest, Wrapped};
    /// # use mapisync::{HRESULT, MapiSyncProgressCallback};
    /// # struct Dialog;
    /// # impl MapiSyncProgressCallback for Dialog {
    /// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
    /// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
    /// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
    /// # }
    ///
    /// struct Wrapper {
    ///     inner: ComPtr<IMAPISyncProgressCallback>,
    /// }
    ///
    /// impl Class for Wrapper {
    ///     type Interfaces = (IMAPISync,);
    ///     const WRAPPED: Option<fn(&Self) -> Wrapped<'_>> = Some(|this| Wrapped::from(&this.inner));
    /// }
    ///
    /// impl MapiSync for Wrapper {
    ///     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let inner = ComPtr::<IMAPISyncProgressCallback>::new(Dialog);
    /// let wrapper = ComObject::new(Wrapper { inner: inner.clone() });
    /// let sync: ComPtr<IMAPISync> = wrapper.cast()?; // the wrapper's own
    /// let callback: ComPtr<IMAPISyncProgressCallback> = sync.cast()?; // the wrapped object's
    /// assert!(callback.is_same_object(&inner) && !callback.is_same_object(&sync));
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    // It is a constant, so that an object which wraps nothing does no work for it.
    const WRAPPED: Option<fn(&Self) -> Wrapped<'_>> = None;
}

/// A tuple of one to eight interfaces, each of them [`ImplementedBy`] `T`.
/// Only this crate implements it.
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

/// A vtable of any interface.
pub(crate) type VtablePointer = *const c_void;

/// The private part of [`InterfaceList`].
pub(crate) mod private {
    use super::{GUID, VtablePointer};

    pub trait List<T>: 'static {
        /// An array of an object's vtable pointers, in the order of the tuple.
        type VtablePointers: 'static;

        /// The vtables of a standalone object.
        const VTABLES: &'static [Vtable];

        /// The vtable pointers of an object with the vtables of `V`.
        fn pointers<V: VtableSet>() -> Self::VtablePointers;

        /// Returns the index of the interface that `iid` identifies, and `None` for `IUnknown`.
        fn find(iid: &GUID) -> Option<usize>;
    }

    /// A vtable and the number of its slots.
    pub struct Vtable {
        pub pointer: VtablePointer,
        pub slot_count: usize,
    }

    /// A vtable for each index of a list, either the standalone or the delegating one.
    pub trait VtableSet {
        fn pointer<const INDEX: usize>() -> VtablePointer;
    }
}

macro_rules! lists {
    ($(($($interface:ident $index:literal),+) $count:literal;)+) => {$(
        impl<T, $($interface: ImplementedBy<T, $index>),+> InterfaceList<T> for ($($interface,)+) {}

        impl<T, $($interface: ImplementedBy<T, $index>),+> private::List<T> for ($($interface,)+) {
            type VtablePointers = [VtablePointer; $count];

            const VTABLES: &'static [private::Vtable] = {
                $(assert_contract::<$interface>();)+
                &[$(private::Vtable {
                    pointer: (&raw const *$interface::VTABLE).cast(),
                    slot_count: size_of::<$interface::Vtbl>() / size_of::<VtablePointer>(),
                }),+]
            };

            #[inline(always)]
            fn pointers<V: private::VtableSet>() -> [VtablePointer; $count] {
                [$(V::pointer::<$index>()),+]
            }

            #[inline(always)]
            fn find(iid: &GUID) -> Option<usize> {
                $(if is_or_extends::<$interface>(iid) {
                    return Some($index);
                })+
                None
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
