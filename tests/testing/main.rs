//! The testing kit. This file has the five tests of a store that are in the kit's documentation.

mod assertions;
mod outlook;
mod recorder;

use mapisync::abi::{IMAPISession, IMAPISync};
use mapisync::testing::{Call, Outcome, Outlook, Recorder};
use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncJob, SyncRequest};
use std::io;
use std::io::ErrorKind::ConnectionRefused;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;
use test_support::{bare_object, store};

/// The store under test. Its server returns the number of new messages.
struct Store {
    server: fn() -> io::Result<u32>,
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let server = self.server;
        request.spawn(move |job| {
            for mail in job.track("Receiving", 0..server()?) {
                mail?;
            }
            Ok(())
        })
    }
}

#[test]
fn a_normal_run_makes_exactly_these_calls() {
    let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
    let outcome = Outlook::new().run(&sync);
    let step = |n| Call::progress("Receiving", n, 2);
    let expected = [step(0), step(1), step(2), Call::done(HRESULT::S_OK)];
    assert_eq!(outcome.assert_ok().calls(), expected);
}

#[test]
fn the_user_cancels() {
    let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
    let recorder = Recorder::new().cancel_at(1);
    let outcome = Outlook::new().recorder(recorder).run(&sync);
    outcome.assert_canceled();
    assert_eq!(outcome.calls().len(), 3);
}

#[test]
fn the_network_fails_and_the_user_sees_why() {
    let offline = || Err(io::Error::new(ConnectionRefused, "the server is down"));
    let sync = ComPtr::<IMAPISync>::new(Store { server: offline });
    let outcome = Outlook::new().run(&sync);
    outcome.assert_failed(HRESULT::MAPI_E_NETWORK_ERROR, "the server is down");
}

#[test]
#[should_panic = "the store did not call Done within 1s"]
#[cfg_attr(miri, ignore = "Miri reports the thread that never ends")]
fn a_store_that_never_finishes_fails_the_test() {
    let hangs = || loop {
        thread::park()
    };
    let sync = ComPtr::<IMAPISync>::new(Store { server: hangs });
    let outcome = Outlook::new().timeout(Duration::from_secs(1)).run(&sync);
    outcome.assert_ok();
}

#[test]
fn a_run_leaks_nothing() {
    let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
    Outlook::new().run(&sync).assert_ok().assert_no_leaks();
}

/// A timeout for stores that never end their runs.
const SHORT: Duration = Duration::from_millis(500);

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

/// Returns the sentence with which an assertion fails.
#[track_caller]
fn sentence(outcome: &Outcome, assertion: fn(&Outcome)) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| assertion(outcome))).expect_err("it must fail");
    let message = panic.downcast::<String>().unwrap();
    let (sentence, table) = message.split_once("\n\n").unwrap();
    assert_eq!(table, outcome.to_string());
    sentence.into()
}

fn is_ok(outcome: &Outcome) {
    outcome.assert_ok();
}
