//! `Thunk`: the `IUnknown` functions of a vtable, and the way from `this` to the payload.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::error::Result;
use crate::object::object_box::ObjectBox;
use crate::object::{Class, ImplementedBy, unwind};
use core::ffi::c_void;
use core::marker::PhantomData;

/// Functions for the vtable of interface `INDEX` in objects with payload `T`.
///
/// Use it to write a vtable by hand. See [`ImplementedBy`] for a complete example.
/// [`com_interface!`](crate::com_interface) writes vtables with it.
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

    /// Returns the payload of the object to whose interface `INDEX` `this` points.
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
    /// - `this` must point to interface `INDEX` of an object with payload `T`.
    /// - `this` must derive from a pointer that the object returned, not from a Rust reference to
    ///   the interface.
    /// - The object must stay alive for `'a`, and its payload must not be dropped during that time.
    #[inline(always)]
    pub unsafe fn payload<'a, I>(this: *mut I) -> &'a T {
        // SAFETY: `this` points to interface INDEX of an object that is alive for `'a`, by this
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
    /// The contract of [`payload`](Thunk::payload) must hold for `this` during the call.
    #[inline(always)]
    pub unsafe fn call<I, R: Into<HRESULT>>(
        this: *mut I,
        method: impl FnOnce(&T) -> Result<R>,
    ) -> HRESULT {
        // SAFETY: the contract of `payload` is this function's.
        let payload = unsafe { Self::payload(this) };
        unwind::catch_hresult(|| method(payload))
    }

    /// Runs a method that returns no `HRESULT` on the payload, and returns its result, or
    /// `after_panic` if the method panics.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{Class, ComObject, Thunk, abi::IUnknown};
    /// # struct Mailbox { unread: Vec<u32> }
    /// # impl Class for Mailbox { type Interfaces = (IUnknown,); }
    /// let mailbox = ComObject::new(Mailbox { unread: vec![3, 5] }).cast::<IUnknown>()?;
    /// let first = |mailbox: &Mailbox| mailbox.unread[0];
    /// let tenth = |mailbox: &Mailbox| mailbox.unread[9]; // panics
    /// // SAFETY: IUnknown is interface 0 of a Mailbox, which lives until `mailbox` is dropped.
    /// unsafe {
    ///     assert_eq!(Thunk::<Mailbox, 0>::call_or(mailbox.as_raw(), 0, first), 3);
    ///     assert_eq!(Thunk::<Mailbox, 0>::call_or(mailbox.as_raw(), 0, tenth), 0);
    /// }
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Never with the feature `std`, as [`call`](Thunk::call).
    ///
    /// # Safety
    ///
    /// The contract of [`payload`](Thunk::payload) must hold for `this` during the call.
    #[inline(always)]
    pub unsafe fn call_or<I, R: Copy>(
        this: *mut I,
        after_panic: R,
        method: impl FnOnce(&T) -> R,
    ) -> R {
        // SAFETY: the contract of `payload` is this function's.
        let payload = unsafe { Self::payload(this) };
        unwind::catch(|| method(payload)).unwrap_or(after_panic)
    }
}

// SAFETY: the vtable consists of `Thunk`'s three slots.
unsafe impl<T: Class, const INDEX: usize> ImplementedBy<T, INDEX> for IUnknown {
    const VTABLE: &'static IUnknownVtbl = &Thunk::<T, INDEX>::UNKNOWN;
}

/// The thunk of `QueryInterface`, slot 0. It runs no user code, so it cannot panic.
unsafe extern "system" fn query_interface<T: Class, const INDEX: usize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `T`. It is alive, because COM requires a caller to hold a reference. COM also
    // requires that `riid` and `ppv` are valid; NULL is accepted.
    unsafe { ObjectBox::query_interface(ObjectBox::<T>::from_interface(this, INDEX), riid, ppv) }
}

/// The thunk of `AddRef`, slot 1.
unsafe extern "system" fn add_ref<T: Class, const INDEX: usize>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `T`. It is alive, because COM requires a caller to hold a reference.
    unsafe { ObjectBox::add_ref(ObjectBox::<T>::from_interface(this, INDEX)) }
}

/// The thunk of `Release`, slot 2. It runs the payload's `Drop` in `unwind::catch`.
unsafe extern "system" fn release<T: Class, const INDEX: usize>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `T`. The object is standalone, because an inner has another function in this slot.
    // COM requires the caller to own a reference and to give it up.
    unsafe { ObjectBox::release(ObjectBox::<T>::from_interface(this, INDEX)) }
}
