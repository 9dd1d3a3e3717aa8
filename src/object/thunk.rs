//! `Thunk`: from `this` in a vtable slot to the payload of the object.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::error::Result;
use crate::object::object_box::ObjectBox;
use crate::object::{Class, ImplementedBy, unwind};
use core::ffi::c_void;
use core::marker::PhantomData;

/// The functions of a vtable: of interface number `INDEX` in objects with payload `T`.
///
/// It serves the author of a vtable. [`ImplementedBy`] has a whole example.
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
    /// The three `IUnknown` slots with which the vtable of this index must begin.
    ///
    /// They are for the vtable only. Call `IUnknown` through the vtable of `this` instead: an
    /// aggregated object ([`InnerObject`](crate::InnerObject)) has other functions in these slots.
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
    /// Effect on the count: none. The caller of a method holds a reference during the call.
    ///
    /// ```
    /// # use mapisync::{Class, ComObject, Thunk, abi::IUnknown};
    /// struct Plain(u8);
    /// impl Class for Plain {
    ///     type Interfaces = (IUnknown,);
    /// }
    /// let unknown = ComObject::new(Plain(7)).cast::<IUnknown>()?;
    /// // SAFETY: IUnknown is interface 0 of a Plain, and the object lives until `unknown` is dropped.
    /// let plain = unsafe { Thunk::<Plain, 0>::payload(unknown.as_raw()) };
    /// assert_eq!(plain.0, 7);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// - `this` must be interface number `INDEX` of an object with payload `T`.
    /// - `this` must be the pointer that the object handed out, not one made from a Rust reference
    ///   to the interface.
    /// - The object must stay alive for `'a`, and its payload must not be dropped during that time.
    #[inline(always)]
    pub unsafe fn payload<'a, I>(this: *mut I) -> &'a T {
        // SAFETY: `this` is interface number INDEX of an object that is alive for `'a`, by this
        // function's contract.
        unsafe { ObjectBox::payload(ObjectBox::<T>::from_interface(this, INDEX)) }
    }

    /// Runs a method on the payload and returns its `HRESULT`: the value in `Ok`, the code of an
    /// error, or `E_UNEXPECTED` if the method panics.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{Class, ComObject, HRESULT, Thunk, abi::IUnknown};
    /// # struct Plain;
    /// # impl Class for Plain { type Interfaces = (IUnknown,); }
    /// let unknown = ComObject::new(Plain).cast::<IUnknown>()?;
    /// // SAFETY: IUnknown is interface 0 of a Plain, and the object lives until `unknown` is dropped.
    /// let code = unsafe { Thunk::<Plain, 0>::call(unknown.as_raw(), |_| Ok(HRESULT::S_FALSE)) };
    /// assert_eq!(code, HRESULT::S_FALSE);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Never with the feature `std`. Without it, and with `panic = "abort"`, a panic in the method
    /// ends the process.
    ///
    /// # Safety
    ///
    /// `this` must be as for [`payload`](Thunk::payload) during the call.
    #[inline(always)]
    pub unsafe fn call<I, R: Into<HRESULT>>(
        this: *mut I,
        method: impl FnOnce(&T) -> Result<R>,
    ) -> HRESULT {
        // SAFETY: `this` is as `payload` demands, by this function's contract.
        let payload = unsafe { Self::payload(this) };
        unwind::catch_hresult(|| method(payload))
    }
}

// SAFETY: the vtable consists of `Thunk`'s three slots.
unsafe impl<T: Class, const INDEX: usize> ImplementedBy<T, INDEX> for IUnknown {
    const VTABLE: &'static IUnknownVtbl = &Thunk::<T, INDEX>::UNKNOWN;
}

/// Slot 0. It runs no code of the payload, so nothing in it can panic.
unsafe extern "system" fn query_interface<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an object with payload
    // `T`. It is alive, because COM requires of a caller that it holds a reference. COM also
    // requires that `riid` and `ppv` are valid; NULL is accepted.
    unsafe { ObjectBox::query_interface(ObjectBox::<T>::from_interface(this, INDEX), riid, ppv) }
}

/// Slot 1.
unsafe extern "system" fn add_ref<T: Class, const INDEX: usize>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an object with payload
    // `T`. It is alive, because COM requires of a caller that it holds a reference.
    unsafe { ObjectBox::add_ref(ObjectBox::<T>::from_interface(this, INDEX)) }
}

/// Slot 2. It runs the payload's `Drop` in `unwind::catch`.
unsafe extern "system" fn release<T: Class, const INDEX: usize>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of an object with payload
    // `T`, and a standalone one: an inner's vtables have another function in this slot. COM
    // requires of the caller that it owns a reference and gives it up.
    unsafe { ObjectBox::release(ObjectBox::<T>::from_interface(this, INDEX)) }
}
