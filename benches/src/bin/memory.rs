//! Counts allocations, and what 1,000 runs at once hold: heap and descriptors, both sides together.
//!
//! What C++ allocates is counted with the rest: its `new` is replaced here by one that comes to the same allocator. Prints
//! lines of `key<TAB>peer<TAB>value`, for the table.

use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncRequest};
use mapisync_benches::peers::cpp::NAME as CPP;
use mapisync_benches::peers::ours::{NAME, noting};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Counts the allocations of all threads, and the bytes of those that are alive.
struct Counting;

static MADE: AtomicUsize = AtomicUsize::new(0);
static ALIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MADE.fetch_add(1, Relaxed);
        ALIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// C++'s `new`, by the names that it has on 64-bit Linux.
mod new {
    use super::{Layout, c_void};
    use std::alloc::{alloc, dealloc};

    /// Before each block stands its size, since `delete` does not always say it.
    const HEAD: usize = 16;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size + HEAD, HEAD).unwrap()
    }

    // SAFETY: `operator new(size_t)`, which a program may replace, together with both kinds of `delete` below.
    #[unsafe(export_name = "_Znwm")]
    unsafe extern "C" fn new(size: usize) -> *mut c_void {
        // SAFETY: not of size 0; the head has room for a `usize`.
        unsafe {
            let block = alloc(layout(size));
            assert!(!block.is_null());
            block.cast::<usize>().write(size);
            block.add(HEAD).cast()
        }
    }

    // SAFETY: `operator delete(void*, size_t)`.
    #[unsafe(export_name = "_ZdlPvm")]
    unsafe extern "C" fn delete_sized(block: *mut c_void, _: usize) {
        // SAFETY: as below.
        unsafe { delete(block) }
    }

    // SAFETY: `operator delete(void*)`.
    #[unsafe(export_name = "_ZdlPv")]
    unsafe extern "C" fn delete(block: *mut c_void) {
        if block.is_null() {
            return;
        }
        // SAFETY: a block of `new`, behind its head.
        unsafe {
            let block = block.cast::<u8>().sub(HEAD);
            dealloc(block, layout(block.cast::<usize>().read()));
        }
    }
}

/// How many allocations a thing makes that is done so many times.
fn made(run: &dyn Fn(u64), times: u64) -> usize {
    let before = MADE.load(Relaxed);
    run(times);
    MADE.load(Relaxed) - before
}

/// How many allocations one more of a thing takes.
fn allocations(run: &dyn Fn(u64)) -> f64 {
    let (few, more) = (made(run, 10), made(run, 110));
    assert_eq!((more - few) % 100, 0, "the same each time");
    ((more - few) / 100) as f64
}

/// The same of a report, to a tenth: the run around it makes a few, not the same each time.
fn allocations_of_a_report(run: &dyn Fn(u64)) -> f64 {
    let reports = made(run, 10_000).saturating_sub(made(run, 0)) as f64;
    (reports / 1000.0).round() / 10.0
}

/// A store whose runs wait until they are told to go on.
struct Waiting {
    all_there: Arc<Barrier>,
    go_on: Arc<Barrier>,
}

impl MapiSync for Waiting {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let (all_there, go_on) = (self.all_there.clone(), self.go_on.clone());
        request.spawn(move |job| {
            job.position(0, 1)?;
            all_there.wait();
            go_on.wait();
            job.position(1, 1)
        })
    }
}

const RUNS: usize = 1000;

/// What each of a thousand runs at once holds: bytes of heap, allocations, descriptors.
fn runs_at_once() -> [f64; 3] {
    let (all_there, go_on) = (
        Arc::new(Barrier::new(RUNS + 1)),
        Arc::new(Barrier::new(RUNS + 1)),
    );
    let sync = ComPtr::<IMAPISync>::new(Waiting {
        all_there: all_there.clone(),
        go_on: go_on.clone(),
    });
    let host = SyncHost::new(noting());
    let mut runs = Vec::with_capacity(RUNS);
    alone();
    let held = || {
        [
            ALIVE.load(Relaxed) as f64,
            MADE.load(Relaxed) as f64,
            entries("fd") as f64,
        ]
    };
    let before = held();
    for _ in 0..RUNS {
        runs.push(host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap());
    }
    all_there.wait();
    let during = held();
    go_on.wait();
    for run in &runs {
        assert_eq!(run.wait(Duration::from_secs(60)).unwrap(), HRESULT::S_OK);
    }
    drop(runs);
    alone();
    assert_eq!(entries("fd") as f64, before[2], "all are closed");
    [0, 1, 2].map(|at| (during[at] - before[at]) / RUNS as f64)
}

/// Waits until the workers are gone: they still hold something when their event has occurred.
fn alone() {
    let started = Instant::now();
    while entries("task") > 1 {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "a worker stays"
        );
        std::thread::yield_now();
    }
}

/// How many descriptors or threads the process has.
fn entries(of: &str) -> usize {
    let folder = format!("/proc/self/{of}");
    std::fs::read_dir(folder).unwrap().count()
}

/// Raises the limit of descriptors to what the process may have.
fn raise_the_limit() {
    let resource = rustix::process::Resource::Nofile;
    let maximum = rustix::process::getrlimit(resource).maximum;
    let needed = 3 * RUNS as u64 + 50;
    assert!(
        maximum.is_none_or(|maximum| maximum >= needed),
        "{RUNS} runs at once take {needed} descriptors, and the hard limit is {maximum:?}"
    );
    let raised = rustix::process::Rlimit {
        current: maximum,
        maximum,
    };
    rustix::process::setrlimit(resource, raised).unwrap();
}

fn main() {
    raise_the_limit();
    runs_at_once(); // once before, for what threads and the standard library keep
    let [heap, made, descriptors] = runs_at_once();
    println!("runs_heap\t{NAME}\t{heap:.0}");
    println!("runs_allocations\t{NAME}\t{made:.2}");
    println!("runs_descriptors\t{NAME}\t{descriptors:.2}");
    for subject in mapisync_benches::subjects() {
        // What threads allocate is not the same each time, and what C++ throws is not made by `new`.
        let run = subject.case.starts_with("run");
        let thrown = subject.case == "panic" && subject.peer == CPP;
        if run || thrown || subject.case == "count_two" {
            continue;
        }
        if subject.case == "panic" {
            std::panic::set_hook(Box::new(|_| {})); // the messages are not what is counted
        }
        let count = if subject.case.starts_with("report") {
            allocations_of_a_report(&subject.run)
        } else {
            allocations(&subject.run)
        };
        let _ = std::panic::take_hook();
        println!("{}\t{}\t{count}", subject.case, subject.peer);
    }
}
