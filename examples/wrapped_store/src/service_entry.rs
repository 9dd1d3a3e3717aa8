//! `ServiceEntry`: the function by which MAPI configures the message service.

use crate::hresult_of;
use crate::inner::{self, Load};
use crate::mapi::{
    IMAPIPropCalls, IMAPISupport, IMAPISupportCalls, IMalloc, IProviderAdmin, IProviderAdminCalls,
    KEEP_OPEN_READWRITE, MAPI_MODIFY, MAPIERROR, MSG_SERVICE_DELETE, MSG_SERVICE_INSTALL,
    MSG_SERVICE_PROVIDER_CREATE, MSG_SERVICE_PROVIDER_DELETE, MSG_SERVICE_UNINSTALL, MapiMemory,
    SPropValue, UIPARAM, returned,
};
use crate::settings::Settings;
use crate::wrapped::Support;
use mapisync::{ComObject, ComPtr, HRESULT, Result};
use std::ffi::c_void;
use std::ptr;

/// Configures the message service. MAPI calls this function when the service is added to a profile,
/// and when the user changes it.
///
/// It stores the properties that MAPI passes in the provider's profile section, and lets the inner
/// provider do the rest: its service entry shows its dialog and creates its file.
///
/// It returns
///
/// - `S_OK` at once if the service was installed or is deleted from a profile,
/// - `MAPI_E_NO_SUPPORT` for another provider of the service, and for its removal from the machine,
/// - `MAPI_E_INVALID_PARAMETER` if a pointer that it needs is NULL.
///
/// # Safety
///
/// MAPI's contract must hold: pointers must be NULL or valid.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "system" fn ServiceEntry(
    _instance: *mut c_void,
    malloc: *mut IMalloc,
    support: *mut IMAPISupport,
    ui_param: UIPARAM,
    flags: u32,
    context: u32,
    count: u32,
    properties: *mut SPropValue,
    admin: *mut IProviderAdmin,
    error: *mut *mut MAPIERROR,
) -> HRESULT {
    let properties = (count, properties);
    // SAFETY: the contract is this function's.
    unsafe {
        service_entry(
            inner::load,
            malloc,
            support,
            ui_param,
            flags,
            context,
            properties,
            admin,
            error,
        )
    }
}

/// The body of [`ServiceEntry`], for any way to load the wrapped provider.
///
/// # Safety
///
/// The contract of [`ServiceEntry`] must hold.
#[allow(clippy::too_many_arguments)]
pub unsafe fn service_entry(
    load: Load,
    malloc: *mut IMalloc,
    support: *mut IMAPISupport,
    ui_param: UIPARAM,
    flags: u32,
    context: u32,
    (count, properties): (u32, *mut SPropValue),
    admin: *mut IProviderAdmin,
    error: *mut *mut MAPIERROR,
) -> HRESULT {
    hresult_of(|| {
        if !error.is_null() {
            // SAFETY: it is valid for a write, by this function's contract.
            unsafe { *error = ptr::null_mut() };
        }
        match context {
            MSG_SERVICE_INSTALL | MSG_SERVICE_DELETE => return Ok(HRESULT::S_OK),
            MSG_SERVICE_UNINSTALL | MSG_SERVICE_PROVIDER_CREATE | MSG_SERVICE_PROVIDER_DELETE => {
                return Err(HRESULT::MAPI_E_NO_SUPPORT.into());
            }
            _ => {}
        }
        // SAFETY: these are NULL or live objects, which are free-threaded as all of MAPI is.
        let (support, admin) = unsafe {
            (
                ComPtr::from_raw_borrowed(support).ok_or(HRESULT::MAPI_E_INVALID_PARAMETER)?,
                ComPtr::from_raw_borrowed(admin).ok_or(HRESULT::MAPI_E_INVALID_PARAMETER)?,
            )
        };
        let memory = memory_of(&support)?;
        let mut section = ptr::null_mut();
        // SAFETY: NULL names the section of the provider, and `section` is valid for a write.
        let code = unsafe {
            admin.OpenProfileSection(ptr::null_mut(), ptr::null(), MAPI_MODIFY, &mut section)
        };
        // SAFETY: a call that succeeds stores NULL or a pointer that owns a reference to a section.
        let section = unsafe { returned(code, section) }?;
        if count != 0 && !properties.is_null() {
            // SAFETY: MAPI passes as many values. NULL means that no problems are wanted.
            unsafe { section.SetProps(count, properties, ptr::null_mut()) }.ok()?;
        }
        let settings = Settings::read(Some(&section), &memory)?;
        let module = load(&settings.inner, &memory)?;
        let entry = module.service_entry().ok_or(HRESULT::MAPI_E_NO_SUPPORT)?;
        let (mut count, mut values) = (0, ptr::null_mut());
        // SAFETY: NULL requests all properties. The others are valid for a write.
        unsafe { section.GetProps(ptr::null_mut(), 0, &mut count, &mut values) }.ok()?;
        // SAFETY: the call has succeeded, so this is NULL or a new buffer of MAPI's allocator.
        let values = unsafe { memory.take(values) };
        let wrapped = ComObject::new(Support::new(support, section.clone()));
        let wrapped = wrapped.cast::<IMAPISupport>()?;
        // SAFETY: the function has MAPI's contract, by that of `InnerModule`. Its instance is the
        // handle of its own library. It gets no provider administration, as the documented sample
        // demands for such a file.
        let code = unsafe {
            entry(
                module.instance(),
                malloc,
                wrapped.as_raw(),
                ui_param,
                flags,
                context,
                count,
                values.as_ref().map_or(ptr::null_mut(), |values| values.as_ptr()),
                ptr::null_mut(),
                error,
            )
        };
        code.ok()?;
        section.SaveChanges(KEEP_OPEN_READWRITE).ok()?;
        Ok(code)
    })
}

/// Returns MAPI's allocator.
fn memory_of(support: &ComPtr<IMAPISupport>) -> Result<MapiMemory> {
    let (mut allocate, mut more, mut free) = (None, None, None);
    // SAFETY: all three are valid for a write.
    unsafe { support.GetMemAllocRoutines(&mut allocate, &mut more, &mut free) }.ok()?;
    // SAFETY: these are MAPI's functions, by the contract of `GetMemAllocRoutines`.
    let memory = unsafe { MapiMemory::new(allocate, more, free) };
    memory.ok_or(HRESULT::MAPI_E_CALL_FAILED.into())
}
