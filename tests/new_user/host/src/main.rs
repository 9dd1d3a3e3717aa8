//! Synchronizes the store of a provider library, and shows its progress.

use libloading::Library;
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, GUID, HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost};
use std::{error::Error, ffi::c_void, mem::ManuallyDrop, time::Duration};

type CreateMapiSync = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;

struct Dialog;

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        Ok(println!("{} {index} of {max}", step.unwrap_or("…")))
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        Ok(println!("{code}: {}", message.unwrap_or_default()))
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        Ok(println!("{status}"))
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: my_host LIBRARY")?;
    // SAFETY: the library's initialization has no preconditions.
    let library = ManuallyDrop::new(unsafe { Library::new(path) }?); // a timeout leaves the run in it
    // SAFETY: this is the type of the function.
    let create = unsafe { library.get::<CreateMapiSync>(b"CreateMapiSync") }?;
    // SAFETY: the function creates an object by the rules of COM.
    let sync: ComPtr<IMAPISync> = unsafe { ComPtr::create_with(|riid, ppv| create(riid, ppv)) }?;
    let run = SyncHost::new(Dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)?;
    Ok(run.wait(Duration::from_secs(30))?.ok()?)
}
