//! `ComPtr`: a pointer that owns a reference to a COM object.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::error::{Error, Result, without_path};
use crate::object::interface::{
    FreeThreaded, Interface, assert_contract, null_interface_error, query_interface_error,
};
use core::any::type_name;
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

/// A pointer to the interface `I` of a COM object, owning one reference.
///
/// It has the layout of a C pointer that is not NULL, so `Option<ComPtr<I>>` is C's `I *`. It is to
/// COM objects what [`Arc`](alloc::sync::Arc) is to Rust values: cloning adds a reference, dropping
/// releases one. It is `Send` and `Sync` if `I` is [`FreeThreaded`].
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
/// let raw = sync.into_raw();                             // count 2, one of them owned by `raw`
/// // SAFETY: `raw` owns a reference, which `into_raw` has just given it.
/// let back = unsafe { ComPtr::from_raw(raw) };           // count 2
/// assert!(back.is_some());
/// # Ok::<(), mapisync::Error>(())
/// ```
#[must_use = "dropping it releases the reference"]
#[repr(transparent)]
#[doc(alias("AddRef", "Release"))]
pub struct ComPtr<I: Interface> {
    /// Invariant: the contract of `from_raw` holds for the object, which is alive as long as
    /// `self`. `self` owns a reference, or is borrowed from a `ComRef`, whose lender owns one.
    raw: NonNull<I>,
    /// The vtable is that of `I` itself, so `I` must be invariant.
    interface: PhantomData<fn(I) -> I>,
}

impl<I: Interface> ComPtr<I> {
    /// Takes over the reference that a raw pointer owns. Returns `None` for NULL.
    ///
    /// Effect on the count: none. Dropping the result releases the reference.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync};
    /// # struct Store;
    /// # impl mapisync::MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
    /// # }
    /// unsafe extern "C" fn make_store(out: &mut *mut IMAPISync) {
    ///     *out = ComPtr::<IMAPISync>::new(Store).into_raw();
    /// }
    ///
    /// let mut raw = std::ptr::null_mut();
    /// // SAFETY: the function stores NULL or a pointer to a free-threaded object, with a reference.
    /// let sync = unsafe {
    ///     make_store(&mut raw);
    ///     ComPtr::<IMAPISync>::from_raw(raw)
    /// };
    /// assert!(sync.is_some()); // it is dropped, and so releases the reference
    /// ```
    ///
    /// # Safety
    ///
    /// `raw` must be NULL, or all of these conditions must hold:
    ///
    /// - `raw` points to the interface `I` of a live COM object.
    /// - The caller owns a reference to the object, and gives it up.
    /// - Every [`FreeThreaded`] interface that `QueryInterface` reaches from there meets the
    ///   contract of that trait.
    /// - No method of the object unwinds.
    /// - `raw` derives from a pointer that the object returned, not from a Rust reference to the
    ///   interface. Otherwise an object of this crate could not access its fields.
    #[inline]
    #[doc(alias = "Attach")]
    pub unsafe fn from_raw(raw: *mut I) -> Option<ComPtr<I>> {
        // SAFETY: the pointer is not NULL, so the rest of this function's contract holds for it.
        NonNull::new(raw).map(|raw| unsafe { ComPtr::from_non_null(raw) })
    }

    /// Takes over a reference as [`from_raw`](ComPtr::from_raw) does. The pointer is not NULL.
    ///
    /// # Safety
    ///
    /// The contract of [`from_raw`](ComPtr::from_raw) must hold.
    #[inline(always)]
    pub(crate) unsafe fn from_non_null(raw: NonNull<I>) -> ComPtr<I> {
        ComPtr { raw, interface: PhantomData }
    }

    /// Adds a reference to the object behind a borrowed raw pointer, such as an in-parameter.
    /// Returns `None` for NULL.
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
    /// drop(second); // frees the object
    /// ```
    ///
    /// # Safety
    ///
    /// The contract of [`from_raw`](ComPtr::from_raw) must hold, except that no reference is needed
    /// or given up: the object must stay alive during this call.
    #[doc(alias = "AddRef")]
    pub unsafe fn from_raw_borrowed(raw: *mut I) -> Option<ComPtr<I>> {
        // SAFETY: the object is alive during the call, by this function's contract, which is that of
        // `from_non_null` but for the reference. `ManuallyDrop` does not release the missing one.
        let borrowed = NonNull::new(raw)
            .map(|raw| ManuallyDrop::new(unsafe { ComPtr::from_non_null(raw) }))?;
        Some(ComPtr::clone(&borrowed))
    }

    /// Calls a function that creates an object and returns its interface `I`: a library's export, or
    /// `IClassFactory::CreateInstance`. It is the caller's side of
    /// [`create_instance`](crate::create_instance).
    ///
    /// Effect on the count: none. The result owns the reference that the function stores.
    ///
    /// ```
    /// use mapisync::abi::IMAPISync;
    /// use mapisync::{ComPtr, GUID, HRESULT};
    /// use std::ffi::c_void;
    ///
    /// type Create = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;
    ///
    /// /// # Safety
    /// ///
    /// /// `create` must be the export `CreateMapiSync` of a library.
    /// unsafe fn load(create: Create) -> mapisync::Result<ComPtr<IMAPISync>> {
    ///     // SAFETY: the function creates an object by the rules of COM.
    ///     unsafe { ComPtr::create_with(|riid, ppv| create(riid, ppv)) }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Error::QueryInterface`] if the function fails, with its code. A pointer that it stored in
    ///   spite of the failure is ignored.
    /// - [`Error::NullInterface`] if it succeeds and stores NULL.
    ///
    /// # Safety
    ///
    /// If `create` returns success, it must have stored NULL or a pointer that meets the contract of
    /// [`from_raw`](ComPtr::from_raw).
    #[inline]
    #[doc(alias("CreateInstance", "CoCreateInstance"))]
    pub unsafe fn create_with(
        create: impl FnOnce(&GUID, &mut *mut c_void) -> HRESULT,
    ) -> Result<ComPtr<I>> {
        let mut created: *mut c_void = ptr::null_mut();
        let code = create(&I::IID, &mut created);
        if code.is_err() {
            return Err(query_interface_error::<I>(code));
        }
        // SAFETY: the function has succeeded, so the pointer meets this contract, by that of this
        // function.
        unsafe { ComPtr::from_raw(created.cast::<I>()) }.ok_or_else(null_interface_error::<I>)
    }

    /// Converts to a raw pointer, which owns the reference and is never NULL. It is for C++,
    /// windows-rs or [`from_raw`](ComPtr::from_raw).
    ///
    /// Effect on the count: none. The object leaks unless the raw pointer is released.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync};
    /// # fn store(sync: ComPtr<IMAPISync>, out: &mut *mut IMAPISync) {
    /// *out = sync.into_raw(); // the caller owns what an out parameter receives
    /// # }
    /// ```
    #[must_use = "the reference leaks unless the raw pointer is released"]
    #[doc(alias = "Detach")]
    pub fn into_raw(self) -> *mut I {
        self.into_non_null().as_ptr()
    }

    #[inline(always)]
    pub(super) fn as_non_null(&self) -> NonNull<I> {
        self.raw
    }

    pub(crate) fn into_non_null(self) -> NonNull<I> {
        ManuallyDrop::new(self).raw
    }

    /// Returns the raw pointer, which is never NULL, for a call that borrows it. It is valid as
    /// long as a reference is held.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync};
    /// # struct Store;
    /// # impl mapisync::MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
    /// # }
    /// unsafe extern "C" fn synchronize(sync: *mut IMAPISync) {
    ///     assert!(!sync.is_null()); // C++ calls the store here
    /// }
    ///
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// // SAFETY: `sync` holds a reference during the call.
    /// unsafe { synchronize(sync.as_raw()) };
    /// ```
    #[inline(always)]
    pub fn as_raw(&self) -> *mut I {
        self.raw.as_ptr()
    }

    /// Returns the object's interface `J`, by `QueryInterface`.
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
    /// - [`Error::QueryInterface`] if `QueryInterface` fails, with its code. A pointer that the
    ///   object stored in spite of the failure is ignored.
    /// - [`Error::NullInterface`] if it succeeds and stores NULL.
    #[inline]
    #[doc(alias = "QueryInterface")]
    pub fn cast<J: Interface>(&self) -> Result<ComPtr<J>> {
        let (vtbl, this) = self.unknown();
        // SAFETY: the object is alive and does not unwind, by the invariant of `raw`. Slot 0 of
        // every vtable is QueryInterface. Both arguments are borrowed for the call. If it succeeds,
        // a pointer that is not NULL is the object's interface `J`, and owns a reference. The object
        // is the same, so the invariant of `raw` holds for it.
        unsafe { ComPtr::create_with(|iid, found| ((*vtbl).QueryInterface)(this, iid, found)) }
    }

    /// Returns the object's interface with this IID, by `QueryInterface`. Use it if the IID is known
    /// only at run time, as in an exported function; [`cast`](ComPtr::cast) is for the interfaces
    /// that the program knows.
    ///
    /// The result points to the interface that `iid` identifies, of which only the methods of
    /// `IUnknown` can be called through it. [`into_raw`](ComPtr::into_raw) gives it to a caller who
    /// knows the rest.
    ///
    /// Effect on the count: + 1, owned by the result; none on failure.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, Interface, abi::{IMAPISync, IMAPISession}};
    /// # struct Store;
    /// # impl mapisync::MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
    /// # }
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// let raw: *mut IMAPISync = sync.query_interface(&IMAPISync::IID)?.into_raw().cast();
    /// # drop(unsafe { ComPtr::from_raw(raw) });
    /// let error = sync.query_interface(&IMAPISession::IID).unwrap_err();
    /// assert_eq!(error.hresult(), HRESULT::E_NOINTERFACE);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// They are those of [`cast`](ComPtr::cast).
    #[doc(alias = "QueryInterface")]
    pub fn query_interface(&self, iid: &GUID) -> Result<ComPtr<IUnknown>> {
        /// The name of an interface of which only the IID is known.
        const INTERFACE: &str = "the interface";
        let mut found: *mut c_void = ptr::null_mut();
        let (vtbl, this) = self.unknown();
        // SAFETY: the object is alive and does not unwind, by the invariant of `raw`. Slot 0 of
        // every vtable is QueryInterface. The IID and the out parameter are borrowed for the call.
        let code = unsafe { ((*vtbl).QueryInterface)(this, iid, &mut found) };
        if code.is_err() {
            return Err(Error::QueryInterface { interface: INTERFACE, iid: *iid, code });
        }
        // SAFETY: QueryInterface has succeeded. A pointer that is not NULL therefore owns a
        // reference to an interface of the object, and every interface begins with `IUnknown`. The
        // object is the same, so the invariant of `raw` holds for it.
        unsafe { ComPtr::from_raw(found.cast::<IUnknown>()) }
            .ok_or(Error::NullInterface { interface: INTERFACE, iid: *iid })
    }

    /// Returns whether both pointers belong to one object. By COM's identity rule, the pointers
    /// that `QueryInterface` returns for `IUnknown` are equal then.
    ///
    /// Effect on the count: none. Two references are added, and both are released. If an object
    /// breaks the rules and has no `IUnknown`, equal pointers are the only sign of identity.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::{IMAPISync, IUnknown}};
    /// # struct Store;
    /// # impl mapisync::MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
    /// # }
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// assert!(sync.is_same_object(&sync.cast::<IUnknown>()?));
    /// assert!(!sync.is_same_object(&ComPtr::<IMAPISync>::new(Store)));
    /// # Ok::<(), mapisync::Error>(())
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

    /// Returns the vtable, to call a method that this crate does not wrap. It is valid as long as a
    /// reference is held.
    ///
    /// Read single vtable slots through it. Do not copy the whole vtable, which may be shorter in a
    /// foreign object than `I` declares.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync};
    /// # struct Store;
    /// # impl mapisync::MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
    /// # }
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// let (vtbl, this) = (sync.vtbl(), sync.as_raw().cast());
    /// // SAFETY: the object is alive, and slots 1 and 2 of its vtable are AddRef and Release.
    /// unsafe {
    ///     assert_eq!(((*vtbl).base.AddRef)(this), 2);
    ///     assert_eq!(((*vtbl).base.Release)(this), 1);
    /// }
    /// ```
    #[inline(always)]
    pub fn vtbl(&self) -> *const I::Vtbl {
        const { assert_contract::<I>() };
        // SAFETY: the object is alive, by the invariant of `raw`. An interface is one pointer to
        // its vtable, by the contract of `Interface`.
        unsafe { self.as_raw().cast::<*const I::Vtbl>().read() }
    }

    /// The vtable of the base `IUnknown`, and `this` for its methods.
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
        // SAFETY: the object is alive and does not unwind, by the invariant of `raw`. Slot 1 of
        // every vtable is AddRef, and the new pointer owns the reference that it adds.
        unsafe {
            ((*vtbl).AddRef)(this);
            ComPtr::from_non_null(self.raw)
        }
    }
}

impl<I: Interface> Drop for ComPtr<I> {
    /// Effect on the count: - 1.
    #[inline(always)]
    fn drop(&mut self) {
        let (vtbl, this) = self.unknown();
        // SAFETY: the object is alive and does not unwind, by the invariant of `raw`. Slot 2 of
        // every vtable is Release. `self` owns the reference and is not used again.
        unsafe { ((*vtbl).Release)(this) };
    }
}

impl<I: Interface> fmt::Debug for ComPtr<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interface = without_path(type_name::<I>());
        write!(f, "ComPtr<{interface}>({:p})", self.raw)
    }
}

// SAFETY: an object with a FreeThreaded interface accepts calls on any thread, Release included.
unsafe impl<I: FreeThreaded> Send for ComPtr<I> {}
// SAFETY: a `&ComPtr` allows calls, counting and QueryInterface. An object with a FreeThreaded
// interface accepts them on several threads at once, and so does every interface that
// QueryInterface returns.
unsafe impl<I: FreeThreaded> Sync for ComPtr<I> {}
