//! `InnerObject`: an object inside a foreign one.

use crate::abi::{GUID, HRESULT, IUnknown};
use crate::error::Result;
use crate::object::aggregation::delegating::Delegating;
use crate::object::aggregation::inner_box::InnerBox;
use crate::object::interface::query_interface_error;
use crate::object::object_box::ObjectBox;
use crate::object::{Class, ComPtr, Interface};
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;

/// An owned reference to the own `IUnknown` of an inner with payload `T`: the reference that the
/// outer keeps.
///
/// It dereferences to the payload. Dropping it releases the reference. The outer does so in its
/// destructor, and the payload is dropped there.
///
/// ```
/// use mapisync::abi::{IMAPISync, IUnknown};
/// use mapisync::{Class, InnerObject, MapiSync, Result, SyncRequest};
/// use std::ptr::NonNull;
///
/// struct Sync;
///
/// impl Class for Sync {
///     type Interfaces = (IMAPISync,);
/// }
///
/// impl MapiSync for Sync {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         request.spawn(|job| job.position(1, 1))
///     }
/// }
///
/// /// For a store in C++. It keeps `*inner`, and asks it for every interface that it does not have.
/// unsafe extern "C" fn make_inner(outer: NonNull<IUnknown>, inner: &mut *mut IUnknown) {
///     // SAFETY: the store is free-threaded, and releases the inner in its destructor.
///     *inner = unsafe { InnerObject::new(outer, Sync) }.into_raw();
/// }
/// ```
pub struct InnerObject<T: Class> {
    /// Invariant: a live inner, of whose own `IUnknown` this owns a reference.
    inner: NonNull<InnerBox<T>>,
    /// The layout of the inner depends on `T` itself, so `T` must be invariant.
    payload: PhantomData<fn(T) -> T>,
}

impl<T: Class> InnerObject<T> {
    /// Makes an inner with the controlling unknown `outer`: one allocation, with a count of 1 that
    /// the result owns.
    ///
    /// Effect on the outer's count: none. The inner holds no reference to its outer. Interfaces
    /// that are handed out later are references to the outer.
    ///
    /// A class with an interface of more than 256 slots does not compile here.
    ///
    /// # Safety
    ///
    /// - `outer` must be the `IUnknown` of an object, the pointer that the object hands out, not
    ///   one made from a Rust reference to it. It must keep the promise of [`ComPtr::from_raw`]: no
    ///   method unwinds, and every [`FreeThreaded`](crate::FreeThreaded) interface that it reaches
    ///   is free-threaded. Its `IUnknown` must be free-threaded, too.
    /// - The outer must outlive the inner. The [`InnerObject`] and the last reference to the
    ///   inner's own `IUnknown` must not be released while a caller holds one of the inner's
    ///   interfaces. An outer ensures this if it releases the inner in its destructor and hands out
    ///   no interface there.
    /// - The outer's `IUnknown` must be callable until the inner is gone, in the outer's
    ///   destructor, too. `QueryInterface` must return there, and `AddRef` and `Release` in pairs
    ///   must not end the outer a second time. An outer in Rust must therefore reach its inner by
    ///   the pointer of [`into_raw`](InnerObject::into_raw), not by a field that is being dropped.
    /// - The payload's `Drop` must call no methods of the inner's interfaces but those of
    ///   `IUnknown`, because the payload is no longer whole. It must release every reference that
    ///   it takes, and must not leave one in the payload of a panic.
    /// - The outer's `QueryInterface` must return the inner's interfaces for the interfaces of `T`.
    pub unsafe fn new(outer: NonNull<IUnknown>, payload: T) -> InnerObject<T> {
        InnerObject {
            inner: InnerBox::allocate::<Delegating<T>>(outer, payload),
            payload: PhantomData,
        }
    }

    /// The inner's interface `I`, a part of the outer.
    ///
    /// Effect on the counts: + 1 on the *outer's*, owned by the result; none on failure. An outer
    /// that keeps the result keeps itself alive. The result must be dropped before `self`, as
    /// [`new`](InnerObject::new) demands.
    ///
    /// ```
    /// # use mapisync::{Class, ComPtr, InnerObject, Result, abi::IMAPISync};
    /// # fn f<T: Class>(inner: &InnerObject<T>) -> Result<()> {
    /// let sync: ComPtr<IMAPISync> = inner.cast()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::QueryInterface`](crate::Error::QueryInterface) with `E_NOINTERFACE` if `I` is not
    /// in the list. For `IUnknown`, ask the outer.
    pub fn cast<I: Interface>(&self) -> Result<ComPtr<I>> {
        // SAFETY: the inner is alive while `self` owns its reference.
        let interface = unsafe { InnerBox::find(self.inner.as_ptr(), &I::IID) };
        let interface =
            interface.ok_or_else(|| query_interface_error::<I>(HRESULT::E_NOINTERFACE))?;
        // SAFETY: this is the inner's interface `I`, as the inner hands it out, with a new
        // reference to the outer. Its own methods keep the contract of `ImplementedBy`. Those of
        // IUnknown are the outer's, which are free-threaded and do not unwind, by the contract of
        // `new`; so are all interfaces that they reach.
        Ok(unsafe { ComPtr::from_non_null(interface.cast()) })
    }

    /// `QueryInterface` of the inner's own `IUnknown`. The outer's `QueryInterface` must call it
    /// for the interfaces that the outer does not have.
    ///
    /// Effect on the counts: + 1 on the outer's for an interface of `T`'s list, + 1 on the inner's
    /// own for `IUnknown`.
    ///
    /// ```
    /// # use mapisync::{Class, GUID, HRESULT, InnerObject};
    /// # use std::ffi::c_void;
    /// /// The end of the outer's `QueryInterface`, which has returned its own interfaces already.
    /// unsafe fn otherwise<T: Class>(
    ///     inner: &InnerObject<T>,
    ///     riid: *const GUID,
    ///     ppv: *mut *mut c_void,
    /// ) -> HRESULT {
    ///     // SAFETY: COM requires valid arguments of the outer's caller.
    ///     unsafe { inner.query_interface(riid, ppv) }
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// `riid` must be NULL or valid for a read, and `ppv` NULL or valid for a write, at any
    /// address.
    pub unsafe fn query_interface(&self, riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
        // SAFETY: the inner is alive while `self` owns its reference. The arguments are NULL or
        // valid, by this function's contract.
        unsafe { InnerBox::<T>::query_interface(self.inner.as_ptr(), riid, ppv) }
    }

    /// Gives the reference to an outer that is not written in Rust, as an `IUnknown *` to be
    /// released there.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{Class, InnerObject, abi::IUnknown};
    /// # fn f<T: Class>(inner: InnerObject<T>) {
    /// let raw: *mut IUnknown = inner.into_raw();
    /// # }
    /// ```
    #[must_use = "the inner leaks unless the raw pointer is released"]
    pub fn into_raw(self) -> *mut IUnknown {
        ManuallyDrop::new(self).inner.as_ptr().cast()
    }

    /// Takes back the reference that [`into_raw`](InnerObject::into_raw) gave away.
    ///
    /// Effect on the inner's own count: none.
    ///
    /// ```
    /// # use mapisync::{Class, InnerObject, abi::IUnknown};
    /// use std::mem::ManuallyDrop;
    ///
    /// /// Runs `code` on the payload, for an outer in Rust that keeps the raw pointer.
    /// unsafe fn with_payload<T: Class>(inner: *mut IUnknown, code: impl FnOnce(&T)) {
    ///     // SAFETY: the outer owns this reference, and `ManuallyDrop` does not release it.
    ///     let inner = ManuallyDrop::new(unsafe { InnerObject::<T>::from_raw(inner) });
    ///     code(&inner);
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// `raw` must be the own `IUnknown` of an inner with payload `T`, as
    /// [`into_raw`](InnerObject::into_raw) or the inner's `QueryInterface` returned it. The caller
    /// must own a reference to it, which it gives up.
    pub unsafe fn from_raw(raw: *mut IUnknown) -> InnerObject<T> {
        InnerObject {
            // SAFETY: an object's pointer is not NULL. The own IUnknown is the address of the whole
            // allocation.
            inner: unsafe { NonNull::new_unchecked(raw.cast()) },
            payload: PhantomData,
        }
    }
}

impl<T: Class> Deref for InnerObject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the inner is alive while `self` owns its reference.
        unsafe { ObjectBox::payload(InnerBox::object(self.inner.as_ptr())) }
    }
}

impl<T: Class> Drop for InnerObject<T> {
    /// Effect on the inner's own count: - 1. At 0 no caller may hold one of the inner's interfaces,
    /// as [`new`](InnerObject::new) demands.
    fn drop(&mut self) {
        // SAFETY: `self` owns a reference and is not used again.
        unsafe { InnerBox::release(self.inner.as_ptr()) };
    }
}

impl<T: Class + fmt::Debug> fmt::Debug for InnerObject<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InnerObject").field(&**self).finish()
    }
}

// SAFETY: the count is atomic, the payload is `Send + Sync` by `Class`, and the outer's IUnknown is
// free-threaded, by the contract of `new`.
unsafe impl<T: Class> Send for InnerObject<T> {}
// SAFETY: the count is atomic, the payload is `Send + Sync` by `Class`, and the outer's IUnknown is
// free-threaded, by the contract of `new`.
unsafe impl<T: Class> Sync for InnerObject<T> {}
