//! The host: MAPI's support object and profile section, and the steps by which MAPI uses a provider.

use super::memory;
use super::provider::{self, INIT_FLAGS, owned};
use super::store::{Saved, State, Token, Value};
use mapisync::abi::IMAPISync;
use mapisync::{Class, ComObject, ComPtr, GUID, HRESULT, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;
use wrapped_store32::mapi::*;
use wrapped_store32::settings::{PR_INNER_LIBRARY, PR_MAILDIR, PR_STATE_FILE};
use wrapped_store32::{inner::Load, provider_init};

/// A profile section.
pub struct Section {
    /// By identifier: a string, and whether it is stored as 8-bit units.
    values: Mutex<BTreeMap<u32, (String, bool)>>,
    pub saves: Mutex<Vec<u32>>,
    _token: Option<Token>,
}

impl Section {
    /// Makes a section with these strings. The caller owns the reference.
    pub fn create(values: Vec<(u32, String)>) -> ComPtr<IProfSect> {
        Section::object(values, None).cast().unwrap()
    }

    fn object(values: Vec<(u32, String)>, token: Option<Token>) -> ComObject<Section> {
        let values = values.into_iter().enumerate();
        // Every second one has 8-bit units.
        let values = values.map(|(index, (id, value))| (id, (value, index % 2 == 1)));
        ComObject::new(Section {
            values: Mutex::new(values.collect()),
            saves: Mutex::default(),
            _token: token,
        })
    }
}

impl Class for Section {
    type Interfaces = (IProfSect,);
}

impl MapiProp for Section {
    unsafe fn GetProps(
        &self,
        tags: *mut SPropTagArray,
        _flags: u32,
        count: *mut u32,
        array: *mut *mut SPropValue,
    ) -> Result<HRESULT> {
        let section = self.values.lock().unwrap();
        let wanted: Vec<u32> = if tags.is_null() {
            section.keys().map(|id| tag(0, *id)).collect()
        } else {
            // SAFETY: the caller passes as many tags as it says.
            unsafe {
                let first = (&raw const (*tags).aulPropTag).cast::<u32>();
                (0..(*tags).cValues as usize).map(|index| *first.add(index)).collect()
            }
        };
        let value = |kind, id| SPropValue {
            ulPropTag: tag(kind, id),
            dwAlignPad: 0,
            Value: PropertyValue { li: 0 },
        };
        let values: Vec<_> =
            wanted.iter().map(|wanted| value(PT_ERROR, identifier(*wanted))).collect();
        let buffer = memory::memory().allocate(&values)?;
        let mut code = HRESULT::S_OK;
        for (index, wanted) in wanted.iter().enumerate() {
            let id = identifier(*wanted);
            let Some((text, is_8bit)) = section.get(&id) else {
                code = HRESULT::MAPI_W_ERRORS_RETURNED;
                continue;
            };
            let mut found = value(PT_UNICODE, id);
            if *is_8bit && !tags.is_null() && kind(*wanted) == 0 {
                let bytes: Vec<u8> = text.bytes().chain([0]).collect();
                found.ulPropTag = tag(PT_STRING8, id);
                found.Value.lpszA = memory::memory().allocate_more(&buffer, &bytes)?;
            } else {
                let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
                found.Value.lpszW = memory::memory().allocate_more(&buffer, &units)?;
            }
            // SAFETY: the buffer has this many values.
            unsafe { *buffer.as_ptr().add(index) = found };
        }
        // SAFETY: the caller passes valid locations.
        unsafe {
            *count = wanted.len() as u32;
            *array = buffer.into_raw();
        }
        Ok(code)
    }

    unsafe fn SetProps(
        &self,
        count: u32,
        array: *mut SPropValue,
        _problems: *mut *mut SPropProblemArray,
    ) -> Result<HRESULT> {
        // SAFETY: the caller passes as many values.
        for (tag, value) in unsafe { super::store::values(count, array) } {
            let Value::Text(text) = value else { panic!("{value:?}") };
            self.values.lock().unwrap().insert(identifier(tag), (text, false));
        }
        Ok(HRESULT::S_OK)
    }

    fn SaveChanges(&self, flags: u32) -> Result<HRESULT> {
        self.saves.lock().unwrap().push(flags);
        Ok(HRESULT::S_OK)
    }
}

impl ProfSect for Section {}

/// MAPI's support object and the administration of providers.
pub struct Mapi {
    section: ComObject<Section>,
    state: Token,
}

impl Class for Mapi {
    type Interfaces = (IMAPISupport, IProviderAdmin);
}

impl MapiSupport for Mapi {
    unsafe fn OpenProfileSection(
        &self,
        uid: *mut MAPIUID,
        flags: u32,
        section: *mut *mut IProfSect,
    ) -> Result<HRESULT> {
        assert!(uid.is_null(), "only the provider's own section is opened here");
        self.state.enter("OpenProfileSection", flags)?;
        // SAFETY: the caller passes a valid location.
        unsafe { *section = self.section.cast::<IProfSect>()?.into_raw() };
        Ok(HRESULT::S_OK)
    }

    unsafe fn GetMemAllocRoutines(
        &self,
        allocate: *mut Option<AllocateBuffer>,
        more: *mut Option<AllocateMore>,
        free: *mut Option<FreeBuffer>,
    ) -> Result<HRESULT> {
        self.state.enter("GetMemAllocRoutines", "")?;
        // SAFETY: the caller passes valid locations.
        unsafe {
            *allocate = Some(memory::allocate);
            *more = Some(memory::more);
            *free = Some(memory::free);
        }
        Ok(HRESULT::S_OK)
    }
}

impl ProviderAdmin for Mapi {
    unsafe fn OpenProfileSection(
        &self,
        uid: *mut MAPIUID,
        interface: *const GUID,
        flags: u32,
        section: *mut *mut IProfSect,
    ) -> Result<HRESULT> {
        assert!(interface.is_null());
        // SAFETY: the contract is this function's.
        unsafe { MapiSupport::OpenProfileSection(self, uid, flags, section) }
    }
}

/// The path of the PST in the profile.
pub const PST: &str = "C:\\mail\\Änne.pst";

/// Returns the pointer that an out parameter has before the call.
pub fn garbage<T>() -> *mut T {
    ptr::without_provenance_mut(0xBAD)
}

/// Returns the pointer, or NULL if the argument is missing.
pub fn or_null<T>(is_there: bool, pointer: *mut T) -> *mut T {
    if is_there { pointer } else { ptr::null_mut() }
}

/// One test at a time: they share the allocator.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The host of one test, with an empty Maildir. When it is dropped, it releases the provider, and
/// asserts that nothing is left.
pub struct Host {
    pub mapi: ComObject<Mapi>,
    pub section: ComObject<Section>,
    pub provider: ComPtr<IMSProvider>,
    pub folder: TempDir,
    pub state: Arc<State>,
    // The fields are dropped in this order.
    _leaks: Leaks,
    _one_at_a_time: MutexGuard<'static, ()>,
}

/// Asserts at its end that no object and no buffer is left.
struct Leaks {
    state: Arc<State>,
    buffers: usize,
}

impl Drop for Leaks {
    fn drop(&mut self) {
        provider::set_current(None);
        *self.state.hook.lock().unwrap() = None;
        if !std::thread::panicking() {
            let objects = self.state.objects.load(Ordering::Relaxed);
            assert_eq!(objects, 0, "objects are left");
            assert_eq!(memory::buffers(), self.buffers, "buffers are left");
        }
    }
}

/// Calls `MSProviderInit`.
pub fn init(load: Load) -> ComPtr<IMSProvider> {
    let (mut version, mut provider) = (0, ptr::null_mut());
    let functions = (Some(memory::allocate as _), Some(memory::more as _), Some(memory::free as _));
    let (malloc, mapi) = (ptr::null_mut(), CURRENT_SPI_VERSION + 1);
    // SAFETY: the arguments are valid or NULL.
    let code = unsafe {
        provider_init(load, malloc, functions, INIT_FLAGS, mapi, &mut version, &mut provider)
    };
    assert_eq!((code, version), (HRESULT::S_OK, CURRENT_SPI_VERSION));
    owned(provider).unwrap()
}

impl Host {
    pub fn new() -> Host {
        let one_at_a_time = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let state = Arc::new(State::default());
        provider::set_current(Some(state.clone()));
        let folder = tempfile::tempdir().unwrap();
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.path().join("mail").join(sub)).unwrap();
        }
        let path = |name| folder.path().join(name).to_str().unwrap().to_owned();
        let values = vec![
            (PR_INNER_LIBRARY, "inner.dll".into()),
            (PR_MAILDIR, path("mail")),
            (PR_STATE_FILE, path("state")),
            (0x6601, "foreign".into()),
            (PR_PST_PATH, PST.into()),
        ];
        let section = Section::object(values, Some(state.token()));
        let mapi = ComObject::new(Mapi { section: section.clone(), state: state.token() });
        let leaks = Leaks { state: state.clone(), buffers: memory::buffers() };
        Host {
            provider: init(provider::load),
            _leaks: leaks,
            _one_at_a_time: one_at_a_time,
            state,
            folder,
            mapi,
            section,
        }
    }

    /// Changes a string of the profile section, or removes it.
    pub fn set(&self, id: u32, value: Option<&str>) {
        let mut values = self.section.values.lock().unwrap();
        match value {
            Some(value) => _ = values.insert(id, (value.into(), false)),
            None => _ = values.remove(&id),
        }
    }

    /// Delivers a message to the Maildir. The name is below it: `new/1` or `cur/1:2,S`.
    pub fn mail(&self, name: &str, text: &str) -> PathBuf {
        let name = if cfg!(windows) { name.replace(':', ";") } else { name.into() };
        let path = self.folder.path().join("mail").join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub fn support(&self) -> ComPtr<IMAPISupport> {
        self.mapi.cast().unwrap()
    }

    /// Logs on. Returns the code, the logon and the store, which may be of any interface.
    pub fn try_log_on(
        &self,
        interface: Option<GUID>,
    ) -> (HRESULT, Option<ComPtr<IMSLogon>>, *mut IMsgStore) {
        let (mut logon, mut store) = (garbage(), garbage());
        let (mut length, mut security) = (0, ptr::null_mut());
        // SAFETY: the arguments are valid or NULL. The inner provider only compares some of them.
        let code = unsafe {
            self.provider.Logon(
                self.support().as_raw(),
                11,
                ptr::without_provenance_mut(12),
                13,
                ptr::without_provenance_mut(14),
                0x8000_1001, // MAPI_UNICODE, MDB_OST_LOGON_ANSI, MDB_NO_DIALOG
                interface.as_ref().map_or(ptr::null(), |iid| iid),
                &mut length,
                &mut security,
                ptr::without_provenance_mut(15),
                &mut logon,
                &mut store,
            )
        };
        if !security.is_null() {
            // SAFETY: the inner provider has returned a buffer of this length.
            let bytes = unsafe { std::slice::from_raw_parts(security, length as usize) };
            assert_eq!(bytes, provider::SECURITY);
            // SAFETY: the host owns the buffer.
            unsafe { memory::free(security.cast()) };
        }
        (code, owned(logon), store)
    }

    /// Logs on as MAPI's spooler does. Returns the code, the logon and the store.
    pub fn spooler_log_on(&self) -> (HRESULT, Option<ComPtr<IMSLogon>>, Option<ComPtr<IMsgStore>>) {
        let (mut logon, mut store) = (garbage(), garbage());
        // SAFETY: the arguments are valid or NULL. The inner provider only compares some of them.
        let code = unsafe {
            self.provider.SpoolerLogon(
                self.support().as_raw(),
                21,
                ptr::without_provenance_mut(22),
                23,
                ptr::without_provenance_mut(24),
                25,
                ptr::null(),
                26,
                ptr::without_provenance_mut(27),
                ptr::without_provenance_mut(28),
                &mut logon,
                &mut store,
            )
        };
        (code, owned(logon), owned(store))
    }

    /// Logs on without one of the arguments that are required.
    pub fn log_on_without(&self, missing: &str) -> HRESULT {
        let (mut logon, mut store) = (garbage(), garbage());
        let (support, logon, store) = (self.support(), &raw mut logon, &raw mut store);
        // SAFETY: the arguments are NULL or valid.
        unsafe {
            self.provider.Logon(
                or_null(missing != "support", support.as_raw()),
                0,
                ptr::null_mut(),
                0,
                ptr::null_mut(),
                0,
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                or_null(missing != "logon", logon),
                or_null(missing != "store", store),
            )
        }
    }

    /// Logs on and returns the store.
    pub fn log_on(&self) -> ComPtr<IMsgStore> {
        let (code, logon, store) = self.try_log_on(None);
        assert_eq!(code, HRESULT::MAPI_W_ERRORS_RETURNED);
        assert!(logon.is_some());
        owned(store).unwrap()
    }

    pub fn sync(&self) -> ComPtr<IMAPISync> {
        self.log_on().cast().unwrap()
    }

    /// Returns and forgets the calls of the inner provider.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.state.calls.lock().unwrap())
    }

    pub fn fail(&self, failing: Option<(&'static str, HRESULT)>) {
        *self.state.failing.lock().unwrap() = failing;
    }

    /// Calls `Shutdown` of the provider.
    pub fn shutdown(&self, mut flags: u32) -> HRESULT {
        // SAFETY: the location is valid.
        unsafe { self.provider.Shutdown(&mut flags) }
    }

    /// Returns and forgets the messages that have been saved.
    pub fn messages(&self) -> Vec<Saved> {
        std::mem::take(&mut *self.state.messages.lock().unwrap())
    }

    /// Runs a function at the beginning of each method of the inner provider. It gets the name of
    /// the method.
    pub fn on_call(&self, hook: impl Fn(&str) + Send + Sync + 'static) {
        *self.state.hook.lock().unwrap() = Some(Arc::new(hook));
    }
}

/// Calls `CompareStoreIDs`. Returns the code and the result.
pub fn compare_store_ids(provider: &ComPtr<IMSProvider>) -> (HRESULT, u32) {
    let mut equal = 0;
    let entry_id = ptr::without_provenance_mut;
    // SAFETY: the inner provider only compares the entry identifiers, and `equal` is valid.
    let code = unsafe { provider.CompareStoreIDs(1, entry_id(2), 3, entry_id(4), 5, &mut equal) };
    (code, equal)
}
