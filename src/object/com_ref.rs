//! `ComRef`: a pointer that borrows a COM object.

use crate::error::without_path;
use crate::object::ComPtr;
use crate::object::interface::{FreeThreaded, Interface};
use core::any::type_name;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

/// A pointer to the interface `I` of a COM object that is borrowed for `'a`. It owns no reference.
///
/// In-parameters arrive as `ComRef`. It has the layout of a C pointer that is not NULL, and is
/// `Copy`. It dereferences to [`ComPtr`], and so has its methods. [`to_ptr`](ComRef::to_ptr) makes
/// an owned pointer to keep.
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
    /// Invariant: the contract of `from_raw` holds for the object, which is alive for `'a`.
    raw: NonNull<I>,
    lender: PhantomData<&'a ()>,
    /// The vtable is that of `I` itself, so `I` must be invariant.
    interface: PhantomData<fn(I) -> I>,
}

impl<'a, I: Interface> ComRef<'a, I> {
    /// Borrows the object behind a raw pointer. Returns `None` for NULL.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// use mapisync::ComRef;
    /// use mapisync::abi::IMAPISession;
    ///
    /// /// A method of another interface. Its caller lends the session for the call.
    /// unsafe extern "system" fn logon(session: *mut IMAPISession) -> bool {
    ///     // SAFETY: COM requires the caller to hold a reference. MAPI's objects are free-threaded.
    ///     let session: Option<ComRef<'_, IMAPISession>> = unsafe { ComRef::from_raw(session) };
    ///     session.is_some()
    /// }
    /// // SAFETY: NULL is allowed.
    /// assert!(!unsafe { logon(std::ptr::null_mut()) });
    /// ```
    ///
    /// # Safety
    ///
    /// The contract of [`ComPtr::from_raw`] must hold, except that no reference is needed or given
    /// up: the object must stay alive for `'a`.
    pub unsafe fn from_raw(raw: *mut I) -> Option<ComRef<'a, I>> {
        // SAFETY: the pointer is not NULL, so the rest of this function's contract holds for it.
        NonNull::new(raw).map(|raw| unsafe { ComRef::from_non_null(raw) })
    }

    /// Borrows as [`from_raw`](ComRef::from_raw) does. The pointer is not NULL.
    ///
    /// # Safety
    ///
    /// The contract of [`from_raw`](ComRef::from_raw) must hold.
    #[inline(always)]
    pub(crate) unsafe fn from_non_null(raw: NonNull<I>) -> ComRef<'a, I> {
        ComRef { raw, lender: PhantomData, interface: PhantomData }
    }

    /// Adds a reference and returns an owned pointer, to keep the object beyond `'a`.
    ///
    /// Effect on the count: + 1.
    ///
    /// ```
    /// # use mapisync::{ComPtr, ComRef, abi::IMAPISession};
    /// /// Keeps the session for a thread, which outlives the call.
    /// fn keep(session: ComRef<'_, IMAPISession>) -> std::thread::JoinHandle<()> {
    ///     let owned: ComPtr<IMAPISession> = session.to_ptr();
    ///     std::thread::spawn(move || drop(owned))
    /// }
    /// ```
    #[doc(alias = "AddRef")]
    pub fn to_ptr(self) -> ComPtr<I> {
        (*self).clone()
    }
}

impl<'a, I: Interface> From<&'a ComPtr<I>> for ComRef<'a, I> {
    /// Effect on the count: none.
    fn from(owner: &'a ComPtr<I>) -> ComRef<'a, I> {
        // SAFETY: the object is alive while its owner is borrowed.
        unsafe { ComRef::from_non_null(owner.as_non_null()) }
    }
}

impl<I: Interface> Deref for ComRef<'_, I> {
    type Target = ComPtr<I>;

    #[inline(always)]
    fn deref(&self) -> &ComPtr<I> {
        // SAFETY: `ComPtr` is transparent over the same `NonNull`. The object is alive as long as
        // `self` is. A `ComPtr` behind a shared reference cannot be dropped or moved, so it never
        // releases the lender's reference.
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
        let interface = without_path(type_name::<I>());
        write!(f, "ComRef<{interface}>({:p})", self.raw)
    }
}

// SAFETY: it allows the same as a `&ComPtr`, which is `Send` because `ComPtr` is `Sync`.
unsafe impl<I: FreeThreaded> Send for ComRef<'_, I> {}
// SAFETY: a `&ComRef` allows the same as a `&ComPtr`, and `ComPtr` is `Sync`.
unsafe impl<I: FreeThreaded> Sync for ComRef<'_, I> {}
