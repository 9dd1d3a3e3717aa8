//! The program `conform` with providers in libraries: one in C++, and the example `provider_dll`.

#![cfg(any(windows, target_os = "linux"))]

use mapisync::testing::conformance::{RULES, Subject};
use std::path::Path;
use std::process::Command;

const CPP_PROVIDER: &str = env!("CPP_PROVIDER");

/// The exit code and the output of the program.
struct Report {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Returns a command that runs the program, or `None` if this system cannot.
fn conform() -> Option<Command> {
    let program = format!("examples/conform{}", std::env::consts::EXE_SUFFIX);
    let command = "cargo build -p mapisync --example conform";
    let program = test_support::built_by(command, &program)?;
    if let Some(emulator) = test_support::emulator() {
        eprintln!("skipped: the program starts itself without {emulator}");
        return None;
    }
    Some(test_support::run(&program))
}

/// Checks the C++ provider with a fault.
fn check(fault: &str, arguments: &[&str]) -> Option<Report> {
    let mut command = conform()?;
    command
        .arg(CPP_PROVIDER)
        .args(arguments)
        .env("MAPISYNC_PROVIDER_FAULT", fault);
    Some(report(&mut command))
}

fn report(command: &mut Command) -> Report {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    Report {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

impl Report {
    /// Returns the verdict on a rule, and the line below it.
    fn verdict(&self, id: &str) -> (&str, &str) {
        let mut lines = self.out.lines();
        let is_of_rule = |line: &&str| line.split("  ").any(|word| word.trim() == id);
        let row = lines
            .find(is_of_rule)
            .unwrap_or_else(|| panic!("no {id} in\n{}", self.out));
        (
            row.split("  ").next().unwrap(),
            lines.next().unwrap_or_default().trim(),
        )
    }

    /// Returns the number of rows for each verdict.
    fn summary(&self) -> &str {
        let mut lines = self.out.lines();
        lines.find(|line| line.contains(" passed, ")).unwrap()
    }

    #[track_caller]
    fn assert_keeps_every_rule(&self) {
        let rules = RULES
            .iter()
            .filter(|rule| rule.subject != Subject::Callback);
        let passed = format!(
            "{} passed, 0 failed, 0 warned, {UNCHECKED} not applicable",
            rules.count() - UNCHECKED
        );
        assert_eq!(
            (self.code, self.summary()),
            (Some(0), &*passed),
            "{}",
            self.out
        );
    }
}

/// The number of rules that cannot be checked: no run fails, and Windows' threads are not counted.
const UNCHECKED: usize = if cfg!(windows) { 2 } else { 1 };

#[test]
fn a_provider_in_cpp_keeps_every_rule() {
    let Some(report) = check("", &[]) else { return };
    report.assert_keeps_every_rule();
    assert_eq!(report.verdict("event-after-failure").0, "not applicable");
}

#[test]
fn a_library_may_be_named_without_its_folder() {
    let Some(mut command) = conform() else { return };
    let library = Path::new(CPP_PROVIDER);
    command.arg(library.file_name().unwrap());
    command.current_dir(library.parent().unwrap());
    report(&mut command).assert_keeps_every_rule();
}

#[test]
fn the_maildir_store_keeps_every_rule() {
    let Some(mut command) = conform() else { return };
    let file = test_support::library_file("provider_dll");
    let Some(library) = test_support::built_by("cargo build -p provider_dll", &file) else {
        return;
    };
    let local = tempfile::tempdir().unwrap();
    command.arg(&library).env("MAPISYNC_LOCAL", local.path());
    let report = report(&mut command);
    report.assert_keeps_every_rule();
}

#[test]
fn a_crash_breaks_the_rule_and_the_others_are_checked() {
    let Some(report) = check("null", &[]) else {
        return;
    };
    let (verdict, seen) = report.verdict("null-request");
    assert!(seen.starts_with(CRASH), "{seen}");
    assert_eq!(
        (verdict, report.code),
        ("warned", Some(0)),
        "the rule is recommended"
    );
    assert_eq!(
        report.verdict("null-callback").0,
        "passed",
        "{}",
        report.out
    );
    assert!(
        report.err.contains("the provider crashes"),
        "{}",
        report.err
    );
    assert!(
        !report.out.contains("the provider crashes"),
        "{}",
        report.out
    );

    let Some(report) = check("run", &[]) else {
        return;
    };
    let (verdict, seen) = report.verdict("returns");
    assert!(seen.starts_with(CRASH), "{seen}");
    assert_eq!((verdict, report.code), ("failed", Some(1)));
    let (verdict, seen) = report.verdict("done-once");
    assert!(
        verdict == "not applicable" && seen.ends_with("in the same calls"),
        "{seen}"
    );
    assert_eq!(report.verdict("com-identity").0, "passed");
    assert_eq!(report.verdict("short-size").0, "passed", "{}", report.out);
}

/// The beginning of the line about a crash.
const CRASH: &str = if cfg!(windows) {
    "the process ended with exit code 0xC0000005"
} else {
    "the process crashed with signal 11"
};

#[test]
fn a_crash_outside_the_rules_is_a_failure() {
    for (fault, when) in [
        ("create", "before the first rule was checked"),
        ("release", "when the store was released"),
    ] {
        let Some(report) = check(fault, &[]) else {
            return;
        };
        let last = report.out.lines().last().unwrap();
        assert!(
            last.starts_with(&format!("failed: {CRASH}")) && last.ends_with(when),
            "{last}"
        );
        assert_eq!(report.code, Some(1));
        let Some(report) = check(fault, &["--json"]) else {
            return;
        };
        let crash = format!("{{\"crash\":\"{CRASH}");
        assert!(report.out.starts_with(&crash), "{}", report.out);
        assert_eq!(report.code, Some(1));
    }
}

#[test]
fn a_provider_that_hangs_breaks_its_rule_at_the_timeout() {
    let Some(report) = check("hang", &["--timeout", "0.3"]) else {
        return;
    };
    let (verdict, seen) = report.verdict("com-counts");
    assert_eq!(
        (verdict, seen),
        ("failed", "the call did not return within 300ms")
    );
    assert_eq!(report.code, Some(1));
    let (verdict, seen) = report.verdict("null-callback");
    assert_eq!(verdict, "not applicable");
    assert!(seen.starts_with("not checked after com-counts: "), "{seen}");
}

#[test]
fn without_a_provider_the_reason_is_printed() {
    let Some(report) = check("", &["--symbol", "CreateNothing"]) else {
        return;
    };
    let expected = format!("{CPP_PROVIDER}: it does not export CreateNothing: ");
    assert!(report.err.starts_with(&expected), "{}", report.err);
    assert_eq!((report.code, &*report.out), (Some(2), ""));
    assert!(Path::new(CPP_PROVIDER).exists());
}
