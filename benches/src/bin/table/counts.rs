//! Instructions, counted by callgrind.

use crate::limits::Counts;
use mapisync_benches::cases::{CASES, CPP, OURS};
use std::process::Command;
use std::thread;

/// The case that is subtracted from every other one: an empty loop.
const LOOP: &str = "loop";

/// Repeats one case of one peer. The process that callgrind counts calls this.
pub fn repeat(case: &str, peer: &str, times: u64) {
    std::panic::set_hook(Box::new(|_| {})); // so that panics' messages are not counted
    if case == LOOP && peer == CPP {
        mapisync_benches::peers::cpp::cpp_loop(times);
    } else if case == LOOP {
        mapisync_benches::empty_loop(times);
    } else {
        let subjects = mapisync_benches::subjects();
        let mut subjects = subjects.iter().filter(|one| one.case == case);
        let subject = subjects.find(|one| one.peer == peer);
        (subject.expect("there is no such case of this peer").run)(times);
    }
}

/// Counts every case of every peer, in as many processes at once as there are cores.
pub fn measure() -> Counts {
    let subjects = mapisync_benches::subjects();
    let mut keys: Vec<_> = subjects.iter().map(|one| (one.case, one.peer)).collect();
    keys.extend([(LOOP, CPP), (LOOP, OURS)]);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let count_all =
        |keys: &[(_, _)]| -> Vec<_> { keys.iter().map(|key| (*key, count(*key))).collect() };
    let mut counts: Counts = thread::scope(|scope| {
        let parts = keys.chunks(keys.len().div_ceil(cores));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || count_all(part))).collect();
        let counted = parts.into_iter().map(|part| part.join().unwrap());
        counted.flatten().collect()
    });
    let [cpp, rust] = [CPP, OURS].map(|peer| counts.remove(&(LOOP, peer)).unwrap());
    assert_eq!(cpp, rust, "the empty loops of C++ and Rust differ, so no case is comparable");
    counts.values_mut().for_each(|count| *count -= cpp);
    counts
}

/// Counts the instructions of one repetition.
fn count((case, peer): (&str, &str)) -> f64 {
    // A case without a row is counted too, so that the limits find it.
    let row = CASES.iter().find(|row| row.key == case);
    let (few, more) = row.map_or((1000, 2000), |row| row.repeats);
    let each = instructions(case, peer, more) - instructions(case, peer, few);
    each / (more - few) as f64
}

/// Counts the instructions of a process that calls [`repeat`].
fn instructions(case: &str, peer: &str, times: u64) -> f64 {
    let mut valgrind = Command::new("valgrind");
    // Valgrind's debugger maps a file that is named after the process's number. Rust's startup reads
    // the list of mappings, so its instructions would depend on that number.
    valgrind.args(["--vgdb=no", "--tool=callgrind"]);
    valgrind.arg("--callgrind-out-file=/dev/null");
    valgrind.arg(std::env::current_exe().unwrap());
    valgrind.args(["count", case, peer, &times.to_string()]);
    let output = valgrind.output().expect("valgrind is installed");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}, {peer}: {log}");
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    collected.unwrap().1.trim().parse().unwrap()
}
