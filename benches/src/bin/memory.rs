//! Counts allocations, and the heap and descriptors that 1,000 runs at once hold on both sides.
//!
//! C++'s `new` is replaced here, so that its allocations are counted as well. The program prints
//! lines of `key<TAB>peer<TAB>value` for the table.

use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncRequest};
use mapisync_benches::peers::cpp::NAME as CPP;
use mapisync_benches::peers::ours::{NAME, last_position};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Counts the allocations of all threads, and the bytes that are not freed yet.
struct Counting;

static MADE: AtomicUsize = AtomicUsize::new(0);
static ALIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MADE.fetch_add(1, Relaxed);
        ALIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is the system allocator's, too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: `memory` comes from `alloc`, so from the system's allocator, with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// C++'s `new` and `delete`, by their symbols on 64-bit Linux.
mod new {
    use super::{Layout, c_void};
    use std::alloc::{alloc, dealloc};

    /// Each block is preceded by its size, which `delete` does not always get.
    const HEAD: usize = 16;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size + HEAD, HEAD).unwrap()
    }

    // SAFETY: this is `operator new(size_t)`. A program may replace it together with the two kinds of
    // `delete` below.
    #[unsafe(export_name = "_Znwm")]
    unsafe extern "C" fn new(size: usize) -> *mut c_void {
        // SAFETY: with the head the size is not 0, and the head has room for a `usize`.
        unsafe {
            let block = alloc(layout(size));
            assert!(!block.is_null());
            block.cast::<usize>().write(size);
            block.add(HEAD).cast()
        }
    }

    // SAFETY: this is `operator delete(void*, size_t)`.
    #[unsafe(export_name = "_ZdlPvm")]
    unsafe extern "C" fn delete_sized(block: *mut c_void, _: usize) {
        // SAFETY: the caller passes a block of `new`, or NULL.
        unsafe { delete(block) }
    }

    // SAFETY: this is `operator delete(void*)`.
    #[unsafe(export_name = "_ZdlPv")]
    unsafe extern "C" fn delete(block: *mut c_void) {
        if block.is_null() {
            return;
        }
        // SAFETY: the caller passes a block of `new`, which lies behind its head.
        unsafe {
            let block = block.cast::<u8>().sub(HEAD);
            dealloc(block, layout(block.cast::<usize>().read()));
        }
    }
}

/// Returns how many allocations a number of repetitions makes.
fn made(run: &dyn Fn(u64), times: u64) -> usize {
    let before = MADE.load(Relaxed);
    run(times);
    MADE.load(Relaxed) - before
}

/// Returns how many allocations one repetition makes.
fn allocations(run: &dyn Fn(u64)) -> f64 {
    let (few, more) = (made(run, 10), made(run, 110));
    assert_eq!((more - few) % 100, 0, "the number varies");
    ((more - few) / 100) as f64
}

/// Returns how many allocations a report makes, to a tenth: the run around it makes a number that
/// varies.
fn allocations_of_a_report(run: &dyn Fn(u64)) -> f64 {
    let reports = made(run, 10_000).saturating_sub(made(run, 0)) as f64;
    (reports / 1000.0).round() / 10.0
}

/// A store whose runs wait at two barriers.
struct Waiting {
    started: Arc<Barrier>,
    finish: Arc<Barrier>,
}

impl MapiSync for Waiting {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let (started, finish) = (self.started.clone(), self.finish.clone());
        request.spawn(move |job| {
            job.position(0, 1)?;
            started.wait();
            finish.wait();
            job.position(1, 1)
        })
    }
}

const RUNS: usize = 1000;

/// Returns what each of 1,000 runs at once holds: bytes of heap, allocations made, descriptors.
fn runs_at_once() -> [f64; 3] {
    let (started, finish) = (
        Arc::new(Barrier::new(RUNS + 1)),
        Arc::new(Barrier::new(RUNS + 1)),
    );
    let sync = ComPtr::<IMAPISync>::new(Waiting {
        started: started.clone(),
        finish: finish.clone(),
    });
    let host = SyncHost::new(last_position());
    let mut runs = Vec::with_capacity(RUNS);
    wait_for_workers();
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
    started.wait();
    let during = held();
    finish.wait();
    for run in &runs {
        assert_eq!(run.wait(Duration::from_secs(60)).unwrap(), HRESULT::S_OK);
    }
    drop(runs);
    wait_for_workers();
    assert_eq!(entries("fd") as f64, before[2], "descriptors are left open");
    [0, 1, 2].map(|at| (during[at] - before[at]) / RUNS as f64)
}

/// Waits until the worker threads have ended. They still hold memory when the event is signaled.
fn wait_for_workers() {
    let started = Instant::now();
    while entries("task") > 1 {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "a worker does not end"
        );
        std::thread::yield_now();
    }
}

/// Returns how many descriptors or threads the process has.
fn entries(of: &str) -> usize {
    let folder = format!("/proc/self/{of}");
    std::fs::read_dir(folder).unwrap().count()
}

/// Raises the soft limit of descriptors to the hard limit.
fn raise_the_limit() {
    let resource = rustix::process::Resource::Nofile;
    let maximum = rustix::process::getrlimit(resource).maximum;
    let needed = 3 * RUNS as u64 + 50;
    assert!(
        maximum.is_none_or(|maximum| maximum >= needed),
        "{RUNS} runs at once need {needed} descriptors, and the hard limit is {maximum:?}"
    );
    let raised = rustix::process::Rlimit {
        current: maximum,
        maximum,
    };
    rustix::process::setrlimit(resource, raised).unwrap();
}

fn main() {
    raise_the_limit();
    runs_at_once(); // so that caches of threads and of the standard library are filled
    let [heap, made, descriptors] = runs_at_once();
    println!("runs_heap\t{NAME}\t{heap:.0}");
    println!("runs_allocations\t{NAME}\t{made:.2}");
    println!("runs_descriptors\t{NAME}\t{descriptors:.2}");
    for subject in mapisync_benches::subjects() {
        // The allocations of threads vary, and C++ does not allocate exceptions by `new`.
        let run = subject.case.starts_with("run");
        let thrown = subject.case == "panic" && subject.peer == CPP;
        if run || thrown || subject.case == "count_two_threads" {
            continue;
        }
        if subject.case == "panic" {
            std::panic::set_hook(Box::new(|_| {})); // so that panics' messages are not counted
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
