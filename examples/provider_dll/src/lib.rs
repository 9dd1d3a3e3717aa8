//! A store provider as a library: the Maildir store with one exported function, `CreateMapiSync`,
//! which `mapisync.h` declares. `examples/cpp_host` is a host that loads it.
//!
//! The environment variables `MAPISYNC_SERVER` and `MAPISYNC_LOCAL` name the two Maildirs that the
//! store synchronizes. Their defaults are `maildir_store`'s sample mailbox and a folder in the system's
//! temporary folder. All objects that exist at the same time in a process share one store. A second
//! run therefore fails with `MAPI_E_BUSY` while the first is running.

use maildir_store::{SAMPLE, Store};
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, GUID, HRESULT, Result};
use std::env;
use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The store, while any object uses it.
static STORE: Mutex<Weak<Store>> = Mutex::new(Weak::new());

/// Creates a store object and stores its interface `riid` in `*ppv`. The caller owns the reference.
///
/// On failure `*ppv` is NULL, and the function returns
///
/// - `E_NOINTERFACE` if the object does not have the interface,
/// - `E_POINTER` if an argument is NULL,
/// - the code of the error if the store cannot be opened.
///
/// # Safety
///
/// `riid` must be NULL or valid for a read, and `ppv` must be NULL or valid for a write, at any
/// address.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CreateMapiSync(riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
    // SAFETY: the contract is this function's.
    unsafe { mapisync::create_instance(riid, ppv, create) }
}

fn create() -> Result<ComPtr<IMAPISync>> {
    let mut store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
    let shared = match store.upgrade() {
        Some(shared) => shared,
        None => {
            let path = |name, default: PathBuf| env::var_os(name).map_or(default, PathBuf::from);
            let server = path("MAPISYNC_SERVER", SAMPLE.into());
            let local = path("MAPISYNC_LOCAL", env::temp_dir().join("mapisync-sample"));
            let shared = Arc::new(Store::open(&server, &local)?);
            *store = Arc::downgrade(&shared);
            shared
        }
    };
    Ok(ComPtr::<IMAPISync>::new(shared))
}
