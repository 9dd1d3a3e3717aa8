//! The documentation's table of the rules, and the reports.

use super::cases::CASES;
use super::thorough;
use crate::{spawns, together};
use mapisync::testing::Recorder;
use mapisync::testing::conformance::{Conformance, RULES, Report, Row, Rule, Severity, Subject};
use serde_json::json;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// The table in the documentation of the module.
const FILE: &str = include_str!("../../../src/testing/conformance/rules.md");

/// Returns the table of [`RULES`] and [`CASES`].
fn table() -> String {
    let mut table = String::new();
    for (subject, heading) in [
        (Subject::Object, "Every object"),
        (Subject::Callback, "A callback"),
        (Subject::Provider, "A store"),
    ] {
        let head = "| id | | rule | source | broken in the tests by an object that |\n|---|---|---|---|---|";
        writeln!(table, "**{heading}**\n\n{head}").unwrap();
        for rule in RULES.iter().filter(|rule| rule.subject == subject) {
            let Rule { id, sentence, source, .. } = rule;
            let cases = CASES.iter().filter(|case| case.0 == *id);
            let faults = cases.map(|(_, _, fault, entailed)| match entailed {
                [] => fault.to_string(),
                ids => format!("{fault} (then also `{}`)", ids.join("`, `")),
            });
            let faults = faults.collect::<Vec<_>>().join("; or ");
            let severity = rule.severity();
            let row = format!("`{id}` | {severity} | {sentence} | {source} | {faults}");
            writeln!(table, "| {row} |").unwrap();
        }
        table.push('\n');
    }
    table
}

/// To change the file, set `MAPISYNC_WRITE_TABLE`.
#[test]
#[cfg_attr(miri, ignore = "Miri runs no code that depends on the text of a file")]
fn the_documentation_has_the_table_of_the_rules() {
    let table = table();
    if std::env::var_os("MAPISYNC_WRITE_TABLE").is_some() {
        std::fs::write("src/testing/conformance/rules.md", &table).unwrap();
    }
    assert!(
        FILE.replace("\r\n", "\n") == table,
        "src/testing/conformance/rules.md must be:\n{table}"
    );
}

#[test]
fn the_numbers_of_rules_in_the_documents_are_right() {
    let (assurance, changelog) =
        (include_str!("../../../docs/assurance.md"), include_str!("../../../CHANGELOG.md"));
    let rules = RULES.len();
    assert!(assurance.contains(&format!("breaks one of its {rules} rules")));
    assert!(changelog.contains(&format!("`conformance`: checks {rules} rules")));
}

fn ids(report: &Report) -> Vec<&'static str> {
    report.rows().iter().map(|row| row.rule.id).collect()
}

fn rules_of(subjects: &[Subject]) -> Vec<&'static str> {
    let rules = RULES.iter().filter(|rule| subjects.contains(&rule.subject));
    rules.map(|rule| rule.id).collect()
}

#[test]
fn a_report_has_a_row_for_each_rule_in_the_order_of_the_table() {
    let _together = together();
    let sync = spawns(|job| job.position(1, 1));
    let (kit, object) = (Conformance::new(), Subject::Object);
    // SAFETY: no store has the callback.
    let callback = unsafe { kit.check_callback(&Recorder::new().object()) };
    for (report, subjects) in [
        (kit.check_unknown(&sync), &[object][..]),
        (kit.check_provider(&sync), &[object, Subject::Provider]),
        (callback, &[object, Subject::Callback]),
    ] {
        assert_eq!(ids(&report), rules_of(subjects));
    }
}

#[test]
fn the_hooks_follow_the_check_and_skipped_rules_have_no_row() {
    let _together = together();
    let (started, decided) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(vec![])));
    let (start, row) = (started.clone(), decided.clone());
    let conformance = thorough()
        .skip("cancel-status")
        .skip("null-request")
        .on_start(move |rules| start.lock().unwrap().extend_from_slice(rules))
        .on_row(move |decided| row.lock().unwrap().push(decided.clone()));
    let report = conformance.check_provider(&spawns(|job| job.position(1, 1)));
    let mut expected = rules_of(&[Subject::Object, Subject::Provider]);
    // The calls that decide `cancel-status` decide two more rules.
    expected.retain(|id| !id.contains("cancel") && *id != "null-request");
    assert_eq!(ids(&report), expected);
    let started = started.lock().unwrap();
    assert!(started.iter().map(|rule| rule.id).eq(expected));
    assert_eq!(Report::from_iter(decided.lock().unwrap().clone()), report);
}

#[test]
fn json_has_the_same_rows() {
    let seen = "a \"quoted\"\nline";
    let report: Report = RULES.iter().map(|rule| Row::broken(rule, seen)).collect();
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    let failed = RULES.iter().filter(|rule| rule.severity() == Severity::Fails).count();
    let counts = ["passed", "failed", "warned"].map(|name| json[name].as_u64().unwrap());
    assert_eq!(counts, [0, failed, RULES.len() - failed].map(|n| n as u64));
    let rows = report.rows().iter().map(|Row { rule, verdict, .. }| {
        json!({
            "id": rule.id,
            "rule": rule.sentence,
            "source": rule.source.to_string(),
            "severity": rule.severity().to_string(),
            "verdict": verdict.name(),
            "seen": seen,
        })
    });
    assert_eq!(json["rows"], rows.collect::<serde_json::Value>());
}
