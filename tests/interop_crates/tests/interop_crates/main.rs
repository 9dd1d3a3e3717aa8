//! Stores, hosts and callbacks of other COM crates on the other side of this crate. The tests of
//! all crates share this module.

#![allow(missing_docs)] // the macros of windows-core and com generate undocumented items

mod com_rs;
mod com_scrape;
mod conformance;
mod windows_core;

use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Outlook, Recorder};
use mapisync::{ComPtr, Error, HRESULT, Result, SyncFlags, SyncHost, SyncRequest};
use test_support::{TIMEOUT, store};

/// The method of the stores whose vtables the other crates build.
fn synchronize(request: SyncRequest<'_>) -> Result<()> {
    request.spawn(|job| {
        job.progress(Some("Grüße"), 1, 2)?;
        Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
    })
}

/// Runs a store with that method under this crate's host and under the stand-in for Outlook, and
/// checks the calls of both callbacks.
fn check_runs(sync: &ComPtr<IMAPISync>) {
    let recorder = Recorder::new();
    let run = SyncHost::new(recorder.clone())
        .start(sync, SyncFlags::DOWNLOAD_CONTENTS)
        .unwrap();
    assert_eq!(
        run.wait(TIMEOUT).unwrap(),
        HRESULT::MAPI_W_PARTIAL_COMPLETION
    );
    let expected = [
        Call::progress("Grüße", 1, 2),
        Call::done(HRESULT::MAPI_W_PARTIAL_COMPLETION),
    ];
    assert_eq!(recorder.calls(), expected);
    drop(run);

    let outcome = Outlook::new().timeout(TIMEOUT).run(sync);
    outcome.assert_status(HRESULT::MAPI_W_PARTIAL_COMPLETION);
    assert_eq!(outcome.assert_no_leaks().calls(), expected);
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
        Call::progress("Grüße", 1, 2),
        Call::position(2, 2),
        Call::error(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"),
        Call::done(HRESULT::MAPI_E_DISK_ERROR),
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
