//! `ComObject`: a reference to a COM object whose Rust type is known.

use crate::error::Result;
use crate::object::interface::query_interface_error;
use crate::object::object_box::ObjectBox;
use crate::object::{Class, ComPtr, Interface};
use core::fmt;
use core::marker::PhantomData;
#[cfg(feature = "std")]
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::{self, NonNull};

/// An owned reference to a COM object with payload `T`. It dereferences to the payload.
///
/// ```
/// use mapisync::abi::IMAPISync;
/// use mapisync::{Class, ComObject, MapiSync, Result, SyncRequest};
///
/// struct Store { name: &'static str }
///
/// impl Class for Store {
///     type Interfaces = (IMAPISync,);
/// }
///
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// let store = ComObject::new(Store { name: "Anna" });  // count 1
/// let sync = store.cast::<IMAPISync>()?;               // count 2
/// assert_eq!(store.name, "Anna");
/// # Ok::<(), mapisync::Error>(())
/// ```
#[must_use = "dropping it releases the reference"]
#[doc(alias("AddRef", "Release"))]
pub struct ComObject<T: Class> {
    /// Invariant: [`ObjectBox::allocate`] made the object, and `self` owns a reference to it.
    object: NonNull<ObjectBox<T>>,
    /// The layout of the object depends on `T` itself, so `T` must be invariant.
    payload: PhantomData<fn(T) -> T>,
}

impl<T: Class> ComObject<T> {
    /// Moves the payload into a new object. It allocates once. The result owns the only reference.
    ///
    /// ```
    /// # use mapisync::{Class, ComObject, abi::IUnknown};
    /// struct Plain(u8);
    /// impl Class for Plain {
    ///     type Interfaces = (IUnknown,);
    /// }
    /// assert_eq!(ComObject::new(Plain(7)).0, 7);
    /// ```
    #[inline]
    pub fn new(payload: T) -> ComObject<T> {
        ComObject { object: ObjectBox::allocate(payload), payload: PhantomData }
    }

    /// The object's interface `I`, as `QueryInterface` returns it.
    ///
    /// Effect on the count: + 1, owned by the result; none on failure.
    ///
    /// ```
    /// # use mapisync::{Class, ComObject, abi::{IMAPISync, IUnknown}};
    /// # struct Plain;
    /// # impl Class for Plain { type Interfaces = (IUnknown,); }
    /// let object = ComObject::new(Plain);
    /// assert!(object.cast::<IUnknown>().is_ok());
    /// assert!(object.cast::<IMAPISync>().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::QueryInterface`](crate::Error::QueryInterface) with `E_NOINTERFACE` if `I` is not
    /// in `T::Interfaces`, or with the code of the object that `T` [wraps](Class::WRAPPED).
    #[inline]
    #[doc(alias = "QueryInterface")]
    pub fn cast<I: Interface>(&self) -> Result<ComPtr<I>> {
        let this = self.object.as_ptr();
        let Some(index) = ObjectBox::<T>::find(&I::IID) else {
            let mut found = ptr::null_mut();
            // SAFETY: `self` keeps the object alive.
            let code = unsafe { ObjectBox::query_wrapped(this, &I::IID, &mut found) };
            // SAFETY: on success the pointer owns a reference to interface `I` of the wrapped
            // object; otherwise it is NULL. The rest of the contract holds by that of `Wrapped`.
            let wrapped = unsafe { ComPtr::from_raw(found.cast()) };
            return wrapped.ok_or_else(|| query_interface_error::<I>(code));
        };
        // SAFETY: `self` keeps the object alive. Its interface at this index is `I` or extends it,
        // so its vtable begins with that of `I`. The pointer derives from the allocation's pointer.
        // The result owns the reference that `add_ref` adds. The count is atomic, and the methods
        // neither unwind nor depend on a thread, by the contract of `ImplementedBy`.
        unsafe {
            ObjectBox::add_ref(this);
            let interface = ObjectBox::interface(this, index).cast();
            Ok(ComPtr::from_non_null(NonNull::new_unchecked(interface)))
        }
    }

    /// Converts to a pointer to the object's first interface.
    ///
    /// Effect on the count: none. The result owns the reference.
    ///
    /// # Safety
    ///
    /// `I` must be the first interface of `T::Interfaces`, or an interface that the first one
    /// extends.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) unsafe fn into_first_interface<I: Interface>(self) -> ComPtr<I> {
        let object = ManuallyDrop::new(self).object;
        // SAFETY: interface 0 is the object's first field, of type `I` by this function's contract.
        // It comes with the reference that `self` owned. The count is atomic, and the methods
        // neither unwind nor depend on a thread, by the contract of `ImplementedBy`.
        unsafe { ComPtr::from_non_null(object.cast()) }
    }
}

impl<T: Class> Deref for ComObject<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the object is alive while `self` owns its reference.
        unsafe { ObjectBox::payload(self.object.as_ptr()) }
    }
}

impl<T: Class> Clone for ComObject<T> {
    /// Effect on the count: + 1.
    #[inline]
    fn clone(&self) -> ComObject<T> {
        // SAFETY: the object is alive while `self` owns its reference.
        unsafe { ObjectBox::add_ref(self.object.as_ptr()) };
        ComObject { ..*self }
    }
}

impl<T: Class> Drop for ComObject<T> {
    /// Effect on the count: - 1.
    #[inline]
    fn drop(&mut self) {
        // SAFETY: `allocate` made the object, by the field's invariant. `self` owns a reference and
        // is not used again.
        unsafe { ObjectBox::release(self.object.as_ptr()) };
    }
}

impl<T: Class + fmt::Debug> fmt::Debug for ComObject<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ComObject").field(&**self).finish()
    }
}

// SAFETY: the count is atomic, and the payload is `Send + Sync` by `Class`. This is `Arc`'s rule.
unsafe impl<T: Class> Send for ComObject<T> {}
// SAFETY: the count is atomic, and the payload is `Send + Sync` by `Class`. This is `Arc`'s rule.
unsafe impl<T: Class> Sync for ComObject<T> {}

// A thunk catches a panic and the payload stays in use, so unwind safety adds no protection.
impl<T: Class> UnwindSafe for ComObject<T> {}
impl<T: Class> RefUnwindSafe for ComObject<T> {}
