//! `Thunk`: the place of one interface in an object, from which its methods find the payload.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::error::Result;
use crate::object::object_box::ObjectBox;
use crate::object::{Class, unwind};
use core::ffi::c_void;
use core::marker::PhantomData;

/// Interface number `INDEX` of objects with payload `T`: what the author of a vtable needs.
///
/// See [`Implements`](crate::Implements) for a whole example.
///
/// ```
/// use mapisync::abi::{IUnknown, IUnknownVtbl};
/// use mapisync::{Class, Thunk};
///
/// struct Plain;
/// impl Class for Plain {
///     type Interfaces = (IUnknown,);
/// }
/// const SLOTS: IUnknownVtbl = Thunk::<Plain, 0>::UNKNOWN;
/// ```
pub struct Thunk<T: Class, const INDEX: usize>(PhantomData<T>);

impl<T: Class, const INDEX: usize> Thunk<T, INDEX> {
    /// The three slots with which the vtable of this index begins. They are for the vtable only, and not to be called from here:
    /// the vtable of an object inside another ([`InnerObject`](crate::InnerObject)) has others in their place.
    ///
    /// ```
    /// # use mapisync::{Class, Thunk, abi::IUnknown};
    /// # struct Plain;
    /// # impl Class for Plain { type Interfaces = (IUnknown,); }
    /// let base = Thunk::<Plain, 0>::UNKNOWN;
    /// ```
    pub const UNKNOWN: IUnknownVtbl = IUnknownVtbl {
        QueryInterface: query_interface::<T, INDEX>,
        AddRef: add_ref::<T, INDEX>,
        Release: release::<T, INDEX>,
    };

    /// The payload of the object whose interface number `INDEX` is `this`.
    ///
    /// Effect on the count: none; who calls a method holds a reference for the length of the call.
    ///
    /// ```
    /// # use mapisync::{Class, ComObject, Thunk, abi::IUnknown};
    /// struct Plain(u8);
    /// impl Class for Plain {
    ///     type Interfaces = (IUnknown,);
    /// }
    /// let unknown = ComObject::new(Plain(7)).cast::<IUnknown>()?;
    /// // SAFETY: IUnknown is interface 0 of a Plain.
    /// let plain = unsafe { Thunk::<Plain, 0>::payload(unknown.as_raw()) };
    /// assert_eq!(plain.0, 7);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// `this` is interface number `INDEX` of an object with payload `T` that stays alive for `'a`, the payload not being
    /// dropped, and is the pointer that the object gave out, not one made from a Rust reference to the interface.
    #[inline(always)]
    pub unsafe fn payload<'a, I>(this: *mut I) -> &'a T {
        // SAFETY: the caller's promise.
        unsafe { ObjectBox::payload(ObjectBox::<T>::of_interface(this, INDEX)) }
    }

    /// Runs a method on the payload and returns its `HRESULT`: what `Ok` carries, an error's code, or `E_UNEXPECTED`
    /// where it panics.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{Class, ComObject, HRESULT, Thunk, abi::IUnknown};
    /// # struct Plain;
    /// # impl Class for Plain { type Interfaces = (IUnknown,); }
    /// let unknown = ComObject::new(Plain).cast::<IUnknown>()?;
    /// // SAFETY: IUnknown is interface 0 of a Plain.
    /// let answer = unsafe { Thunk::<Plain, 0>::call(unknown.as_raw(), |_| Ok(HRESULT::S_FALSE)) };
    /// assert_eq!(answer, HRESULT::S_FALSE);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Never with the feature `std`. Without it, or built with `panic = "abort"`, a panic ends the process.
    ///
    /// # Safety
    ///
    /// As [`payload`](Thunk::payload), for the length of the call.
    #[inline(always)]
    pub unsafe fn call<I, R: Into<HRESULT>>(
        this: *mut I,
        method: impl FnOnce(&T) -> Result<R>,
    ) -> HRESULT {
        // SAFETY: the caller's promise.
        let payload = unsafe { Self::payload(this) };
        unwind::hresult(|| method(payload))
    }
}

/// Slot 0. Runs no code of the payload's, so nothing in it can panic.
unsafe extern "system" fn query_interface<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM's rules for the caller: `this` is a live object's interface, here number INDEX of a `T`, since no
    // other vtable has this function; `riid` and `ppv` are valid or NULL.
    unsafe { ObjectBox::query(ObjectBox::<T>::of_interface(this, INDEX), riid, ppv) }
}

/// Slot 1.
unsafe extern "system" fn add_ref<T: Class, const INDEX: usize>(this: *mut IUnknown) -> u32 {
    // SAFETY: as for slot 0.
    unsafe { ObjectBox::add_ref(ObjectBox::<T>::of_interface(this, INDEX)) }
}

/// Slot 2. Where it runs the payload's `Drop`, it does so in `unwind::catch`.
unsafe extern "system" fn release<T: Class, const INDEX: usize>(this: *mut IUnknown) -> u32 {
    // SAFETY: as for slot 0, and COM's rule that who calls Release gives up a reference of its own. An inner's vtables have
    // another function here, so the object is an allocation of its own.
    unsafe { ObjectBox::release(ObjectBox::<T>::of_interface(this, INDEX)) }
}
