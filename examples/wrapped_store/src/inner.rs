//! The library of the wrapped provider, and its entry points.

use crate::library::{Library, directory_of};
use crate::mapi::{
    AllocateBuffer, AllocateMore, FreeBuffer, IMAPISupport, IMSProvider, IMalloc, IProviderAdmin,
    MAPIERROR, MapiMemory, SPropValue, UIPARAM, returned,
};
use mapisync::{ComPtr, Error, HRESULT, Result};
use std::ffi::c_void;
use std::mem::transmute;
use std::path::Path;
use std::ptr;

/// `MSPROVIDERINIT`, the type of `MSProviderInit`. It is cdecl.
pub type MsProviderInit = unsafe extern "C" fn(
    instance: *mut c_void,
    malloc: *mut IMalloc,
    allocate_buffer: Option<AllocateBuffer>,
    allocate_more: Option<AllocateMore>,
    free_buffer: Option<FreeBuffer>,
    flags: u32,
    mapi_version: u32,
    provider_version: *mut u32,
    provider: *mut *mut IMSProvider,
) -> HRESULT;

/// `MSGSERVICEENTRY`, the type of `ServiceEntry`. It is stdcall on 32-bit x86.
pub type ServiceEntryFunction = unsafe extern "system" fn(
    instance: *mut c_void,
    malloc: *mut IMalloc,
    support: *mut IMAPISupport,
    ui_param: UIPARAM,
    flags: u32,
    context: u32,
    count: u32,
    properties: *mut SPropValue,
    admin: *mut IProviderAdmin,
    error: *mut *mut MAPIERROR,
) -> HRESULT;

/// The entry points of a provider's library, which stays loaded.
#[derive(Clone, Copy)]
pub struct InnerModule {
    // Invariant: the functions have MAPI's contract for them, as `new` requires.
    instance: *mut c_void,
    init: MsProviderInit,
    service_entry: Option<ServiceEntryFunction>,
}

/// Loads the library of a provider: [`load`], or a stand-in in tests. The allocator is MAPI's.
pub type Load = fn(name: &Path, memory: &MapiMemory) -> Result<InnerModule>;

impl InnerModule {
    /// Names the entry points of a library.
    ///
    /// # Safety
    ///
    /// - `instance` must be the handle of the library. It must stay loaded.
    /// - The functions must have the contracts that MAPI documents for them. They must not unwind.
    /// - The objects that they create must meet the contract of
    ///   [`ComPtr::from_raw`](mapisync::ComPtr::from_raw).
    pub unsafe fn new(
        instance: *mut c_void,
        init: MsProviderInit,
        service_entry: Option<ServiceEntryFunction>,
    ) -> InnerModule {
        InnerModule { instance, init, service_entry }
    }

    /// Returns the handle of the library.
    pub fn instance(&self) -> *mut c_void {
        self.instance
    }

    /// Returns `NSTServiceEntry`, or `ServiceEntry` if the library has no function of that name.
    pub fn service_entry(&self) -> Option<ServiceEntryFunction> {
        self.service_entry
    }

    /// Calls `MSProviderInit`, with the handle of the library, as it expects.
    ///
    /// # Errors
    ///
    /// The code of the function, or `MAPI_E_CALL_FAILED` if it succeeds and stores NULL.
    pub fn provider(
        &self,
        malloc: Option<&ComPtr<IMalloc>>,
        memory: &MapiMemory,
        flags: u32,
        mapi_version: u32,
    ) -> Result<ComPtr<IMSProvider>> {
        let (allocate, more, free) = memory.functions();
        let (mut version, mut provider) = (0, ptr::null_mut());
        // SAFETY: the function has its contract, by the invariant, and the arguments are valid.
        let code = unsafe {
            (self.init)(
                self.instance,
                malloc.map_or(ptr::null_mut(), ComPtr::as_raw),
                Some(allocate),
                Some(more),
                Some(free),
                flags,
                mapi_version,
                &mut version,
                &mut provider,
            )
        };
        // SAFETY: a call that succeeds stores NULL or a pointer that owns a reference. The rest of the
        // contract holds by the invariant.
        unsafe { returned(code, provider) }
    }
}

/// Loads the library of a provider and finds its entry points. It stays loaded until the process
/// ends, because nothing says when its last object is released.
///
/// A name without a folder is searched in the folder of the program and in that of the system, and
/// then in MAPI's folder. Outlook's folder has the PST provider.
///
/// # Errors
///
/// - The code of the system's error if the library cannot be loaded.
/// - `MAPI_E_NOT_FOUND` if it has no `MSProviderInit`.
pub fn load(name: &Path, memory: &MapiMemory) -> Result<InnerModule> {
    let in_mapis_folder = || {
        let (allocate, ..) = memory.functions();
        let folder = directory_of(allocate as *const c_void)?;
        // SAFETY: it is a provider's library, as the profile says.
        unsafe { Library::open(&folder.join(name)) }.ok()
    };
    // SAFETY: it is a provider's library, as the profile or the environment says.
    let library = match unsafe { Library::open(name) } {
        Ok(library) => library,
        Err(error) => in_mapis_folder().ok_or_else(|| {
            let message = format!("{}: {error}", name.display());
            Error::from(std::io::Error::new(error.kind(), message))
        })?,
    };
    let init = library.symbol(c"MSProviderInit").ok_or_else(|| {
        let message = format!("{} is no store provider", name.display());
        Error::new(HRESULT::MAPI_E_NOT_FOUND, message)
    })?;
    let entry = library.symbol(c"NSTServiceEntry").or_else(|| library.symbol(c"ServiceEntry"));
    // SAFETY: exports of these names have these types, as MAPI documents them. The library is never
    // unloaded. It is foreign code that MAPI itself would load, and its objects are free-threaded.
    unsafe {
        Ok(InnerModule::new(
            library.handle(),
            transmute::<*const c_void, MsProviderInit>(init.as_ptr()),
            entry.map(|entry| transmute::<*const c_void, ServiceEntryFunction>(entry.as_ptr())),
        ))
    }
}
