//! The conformance kit: every rule is seen broken by an object that breaks it and otherwise only the
//! rules that it entails, and the objects of this crate keep every rule.

mod broken_callback;
mod broken_object;
mod broken_store;
mod cases;
mod own_objects;
mod program;
mod table;

use mapisync::testing::conformance::{Conformance, Report, Verdict};
use std::time::Duration;
use test_support::TIMEOUT;

/// A timeout for objects that never return.
const SHORT: Duration = Duration::from_secs(1);

/// Returns options with which every rule is checked. The timeout is for slow machines.
fn thorough() -> Conformance {
    let conformance = Conformance::new().timeout(TIMEOUT).cancel_within(3);
    // SAFETY: all objects in these tests are made in Rust, and check their arguments.
    unsafe { conformance.session(crate::session()).null_arguments() }
}

/// Asserts that no rule is broken, and that only these rules were not applicable.
#[track_caller]
fn assert_keeps(report: &Report, not_applicable: &[&str]) {
    assert_eq!(report.broken(), [""; 0], "{report}");
    let rows = report.rows().iter();
    let unchecked = rows.filter(|row| matches!(row.verdict, Verdict::NotApplicable(_)));
    let unchecked: Vec<_> = unchecked.map(|row| row.rule.id).collect();
    assert_eq!(unchecked, not_applicable, "{report}");
}
