//! The testing kit: `Outlook`, `Recorder`, `ScriptedProvider`, `Probe` and the conformance kit. The
//! kit's documentation has tests of a whole store.

mod assertions;
mod conformance;
mod leaks;
mod outlook;
mod probe;
mod recorder;
mod scripted_provider;

use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback};
use mapisync::testing::{Outcome, Probe, Recorder, ScriptedProvider};
use mapisync::{ComPtr, HRESULT, Result, SyncFlags, SyncHost, SyncJob, SyncRun};
use static_assertions::assert_impl_all;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use test_support::{bare_object, store};

assert_impl_all!(Probe<IMAPISyncProgressCallback>: Send, Sync);
assert_impl_all!(ScriptedProvider: Send, Sync);

const OK: HRESULT = HRESULT::S_OK;
const CANCEL: HRESULT = HRESULT::MAPI_E_USER_CANCEL;

/// A timeout for stores that never end their runs.
const SHORT: Duration = Duration::from_millis(500);

/// A test that counts the process's threads and handles excludes all tests that open some.
static PROCESS: RwLock<()> = RwLock::new(());

/// Prevents the other tests of this program from running.
fn alone() -> RwLockWriteGuard<'static, ()> {
    PROCESS.write().unwrap_or_else(PoisonError::into_inner)
}

/// Prevents the tests that count threads and handles from running.
fn together() -> RwLockReadGuard<'static, ()> {
    PROCESS.read().unwrap_or_else(PoisonError::into_inner)
}

/// Returns an object to pass as a session. No store in these tests calls its methods.
fn session() -> ComPtr<IMAPISession> {
    // SAFETY: `IMAPISession` declares only the slots of `IUnknown`, which the object has. The
    // object is free-threaded.
    unsafe { ComPtr::from_raw(bare_object().into_raw().cast()) }.unwrap()
}

/// Creates a store whose job runs a closure.
fn spawns<R: Into<HRESULT> + 'static>(work: fn(&SyncJob) -> Result<R>) -> ComPtr<IMAPISync> {
    store(move |request| request.spawn(work))
}

/// Starts a run as a host of this crate.
fn start(sync: &ComPtr<IMAPISync>, recorder: &Recorder) -> SyncRun {
    let host = SyncHost::new(recorder.clone());
    host.start(sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap()
}

/// Returns the sentence with which an assertion fails.
#[track_caller]
fn sentence(outcome: &Outcome, assertion: fn(&Outcome) -> &Outcome) -> String {
    let failure = catch_unwind(AssertUnwindSafe(|| _ = assertion(outcome)));
    let message = failure.expect_err("it must fail").downcast::<String>();
    let message = message.unwrap();
    let (sentence, table) = message.split_once("\n\n").unwrap();
    assert_eq!(table, outcome.to_string());
    sentence.into()
}
