//! The conformance kit with the objects of other crates. `mapisync::testing::conformance` lists what
//! it finds.

use crate::{com_rs, com_scrape, windows_core};
use mapisync::GUID;
use mapisync::abi::{IID_IMAPISync, IID_IMAPISyncProgressCallback, IMAPISync};
use mapisync::abi::{IMAPISyncProgressCallback, IUnknown};
use mapisync::testing::conformance::{Conformance, Report};
use mapisync::{ComPtr, testing::reference_count};
use std::process::Command;
use test_support::{self, DropCounter, TIMEOUT};

/// A store's own interface.
const MSG_STORE: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);

fn conformance() -> Conformance {
    let conformance = Conformance::new().timeout(TIMEOUT).iid(MSG_STORE);
    conformance
        .iid(IID_IMAPISync)
        .iid(IID_IMAPISyncProgressCallback)
}

/// The options for objects that check their arguments.
fn with_null() -> Conformance {
    // SAFETY: every object with which the tests use these options checks for NULL.
    unsafe { conformance().null_arguments() }
}

#[track_caller]
fn assert_broken(report: &Report, expected: &[&str]) {
    assert_eq!(report.broken(), expected, "{report}");
}

/// Checks a callback that nothing else uses.
fn check_callback(
    conformance: &Conformance,
    callback: &ComPtr<IMAPISyncProgressCallback>,
) -> Report {
    // SAFETY: no store has the callback.
    unsafe { conformance.check_callback(callback) }
}

#[test]
fn objects_of_windows_core_keep_every_rule() {
    let counter = DropCounter::default();
    for sync in [
        windows_core::store(&counter),
        windows_core::aggregating(&counter),
    ] {
        assert_broken(&with_null().check_provider(&sync), &[]);
    }
    let callback = windows_core::callback(&counter);
    assert_broken(&check_callback(&with_null(), &callback), &[]);
    drop(callback);
    assert_eq!(counter.drops(), 3);
}

#[test]
fn objects_of_com_and_com_scrape_types_keep_every_rule_but_that_of_null() {
    let counter = DropCounter::default();
    assert_broken(&conformance().check_provider(&com_rs::store(&counter)), &[]);
    assert_broken(
        &check_callback(&conformance(), &com_rs::callback(&counter)),
        &[],
    );
    assert_broken(
        &conformance().check_provider(&com_scrape::store(&counter)),
        &[],
    );
    assert_broken(
        &check_callback(&conformance(), &com_scrape::callback(&counter)),
        &[],
    );
    assert_eq!(counter.drops(), 4);
}

/// The environment variable with the name of the object that the child process checks.
const CHILD: &str = "MAPISYNC_NULL_OUT_PARAMETER_OF";

/// `QueryInterface` of `com` and of com-scrape-types stores the result without a check.
#[test]
fn a_null_out_parameter_crashes_com_and_com_scrape_types() {
    if let Some(name) = std::env::var_os(CHILD) {
        let counter = DropCounter::default();
        let unknown: ComPtr<IUnknown> = match name.to_str() {
            Some("com") => com_rs::store(&counter).cast().unwrap(),
            Some("com-scrape-types") => com_scrape::store(&counter).cast().unwrap(),
            _ => test_support::store(|_| Ok(())).cast::<IUnknown>().unwrap(),
        };
        let sync = unknown.cast::<IMAPISync>().unwrap();
        assert_broken(&with_null().check_unknown(&sync), &[]);
        return assert_eq!(reference_count(&sync), 2);
    }
    if let Some(emulator) = test_support::emulator() {
        eprintln!("skipped: the test starts its program without {emulator}");
        return;
    }
    let survives = |name| {
        let test = "conformance::a_null_out_parameter_crashes_com_and_com_scrape_types";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child
            .args(["--exact", test])
            .env(CHILD, name)
            .output()
            .unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("test result: ok. 1 passed")
    };
    let survivors = ["com", "com-scrape-types", "mapisync"].map(survives);
    assert_eq!(survivors, [false, false, true]);
}
