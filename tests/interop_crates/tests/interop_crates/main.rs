//! Stores, hosts and callbacks of other COM crates on the other side of this crate. The tests of
//! all crates share this module.

#![allow(missing_docs)] // the macros of windows-core and com generate undocumented items

mod com_rs;
mod com_scrape;
#[path = "../../../common/mod.rs"]
mod common;
mod windows_core;

use common::{Call, Recorder, TIMEOUT, step, store};
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, Error, HRESULT, Result, SyncFlags, SyncHost, SyncRequest};

/// The method of the stores whose vtables the other crates build.
fn synchronize(request: SyncRequest<'_>) -> Result<()> {
    request.spawn(|job| {
        job.progress(Some("Grüße"), 1, 2)?;
        Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
    })
}

/// Runs a store with that method under this crate's host, and checks the calls of the callback.
fn check_run_under_our_host(sync: &ComPtr<IMAPISync>) {
    let recorder = Recorder::new();
    let run = SyncHost::new(recorder.clone())
        .start(sync, SyncFlags::DOWNLOAD_CONTENTS)
        .unwrap();
    assert_eq!(
        run.wait(TIMEOUT).unwrap(),
        HRESULT::MAPI_W_PARTIAL_COMPLETION
    );
    assert_eq!(
        recorder.calls(),
        [
            step("Grüße", 1, 2),
            Call::Done(HRESULT::MAPI_W_PARTIAL_COMPLETION)
        ]
    );
}

/// Creates a store of this crate whose runs call every method of the callback.
fn failing_store() -> ComPtr<IMAPISync> {
    store(|request| {
        request.spawn(|job| {
            job.progress(Some("Grüße"), 1, 2)?;
            job.position(2, 2)?;
            Err::<(), _>(Error::new(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"))
        })
    })
}

/// Returns the calls that a run of that store makes.
fn failure() -> [Call; 4] {
    [
        step("Grüße", 1, 2),
        Call::Progress(None, 2, 2),
        Call::Error(HRESULT::MAPI_E_DISK_ERROR, Some("im Eimer".into())),
        Call::Done(HRESULT::MAPI_E_DISK_ERROR),
    ]
}

/// Returns the string that a foreign callback got. The other crates cannot read it on every
/// platform: windows-core's `PCWSTR` expects a NUL of four bytes outside Windows, and reads past
/// the string.
///
/// # Safety
///
/// `string` must be NULL or point to UTF-16 units that end with a NUL.
unsafe fn read(string: *const u16) -> Option<String> {
    if string.is_null() {
        return None;
    }
    // SAFETY: the caller guarantees that `string` is readable up to its NUL, where `take_while`
    // stops.
    let unit = |index| unsafe { string.add(index).read() };
    let units: Vec<u16> = (0..).map(unit).take_while(|unit| *unit != 0).collect();
    Some(String::from_utf16_lossy(&units))
}
