//! A store provider as a library: the Maildir store behind one exported function, `CreateMapiSync` (declared in
//! `mapisync.h`). `examples/cpp_host` is a host that loads it.
//!
//! `MAPISYNC_SERVER` and `MAPISYNC_LOCAL` say which two Maildirs the store synchronises; without them it is the sample
//! mailbox that comes with the crate, and a folder among the system's temporary ones. All objects of a process that are in
//! use at once are views of one store, so a second run beside one that is under way is answered `MAPI_E_BUSY`.

#[path = "../../maildir_store/mod.rs"]
mod maildir_store;

use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, GUID, HRESULT, Result};
use std::env;
use std::ffi::c_void;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The store, for as long as any object of it is there.
static STORE: Mutex<Weak<Store>> = Mutex::new(Weak::new());

/// Makes a store object and answers with the interface `riid` of it, in `*ppv` and with a reference for the caller.
///
/// `E_NOINTERFACE` where the object has no such interface, `E_POINTER` where an argument is NULL, and otherwise what
/// keeps the store from being opened; `*ppv` is NULL then.
///
/// # Safety
///
/// `riid` and `ppv` are NULL or valid for a read and a write.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CreateMapiSync(riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
    if ppv.is_null() {
        return HRESULT::E_POINTER;
    }
    // SAFETY: not NULL, so it is valid for a write.
    unsafe { ppv.write_unaligned(ptr::null_mut()) };
    if riid.is_null() {
        return HRESULT::E_POINTER;
    }
    match catch_unwind(create) {
        // SAFETY: the object is alive, slot 0 of it is QueryInterface, and its arguments are as they came.
        Ok(Ok(sync)) => unsafe {
            ((*sync.vtbl()).base.QueryInterface)(sync.as_raw().cast(), riid, ppv)
        },
        Ok(Err(error)) => error.hresult(),
        Err(_) => HRESULT::E_UNEXPECTED,
    }
}

fn create() -> Result<ComPtr<IMAPISync>> {
    let mut store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
    let shared = match store.upgrade() {
        Some(shared) => shared,
        None => {
            let path =
                |name, otherwise: PathBuf| env::var_os(name).map_or(otherwise, PathBuf::from);
            let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mailbox");
            let server = path("MAPISYNC_SERVER", sample);
            let local = path("MAPISYNC_LOCAL", env::temp_dir().join("mapisync-sample"));
            let shared = Arc::new(Store::open(&server, &local)?);
            *store = Arc::downgrade(&shared);
            shared
        }
    };
    Ok(ComPtr::<IMAPISync>::new(shared))
}
