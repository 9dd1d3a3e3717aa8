//! Measures the peers and prints the tables: `table [--write] [counts | time | memory | builds |
//! mail]…`. Without a part it measures all of them.
//!
//! Counts and memory fail when they exceed their limits. The other parts are only printed. `--write`
//! writes the tables into `benches/README.md`.

mod builds;
mod cases;
mod counts;
mod gate;
mod mail;
mod time;

use cases::{CASES, CPP, CRATES, Limit, Measured, OURS, PEERS, RUN_DESCRIPTORS, RUN_HEAP, get};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use time::Times;

const PARTS: [&str; 5] = ["counts", "time", "memory", "builds", "mail"];

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("run it with --release: the measured programs are built in the same folder");
        return ExitCode::from(2);
    }
    let mut parts: Vec<String> = std::env::args().skip(1).collect();
    let write = parts.iter().any(|part| part == "--write");
    parts.retain(|part| part != "--write");
    if let Some(part) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        eprintln!("no part {part}; there are: {}", PARTS.join(" "));
        return ExitCode::from(2);
    }
    if parts.is_empty() {
        parts = PARTS.map(String::from).to_vec();
    }
    assert!(
        !write || parts.len() == PARTS.len(),
        "--write measures all parts"
    );
    let target = target();
    build(&target);
    let mut table = format!("{}\n", machine());
    let mut failures = Vec::new();
    for part in &parts {
        eprintln!("measuring: {part}");
        table += &match part.as_str() {
            "counts" => match counts::measure() {
                Ok(counts) => {
                    failures.extend(gate::check_counts(&counts));
                    instructions(&counts)
                }
                Err(loops) => {
                    failures.push(format!("the empty loops of C++ and Rust differ: {loops:?}"));
                    String::new()
                }
            },
            "time" => nanoseconds(&time::measure(&target)),
            "memory" => {
                let measured = measure_memory();
                failures.extend(gate::check_memory(&measured));
                memory(&measured)
            }
            "builds" => builds_and_sizes(&target),
            _ => mail(&target),
        };
    }
    println!("{table}");
    if write {
        put(&table);
    }
    for failure in &failures {
        eprintln!("{failure}");
    }
    ExitCode::from(u8::from(!failures.is_empty()))
}

/// Builds the measured programs.
fn build(target: &Path) {
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--release",
        "-q",
        "-p",
        "mapisync-benches",
        "--bins",
        "--target-dir",
    ]);
    assert!(
        cargo.arg(target).status().unwrap().success(),
        "the measured programs do not build"
    );
}

/// Returns the folder in which this program was built.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(2).unwrap().to_owned()
}

fn machine() -> String {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let model = processors
        .lines()
        .find(|line| line.starts_with("model name"));
    let model = model
        .and_then(|line| line.split_once(": "))
        .map_or("?", |line| line.1);
    let date = Command::new("date").arg("+%F").output().unwrap().stdout;
    format!(
        "{}, {} cores; {}; {}.\n",
        model,
        std::thread::available_parallelism().unwrap(),
        versions().join("; "),
        String::from_utf8_lossy(&date).trim()
    )
}

/// Returns the versions of the programs and the C library on which the counts depend.
fn versions() -> [String; 4] {
    ["rustc", "g++", "valgrind", "ldd"].map(|program| {
        let output = Command::new(program).arg("--version").output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        let version = String::from_utf8_lossy(&output.stdout).into_owned();
        version.lines().next().unwrap_or_default().to_owned()
    })
}

fn heading(title: &str, columns: &[&str]) -> String {
    let names = columns.join(" | ");
    let line = "---|".repeat(columns.len() + 1);
    format!("\n### {title}\n\n| | {names} |\n|{line}\n")
}

fn number(value: Option<f64>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    let rounded = (value * 10.0).round() / 10.0;
    if value >= 1000.0 {
        grouped(value)
    } else {
        format!("{rounded}")
    }
}

/// Formats a number with a comma for each thousand.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Formats a difference with its sign.
fn signed(difference: f64) -> String {
    let sign = if difference < 0.0 { "−" } else { "+" };
    format!("{sign} {}", number(Some(difference.abs())))
}

fn instructions(counts: &Measured) -> String {
    let mut names = PEERS.to_vec();
    names.splice(
        2..2,
        ["ours and C++", "limit", "over the best crate", "limit"],
    );
    names.insert(0, "case");
    let mut table = heading("Instructions", &names);
    let mut reported = BTreeMap::<&str, Vec<String>>::new();
    for case in CASES {
        if let Limit::Reported(reason) = case.limit {
            reported
                .entry(reason)
                .or_default()
                .push(format!("`{}`", case.key));
        }
        if case.repeats.is_none() {
            continue;
        }
        let count = |peer| get(counts, case.key, peer);
        let compared = count(OURS)
            .zip(count(CPP))
            .map_or(String::new(), |(ours, cpp)| match case.limit {
                Limit::Times(_) => format!("× {:.2}", ours / cpp),
                _ => signed(ours - cpp),
            });
        let limit = match case.limit {
            Limit::Plus(more) => format!("+ {more}"),
            Limit::Times(factor) => format!("× {factor}"),
            Limit::Reported(_) => "reported".into(),
        };
        let best = CRATES.into_iter().filter_map(count).reduce(f64::min);
        let over = count(OURS)
            .zip(best)
            .map_or(String::new(), |(ours, best)| signed(ours - best));
        let limit_over = case
            .over_crates
            .map_or(String::new(), |over| format!("+ {over}"));
        table += &format!(
            "| {} | `{}` | {} | {} | {compared} | {limit} | {over} | {limit_over} |",
            case.title,
            case.key,
            number(count(OURS)),
            number(count(CPP))
        );
        for peer in &PEERS[2..] {
            table += &format!(" {} |", number(count(peer)));
        }
        table.push('\n');
    }
    table += "\nThese have no limit compared with C++ and are only reported:\n\n";
    for (reason, keys) in reported {
        table += &format!("- {}: {reason}.\n", keys.join(", "));
    }
    table
}

fn nanoseconds(times: &Times) -> String {
    let mut names = PEERS.to_vec();
    names.insert(2, "ours / C++");
    let mut table = heading("Time in ns, the median of nine rounds", &names);
    for case in CASES {
        let cpp = number(times.median(case.key, CPP));
        let ours = number(times.median(case.key, OURS));
        let ratio = times.ratio(case.key, OURS, CPP);
        let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        table += &format!("| {} | {ours} | {cpp} | {ratio} |", case.title);
        for peer in &PEERS[2..] {
            table += &format!(" {} |", number(times.median(case.key, peer)));
        }
        table.push('\n');
    }
    let arc = number(times.median("count_two_threads", mapisync_benches::ARC));
    table + &format!("\nTwo threads on one `Arc`, `clone` and drop: {arc}.\n")
}

/// Parses lines of a case, a peer and a number, separated by tabs.
fn parse(lines: &str) -> Measured {
    let entry = |line: &str| {
        let parts: Vec<&str> = line.split('\t').collect();
        let [case, peer, value] = parts[..] else {
            panic!("not a case, a peer and a number: {line:?}");
        };
        ((case.to_owned(), peer.to_owned()), value.parse().unwrap())
    };
    lines.lines().map(entry).collect()
}

/// Runs the program `memory` and returns its values.
fn measure_memory() -> Measured {
    let program = std::env::current_exe().unwrap().with_file_name("memory");
    let output = Command::new(program).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    parse(&String::from_utf8(output.stdout).unwrap())
}

fn memory(measured: &Measured) -> String {
    let mut table = heading("Allocations", PEERS);
    for case in CASES {
        let counts = PEERS.map(|peer| get(measured, case.key, peer));
        if counts.iter().flatten().any(|count| *count != 0.0) {
            let counts = counts.map(number).join(" | ");
            table += &format!("| {} | {counts} |\n", case.title);
        }
    }
    table += "\nThe other cases allocate nothing. Whole runs are not in this table.\n";
    let of = |key: &str| get(measured, key, OURS).unwrap();
    table
        + &format!(
            "\nEach of 1,000 runs at once, both sides together, holds {} bytes of heap (limit {}), \
             {} descriptors (limit {RUN_DESCRIPTORS}) and a thread's stack. It makes {} allocations.\n",
            of("runs_heap"),
            grouped(RUN_HEAP),
            of("runs_descriptors"),
            number(Some(of("runs_allocations")))
        )
}

fn builds_and_sizes(target: &Path) -> String {
    let mut table = heading(
        "A cold `cargo build` of nothing but the dependency",
        &["crates", "seconds"],
    );
    for build in builds::cold() {
        table += &format!(
            "| {} | {} | {:.1} |\n",
            build.what, build.crates, build.seconds
        );
    }
    table += &heading("Stripped release libraries", &["kB"]);
    for (what, bytes) in builds::sizes(target) {
        table += &format!("| {what} | {:.0} |\n", bytes as f64 / 1000.0);
    }
    table
}

fn mail(target: &Path) -> String {
    let mail = mail::measure(target);
    let mut table = heading("10,000 messages, 31 MB", &["seconds"]);
    for (what, seconds) in [
        (
            "`send_receive`, which syncs each batch of messages to the disk",
            mail.first,
        ),
        ("… a second run, which finds nothing new", mail.second),
        ("`cp -r` and `sync`", mail.copy),
    ] {
        table += &format!("| {what} | {seconds:.2} |\n");
    }
    table
}

/// Replaces the tables in README.md.
fn put(table: &str) {
    const BEGIN: &str = "<!-- `table --write` writes everything below -->\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let (before, _) = readme.split_once(BEGIN).expect("README.md has the mark");
    std::fs::write(file, format!("{before}{BEGIN}\n{table}")).unwrap();
}
