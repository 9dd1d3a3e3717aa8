//! `ComPtr` owns a reference to anybody's object, `ComRef` borrows one.

use crate::abi::{IUnknown, IUnknownVtbl};
use crate::error::{Result, without_path};
use crate::object::interface::{assert_contract, given_null, not_offered};
use crate::object::{FreeThreaded, Interface};
use core::any::type_name;
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::{self, NonNull};

/// A pointer to a COM object through its interface `I`, owning one reference.
///
/// It has the size and the layout of a C pointer that isn't NULL, so `Option<ComPtr<I>>` is C's `I *`. It is to a
/// foreign object what [`Arc`](std::sync::Arc) is to a Rust value: cloning adds a reference, dropping gives one back.
/// It may leave its thread where `I` is [`FreeThreaded`].
///
/// ```
/// use mapisync::abi::{IMAPISync, IUnknown};
/// use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
///
/// struct Store;
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// let sync = ComPtr::<IMAPISync>::new(Store);            // count 1
/// let unknown: ComPtr<IUnknown> = sync.cast()?;          // count 2
/// assert!(sync.is_same_object(&unknown));
///
/// let raw = sync.into_raw();                             // count 2, one of them now the raw pointer's
/// // SAFETY: `raw` owns a reference, which `into_raw` has just handed over.
/// let back = unsafe { ComPtr::from_raw(raw) };           // count 2
/// assert!(back.is_some());
/// # Ok::<(), mapisync::Error>(())
/// ```
#[repr(transparent)]
pub struct ComPtr<I: Interface> {
    /// Invariant: it is as `from_raw` demands. The object is alive while this is: by the reference that it owns, or behind a
    /// `ComRef`, which owns none, by the lender's.
    raw: NonNull<I>,
    /// Invariant: what `I` says of the vtable holds for `I` itself, not for a supertype.
    interface: PhantomData<fn(I) -> I>,
}

impl<I: Interface> ComPtr<I> {
    /// Takes over the reference that comes with a raw pointer; NULL gives `None`.
    ///
    /// Effect on the count: none, now; dropping the result gives the reference back.
    ///
    /// ```
    /// use mapisync::ComPtr;
    /// use mapisync::abi::IUnknown;
    /// // SAFETY: NULL is allowed.
    /// assert!(unsafe { ComPtr::<IUnknown>::from_raw(std::ptr::null_mut()) }.is_none());
    /// ```
    ///
    /// # Safety
    ///
    /// `raw` is NULL or points to a live COM object's interface `I`, and the caller owns a reference to it and gives
    /// it up. Each [`FreeThreaded`] interface that `QueryInterface` reaches from there really is free-threaded, and
    /// no method of the object unwinds. The pointer is one that the object gave out, not one made from a Rust reference
    /// to the interface, with which an object of this crate could not reach its own fields.
    #[inline]
    pub unsafe fn from_raw(raw: *mut I) -> Option<ComPtr<I>> {
        NonNull::new(raw).map(ComPtr::of)
    }

    /// As [`from_raw`](ComPtr::from_raw), for a pointer that is known not to be NULL.
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub(crate) unsafe fn from_non_null(raw: NonNull<I>) -> ComPtr<I> {
        ComPtr::of(raw)
    }

    /// Makes an owned pointer of one that was only lent, such as an in-parameter; NULL gives `None`.
    ///
    /// Effect on the count: + 1.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::{IMAPISync, MAPISIB}};
    /// # struct Store;
    /// # impl mapisync::MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
    /// # }
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// // SAFETY: the pointer is that of a live object of this crate.
    /// let second = unsafe { ComPtr::from_raw_borrowed(sync.as_raw()) }.unwrap();
    /// drop(sync);
    /// drop(second); // the object goes here
    /// ```
    ///
    /// # Safety
    ///
    /// As [`from_raw`](ComPtr::from_raw), but that the reference stays the caller's: the object need only be alive
    /// during this call.
    pub unsafe fn from_raw_borrowed(raw: *mut I) -> Option<ComPtr<I>> {
        // SAFETY: the caller's promise is that of `ComRef::from_raw`, for the length of this expression.
        unsafe { ComRef::from_raw(raw) }.map(ComRef::to_ptr)
    }

    /// Hands the reference on as a raw pointer, never NULL: to C++, windows-rs or [`from_raw`](ComPtr::from_raw).
    ///
    /// Effect on the count: none. Unless somebody calls `Release` through it, the object leaks.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync};
    /// # fn hand_over(sync: ComPtr<IMAPISync>, out: &mut *mut IMAPISync) {
    /// *out = sync.into_raw(); // an out-parameter is owned by who called
    /// # }
    /// ```
    #[must_use = "the reference leaks unless the raw pointer is released"]
    pub fn into_raw(self) -> *mut I {
        self.into_non_null().as_ptr()
    }

    pub(crate) fn into_non_null(self) -> NonNull<I> {
        ManuallyDrop::new(self).raw
    }

    /// The raw pointer, never NULL, to lend to a call.
    ///
    /// Effect on the count: none. It is good for as long as a reference is held.
    ///
    /// ```
    /// # fn lend(sync: &mapisync::ComPtr<mapisync::abi::IMAPISync>) {
    /// assert!(!sync.as_raw().is_null());
    /// # }
    /// ```
    #[inline(always)]
    pub fn as_raw(&self) -> *mut I {
        self.raw.as_ptr()
    }

    /// Asks the object for its interface `J`, with `QueryInterface`.
    ///
    /// Effect on the count: + 1, owned by the result; none on failure.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, abi::{IMAPISync, IMAPISession}};
    /// # struct Store;
    /// # impl mapisync::MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
    /// # }
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// assert!(sync.cast::<IMAPISync>().is_ok());
    /// assert_eq!(sync.cast::<IMAPISession>().unwrap_err().hresult(), HRESULT::E_NOINTERFACE);
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::QueryInterface`](crate::Error::QueryInterface) with the object's answer if it fails, whatever it left in the
    /// out slot; [`Error::NullInterface`](crate::Error::NullInterface) if it reports success and gives NULL.
    #[inline]
    pub fn cast<J: Interface>(&self) -> Result<ComPtr<J>> {
        let mut out: *mut c_void = ptr::null_mut();
        let (vtbl, this) = self.unknown();
        // SAFETY: by the invariant of `raw` the object and its vtable are alive and do not unwind; slot 0 of every interface is
        // QueryInterface; the IID and the out slot are borrowed for the call.
        let code = unsafe { ((*vtbl).QueryInterface)(this, &J::IID, &mut out) };
        if code.is_err() {
            // A failing object should have nulled the slot. What is in it otherwise is garbage, not a reference.
            return Err(not_offered::<J>(code));
        }
        // SAFETY: QueryInterface succeeded, so a pointer that isn't NULL is the object's `J`, as the object gives it out, with a
        // reference for us. What was promised of the object when `self` was made, that it does not unwind and is free-threaded
        // where it says so, holds from there too.
        unsafe { ComPtr::from_raw(out.cast::<J>()) }.ok_or_else(given_null::<J>)
    }

    /// Whether both point to one object: COM's identity, equality of the pointers that `QueryInterface` gives for
    /// `IUnknown`.
    ///
    /// Effect on the count: none (two references are taken and given back). An object that breaks the rules by not
    /// answering for `IUnknown` is the same as itself through an equal pointer only.
    ///
    /// ```
    /// # fn compare(a: &mapisync::ComPtr<mapisync::abi::IMAPISync>) {
    /// assert!(a.is_same_object(&a.clone()));
    /// # }
    /// ```
    pub fn is_same_object<J: Interface>(&self, other: &ComPtr<J>) -> bool {
        if self.as_raw().cast::<c_void>() == other.as_raw().cast::<c_void>() {
            return true;
        }
        match (self.cast::<IUnknown>(), other.cast::<IUnknown>()) {
            (Ok(a), Ok(b)) => a.as_raw() == b.as_raw(),
            _ => false,
        }
    }

    /// The vtable, for calling methods that this crate doesn't wrap, those of your own interfaces for instance.
    ///
    /// Effect on the count: none. The pointer is good for as long as a reference is held; read a slot through it,
    /// not the whole table, which in a foreign object may be shorter than `I` says.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync};
    /// # fn add_ref(sync: &ComPtr<IMAPISync>) -> u32 {
    /// // SAFETY: the object is alive, and slot 1 of its vtable is AddRef.
    /// unsafe { ((*sync.vtbl()).base.AddRef)(sync.as_raw().cast()) }
    /// # }
    /// ```
    #[inline(always)]
    pub fn vtbl(&self) -> *const I::Vtbl {
        const { assert_contract::<I>() };
        // SAFETY: `Interface` says that an interface is one pointer to its vtable; by the invariant of `raw` the object is alive.
        unsafe { self.as_raw().cast::<*const I::Vtbl>().read() }
    }

    /// The pointer as it is; who calls this has a reference for it.
    #[inline(always)]
    fn of(raw: NonNull<I>) -> ComPtr<I> {
        ComPtr {
            raw,
            interface: PhantomData,
        }
    }

    /// The IUnknown part: its vtable, and the pointer to pass as `this`.
    #[inline(always)]
    fn unknown(&self) -> (*const IUnknownVtbl, *mut IUnknown) {
        (self.vtbl().cast(), self.as_raw().cast())
    }
}

impl<I: Interface> Clone for ComPtr<I> {
    /// Effect on the count: + 1.
    #[inline(always)]
    fn clone(&self) -> ComPtr<I> {
        let (vtbl, this) = self.unknown();
        // SAFETY: by the invariant of `raw` the object is alive and does not unwind; slot 1 of every interface is AddRef.
        unsafe { ((*vtbl).AddRef)(this) };
        ComPtr::of(self.raw)
    }
}

impl<I: Interface> Drop for ComPtr<I> {
    /// Effect on the count: - 1.
    #[inline(always)]
    fn drop(&mut self) {
        let (vtbl, this) = self.unknown();
        // SAFETY: `self` owns a reference and is not used again; slot 2 of every interface is Release, and does not unwind.
        unsafe { ((*vtbl).Release)(this) };
    }
}

impl<I: Interface> fmt::Debug for ComPtr<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ComPtr<{}>({:p})",
            without_path(type_name::<I>()),
            self.raw
        )
    }
}

// SAFETY: a FreeThreaded interface may be called and released on any thread, so an owned reference may move there.
unsafe impl<I: FreeThreaded> Send for ComPtr<I> {}
// SAFETY: all that `&ComPtr` allows is to call the object, to count it and to ask it for other interfaces, which are called and
// counted where they were asked for; `FreeThreaded` allows each of these on several threads at once.
unsafe impl<I: FreeThreaded> Sync for ComPtr<I> {}

/// A pointer to a COM object through its interface `I` that is borrowed for `'a` and owns nothing.
///
/// This is how in-parameters arrive. It has the layout of a C pointer that isn't NULL, is `Copy`, and has all methods
/// of [`ComPtr`] by dereferencing; [`to_ptr`](ComRef::to_ptr) makes an owned pointer to keep.
///
/// ```
/// use mapisync::abi::IMAPISession;
/// use mapisync::{ComPtr, ComRef};
///
/// fn keep(session: ComRef<'_, IMAPISession>) -> ComPtr<IMAPISession> {
///     session.to_ptr()
/// }
/// ```
#[repr(transparent)]
pub struct ComRef<'a, I: Interface> {
    raw: NonNull<I>,
    lender: PhantomData<&'a ()>,
    interface: PhantomData<fn(I) -> I>,
}

impl<'a, I: Interface> ComRef<'a, I> {
    /// Borrows what a raw pointer points to; NULL gives `None`.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// use mapisync::ComRef;
    /// use mapisync::abi::IUnknown;
    /// // SAFETY: NULL is allowed.
    /// assert!(unsafe { ComRef::<IUnknown>::from_raw(std::ptr::null_mut()) }.is_none());
    /// ```
    ///
    /// # Safety
    ///
    /// `raw` is NULL or points to a COM object's interface `I` that stays alive for `'a`. Each [`FreeThreaded`]
    /// interface that `QueryInterface` reaches from there really is free-threaded, and no method of the object
    /// unwinds. The pointer is one that the object gave out, as for [`ComPtr::from_raw`].
    pub unsafe fn from_raw(raw: *mut I) -> Option<ComRef<'a, I>> {
        NonNull::new(raw).map(ComRef::of)
    }

    /// The pointer as it is; who calls this knows its object to live for `'a`.
    #[inline(always)]
    fn of(raw: NonNull<I>) -> ComRef<'a, I> {
        ComRef {
            raw,
            lender: PhantomData,
            interface: PhantomData,
        }
    }

    /// An owned pointer, to keep the object beyond `'a`.
    ///
    /// Effect on the count: + 1.
    ///
    /// ```
    /// # use mapisync::{ComPtr, ComRef, abi::IMAPISession};
    /// # fn keep(session: ComRef<'_, IMAPISession>) {
    /// let mine: ComPtr<IMAPISession> = session.to_ptr();
    /// # }
    /// ```
    pub fn to_ptr(self) -> ComPtr<I> {
        (*self).clone()
    }
}

impl<'a, I: Interface> From<&'a ComPtr<I>> for ComRef<'a, I> {
    /// Effect on the count: none.
    fn from(owner: &'a ComPtr<I>) -> ComRef<'a, I> {
        ComRef::of(owner.raw)
    }
}

impl<I: Interface> Deref for ComRef<'_, I> {
    type Target = ComPtr<I>;

    #[inline(always)]
    fn deref(&self) -> &ComPtr<I> {
        // SAFETY: `ComPtr` is transparent over the same `NonNull`. Behind a shared reference it can't be dropped or
        // moved out, so no reference is given back that isn't ours, and the object is alive as long as `self` is.
        unsafe { &*(&raw const self.raw).cast::<ComPtr<I>>() }
    }
}

impl<I: Interface> Clone for ComRef<'_, I> {
    /// Effect on the count: none.
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: Interface> Copy for ComRef<'_, I> {}

impl<I: Interface> fmt::Debug for ComRef<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ComRef<{}>({:p})",
            without_path(type_name::<I>()),
            self.raw
        )
    }
}

// SAFETY: as for `ComPtr`; through a `ComRef` an owned reference can be taken, and given back, on that thread.
unsafe impl<I: FreeThreaded> Send for ComRef<'_, I> {}
// SAFETY: as for `ComPtr`.
unsafe impl<I: FreeThreaded> Sync for ComRef<'_, I> {}
