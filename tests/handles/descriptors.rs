//! Descriptors: a refused run opens none, and without free ones a run fails to start. Events have
//! none of the standard numbers, and `poll` and signals work with them.

use crate::alone;
use mapisync::abi::HANDLE;
use mapisync::testing::{Call, Recorder, reference_count};
use mapisync::{HRESULT, SyncFlags, SyncHost};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::time::Duration;
use test_support::{TIMEOUT, bare_object, event_pair, garbage, request, store, wait_until};

const FLAGS: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;

/// Returns the open descriptors, without the one by which this function reads the folder.
pub fn open() -> Vec<PathBuf> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| fs::read_link(file).is_ok());
    files.sort();
    files
}

pub fn is_open(number: HANDLE) -> bool {
    fs::read_link(format!("/proc/self/fd/{}", number.addr())).is_ok()
}

#[test]
fn a_refused_run_leaves_no_descriptor_open() {
    let _alone = alone();
    let callback = bare_object();
    let sync = store(|request| request.spawn(|_| Ok(())));
    let before = open();
    let mut handle = garbage();
    // SAFETY: every pointer in the request is valid during the call.
    let code =
        unsafe { sync.synchronize_in_background(&mut request(callback.as_raw(), &mut handle)) };
    assert_eq!((code, handle.is_null(), open()), (HRESULT::E_NOINTERFACE, true, before));
}

#[test]
fn without_descriptors_no_run_is_started() {
    let _alone = alone();
    let sync = store(|request| request.spawn(|_| Ok(())));
    let recorder = Recorder::new();
    let callback = recorder.object();
    let limit = getrlimit(Resource::Nofile);
    let mut lowered = limit;
    lowered.current = Some(64);
    setrlimit(Resource::Nofile, lowered).unwrap();
    let mut hoard = vec![];
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    // A run takes two descriptors. None is left, then one.
    for _ in 0..2 {
        let mut handle = garbage();
        // SAFETY: every pointer in the request is valid during the call.
        let code = unsafe {
            sync.synchronize_in_background(&mut request(callback.as_raw().cast(), &mut handle))
        };
        assert_eq!((code, handle.is_null()), (HRESULT::MAPI_E_NOT_ENOUGH_RESOURCES, true));
        assert_eq!((reference_count(&callback), recorder.calls().len()), (1, 0));
        drop(hoard.pop());
    }
    // Two are free now: enough for a run, but not for the host's duplicate. The run ends with Done.
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    assert!(run.event().is_none());
    drop(hoard);
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(recorder.calls(), [Call::done(HRESULT::S_OK)]);
}

/// A program may close its standard descriptors. The next ones that it opens then get their
/// numbers. The test runs itself in a child process, because it changes the descriptors of the
/// process and prints a lot.
#[test]
fn with_the_standard_descriptors_closed_nothing_printed_reaches_the_event() {
    const CHILD: &str = "MAPISYNC_CLOSED_DESCRIPTORS";
    const PASSED: i32 = 42; // a filter that matches no test would end with 0
    const TEST: &str =
        "descriptors::with_the_standard_descriptors_closed_nothing_printed_reaches_the_event";
    let _alone = alone();
    let closed: [&[i32]; 4] = [&[0], &[1], &[2], &[0, 1, 2]];
    let Ok(case) = std::env::var(CHILD) else {
        for (case, closed) in closed.iter().enumerate() {
            let output = test_support::run(&std::env::current_exe().unwrap())
                .args(["--exact", TEST, "--nocapture"]) // captured output would not reach a descriptor
                .envs([(CHILD, &*case.to_string()), ("RUST_BACKTRACE", "full")])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(PASSED), "{closed:?}");
        }
        return;
    };
    let closed = closed[case.parse::<usize>().unwrap()];
    for number in closed {
        // SAFETY: `close` requires that nothing else uses the descriptor as its own. No value in
        // this process owns a standard descriptor.
        unsafe { rustix::io::close(*number) };
    }
    let (printed, wait) = channel();
    let (go, may_panic) = channel::<()>();
    let channels = Mutex::new(Some((printed, may_panic)));
    let sync = store(move |request| {
        let (printed, may_panic) = channels.lock().unwrap().take().unwrap();
        request.spawn(move |_| -> mapisync::Result<()> {
            // A socket holds less, and nothing reads it, so a write to the event would never
            // return.
            let line = "x".repeat(1 << 20);
            println!("{line}");
            eprintln!("{line}");
            printed.send(()).unwrap();
            let _ = may_panic.recv();
            panic!("with a backtrace");
        })
    });
    let recorder = Recorder::new();
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let event = run.event().unwrap().try_clone().unwrap();
    wait.recv_timeout(TIMEOUT).unwrap();
    for number in closed {
        let handle = std::ptr::without_provenance_mut(*number as usize);
        assert!(!is_open(handle), "{number} is still closed");
    }
    assert!(!event.is_signaled());
    drop(go);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::E_UNEXPECTED);
    assert!(event.is_signaled());
    let calls = recorder.calls();
    assert_eq!(*calls.last().unwrap(), Call::done(HRESULT::E_UNEXPECTED));
    // The test harness would print to the closed descriptors.
    std::process::exit(PASSED);
}

#[test]
fn poll_waits_for_the_handle() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use std::os::fd::{AsFd, AsRawFd};
    let _alone = alone();
    let (event, signal) = event_pair();
    let ready = |wait: i64| {
        let wait = Timespec { tv_sec: wait, tv_nsec: 0 };
        poll(&mut [PollFd::new(&event, PollFlags::IN)], Some(&wait)).unwrap()
    };
    assert_eq!(event.as_fd().as_raw_fd() as usize, event.as_raw().addr());
    assert_eq!(ready(0), 0);
    drop(signal);
    assert_eq!(ready(120), 1);
}

#[test]
fn a_wait_continues_after_an_interrupting_signal() {
    use std::ffi::c_int;
    use std::os::unix::thread::JoinHandleExt;
    unsafe extern "C" {
        fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
        fn pthread_kill(thread: std::os::unix::thread::RawPthread, number: c_int) -> c_int;
    }
    const SIGUSR1: c_int = 10;
    static CAUGHT: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn catch(_: c_int) {
        CAUGHT.fetch_add(1, SeqCst);
    }
    let _alone = alone();
    let (event, occur) = event_pair();
    // SAFETY: the handler is async-signal-safe, because it only increments an atomic counter.
    unsafe { signal(SIGUSR1, catch) };
    let waiter = std::thread::spawn(move || event.wait(Some(TIMEOUT)));
    for n in 0..20 {
        std::thread::sleep(Duration::from_millis(2)); // most signals arrive during the wait
        // SAFETY: the thread has not been joined, so its id is valid.
        assert_eq!(unsafe { pthread_kill(waiter.as_pthread_t(), SIGUSR1) }, 0);
        wait_until(|| CAUGHT.load(SeqCst) > n);
    }
    assert!(!waiter.is_finished());
    drop(occur);
    waiter.join().unwrap().unwrap();
}
