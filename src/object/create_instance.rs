//! `create_instance`: the body of an exported function that creates an object.

use crate::abi::{GUID, HRESULT};
use crate::error::Result;
use crate::object::query_interface::with_arguments;
use crate::object::{ComPtr, Interface, unwind};
use core::ffi::c_void;

/// The body of a function that creates an object and returns one of its interfaces: a library's own
/// export, `DllGetClassObject`, or `IClassFactory::CreateInstance`. Call it from that function and
/// return its `HRESULT`.
///
/// - It stores NULL in `*ppv`, and on success the interface that `riid` identifies.
/// - It returns `E_POINTER` if an argument is NULL. `create` is not called then.
/// - If `create` fails, it returns the error's code. If it panics, it returns `E_UNEXPECTED`.
/// - If the object does not have the interface, it returns the object's code, `E_NOINTERFACE`. The
///   object is released.
///
/// Effect on the count: on success, the caller owns the reference in `*ppv`. The reference that
/// `create` returns is released.
///
/// ```standalone_crate
/// use mapisync::abi::IMAPISync;
/// use mapisync::{ComPtr, GUID, HRESULT};
/// use std::ffi::c_void;
/// # struct Store;
/// # impl mapisync::MapiSync for Store {
/// #     fn synchronize_in_background(&self, _: mapisync::SyncRequest<'_>) -> mapisync::Result<()> { Ok(()) }
/// # }
///
/// /// # Safety
/// ///
/// /// `riid` must be NULL or valid for a read, and `ppv` NULL or valid for a write.
/// #[unsafe(no_mangle)]
/// pub unsafe extern "system" fn CreateMapiSync(riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
///     // SAFETY: the contract is this function's.
///     unsafe { mapisync::create_instance(riid, ppv, || Ok(ComPtr::<IMAPISync>::new(Store))) }
/// }
/// ```
///
/// # Panics
///
/// Never with the feature `std`. Without it, and with `panic = "abort"`, a panic in `create` ends
/// the process.
///
/// # Safety
///
/// `riid` must be NULL or valid for a read, and `ppv` must be NULL or valid for a write, at any
/// address.
#[doc(alias("CreateInstance", "DllGetClassObject"))]
pub unsafe fn create_instance<I: Interface>(
    riid: *const GUID,
    ppv: *mut *mut c_void,
    create: impl FnOnce() -> Result<ComPtr<I>>,
) -> HRESULT {
    let find = |iid: &GUID, found: &mut *mut c_void| {
        // The error is dropped within the catch.
        let created = unwind::catch(|| create().map_err(|error| error.hresult()));
        match created.unwrap_or(Err(HRESULT::E_UNEXPECTED)) {
            Ok(object) => match object.query_interface(iid) {
                Ok(interface) => {
                    *found = interface.into_raw().cast();
                    HRESULT::S_OK
                }
                Err(error) => error.hresult(),
            },
            Err(code) => code,
        }
    };
    // SAFETY: the contract is this function's.
    unsafe { with_arguments(riid, ppv, find) }
}
