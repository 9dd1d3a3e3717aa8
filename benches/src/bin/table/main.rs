//! Measures the peers and prints the tables: `table PART…`, of the parts counts, memory and time.
//! `table --write` measures all parts and writes the tables into `benches/README.md`.
//!
//! Counts and memory fail when they exceed their limits. Times are only printed.

mod counts;
mod limits;

use limits::Counts;
use mapisync_benches::cases::{CASES, Limit, PEERS};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        panic!("run it with --release");
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut parts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["count", case, peer, times] = parts[..] {
        counts::repeat(case, peer, times.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let write = parts == ["--write"];
    if write {
        parts = vec!["counts", "memory", "time"];
    }
    let mut tables = machine();
    let mut failures = Vec::new();
    for part in parts {
        eprintln!("measuring {part}");
        match part {
            "counts" => {
                let counts = counts::measure();
                failures.extend(limits::failures(&counts));
                tables += &instructions(&counts);
            }
            "memory" => {
                let (memory, succeeded) = cargo(&["run", "--release", "--bin", "memory"]);
                failures.extend((!succeeded).then(|| "memory failed".into()));
                tables += &memory;
            }
            "time" => tables += &nanoseconds(),
            _ => panic!("there is no part {part}"),
        }
    }
    print!("{tables}");
    if write {
        put(&tables);
    }
    failures.iter().for_each(|failure| eprintln!("{failure}"));
    ExitCode::from(u8::from(!failures.is_empty()))
}

/// Runs a program of this package. Returns its output and whether it succeeded.
fn cargo(arguments: &[&str]) -> (String, bool) {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).args(["-q", "-p", "mapisync-benches"]);
    let output = cargo.stderr(Stdio::inherit()).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

/// Returns the processor, the versions of the programs on which the counts depend, and the date.
fn machine() -> String {
    let script = "lscpu | sed -n 's/^Model name: *//p'
        for program in rustc g++ valgrind ldd; do $program --version | head -n 1; done
        date +%F";
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    format!("{}.\n", output.trim().replace('\n', "; "))
}

fn heading(title: &str, columns: &[&str]) -> String {
    let line = "---|".repeat(columns.len() + 1);
    format!("\n### {title}\n\n| | {} |\n|{line}\n", columns.join(" | "))
}

/// Formats a row. A cell is empty for a peer that does not have the case.
fn row(title: &str, cells: [Option<f64>; 5]) -> String {
    let cell = |value: f64| format!("{}", (value * 10.0).round() / 10.0);
    let cells = cells.map(|value| value.map_or(String::new(), cell));
    format!("| {title} | {} |", cells.join(" | "))
}

fn instructions(counts: &Counts) -> String {
    let mut table = heading("Instructions", &[&PEERS[..], &["limit", "case"]].concat());
    for case in CASES {
        let cells = PEERS.map(|peer| limits::count(counts, case, peer));
        let limit = match case.limit {
            Limit::Reported(reason) => format!("none: {reason}"),
            _ => format!("{:.1}", limits::limit(counts, case)),
        };
        table += &format!("{} {limit} | `{}` |\n", row(case.title, cells), case.key);
    }
    table
}

/// Runs the benchmark `time` and returns the fastest of criterion's samples: whatever else the machine
/// does makes a sample slower, never faster.
fn nanoseconds() -> String {
    assert!(cargo(&["bench", "--bench", "time"]).1);
    let program = std::env::current_exe().unwrap();
    let results = program.ancestors().nth(2).unwrap().join("criterion");
    let fastest = |case, peer| {
        let file = results.join(case).join(peer).join("new/sample.json");
        let json = std::fs::read_to_string(file).ok()?;
        let sample: serde_json::Value = serde_json::from_str(&json).unwrap();
        let numbers = |key: &str| {
            let numbers = sample[key].as_array().unwrap().iter();
            numbers.map(|number| number.as_f64().unwrap())
        };
        let each = numbers("times").zip(numbers("iters"));
        each.map(|(time, times)| time / times).reduce(f64::min)
    };
    let mut table = heading("Time in ns, the fastest of 50 samples", &PEERS);
    for case in CASES {
        table += &row(case.title, PEERS.map(|peer| fastest(case.key, peer)));
        table += "\n";
    }
    table
}

/// Replaces the tables in README.md.
fn put(tables: &str) {
    const BEGIN: &str = "<!-- `table --write` writes everything below -->\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let (before, _) = readme.split_once(BEGIN).expect("README.md has the mark");
    std::fs::write(file, format!("{before}{BEGIN}\n{tables}")).unwrap();
}
