//! `ComObject`: a COM object of ours whose Rust type is known.

use crate::abi::IUnknown;
use crate::error::Result;
use crate::object::allocation::Object;
use crate::object::{Class, ComPtr, Interface};
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

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
    /// Interface 0, which is the object's identity and leads to the payload.
    unknown: ComPtr<IUnknown>,
    /// Invariant: the layout of the object behind it depends on `T` itself, not on a supertype.
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
    pub fn new(payload: T) -> ComObject<T> {
        let unknown = Object::allocate(payload).cast::<IUnknown>();
        // SAFETY: interface 0 is the object's first field and begins with IUnknown's slots, as every interface does; the
        // pointer is the allocation's own and comes with the count of 1. The count is atomic, and `Implements` demands
        // that all other methods may be called on any thread and do not unwind.
        let unknown = unsafe { ComPtr::from_non_null(unknown) };
        ComObject {
            unknown,
            payload: PhantomData,
        }
    }

    /// The object's interface `I`, asked for with `QueryInterface`.
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
    pub fn cast<I: Interface>(&self) -> Result<ComPtr<I>> {
        self.unknown.cast()
    }

    /// Interface number 0, whose type the caller knows. Effect on the count: none, the reference is handed on.
    ///
    /// # Safety
    ///
    /// `I` is the first interface of `T`'s list, or one that it extends.
    #[cfg(feature = "std")]
    pub(crate) unsafe fn into_first<I: Interface>(self) -> ComPtr<I> {
        // SAFETY: the pointer is interface 0, of type `I` says the caller, with the reference that `into_non_null` hands
        // over; the rest of the promise was kept in `new`.
        unsafe { ComPtr::from_non_null(self.unknown.into_non_null().cast()) }
    }
}

impl<T: Class> Deref for ComObject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `unknown` is interface 0 of an object with payload `T`, alive while `self` holds its reference.
        unsafe { Object::payload(Object::of_interface(self.unknown.as_raw(), 0)) }
    }
}

impl<T: Class> Clone for ComObject<T> {
    /// Effect on the count: + 1.
    fn clone(&self) -> ComObject<T> {
        ComObject {
            unknown: self.unknown.clone(),
            payload: PhantomData,
        }
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
