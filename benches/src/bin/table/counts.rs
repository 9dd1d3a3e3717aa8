//! Instructions, by callgrind, and the gate: what a case takes more than C++ in the same run may not grow.

use crate::cases::{CASES, CPP, Limit, Measured, OURS, PEERS, PLAIN, case_of, get};
use mapisync_benches::Subject;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

/// The keys under which the empty loops are counted.
const LOOPS: [&str; 2] = ["loop_cpp", "loop_rust"];

/// Counts every case of every peer, without the loop, in as many processes at once as there are cores. `Err` has the counts
/// of loops that differ between the languages.
pub fn measure() -> Result<Measured, [f64; 2]> {
    let counted = |subject: &Subject| case_of(subject.case).is_some_and(|case| case.counted);
    let subjects = mapisync_benches::subjects();
    let mut work: VecDeque<(String, String, (u64, u64))> = subjects
        .iter()
        .filter(|subject| counted(subject))
        .map(|one| {
            (
                one.case.into(),
                one.peer.into(),
                case_of(one.case).unwrap().times,
            )
        })
        .collect();
    work.extend(LOOPS.map(|key| (key.into(), String::new(), (1000, 2000))));
    let (work, measured) = (Mutex::new(work), Mutex::new(Measured::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap().pop_front();
                    let Some((case, peer, (few, more))) = next else {
                        return;
                    };
                    let each = (instructions(&case, &peer, more) - instructions(&case, &peer, few))
                        / (more - few) as f64;
                    measured.lock().unwrap().insert((case, peer), each);
                }
            });
        }
    });
    let mut measured = measured.into_inner().unwrap();
    let loops = LOOPS.map(|key| measured.remove(&(key.into(), String::new())).unwrap());
    if loops[0] != loops[1] {
        return Err(loops);
    }
    for value in measured.values_mut() {
        *value -= loops[0];
    }
    Ok(measured)
}

/// Of a whole process.
fn instructions(case: &str, peer: &str, times: u64) -> f64 {
    let count = Path::new(&std::env::current_exe().unwrap()).with_file_name("count");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = command
        .arg(count)
        .args([case, peer, &times.to_string()])
        .output()
        .expect("valgrind is missing: install the Debian package valgrind");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}, {peer}: {log}");
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    collected.unwrap().1.trim().parse().unwrap()
}

/// What is the same as when the committed counts were made, or they mean little: the compilers, the counter, and the C library,
/// which allocates and copies.
pub fn versions() -> Vec<String> {
    ["rustc", "g++", "valgrind", "ldd"]
        .map(|program| {
            let output = Command::new(program).arg("--version").output();
            let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().next().unwrap_or_default().to_owned()
        })
        .to_vec()
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("counts.tsv")
}

/// Commits to what was counted.
pub fn write(counts: &Measured) {
    let mut text = String::new();
    for version in versions() {
        text += &format!("# {version}\n");
    }
    for case in CASES {
        for peer in PEERS {
            if let Some(value) = get(counts, case.key, peer) {
                text += &format!("{}\t{peer}\t{value:.2}\n", case.key);
            }
        }
    }
    std::fs::write(file(), text).unwrap();
}

/// The counts that are committed, and whether they were made with the versions of now.
pub fn committed() -> (Measured, bool) {
    let text =
        std::fs::read_to_string(file()).expect("counts.tsv is missing: `table --write` makes it");
    let (then, lines): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("# "));
    let now: Vec<String> = versions().iter().map(|one| format!("# {one}")).collect();
    (measured(lines), then == now)
}

/// What stands in lines of a case, a peer and a number.
pub fn measured<'a>(lines: impl IntoIterator<Item = &'a str>) -> Measured {
    let entry = |line: &str| {
        let parts: Vec<&str> = line.split('\t').collect();
        let [case, peer, value] = parts[..] else {
            panic!("not a case, a peer and a number: {line:?}");
        };
        ((case.to_owned(), peer.to_owned()), value.parse().unwrap())
    };
    lines.into_iter().map(entry).collect()
}

/// Holds what was counted against the limits, the peers, and the committed counts, and says what is wrong.
pub fn check(counts: &Measured, committed: &Measured) -> Vec<String> {
    let mut wrong = Vec::new();
    for (one, other, what) in [
        (committed, counts, "there is no count any more"),
        (counts, committed, "counts.tsv has none; write it anew"),
    ] {
        for (case, peer) in one.keys().filter(|key| !other.contains_key(*key)) {
            wrong.push(format!("{case}: of {peer} {what}"));
        }
    }
    for case in CASES.iter().filter(|case| case.counted) {
        let (Some(ours), Some(cpp)) = (get(counts, case.key, OURS), get(counts, case.key, CPP))
        else {
            continue;
        };
        let kept = match case.limit {
            Limit::Over(more) => ours - cpp <= more,
            Limit::Below => ours < cpp,
            Limit::Times(factor) => ours <= cpp * factor,
            Limit::None => true,
        };
        if !kept {
            wrong.push(format!(
                "{}: {ours:.2}, and C++ takes {cpp:.2}: over its limit",
                case.key
            ));
        }
        let then = get(committed, case.key, OURS).zip(get(committed, case.key, CPP));
        if let Some((ours_then, cpp_then)) = then {
            let (difference, then) = (ours - cpp, ours_then - cpp_then);
            if difference > then + tolerance(case.key, ours_then) {
                wrong.push(format!(
                    "{}: {difference:+.2} against C++, and it was {then:+.2}",
                    case.key
                ));
            }
        }
        // Plain Rust is no crate: it has no pinned count, which every object of ours pays for.
        let crates = PEERS
            .iter()
            .filter(|peer| ![OURS, CPP, PLAIN].contains(*peer));
        for peer in crates {
            let Some(theirs) = get(counts, case.key, peer) else {
                continue;
            };
            if ours > theirs + case.more_than_crates + tolerance(case.key, theirs) {
                wrong.push(format!(
                    "{}: {ours:.2}, and {peer} takes {theirs:.2}",
                    case.key
                ));
            }
        }
    }
    wrong
}

/// The larger of one instruction and 2 %; of whole runs a fifth, since how often threads meet at a lock is not the same each
/// time.
fn tolerance(case: &str, count: f64) -> f64 {
    let share = if case.starts_with("run") { 0.2 } else { 0.02 };
    f64::max(1.0, count * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A case of ours, of C++ and of a peer; `NAN` is none.
    fn counts(case: &str, ours: f64, cpp: f64, peer: f64) -> Measured {
        let all = [(OURS, ours), (CPP, cpp), (PEERS[3], peer)];
        let all = all.into_iter().filter(|(_, value)| !value.is_nan());
        all.map(|(peer, value)| ((case.to_owned(), peer.to_owned()), value))
            .collect()
    }

    #[test]
    fn what_is_more_than_it_was_or_may_be_is_found() {
        let none = f64::NAN;
        for (case, now, then, found) in [
            // Against what it was: one instruction, 2 % of many.
            ("clone", [20.0, 18.0, none], [20.0, 18.0, none], 0),
            ("clone", [21.0, 18.0, none], [20.0, 18.0, none], 0),
            ("clone", [21.1, 18.0, none], [20.0, 18.0, none], 1),
            ("clone", [20.0, 16.9, none], [20.0, 18.0, none], 1),
            ("clone", [10.0, 18.0, none], [20.0, 18.0, none], 0),
            ("read", [2040.0, 1500.0, none], [2000.0, 1500.0, none], 0),
            ("read", [2041.0, 1500.0, none], [2000.0, 1500.0, none], 1),
            (
                "run_1",
                [12_000.0, 3500.0, none],
                [10_000.0, 3500.0, none],
                0,
            ),
            (
                "run_1",
                [12_001.0, 3500.0, none],
                [10_000.0, 3500.0, none],
                1,
            ),
            // Against its limit: so many more, fewer, so many times as many.
            ("count", [22.0, 18.0, none], [22.0, 18.0, none], 0),
            ("count", [22.1, 18.0, none], [22.1, 18.0, none], 1),
            ("create", [168.0, 168.0, none], [168.0, 168.0, none], 1),
            ("report", [44.0, 40.0, none], [44.0, 40.0, none], 0),
            ("report", [44.1, 40.0, none], [44.1, 40.0, none], 1),
            // Against a peer, and more where ours does what no peer does.
            ("cast", [45.0, 41.0, 44.0], [45.0, 41.0, 44.0], 0),
            ("cast", [45.1, 41.0, 44.0], [45.1, 41.0, 44.0], 1),
            ("thunk", [13.0, 9.0, 9.0], [13.0, 9.0, 9.0], 0),
            ("thunk", [13.1, 9.0, 9.0], [13.1, 9.0, 9.0], 1),
            // What is not there any more, and what was not there then.
            ("clone", [20.0, 18.0, none], [20.0, 18.0, 30.0], 1),
            ("clone", [20.0, 18.0, none], [none, 18.0, none], 1),
            ("clone", [20.0, 18.0, 30.0], [20.0, 18.0, none], 1),
        ] {
            let [now_counts, then_counts] =
                [now, then].map(|[ours, cpp, peer]| counts(case, ours, cpp, peer));
            let wrong = check(&now_counts, &then_counts);
            assert_eq!(wrong.len(), found, "{case}: {now:?}, {then:?}: {wrong:?}");
        }
    }

    #[test]
    fn every_case_that_is_counted_is_committed() {
        let (committed, _) = committed();
        for case in CASES.iter().filter(|case| case.counted) {
            assert!(get(&committed, case.key, OURS).is_some(), "{}", case.key);
            assert!(get(&committed, case.key, CPP).is_some(), "{}", case.key);
        }
    }
}
