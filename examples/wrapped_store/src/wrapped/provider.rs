//! The wrapped `IMSProvider`, which MAPI gets from `MSProviderInit`.

use super::store::LOGOFF_WAIT;
use super::{Store, Support};
use crate::inner::Load;
use crate::mapi::{
    ENTRYID, IMAPISupport, IMAPISupportCalls, IMSLogon, IMSProvider, IMSProviderCalls, IMalloc,
    IMsgStore, IProfSect, LPTSTR, MAPI_MODIFY, MAPIERROR, MDB_OST_LOGON_ANSI,
    MDB_OST_LOGON_UNICODE, MapiMemory, MsProvider, UIPARAM, returned,
};
use crate::settings::Settings;
use mapisync::abi::IUnknown;
use mapisync::{Class, ComObject, ComPtr, ComRef, ExclusiveRun, GUID, HRESULT, Interface, Result};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Loads the inner provider, logs on to it, and wraps its store.
pub struct Provider {
    load: Load,
    malloc: Option<ComPtr<IMalloc>>,
    memory: MapiMemory,
    flags: u32,
    mapi_version: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The inner providers, by the names of their libraries. Nearly always there is one.
    inner: Vec<(PathBuf, ComPtr<IMSProvider>)>,
    /// The runs of the stores, for `Shutdown`: a few bytes for each logon.
    runs: Vec<ExclusiveRun>,
}

impl Provider {
    /// Creates a provider with the arguments of `MSProviderInit`.
    pub fn new(
        load: Load,
        malloc: Option<ComPtr<IMalloc>>,
        memory: MapiMemory,
        flags: u32,
        mapi_version: u32,
    ) -> Provider {
        Provider { load, malloc, memory, flags, mapi_version, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the provider of a library, which it loads the first time.
    fn inner(&self, name: &Path) -> Result<ComPtr<IMSProvider>> {
        let find = |state: &State| {
            let found = state.inner.iter().find(|(other, _)| other == name);
            found.map(|(_, provider)| provider.clone())
        };
        if let Some(provider) = find(&self.state()) {
            return Ok(provider);
        }
        // No lock is held while foreign code runs. If another thread was faster, its provider is
        // kept and this one is released.
        let module = (self.load)(name, &self.memory)?;
        let malloc = self.malloc.as_ref();
        let provider = module.provider(malloc, &self.memory, self.flags, self.mapi_version)?;
        let mut state = self.state();
        if let Some(first) = find(&state) {
            drop(state);
            return Ok(first);
        }
        state.inner.push((name.into(), provider.clone()));
        Ok(provider)
    }

    /// The common part of `Logon` and `SpoolerLogon`. `call` makes the call of the inner provider,
    /// with the wrapped support object, the flags and the two out parameters.
    ///
    /// # Safety
    ///
    /// The arguments must be NULL or valid, as MAPI requires for `Logon`.
    unsafe fn log_on(
        &self,
        support: *mut IMAPISupport,
        flags: u32,
        interface: *const GUID,
        logon_out: *mut *mut IMSLogon,
        store_out: *mut *mut IMsgStore,
        call: impl FnOnce(
            &ComPtr<IMSProvider>,
            *mut IMAPISupport,
            u32,
            *mut *mut IMSLogon,
            *mut *mut IMsgStore,
        ) -> HRESULT,
    ) -> Result<HRESULT> {
        if logon_out.is_null() || store_out.is_null() {
            return Err(HRESULT::MAPI_E_INVALID_PARAMETER.into());
        }
        // SAFETY: both are valid for a write. `interface` is NULL or valid, and `support` is NULL or
        // a live support object, which is free-threaded as all of MAPI is.
        let (interface, support) = unsafe {
            *logon_out = ptr::null_mut();
            *store_out = ptr::null_mut();
            (interface.as_ref(), ComRef::from_raw(support))
        };
        let support = support.ok_or(HRESULT::MAPI_E_INVALID_PARAMETER)?.to_ptr();
        let section = own_section(&support)?;
        let settings = Settings::read(Some(&section), &self.memory)?;
        let inner = self.inner(&settings.inner)?;
        let flags = if settings.is_pst() {
            // The documented sample does so, because the file must be a Unicode file.
            flags & !MDB_OST_LOGON_ANSI | MDB_OST_LOGON_UNICODE
        } else {
            flags
        };
        let support = ComObject::new(Support::new(support, section)).cast::<IMAPISupport>()?;
        let (mut logon, mut store) = (ptr::null_mut(), ptr::null_mut());
        let code = call(&inner, support.as_raw(), flags, &mut logon, &mut store);
        code.ok()?;
        // SAFETY: the call has succeeded, so these are NULL or own references to objects of the inner
        // provider, which are free-threaded as all of MAPI is. The second is of the interface that
        // was requested, whose vtable begins with that of IUnknown.
        let (logon, store) = unsafe {
            let store = ComPtr::<IUnknown>::from_raw(store.cast());
            (ComPtr::<IMSLogon>::from_raw(logon), store)
        };
        let store = store.ok_or(HRESULT::MAPI_E_CALL_FAILED)?.cast::<IMsgStore>()?;
        let run = ExclusiveRun::default();
        self.state().runs.push(run.clone());
        let store = ComObject::new(Store::new(store, self.memory, settings, run));
        let store = store.cast::<IMsgStore>()?;
        let store = store.query_interface(interface.unwrap_or(&IMsgStore::IID))?;
        // SAFETY: both are valid for a write. MAPI owns what they receive. `logon` may be NULL: a
        // provider returns none for a store that is open already.
        unsafe {
            *logon_out = logon.map_or(ptr::null_mut(), ComPtr::into_raw);
            *store_out = store.into_raw().cast();
        }
        Ok(code)
    }
}

/// Opens the profile section of this provider.
fn own_section(support: &ComPtr<IMAPISupport>) -> Result<ComPtr<IProfSect>> {
    let mut section = ptr::null_mut();
    // SAFETY: NULL names the section of the provider, and `section` is valid for a write.
    let code = unsafe { support.OpenProfileSection(ptr::null_mut(), MAPI_MODIFY, &mut section) };
    // SAFETY: a call that succeeds stores NULL or a pointer that owns a reference to a section.
    unsafe { returned(code, section) }
}

impl Class for Provider {
    type Interfaces = (IMSProvider,);
}

impl MsProvider for Provider {
    /// Stops all runs, and shuts down the inner providers. Returns the first failure.
    unsafe fn Shutdown(&self, flags: *mut u32) -> Result<HRESULT> {
        let mut state = self.state();
        let runs = std::mem::take(&mut state.runs);
        let inner: Vec<_> = state.inner.iter().map(|(_, inner)| inner.clone()).collect();
        drop(state);
        let limit = Instant::now() + LOGOFF_WAIT;
        for run in runs {
            let _has_ended = run.stop(limit.saturating_duration_since(Instant::now()));
        }
        let mut result = HRESULT::S_OK;
        for inner in inner {
            // SAFETY: the contract is this function's.
            let code = unsafe { inner.Shutdown(flags) };
            if result.is_ok() {
                result = code;
            }
        }
        result.ok_code()
    }

    unsafe fn Logon(
        &self,
        support: *mut IMAPISupport,
        ui_param: UIPARAM,
        profile: LPTSTR,
        entry_id_length: u32,
        entry_id: *mut ENTRYID,
        flags: u32,
        interface: *const GUID,
        security_length: *mut u32,
        security: *mut *mut u8,
        error: *mut *mut MAPIERROR,
        logon: *mut *mut IMSLogon,
        store: *mut *mut IMsgStore,
    ) -> Result<HRESULT> {
        // SAFETY: the contract is this function's. The other arguments are passed on unchanged.
        unsafe {
            self.log_on(
                support,
                flags,
                interface,
                logon,
                store,
                |inner, support, flags, logon, store| {
                    inner.Logon(
                        support,
                        ui_param,
                        profile,
                        entry_id_length,
                        entry_id,
                        flags,
                        interface,
                        security_length,
                        security,
                        error,
                        logon,
                        store,
                    )
                },
            )
        }
    }

    unsafe fn SpoolerLogon(
        &self,
        support: *mut IMAPISupport,
        ui_param: UIPARAM,
        profile: LPTSTR,
        entry_id_length: u32,
        entry_id: *mut ENTRYID,
        flags: u32,
        interface: *const GUID,
        security_length: u32,
        security: *mut u8,
        error: *mut *mut MAPIERROR,
        logon: *mut *mut IMSLogon,
        store: *mut *mut IMsgStore,
    ) -> Result<HRESULT> {
        // SAFETY: the contract is this function's. The other arguments are passed on unchanged.
        unsafe {
            self.log_on(
                support,
                flags,
                interface,
                logon,
                store,
                |inner, support, flags, logon, store| {
                    inner.SpoolerLogon(
                        support,
                        ui_param,
                        profile,
                        entry_id_length,
                        entry_id,
                        flags,
                        interface,
                        security_length,
                        security,
                        error,
                        logon,
                        store,
                    )
                },
            )
        }
    }

    /// Asks the provider that was loaded first, or the one that the environment names.
    unsafe fn CompareStoreIDs(
        &self,
        first_length: u32,
        first: *mut ENTRYID,
        second_length: u32,
        second: *mut ENTRYID,
        flags: u32,
        equal: *mut u32,
    ) -> Result<HRESULT> {
        let loaded = self.state().inner.first().map(|(_, inner)| inner.clone());
        let inner = match loaded {
            Some(inner) => inner,
            None => self.inner(&Settings::read(None, &self.memory)?.inner)?,
        };
        // SAFETY: the contract is this function's.
        let code = unsafe {
            inner.CompareStoreIDs(first_length, first, second_length, second, flags, equal)
        };
        code.ok_code()
    }
}
