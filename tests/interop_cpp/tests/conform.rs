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
    let program = test_support::built_by("cargo build -p mapisync --example conform", &program)?;
    if let Some(emulator) = test_support::emulator() {
        eprintln!("skipped: the program starts itself without {emulator}");
        return None;
    }
    Some(test_support::run(&program))
}

/// Checks the C++ provider with a fault, and passes the report to `test`.
fn check(fault: &str, arguments: &[&str], test: impl Fn(Report)) {
    if let Some(mut command) = conform() {
        command.arg(CPP_PROVIDER).args(arguments);
        test(report(command.env("MAPISYNC_PROVIDER_FAULT", fault)));
    }
}

fn report(command: &mut Command) -> Report {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    Report { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Report {
    /// Returns the verdict on a rule, and the line below it.
    fn verdict(&self, id: &str) -> (&str, &str) {
        let is_of_rule = |line: &&str| line.split("  ").any(|word| word.trim() == id);
        let mut lines = self.out.lines().skip_while(|line| !is_of_rule(line));
        let row = lines.next().unwrap_or_else(|| panic!("no {id} in\n{}", self.out));
        (row.split("  ").next().unwrap(), lines.next().unwrap_or_default().trim())
    }

    #[track_caller]
    fn assert_keeps_every_rule(&self) {
        let rules = RULES.iter().filter(|rule| rule.subject != Subject::Callback);
        let passed = rules.count() - UNCHECKED;
        let summary = format!("{passed} passed, 0 failed, 0 warned, {UNCHECKED} not applicable");
        assert!(self.out.lines().any(|line| line == summary), "{}", self.out);
        assert_eq!(self.code, Some(0));
    }
}

/// The number of rules that cannot be checked: no run fails, and Windows' threads are not counted.
const UNCHECKED: usize = if cfg!(windows) { 2 } else { 1 };

/// The beginning of the line about a crash.
const CRASH: &str = if cfg!(windows) {
    "the process ended with exit code 0xC0000005"
} else {
    "the process crashed with signal 11"
};

#[test]
fn a_provider_in_cpp_keeps_every_rule() {
    check("", &[], |report| {
        report.assert_keeps_every_rule();
        assert_eq!(report.verdict("event-after-failure").0, "not applicable");
    });
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
    if let Some(library) = test_support::built_by("cargo build -p provider_dll", &file) {
        let local = tempfile::tempdir().unwrap();
        command.arg(&library).env("MAPISYNC_LOCAL", local.path());
        report(&mut command).assert_keeps_every_rule();
    }
}

#[test]
fn a_crash_breaks_the_rule_and_the_others_are_checked() {
    check("null", &[], |report| {
        let (verdict, seen) = report.verdict("null-request");
        assert!(seen.starts_with(CRASH), "{seen}");
        assert_eq!((verdict, report.code), ("warned", Some(0)), "the rule is recommended");
        assert_eq!(report.verdict("null-callback").0, "passed", "{}", report.out);
        let printed = "the provider crashes";
        assert!(report.err.contains(printed) && !report.out.contains(printed), "{}", report.err);
    });
    check("run", &[], |report| {
        let (verdict, seen) = report.verdict("returns");
        assert!(seen.starts_with(CRASH), "{seen}");
        assert_eq!((verdict, report.code), ("failed", Some(1)));
        let (verdict, seen) = report.verdict("done-once");
        assert!(verdict == "not applicable" && seen.ends_with("in the same calls"), "{seen}");
        assert_eq!(report.verdict("com-identity").0, "passed");
        assert_eq!(report.verdict("short-size").0, "passed", "{}", report.out);
    });
}

#[test]
fn a_crash_outside_the_rules_is_a_failure() {
    for (fault, when) in [
        ("create", "before the first rule was checked"),
        ("release", "when the store was released"),
    ] {
        check(fault, &[], |report| {
            let last = report.out.lines().last().unwrap();
            let expected = format!("failed: {CRASH}");
            assert!(last.starts_with(&expected) && last.ends_with(when), "{last}");
            assert_eq!(report.code, Some(1));
        });
        check(fault, &["--json"], |report| {
            let expected = format!("{{\"crash\":\"{CRASH}");
            assert!(report.out.starts_with(&expected), "{}", report.out);
            assert_eq!(report.code, Some(1));
        });
    }
}

#[test]
fn a_provider_that_hangs_breaks_its_rule_at_the_timeout() {
    check("hang", &["--timeout", "0.3"], |report| {
        let expected = ("failed", "the call did not return within 300ms");
        assert_eq!((report.verdict("com-counts"), report.code), (expected, Some(1)));
        let (verdict, seen) = report.verdict("null-callback");
        assert_eq!(verdict, "not applicable");
        assert!(seen.starts_with("not checked after com-counts: "), "{seen}");
    });
}

#[test]
fn without_a_provider_the_reason_is_printed() {
    assert!(std::path::Path::new(CPP_PROVIDER).exists());
    check("", &["--symbol", "CreateNothing"], |report| {
        let expected = format!("{CPP_PROVIDER}: it does not export CreateNothing: ");
        assert!(report.err.starts_with(&expected), "{}", report.err);
        assert_eq!((report.code, &*report.out), (Some(2), ""));
    });
}
