//! Measures everything and prints the table: `table [--write] [counts | time | memory | builds | mail]…`; without a part,
//! all of them. What is counted is held against the limits and the committed counts, and fails if it is more; what takes
//! time is printed.
//!
//! `--write` puts the table into `benches/README.md` and the counts into `benches/counts.tsv`.

mod builds;
mod cases;
mod counts;
mod mail;
mod time;

use cases::{CASES, CPP, Limit, Measured, OURS, PEERS, get};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use time::Times;

const PARTS: [&str; 5] = ["counts", "time", "memory", "builds", "mail"];

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("run it with --release: what is counted is built beside it");
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
        "the table is written whole"
    );
    let target = target();
    build(&target);
    let mut table = format!("{}\n", machine());
    let mut failed = false;
    for part in &parts {
        eprintln!("measuring: {part}");
        table += &match part.as_str() {
            "counts" => match counts::measure() {
                Ok(counts) => {
                    failed |= judge(&counts);
                    if write {
                        counts::write(&counts);
                    }
                    instructions(&counts)
                }
                Err(loops) => {
                    eprintln!(
                        "the empty loops of C++ and Rust differ, so nothing can be said: {loops:?}"
                    );
                    failed |= write || counts::committed().1;
                    String::new()
                }
            },
            "time" => nanoseconds(&time::measure(&target)),
            "memory" => memory(&mut failed),
            "builds" => builds_and_sizes(&target),
            _ => mail(&target),
        };
    }
    println!("{table}");
    if write {
        put(&table);
    }
    ExitCode::from(u8::from(failed))
}

/// Builds the programs that are measured, beside this one.
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
        "they do not build"
    );
}

/// The folder in which this program was built.
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
        counts::versions().join("; "),
        String::from_utf8_lossy(&date).trim()
    )
}

/// Says what is over a limit, over a peer or over what it was; answers whether that fails.
fn judge(counts: &Measured) -> bool {
    let (committed, same_versions) = counts::committed();
    let wrong = counts::check(counts, &committed);
    for line in &wrong {
        eprintln!("instructions: {line}");
    }
    if !wrong.is_empty() && !same_versions {
        eprintln!("counts.tsv was made with other versions than these, so this is no failure");
    }
    !wrong.is_empty() && same_versions
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

/// With a comma for each thousand.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn instructions(counts: &Measured) -> String {
    let mut names = PEERS.to_vec();
    names.splice(2..2, ["difference", "limit"]);
    let mut table = heading("Instructions, without the loop", &names);
    for case in CASES.iter().filter(|case| case.counted) {
        let (ours, cpp) = (get(counts, case.key, OURS), get(counts, case.key, CPP));
        let difference = ours.zip(cpp).map_or(String::new(), |(ours, cpp)| {
            let sign = if ours < cpp { "−" } else { "+" };
            format!("{sign} {}", number(Some((ours - cpp).abs())))
        });
        let limit = match case.limit {
            Limit::Over(more) => format!("+ {more}"),
            Limit::Below => "less".into(),
            Limit::Times(factor) => format!("+ {:.0} %", (factor - 1.0) * 100.0),
            Limit::None => String::new(),
        };
        let (ours, cpp) = (number(ours), number(cpp));
        table += &format!(
            "| {} | {ours} | {cpp} | {difference} | {limit} |",
            case.title
        );
        for peer in &PEERS[2..] {
            table += &format!(" {} |", number(get(counts, case.key, peer)));
        }
        table.push('\n');
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
    let arc = number(times.median("count_two", "Arc"));
    table + &format!("\nTwo threads on one `Arc`, `clone` and drop: {arc}.\n")
}

/// How many allocations a case may make. `None`: threads make them, so they are not the same each time and not counted.
fn allowed(case: &str) -> Option<f64> {
    match case {
        "create" | "create_interface" | "text_300" => Some(1.0),
        // As the standard library makes them.
        "read" | "panic" => Some(f64::INFINITY),
        _ if case.starts_with("run") || case == "count_two" => None,
        _ => Some(0.0),
    }
}

/// Allocations and runs at once, which the program `memory` prints; its limits hold on every machine.
fn memory(failed: &mut bool) -> String {
    let program = std::env::current_exe().unwrap().with_file_name("memory");
    let output = Command::new(program).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let output = String::from_utf8(output.stdout).unwrap();
    let measured = counts::measured(output.lines());
    let mut over = |what: String| {
        eprintln!("over its limit: {what}");
        *failed = true;
    };
    let mut table = heading("Allocations", PEERS);
    for case in CASES {
        let counts = PEERS.map(|peer| get(&measured, case.key, peer));
        if let Some(allowed) = allowed(case.key) {
            let ours = counts[0].expect("`memory` counts every case of ours");
            if ours > allowed {
                over(format!("{}: {ours} allocations", case.title));
            }
        }
        if counts.iter().flatten().any(|count| *count != 0.0) {
            let counts = counts.map(number).join(" | ");
            table += &format!("| {} | {counts} |\n", case.title);
        }
    }
    table += "\nNone in the other cases, whole runs aside.\n";
    let of = |key: &str| get(&measured, key, OURS).unwrap();
    let (heap, descriptors) = (of("runs_heap"), of("runs_descriptors"));
    if heap >= 1024.0 || descriptors > 3.0 {
        over(format!(
            "1,000 runs at once: {heap} bytes, {descriptors} descriptors each"
        ));
    }
    table
        + &format!(
            "\n1,000 runs at once, both sides together, each: {heap} bytes of heap (limit 1,024; {} allocations were made), \
             {descriptors} descriptors (limit 3), and its thread's stack.\n",
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
        ("`send_receive`, each brought to the disk", mail.first),
        ("… a second time, with nothing to do", mail.second),
        ("`cp -r` and `sync`", mail.copy),
    ] {
        table += &format!("| {what} | {seconds:.2} |\n");
    }
    table
}

/// Puts the table where the last one was.
fn put(table: &str) {
    const BEGIN: &str = "<!-- what `table --write` writes -->\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, _) = text.split_once(BEGIN).expect("README.md has the mark");
    std::fs::write(file, format!("{before}{BEGIN}\n{table}")).unwrap();
}
