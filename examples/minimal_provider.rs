//! A provider library, complete: one run at a time, stopped at logoff.
//!
//! `cargo build --example minimal_provider` makes the library. The guide's first chapter has the
//! lines of `Cargo.toml` and `build.rs` for a package of your own. The store copies the files of one
//! folder into another. The environment variables `MINIMAL_SERVER` and `MINIMAL_LOCAL` name them.

use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, ExclusiveRun, GUID, HRESULT, MapiSync, Result, ResultExt, SyncRequest};
use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;
use std::{env, fs};

struct Store {
    server: PathBuf,
    local: PathBuf,
    run: ExclusiveRun,
}

/// All objects share the store, and so the one run at a time.
static STORE: LazyLock<Store> = LazyLock::new(|| {
    let path = |name| env::var_os(name).unwrap_or_default().into();
    Store {
        server: path("MINIMAL_SERVER"),
        local: path("MINIMAL_LOCAL"),
        run: ExclusiveRun::default(),
    }
});

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        // The thread outlives the call, so it owns its data.
        let (server, local) = (self.server.clone(), self.local.clone());
        self.run.spawn(request, move |job| {
            let inbox = fs::read_dir(server).context("Inbox")?;
            let inbox: Vec<_> = inbox.collect::<std::io::Result<_>>().context("Inbox")?;
            for message in job.track("Receiving Inbox", inbox) {
                let message = message?; // fails if the host cancels: `?` ends the run
                fs::copy(message.path(), local.join(message.file_name())).context("Inbox")?;
            }
            Ok(())
        })
    }
}

/// Creates a store object and stores its interface `riid` in `*ppv`.
///
/// # Safety
///
/// `riid` must be NULL or valid for a read, and `ppv` must be NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CreateMapiSync(riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
    let create = || Ok(ComPtr::<IMAPISync>::new(&*STORE));
    // SAFETY: the contract is this function's.
    unsafe { mapisync::create_instance(riid, ppv, create) }
}

/// Ends the run, for a host that logs off. Returns whether no run is left.
#[unsafe(no_mangle)]
pub extern "system" fn LogOff() -> bool {
    STORE.run.stop(Duration::from_secs(5))
}
