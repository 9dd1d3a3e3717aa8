//! Counts allocations, and the heap and descriptors that runs hold on both sides. Prints the table
//! and fails where a limit is exceeded.

use mapisync::{HRESULT, SyncFlags, SyncHost};
use mapisync_benches::cases::{CASES, PEERS};
use mapisync_benches::peers::ours::last_position;
use mapisync_benches::{ASCII, Subject, run};
use std::ffi::c_void;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use test_support::{TIMEOUT, allocations, bytes, open_handles, store, wait_until};

/// Runs at once. Their descriptors stay below the usual limit of 1,024.
const RUNS: usize = 300;
/// The limits for each of them: bytes of heap and descriptors.
const RUN_HEAP: f64 = 1024.0;
const RUN_DESCRIPTORS: f64 = 3.0;

fn main() {
    let mut failures = Vec::new();
    let mut check = |what: &str, value: f64, limit: f64| {
        if value > limit {
            failures.push(format!("{what}: {value}, limit {limit}"));
        }
    };
    let line = "---|".repeat(PEERS.len() + 1);
    println!("\n### Allocations\n\n| | {} |\n|{line}", PEERS.join(" | "));
    let subjects = mapisync_benches::subjects();
    for case in CASES {
        let Some(limit) = case.allocations else {
            continue;
        };
        let of = |peer| subjects.iter().find(|one| one.case == case.key && one.peer == peer);
        let counts = PEERS.map(|peer| of(peer).map(of_each));
        check(case.key, counts[0].unwrap() as f64, limit as f64);
        if counts.iter().flatten().any(|count| *count > 0) {
            let cells = counts.map(|count| count.map_or(String::new(), |count| count.to_string()));
            println!("| {} | {} |", case.title, cells.join(" | "));
        }
    }
    println!("\nThe other cases allocate nothing. Panics are not counted.");
    check("1,000 reports", of_reports() as f64, 0.0);
    of_runs(); // so that caches of threads and of the standard library are filled
    let (heap, descriptors) = of_runs();
    check("heap of a run", heap, RUN_HEAP);
    check("descriptors of a run", descriptors, RUN_DESCRIPTORS);
    println!(
        "\nEach of {RUNS} runs at once, both sides together, holds {heap:.0} bytes of heap (limit \
         {RUN_HEAP}), {descriptors} descriptors (limit {RUN_DESCRIPTORS}) and a thread's stack."
    );
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Returns how many allocations one repetition makes.
fn of_each(subject: &Subject) -> usize {
    let made = |times| allocations(|| (subject.run)(times)).0;
    let hundred = made(110) - made(10);
    assert_eq!(hundred % 100, 0, "{} varies", subject.case);
    hundred / 100
}

/// C++'s `operator new(size_t)`, so that its allocations are counted as well. `delete` of the
/// standard library calls `free`.
// SAFETY: this is the symbol's signature on 64-bit Linux. A program may replace the operator.
#[unsafe(export_name = "_Znwm")]
extern "C" fn new(size: usize) -> *mut c_void {
    unsafe extern "C" {
        safe fn malloc(size: usize) -> *mut c_void;
    }
    drop(black_box(Box::new(0_u8))); // counts
    malloc(size)
}

/// Returns how many allocations 1,000 reports make on a run's thread.
fn of_reports() -> usize {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    run(|job, _| {
        let report = |index| job.progress(Some(ASCII), index, 1000);
        let (made, _, result) = allocations(|| (0..1000).try_for_each(report));
        MADE.store(made, Relaxed);
        result
    });
    MADE.load(Relaxed)
}

/// Returns the bytes of heap and the descriptors that each of many runs at once holds.
fn of_runs() -> (f64, f64) {
    let barrier = Arc::new(Barrier::new(RUNS + 1));
    let of_worker = barrier.clone();
    let sync = store(move |request| {
        let barrier = of_worker.clone();
        request.spawn(move |job| {
            job.position(0, 1)?;
            barrier.wait(); // all runs have started
            barrier.wait(); // and were counted
            job.position(1, 1)
        })
    });
    let host = SyncHost::new(last_position());
    let mut runs = Vec::with_capacity(RUNS);
    wait_for_workers();
    let handles = open_handles();
    let (held, ()) = bytes(|| {
        runs.extend((0..RUNS).map(|_| host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap()));
        barrier.wait();
    });
    let descriptors = open_handles() - handles;
    barrier.wait();
    for run in &runs {
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    }
    drop(runs);
    wait_for_workers();
    assert_eq!(open_handles(), handles, "descriptors are left open");
    (held.left as f64 / RUNS as f64, descriptors as f64 / RUNS as f64)
}

/// Waits until the threads of all runs have ended. They still hold memory after the event.
fn wait_for_workers() {
    wait_until(|| std::fs::read_dir("/proc/self/task").unwrap().count() == 1);
}
