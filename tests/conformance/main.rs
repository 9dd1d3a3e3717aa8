//! The conformance kit: every rule is seen broken by an object that breaks it and otherwise only the
//! rules that it entails, and the objects of this crate keep every rule.

mod broken_callback;
mod broken_object;
mod broken_store;
mod cases;
mod own_objects;
mod program;
mod table;

use mapisync::ComPtr;
use mapisync::testing::conformance::{Conformance, Report, Verdict};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Prevents the other tests of this program from running, because some count threads and handles.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns options with which every rule is checked. The timeout is for slow machines.
fn thorough() -> Conformance {
    // SAFETY: `IMAPISession` declares only the slots of `IUnknown`, which the object has. The object
    // is free-threaded.
    let session = unsafe { ComPtr::from_raw(test_support::bare_object().into_raw().cast()) };
    let conformance = Conformance::new()
        .timeout(test_support::TIMEOUT)
        .cancel_within(3)
        .session(session.unwrap());
    // SAFETY: all objects in these tests are made in Rust, and check their arguments.
    unsafe { conformance.null_arguments() }
}

/// A timeout for objects that never return.
const SHORT: Duration = Duration::from_secs(1);

/// Returns the ids of the rules that were not applicable.
fn not_applicable(report: &Report) -> Vec<&'static str> {
    let rows = report.rows().iter();
    rows.filter(|row| matches!(row.verdict, Verdict::NotApplicable(_)))
        .map(|row| row.rule.id)
        .collect()
}
