//! The documentation's table of the rules, and the reports.

use crate::cases::CASES;
use crate::{alone, thorough};
use mapisync::testing::conformance::{Conformance, RULES, Report, Row, Rule, Subject};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use test_support::store;

/// The table in the documentation of the module.
const FILE: &str = include_str!("../../src/testing/conformance/rules.md");

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
            let Rule {
                id,
                sentence,
                source,
                ..
            } = rule;
            let cases = CASES.iter().filter(|case| case.id == *id);
            let faults: Vec<String> = cases
                .map(|case| match case.entailed {
                    [] => case.fault.into(),
                    ids => format!("{} (then also `{}`)", case.fault, ids.join("`, `")),
                })
                .collect();
            let (severity, faults) = (rule.severity(), faults.join("; or "));
            writeln!(
                table,
                "| `{id}` | {severity} | {sentence} | {source} | {faults} |"
            )
            .unwrap();
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
fn the_numbers_of_rules_in_the_readme_and_the_changelog_are_right() {
    let of_a_store = rules_of(&[Subject::Object, Subject::Provider]).len();
    for (text, words) in [
        (
            include_str!("../../README.md"),
            format!("a row for each of {of_a_store} rules"),
        ),
        (
            include_str!("../../README.md"),
            format!("breaks one of its {} rules", RULES.len()),
        ),
        (
            include_str!("../../CHANGELOG.md"),
            format!("`conformance`: checks {} rules", RULES.len()),
        ),
    ] {
        assert!(text.contains(&words), "{words}");
    }
}

fn ids(rows: &[Row]) -> Vec<&'static str> {
    rows.iter().map(|row| row.rule.id).collect()
}

fn rules_of(subjects: &[Subject]) -> Vec<&'static str> {
    let rules = RULES.iter().filter(|rule| subjects.contains(&rule.subject));
    rules.map(|rule| rule.id).collect()
}

#[test]
fn a_report_has_a_row_for_each_rule_in_the_order_of_the_table() {
    let _alone = alone();
    let sync = store(|request| request.spawn(|job| job.position(1, 1)));
    let (object, provider) = (Subject::Object, Subject::Provider);
    assert_eq!(
        ids(Conformance::new().check_unknown(&sync).rows()),
        rules_of(&[object])
    );
    let rows = Conformance::new().check_provider(&sync);
    assert_eq!(ids(rows.rows()), rules_of(&[object, provider]));
    let callback = mapisync::testing::Recorder::new().object();
    // SAFETY: no store has the callback.
    let rows = unsafe { Conformance::new().check_callback(&callback) };
    assert_eq!(ids(rows.rows()), rules_of(&[object, Subject::Callback]));
}

#[test]
fn the_hooks_follow_the_check_and_skipped_rules_have_no_row() {
    let _alone = alone();
    let sync = store(|request| request.spawn(|job| job.position(1, 1)));
    let (started, decided) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(vec![])));
    let (start, row) = (started.clone(), decided.clone());
    let conformance = thorough()
        .skip("cancel-status")
        .skip("null-request")
        .on_start(move |rules| {
            start
                .lock()
                .unwrap()
                .extend(rules.iter().map(|rule| rule.id))
        })
        .on_row(move |decided| row.lock().unwrap().push(decided.clone()));
    let report = conformance.check_provider(&sync);
    let mut expected = rules_of(&[Subject::Object, Subject::Provider]);
    // The calls that decide `cancel-status` decide two more rules.
    expected.retain(|id| !id.contains("cancel") && *id != "null-request");
    assert_eq!(ids(report.rows()), expected);
    assert_eq!(*started.lock().unwrap(), expected);
    assert_eq!(Report::from_iter(decided.lock().unwrap().clone()), report);
}

#[test]
fn json_has_the_same_rows() {
    let rows = RULES
        .iter()
        .map(|rule| Row::broken(rule, "a \"quoted\"\nline"));
    let report: Report = rows.collect();
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(
        json["failed"].as_u64().unwrap() + json["warned"].as_u64().unwrap(),
        RULES.len() as u64
    );
    for (row, json) in report.rows().iter().zip(json["rows"].as_array().unwrap()) {
        assert_eq!(json["id"], row.rule.id);
        assert_eq!(json["rule"], row.rule.sentence);
        assert_eq!(json["source"], row.rule.source.to_string());
        assert_eq!(json["severity"], row.rule.severity().to_string());
        assert_eq!(json["verdict"], row.verdict.name());
        assert_eq!(json["seen"], "a \"quoted\"\nline");
    }
}
