//! Instructions, counted by callgrind.

use crate::cases::{Measured, case_of};
use mapisync_benches::Subject;
use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

/// The keys under which the empty loops are counted.
const LOOPS: [&str; 2] = ["loop_cpp", "loop_rust"];

/// Counts every subject in as many processes at once as there are cores, and subtracts the empty
/// loop. Fails with the loops' counts if they differ between the languages, because no case is
/// comparable then.
pub fn measure() -> Result<Measured, [f64; 2]> {
    // A case without a row is counted too, so that the gate finds it.
    let repeats =
        |subject: &Subject| case_of(subject.case).map_or(Some((1, 2)), |case| case.repeats);
    let subjects = mapisync_benches::subjects();
    let mut work: VecDeque<(String, String, (u64, u64))> = subjects
        .iter()
        .filter_map(|subject| Some((subject.case.into(), subject.peer.into(), repeats(subject)?)))
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

/// Counts the instructions of a whole process.
fn instructions(case: &str, peer: &str, times: u64) -> f64 {
    let count = Path::new(&std::env::current_exe().unwrap()).with_file_name("count");
    let mut command = Command::new("valgrind");
    // Valgrind's debugger maps a file that is named after the process's number. Rust's startup reads
    // the list of mappings, so its instructions would depend on that number.
    command.args(["--vgdb=no", "--tool=callgrind"]);
    command.arg("--callgrind-out-file=/dev/null");
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
