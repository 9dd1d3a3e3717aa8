//! Nanoseconds, by criterion.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The medians of the rounds, by case and peer.
pub struct Times(BTreeMap<(String, String), Vec<f64>>);

impl Times {
    /// Returns the median of the rounds.
    pub fn median(&self, case: &str, peer: &str) -> Option<f64> {
        self.rounds(case, peer)
            .map(|rounds| median(rounds.to_vec()))
    }

    /// Returns the median of the rounds' ratios. In one round both peers found the machine alike.
    pub fn ratio(&self, case: &str, peer: &str, other: &str) -> Option<f64> {
        let (these, those) = (self.rounds(case, peer)?, self.rounds(case, other)?);
        let ratios = these.iter().zip(those).map(|(this, that)| this / that);
        Some(median(ratios.collect()))
    }

    fn rounds(&self, case: &str, peer: &str) -> Option<&[f64]> {
        self.0
            .get(&(case.to_owned(), peer.to_owned()))
            .map(Vec::as_slice)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs the program `time`.
pub fn measure(target: &Path) -> Times {
    let results = target.join("criterion");
    let _ = std::fs::remove_dir_all(&results);
    let output = Command::new("cargo")
        .args(["bench", "-q", "-p", "mapisync-benches", "--bench", "time"])
        .env("CARGO_TARGET_DIR", target)
        .env("CRITERION_HOME", &results)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let mut rounds: BTreeMap<(String, String), BTreeMap<String, f64>> = BTreeMap::new();
    for folder in folders(&results) {
        let read = |name: &str| -> Option<Value> {
            let json = std::fs::read_to_string(folder.join(name)).ok()?;
            Some(serde_json::from_str(&json).unwrap())
        };
        let (Some(benchmark), Some(estimates)) = (read("benchmark.json"), read("estimates.json"))
        else {
            continue;
        };
        let name = |key: &str| benchmark[key].as_str().unwrap().to_owned();
        let median = estimates["median"]["point_estimate"].as_f64().unwrap();
        let rounds = rounds.entry((name("group_id"), name("function_id")));
        rounds.or_default().insert(name("value_str"), median);
    }
    let in_order = |(key, rounds): (_, BTreeMap<_, _>)| (key, rounds.into_values().collect());
    Times(rounds.into_iter().map(in_order).collect())
}

/// Returns the folders named `new`, which hold the last results.
fn folders(of: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(of).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() == "new" {
                found.push(entry.path());
            } else {
                found.extend(folders(&entry.path()));
            }
        }
    }
    found
}
