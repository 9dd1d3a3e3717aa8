//! The inner provider: `MSProviderInit`, `ServiceEntry`, `IMSProvider`, `IMSLogon`.

use super::memory::buffer_of;
use super::store::{State, Token, Value, store, values};
use mapisync::abi::IUnknown;
use mapisync::{Class, ComObject, ComPtr, ComRef, GUID, HRESULT, Interface, Result};
use std::cell::RefCell;
use std::ffi::c_void;
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use wrapped_store32::inner::InnerModule;
use wrapped_store32::mapi::*;

thread_local! {
    /// The inner provider of the test on this thread. MAPI calls providers on its own thread.
    static CURRENT: RefCell<Option<Arc<State>>> = const { RefCell::new(None) };
}

/// Sets the inner provider that `load` returns on this thread.
pub fn set_current(state: Option<Arc<State>>) {
    CURRENT.with_borrow_mut(|current| *current = state);
}

fn current() -> Arc<State> {
    CURRENT.with_borrow(|current| current.clone()).unwrap()
}

/// The identifier of the section for files of the Replication API, as the documentation writes it.
const NST_SECTION: MAPIUID =
    MAPIUID { ab: 0x85ED1423_9DF7_4266_8BF2_FBD4A5212941_u128.to_be_bytes() };

/// The handle of the library.
pub const INSTANCE: usize = 0xD11;
/// The flags of `MSProviderInit`.
pub const INIT_FLAGS: u32 = 0x0001_0000;
/// The key that `Logon` returns for the spooler.
pub const SECURITY: [u8; 3] = *b"key";

/// The stand-in for `inner::load`.
pub fn load(name: &Path, _: &MapiMemory) -> Result<InnerModule> {
    current().enter("load", name.display())?;
    let instance = ptr::without_provenance_mut(INSTANCE);
    // SAFETY: the functions have MAPI's contract, and the objects are this crate's.
    Ok(unsafe { InnerModule::new(instance, init, Some(service_entry)) })
}

unsafe extern "C" fn init(
    instance: *mut c_void,
    _malloc: *mut IMalloc,
    allocate: Option<AllocateBuffer>,
    more: Option<AllocateMore>,
    free: Option<FreeBuffer>,
    flags: u32,
    mapi_version: u32,
    version: *mut u32,
    provider: *mut *mut IMSProvider,
) -> HRESULT {
    assert_eq!(instance.addr(), INSTANCE, "the handle is that of this library");
    assert!(allocate.is_some() && more.is_some() && free.is_some());
    let state = current();
    if let Err(error) = state.enter("MSProviderInit", format_args!("{flags:#x}, {mapi_version:#x}"))
    {
        return error.hresult();
    }
    let object = ComObject::new(Provider(state.token()));
    // SAFETY: the caller passes valid locations.
    unsafe {
        *version = CURRENT_SPI_VERSION;
        *provider = object.cast::<IMSProvider>().unwrap().into_raw();
    }
    HRESULT::S_OK
}

unsafe extern "system" fn service_entry(
    instance: *mut c_void,
    _malloc: *mut IMalloc,
    support: *mut IMAPISupport,
    ui_param: UIPARAM,
    flags: u32,
    context: u32,
    count: u32,
    properties: *mut SPropValue,
    admin: *mut IProviderAdmin,
    _error: *mut *mut MAPIERROR,
) -> HRESULT {
    assert_eq!(instance.addr(), INSTANCE, "the handle is that of this library");
    assert!(admin.is_null());
    // SAFETY: the caller passes as many values, and a live object.
    let (values, support) =
        unsafe { (values(count, properties), ComRef::from_raw(support).unwrap()) };
    let names: Vec<_> = values.iter().map(|(tag, value)| format!("{tag:x} {value:?}")).collect();
    let arguments = format!("{ui_param}, {flags}, {context}, {names:?}, {}", own_path(&support));
    match current().enter("NSTServiceEntry", arguments) {
        Ok(()) => HRESULT::S_OK,
        Err(error) => error.hresult(),
    }
}

/// Returns the path of the PST in the section for files of the Replication API.
fn own_path(support: &ComPtr<IMAPISupport>) -> String {
    let (mut uid, mut section) = (NST_SECTION, ptr::null_mut());
    let (mut count, mut found) = (0, ptr::null_mut());
    let mut tags = [1, tag(PT_UNICODE, PR_PST_PATH)];
    // SAFETY: all arguments are valid, and the results are as the calls say.
    unsafe {
        support.OpenProfileSection(&mut uid, MAPI_MODIFY, &mut section).ok().unwrap();
        let section = ComPtr::from_raw(section).unwrap();
        section.GetProps(tags.as_mut_ptr().cast(), 0, &mut count, &mut found).ok().unwrap();
        let found = super::memory::memory().take(found).unwrap();
        if kind((*found.as_ptr()).ulPropTag) != PT_UNICODE {
            return "no path".into();
        }
        match values(count, found.as_ptr()).into_values().next() {
            Some(Value::Text(path)) => path,
            other => panic!("{other:?}"),
        }
    }
}

struct Provider(Token);

impl Class for Provider {
    type Interfaces = (IMSProvider,);
}

impl Provider {
    /// Returns the logon and the store as the caller of `Logon` expects them.
    unsafe fn log_on(
        &self,
        interface: *const GUID,
        logon_out: *mut *mut IMSLogon,
        store_out: *mut *mut IMsgStore,
    ) -> Result<HRESULT> {
        if self.0.enter("no store", "").is_err() {
            return Ok(HRESULT::S_OK);
        }
        let store = store(&self.0);
        // SAFETY: `interface` is NULL or valid, and the locations are valid.
        unsafe {
            let iid = interface.as_ref().copied().unwrap_or(IMsgStore::IID);
            *store_out = store.query_interface(&iid)?.into_raw().cast();
            if self.0.enter("no logon", "").is_ok() {
                let logon = ComObject::new(Logon { _token: self.0.token() });
                *logon_out = logon.cast::<IMSLogon>()?.into_raw();
            }
        }
        Ok(HRESULT(0x0004_0380)) // MAPI_W_ERRORS_RETURNED: a success
    }
}

impl MsProvider for Provider {
    unsafe fn Shutdown(&self, flags: *mut u32) -> Result<HRESULT> {
        // SAFETY: the caller passes a valid location.
        self.0.enter("Shutdown", unsafe { *flags })?;
        Ok(HRESULT::S_FALSE)
    }

    unsafe fn Logon(
        &self,
        support: *mut IMAPISupport,
        ui_param: UIPARAM,
        profile: LPTSTR,
        length: u32,
        entry_id: *mut ENTRYID,
        flags: u32,
        interface: *const GUID,
        security_length: *mut u32,
        security: *mut *mut u8,
        error: *mut *mut MAPIERROR,
        logon: *mut *mut IMSLogon,
        store: *mut *mut IMsgStore,
    ) -> Result<HRESULT> {
        // SAFETY: the caller passes a live object and valid locations.
        unsafe {
            let path = own_path(&ComRef::from_raw(support).unwrap());
            let (profile, entry_id) = (profile.addr(), entry_id.addr());
            let (error, known) = (error.addr(), interface.as_ref().is_some());
            self.0.enter(
                "Logon",
                format_args!("{ui_param}, {profile}, {length}, {entry_id}, {flags:#x}, {known}, {error}, {path}"),
            )?;
            *security_length = SECURITY.len() as u32;
            *security = buffer_of(&SECURITY);
            self.log_on(interface, logon, store)
        }
    }

    unsafe fn SpoolerLogon(
        &self,
        support: *mut IMAPISupport,
        ui_param: UIPARAM,
        profile: LPTSTR,
        length: u32,
        entry_id: *mut ENTRYID,
        flags: u32,
        interface: *const GUID,
        security_length: u32,
        security: *mut u8,
        error: *mut *mut MAPIERROR,
        logon: *mut *mut IMSLogon,
        store: *mut *mut IMsgStore,
    ) -> Result<HRESULT> {
        // SAFETY: the caller passes a live object and valid locations.
        unsafe {
            let path = own_path(&ComRef::from_raw(support).unwrap());
            let (profile, entry_id) = (profile.addr(), entry_id.addr());
            let (error, security) = (error.addr(), security.addr());
            self.0.enter(
                "SpoolerLogon",
                format_args!(
                    "{ui_param}, {profile}, {length}, {entry_id}, {flags:#x}, {security_length}, {security}, {error}, {path}"
                ),
            )?;
            self.log_on(interface, logon, store)
        }
    }

    unsafe fn CompareStoreIDs(
        &self,
        first_length: u32,
        first: *mut ENTRYID,
        second_length: u32,
        second: *mut ENTRYID,
        flags: u32,
        equal: *mut u32,
    ) -> Result<HRESULT> {
        let (first, second) = (first.addr(), second.addr());
        self.0.enter(
            "CompareStoreIDs",
            format_args!("{first_length}, {first}, {second_length}, {second}, {flags}"),
        )?;
        // SAFETY: the caller passes a valid location.
        unsafe { *equal = 1 };
        Ok(HRESULT::S_OK)
    }
}

struct Logon {
    _token: Token,
}

impl Class for Logon {
    type Interfaces = (IMSLogon,);
}

impl MsLogon for Logon {
    unsafe fn Logoff(&self, _flags: *mut u32) -> Result<HRESULT> {
        Ok(HRESULT::S_OK)
    }
}

/// Takes over a pointer that an out parameter has received.
pub fn owned<I: Interface>(raw: *mut I) -> Option<ComPtr<I>> {
    // SAFETY: an out parameter is NULL or owns a reference to an object of these tests.
    unsafe { ComPtr::from_raw(raw) }
}

/// Takes over a pointer to an unknown interface.
pub fn unknown<I>(raw: *mut I) -> Option<ComPtr<IUnknown>> {
    owned(raw.cast())
}
