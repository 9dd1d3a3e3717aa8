//! `MSProviderInit`: the function by which MAPI loads a store provider.

use crate::hresult_of;
use crate::inner::{self, Load};
use crate::mapi::{
    AllocateBuffer, AllocateMore, CURRENT_SPI_VERSION, FreeBuffer, IMSProvider, IMalloc, MapiMemory,
};
use crate::wrapped::Provider;
use mapisync::{ComObject, ComPtr, HRESULT};
use std::ffi::c_void;
use std::ptr;

/// Creates the provider. MAPI calls this function, perhaps several times in a process, and gets a new
/// provider each time.
///
/// It loads no other library. The wrapped provider is loaded by the first `Logon`, because only then
/// the profile section can be read that names it.
///
/// It fails with
///
/// - `MAPI_E_INVALID_PARAMETER` if an out parameter or a memory function is NULL,
/// - `MAPI_E_VERSION` if MAPI is older than this provider.
///
/// # Safety
///
/// MAPI's contract must hold: pointers must be NULL or valid, and the memory functions must be those
/// of one allocator.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn MSProviderInit(
    _instance: *mut c_void,
    malloc: *mut IMalloc,
    allocate_buffer: Option<AllocateBuffer>,
    allocate_more: Option<AllocateMore>,
    free_buffer: Option<FreeBuffer>,
    flags: u32,
    mapi_version: u32,
    provider_version: *mut u32,
    provider: *mut *mut IMSProvider,
) -> HRESULT {
    let memory = (allocate_buffer, allocate_more, free_buffer);
    // SAFETY: the contract is this function's.
    unsafe {
        provider_init(inner::load, malloc, memory, flags, mapi_version, provider_version, provider)
    }
}

/// The body of [`MSProviderInit`], for any way to load the wrapped provider.
///
/// # Safety
///
/// The contract of [`MSProviderInit`] must hold.
pub unsafe fn provider_init(
    load: Load,
    malloc: *mut IMalloc,
    (allocate_buffer, allocate_more, free_buffer): (
        Option<AllocateBuffer>,
        Option<AllocateMore>,
        Option<FreeBuffer>,
    ),
    flags: u32,
    mapi_version: u32,
    provider_version: *mut u32,
    provider: *mut *mut IMSProvider,
) -> HRESULT {
    if provider_version.is_null() || provider.is_null() {
        return HRESULT::MAPI_E_INVALID_PARAMETER;
    }
    // SAFETY: both are valid for a write, by MAPI's contract.
    unsafe {
        *provider = ptr::null_mut();
        *provider_version = CURRENT_SPI_VERSION;
    }
    if mapi_version < CURRENT_SPI_VERSION {
        return HRESULT::MAPI_E_VERSION;
    }
    hresult_of(|| {
        // SAFETY: the functions are those of MAPI's allocator, by its contract.
        let memory = unsafe { MapiMemory::new(allocate_buffer, allocate_more, free_buffer) };
        let memory = memory.ok_or(HRESULT::MAPI_E_INVALID_PARAMETER)?;
        // SAFETY: `malloc` is NULL or a live allocator of COM, which is free-threaded.
        let malloc = unsafe { ComPtr::from_raw_borrowed(malloc) };
        let object = ComObject::new(Provider::new(load, malloc, memory, flags, mapi_version));
        let created = object.cast::<IMSProvider>()?;
        // SAFETY: it is valid for a write, by MAPI's contract.
        unsafe { *provider = created.into_raw() };
        Ok(HRESULT::S_OK)
    })
}
