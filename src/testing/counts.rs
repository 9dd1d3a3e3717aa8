//! The reference count of any object, and the counts of a run's objects before and after it.

use crate::abi::{IMAPISyncProgressCallback, IUnknown, IUnknownVtbl};
use crate::object::{ComPtr, Interface};
use alloc::vec::Vec;
use core::mem;

/// Returns the reference count of an object, including the reference of `pointer`.
///
/// The result is exact for an object of this crate and for a [`Probe`](crate::testing::Probe), if
/// no other thread changes the count. COM says that the number is only for tests and guarantees
/// nothing about it, so a foreign object may return any number.
///
/// Effect on the count: none. It calls `AddRef` and then `Release`, and returns the result of
/// `Release`. A probe counts both calls.
///
/// ```
/// # use mapisync::{MapiSync, Result, SyncRequest};
/// use mapisync::ComPtr;
/// use mapisync::abi::IMAPISync;
/// use mapisync::testing::reference_count;
///
/// # struct Store;
/// # impl MapiSync for Store {
/// #     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> { Ok(()) }
/// # }
/// let sync = ComPtr::<IMAPISync>::new(Store);
/// let second = sync.clone();
/// assert_eq!(reference_count(&sync), 2);
/// drop(second);
/// assert_eq!(reference_count(&sync), 1);
/// ```
///
/// # Panics
///
/// Never.
pub fn reference_count<I: Interface>(pointer: &ComPtr<I>) -> u32 {
    let vtbl: *const IUnknownVtbl = pointer.vtbl().cast();
    let this: *mut IUnknown = pointer.as_raw().cast();
    // SAFETY: a `ComPtr` owns a reference to a live object whose methods do not unwind
    // (`ComPtr::from_raw`). Every vtable begins with that of `IUnknown` (`Interface`), in which
    // slot 1 is AddRef and slot 2 is Release. The reference that AddRef adds is the one released
    // here.
    unsafe {
        ((*vtbl).AddRef)(this);
        ((*vtbl).Release)(this)
    }
}

/// A reference count before a run and after it.
///
/// ```
/// use mapisync::testing::Counts;
/// assert_eq!(Counts { before: 1, after: 3 }.leaked(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counts {
    /// The count before the run.
    pub before: u32,
    /// The count after the run.
    pub after: u32,
}

impl Counts {
    /// The number of references that were added during the run and not released. It is negative if
    /// too many were released.
    ///
    /// ```
    /// use mapisync::testing::Counts;
    /// assert_eq!(Counts { before: 1, after: 0 }.leaked(), -1);
    /// ```
    pub fn leaked(self) -> i64 {
        i64::from(self.after) - i64::from(self.before)
    }
}

/// A reference to an object of the test, and the count before the run.
pub(super) struct Counted<I: Interface> {
    pub(super) pointer: ComPtr<I>,
    before: u32,
}

impl<I: Interface> Counted<I> {
    pub(super) fn new(pointer: &ComPtr<I>) -> Counted<I> {
        Counted { before: reference_count(pointer), pointer: pointer.clone() }
    }

    /// The counts, without the reference that is owned here.
    pub(super) fn counts(&self) -> Counts {
        Counts { before: self.before, after: reference_count(&self.pointer).saturating_sub(1) }
    }
}

/// The references to the callback object: Outlook's, and spare ones. They keep the object alive if
/// a store releases too many, so that the run can report it.
pub(super) struct CallbackReferences(Vec<ComPtr<IMAPISyncProgressCallback>>);

impl CallbackReferences {
    const ALL: u32 = 8;

    pub(super) fn new(callback: ComPtr<IMAPISyncProgressCallback>) -> CallbackReferences {
        CallbackReferences((0..CallbackReferences::ALL).map(|_| callback.clone()).collect())
    }

    pub(super) fn pointer(&self) -> &ComPtr<IMAPISyncProgressCallback> {
        &self.0[0]
    }

    /// The counts, without the spare references.
    pub(super) fn counts(&self) -> Counts {
        let spare = CallbackReferences::ALL - 1;
        Counts { before: 1, after: reference_count(self.pointer()).saturating_sub(spare) }
    }
}

impl Drop for CallbackReferences {
    fn drop(&mut self) {
        // The store has released these references, so they must not be released again.
        let missing = CallbackReferences::ALL.saturating_sub(reference_count(self.pointer()));
        self.0.drain(..missing as usize).for_each(mem::forget);
    }
}
