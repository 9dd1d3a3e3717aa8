//! `ComObject`: a COM object of ours whose Rust type is known.

use crate::abi::HRESULT;
use crate::error::Result;
use crate::object::asked::Asked;
use crate::object::class::private::List;
use crate::object::interface::not_offered;
use crate::object::object_box::ObjectBox;
use crate::object::{Class, ComPtr, Interface};
use core::fmt;
use core::marker::PhantomData;
#[cfg(feature = "std")]
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

/// An owned reference to a COM object of ours that still knows its Rust type: it dereferences to the payload.
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
pub struct ComObject<T: Class> {
    /// Invariant: an object of [`allocate`](ObjectBox::allocate), alive by the reference that this owns. Nothing about it has to be
    /// looked up: it is the type's.
    object: NonNull<ObjectBox<T>>,
    /// Invariant: the layout of the object depends on `T` itself, not on a supertype.
    payload: PhantomData<fn(T) -> T>,
}

impl<T: Class> ComObject<T> {
    /// Moves the payload into a new object, one allocation with a count of 1, which the result owns.
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
        ComObject::of(ObjectBox::allocate(payload))
    }

    /// The object's interface `I`, as `QueryInterface` gives it.
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
    /// [`Error::QueryInterface`](crate::Error::QueryInterface) with `E_NOINTERFACE` if `I` is not in the list.
    #[inline]
    pub fn cast<I: Interface>(&self) -> Result<ComPtr<I>> {
        let this = self.object.as_ptr();
        let found = |index| {
            // SAFETY: the object is alive. The interface at that index answers for `I` and is not NULL; the pointer is the allocation's
            // own and comes with the reference that is added. The count is atomic, and `Implements` demands that all other
            // methods may be called on any thread and do not unwind.
            unsafe {
                ObjectBox::add_ref(this);
                Ok(ComPtr::from_raw(ObjectBox::interface(this, index).cast()).unwrap_unchecked())
            }
        };
        let asked = Asked::from(&I::IID);
        if asked.is_unknown() {
            return found(0);
        }
        T::Interfaces::find(asked, found, || {
            Err(not_offered::<I>(HRESULT::E_NOINTERFACE))
        })
    }

    /// Interface number 0, whose type the caller knows. Effect on the count: none, the reference is handed on.
    ///
    /// # Safety
    ///
    /// `I` is the first interface of `T`'s list, or one that it extends.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) unsafe fn into_first<I: Interface>(self) -> ComPtr<I> {
        let object = ManuallyDrop::new(self).object;
        // SAFETY: interface 0 is the object's first field, of type `I` says the caller, and comes with the reference that `self`
        // owned; the rest is as in `cast`.
        unsafe { ComPtr::from_non_null(object.cast()) }
    }

    /// An owner of the object, which `allocate` made; who calls this has a reference for it.
    #[inline(always)]
    fn of(object: NonNull<ObjectBox<T>>) -> ComObject<T> {
        ComObject {
            object,
            payload: PhantomData,
        }
    }
}

impl<T: Class> Deref for ComObject<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the object is alive while `self` holds its reference.
        unsafe { ObjectBox::payload(self.object.as_ptr()) }
    }
}

impl<T: Class> Clone for ComObject<T> {
    /// Effect on the count: + 1.
    #[inline]
    fn clone(&self) -> ComObject<T> {
        // SAFETY: the object is alive.
        unsafe { ObjectBox::add_ref(self.object.as_ptr()) };
        ComObject::of(self.object)
    }
}

impl<T: Class> Drop for ComObject<T> {
    /// Effect on the count: - 1.
    #[inline]
    fn drop(&mut self) {
        // SAFETY: an object of `allocate`, by the field's invariant; `self` owns a reference and is not used again.
        unsafe { ObjectBox::release(self.object.as_ptr()) };
    }
}

impl<T: Class + fmt::Debug> fmt::Debug for ComObject<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ComObject").field(&**self).finish()
    }
}

// SAFETY: the object is of ours with an atomic count, and its payload is `Send + Sync` by `Class`, as for an `Arc`.
unsafe impl<T: Class> Send for ComObject<T> {}
// SAFETY: as above.
unsafe impl<T: Class> Sync for ComObject<T> {}

// As for a `ComPtr`: what a panic may leave in a payload is said in `unwind`, and is nothing that is only seen across a catch.
impl<T: Class> UnwindSafe for ComObject<T> {}
impl<T: Class> RefUnwindSafe for ComObject<T> {}
