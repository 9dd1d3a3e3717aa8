//! Other COM crates as stores, hosts and callbacks of ours: what each of them has to come through.

#![allow(missing_docs)] // what windows-core's and com's macros make

mod com_rs;
mod com_scrape;
#[path = "../../../common/mod.rs"]
mod common;
mod windows_core;

use common::{Call, Recorder, TIMEOUT, step, store};
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, Error, HRESULT, Result, SyncFlags, SyncHost, SyncRequest};

/// The method of the stores whose vtables they build.
fn synchronize(request: SyncRequest<'_>) -> Result<()> {
    request.spawn(|job| {
        job.progress(Some("Grüße"), 1, 2)?;
        Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
    })
}

/// Our host drives a store with that method, and hears of it what it should.
fn is_driven_by_our_host(sync: &ComPtr<IMAPISync>) {
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

/// A store of ours whose runs call everything.
fn failing_store() -> ComPtr<IMAPISync> {
    store(|request| {
        request.spawn(|job| {
            job.progress(Some("Grüße"), 1, 2)?;
            job.position(2, 2)?;
            Err::<(), _>(Error::new(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"))
        })
    })
}

/// What a callback of theirs hears of it.
fn failure() -> [Call; 4] {
    [
        step("Grüße", 1, 2),
        Call::Progress(None, 2, 2),
        Call::Error(HRESULT::MAPI_E_DISK_ERROR, Some("im Eimer".into())),
        Call::Done(HRESULT::MAPI_E_DISK_ERROR),
    ]
}

/// A text that a callback of theirs was given, for crates that have no means of their own to read it everywhere: PCWSTR of
/// windows-core looks off Windows for a NUL of four bytes, and reads past the text.
///
/// # Safety
///
/// NULL, or UTF-16 with a NUL at its end.
unsafe fn read(text: *const u16) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: `text` is readable up to its NUL, where `take_while` stops.
    let unit = |index| unsafe { text.add(index).read() };
    let units: Vec<u16> = (0..).map(unit).take_while(|unit| *unit != 0).collect();
    Some(String::from_utf16_lossy(&units))
}
