//! `InnerObject`: a reference to an object of this crate inside a foreign outer.

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

/// An owned reference to an inner with payload `T`, through its non-delegating `IUnknown`. The
/// outer keeps it.
///
/// It dereferences to the payload. Dropping it releases the reference. The outer drops it in its
/// destructor, which drops the payload.
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
/// /// For a store in C++. It keeps `*inner`, and queries it for interfaces that it does not have.
/// unsafe extern "C" fn make_inner(outer: NonNull<IUnknown>, inner: &mut *mut IUnknown) {
///     // SAFETY: the store is free-threaded, and releases the inner in its destructor.
///     *inner = unsafe { InnerObject::new(outer, Sync) }.into_raw();
/// }
/// ```
#[must_use = "dropping it releases the reference"]
pub struct InnerObject<T: Class> {
    /// Invariant: a live inner, to whose non-delegating `IUnknown` `self` owns a reference.
    inner: NonNull<InnerBox<T>>,
    /// The layout of the inner depends on `T` itself, so `T` must be invariant.
    payload: PhantomData<fn(T) -> T>,
}

impl<T: Class> InnerObject<T> {
    /// Makes an inner with the controlling unknown `outer`. It allocates once. The result owns the
    /// only reference to the non-delegating `IUnknown`.
    ///
    /// Effect on the outer's count: none. The inner holds no reference to its outer. Every
    /// interface that the inner returns later is a reference to the outer.
    ///
    /// A class with an interface of more than 256 slots does not compile here.
    ///
    /// ```
    /// # use mapisync::{Class, ExclusiveRun, InnerObject, MapiSync, Result, SyncRequest};
    /// # use mapisync::abi::{IMAPISync, IUnknown};
    /// use std::ptr::NonNull;
    ///
    /// #[derive(Default)]
    /// struct Sync {
    ///     run: ExclusiveRun,
    /// }
    /// # impl Class for Sync { type Interfaces = (IMAPISync,); }
    /// # impl MapiSync for Sync {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         self.run.spawn(request, |job| job.position(1, 1))
    /// #     }
    /// # }
    ///
    /// /// Called by the constructor of a store that another language implements.
    /// unsafe fn aggregate(store: NonNull<IUnknown>) -> InnerObject<Sync> {
    ///     // SAFETY: the store is free-threaded, and releases the inner in its destructor.
    ///     unsafe { InnerObject::new(store, Sync::default()) }
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// - `outer` must point to the `IUnknown` of an object, and must derive from a pointer that the
    ///   object returned, not from a Rust reference.
    /// - The contract of [`ComPtr::from_raw`] must hold for the object, except that no reference is
    ///   needed or given up. Its `IUnknown` must be free-threaded.
    /// - The outer must outlive the inner.
    /// - The last reference to the non-delegating `IUnknown` must not be released while a caller
    ///   holds one of the inner's interfaces. An outer ensures this if it releases the inner in its
    ///   destructor and returns no interface there.
    /// - The outer's `IUnknown` must be callable until the inner is destroyed, even in the outer's
    ///   destructor. There, `QueryInterface` must return, and a pair of `AddRef` and `Release` must
    ///   not destroy the outer again. An outer in Rust must therefore access the inner by the
    ///   pointer of [`into_raw`](InnerObject::into_raw), not by a field that is being dropped.
    /// - The payload's `Drop` may call only the `IUnknown` methods of the inner's interfaces. It
    ///   must release every reference that it adds, and must not leave one in the payload of a
    ///   panic.
    /// - The outer's `QueryInterface` must return the inner's interfaces for `T::Interfaces`. For
    ///   `IUnknown` it must return the outer's own, and never the inner's.
    #[doc(alias = "pUnkOuter")]
    pub unsafe fn new(outer: NonNull<IUnknown>, payload: T) -> InnerObject<T> {
        InnerObject {
            inner: InnerBox::allocate::<Delegating<T>>(outer, payload),
            payload: PhantomData,
        }
    }

    /// Returns the inner's interface `I`. The result is a reference to the *outer*.
    ///
    /// Effect on the counts: + 1 on the outer's, owned by the result; none on failure. An outer
    /// that keeps the result keeps itself alive. The result must be dropped before `self`.
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
    /// in `T::Interfaces`. For `IUnknown`, call `QueryInterface` of the outer.
    #[doc(alias = "QueryInterface")]
    pub fn cast<I: Interface>(&self) -> Result<ComPtr<I>> {
        // SAFETY: the inner is alive while `self` owns its reference.
        let interface = unsafe { InnerBox::find(self.inner.as_ptr(), &I::IID) };
        let interface =
            interface.ok_or_else(|| query_interface_error::<I>(HRESULT::E_NOINTERFACE))?;
        // SAFETY: this is the inner's interface `I`, which owns a new reference to the outer. Its
        // own methods meet the contract of `ImplementedBy`. Those of IUnknown are the outer's,
        // which are free-threaded and do not unwind, by the contract of `new`; so are all
        // interfaces that they reach.
        Ok(unsafe { ComPtr::from_non_null(interface.cast()) })
    }

    /// Calls `QueryInterface` of the inner's non-delegating `IUnknown`. The outer's
    /// `QueryInterface` must call this for the interfaces that the outer does not have, and never
    /// for `IUnknown`.
    ///
    /// Effect on the counts: + 1 on the outer's for an interface in `T::Interfaces`, + 1 on the
    /// inner's for `IUnknown`.
    ///
    /// ```
    /// # use mapisync::{Class, GUID, HRESULT, InnerObject};
    /// # use std::ffi::c_void;
    /// /// The last step of the outer's `QueryInterface`, for an IID that it does not know.
    /// unsafe fn query_inner<T: Class>(
    ///     inner: &InnerObject<T>,
    ///     riid: *const GUID,
    ///     ppv: *mut *mut c_void,
    /// ) -> HRESULT {
    ///     // SAFETY: COM requires the outer's caller to pass valid arguments.
    ///     unsafe { inner.query_interface(riid, ppv) }
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// `riid` must be NULL or valid for a read, and `ppv` NULL or valid for a write, at any
    /// address.
    #[doc(alias = "QueryInterface")]
    pub unsafe fn query_interface(&self, riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
        // SAFETY: the inner is alive while `self` owns its reference. The arguments are NULL or
        // valid, by this function's contract.
        unsafe { InnerBox::<T>::query_interface(self.inner.as_ptr(), riid, ppv) }
    }

    /// Converts to an `IUnknown *` that owns the reference, for an outer that is not written in
    /// Rust.
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

    /// Takes over a reference, such as that of a pointer from [`into_raw`](InnerObject::into_raw).
    ///
    /// Effect on the inner's count: none.
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
    /// `raw` must be the non-delegating `IUnknown` of an inner with payload `T`, as
    /// [`into_raw`](InnerObject::into_raw) or its `QueryInterface` returned it. The caller must own
    /// a reference to it, which it gives up.
    pub unsafe fn from_raw(raw: *mut IUnknown) -> InnerObject<T> {
        InnerObject {
            // SAFETY: an object's pointer is not NULL. The non-delegating IUnknown is at the
            // address of the allocation.
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
    /// Effect on the inner's count: - 1. At 0 no caller may hold one of the inner's interfaces, by
    /// the contract of [`new`](InnerObject::new).
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
