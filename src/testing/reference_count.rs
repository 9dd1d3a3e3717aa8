//! The reference count of any object, for tests.

use crate::abi::{IUnknown, IUnknownVtbl};
use crate::object::{ComPtr, Interface};

/// Returns the reference count of an object, including the reference of `pointer`.
///
/// The result is exact for an object of this crate and for a [`Probe`](crate::testing::Probe), if no
/// other thread changes the count. COM says that the number is only for tests and guarantees nothing
/// about it, so a foreign object may return any number.
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
