//! Runs and the descriptors of the process. A run leaks no descriptor and closes only its own.
//! Without descriptors it fails to start. The process shares its descriptors, so these tests take
//! turns.

#![cfg(all(target_os = "linux", not(miri)))]

use mapisync::abi::HANDLE;
use mapisync::testing::{Call, Recorder, reference_count};
use mapisync::{HRESULT, SyncFlags, SyncHost};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs::{self, File};
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use test_support::{TIMEOUT, callback_of, done, event_pair, foreign_sync, garbage, request, store};

const FLAGS: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;

/// Keeps the other tests of this program from running until the guard is dropped.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the open descriptors, without the one by which this function reads the folder.
fn open() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let mut numbers: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    numbers.retain(|number| fs::read_link(format!("/proc/self/fd/{number}")).is_ok());
    numbers.sort();
    numbers
}

#[test]
fn a_thousand_runs_leave_no_descriptor_open() {
    let _alone = alone();
    let sync = store(|request| {
        request
            .spawn_with_handle(|job| job.position(1, 1))
            .map(drop)
    });
    let host = SyncHost::new(Recorder::new());
    let before = open();
    for n in 0..1000 {
        let run = host.start(&sync, FLAGS).unwrap();
        if n % 2 == 0 {
            assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        }
    }
    test_support::wait_until(|| open() == before);
}

#[test]
fn a_refused_run_leaves_no_descriptor_open() {
    let _alone = alone();
    let callback = test_support::bare_object();
    let sync = store(|request| request.spawn(|_| Ok(())));
    let before = open();
    let mut handle = garbage();
    // SAFETY: every pointer in the request is valid during the call.
    let code =
        unsafe { sync.synchronize_in_background(&mut request(callback.as_raw(), &mut handle)) };
    assert_eq!(
        (code, handle.is_null(), open()),
        (HRESULT::E_NOINTERFACE, true, before)
    );
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
        assert_eq!(
            (code, handle.is_null()),
            (HRESULT::MAPI_E_NOT_ENOUGH_RESOURCES, true)
        );
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
fn with_the_standard_descriptors_closed_nothing_that_is_printed_reaches_the_event() {
    const CHILD: &str = "MAPISYNC_CLOSED_DESCRIPTORS";
    const TEST: &str =
        "with_the_standard_descriptors_closed_nothing_that_is_printed_reaches_the_event";
    let _alone = alone();
    let closed: [&[i32]; 4] = [&[0], &[1], &[2], &[0, 1, 2]];
    let Ok(case) = std::env::var(CHILD) else {
        for (case, closed) in closed.iter().enumerate() {
            let output = test_support::run(&std::env::current_exe().unwrap())
                .args(["--exact", TEST, "--nocapture"]) // captured output would not reach a descriptor
                .envs([(CHILD, &*case.to_string()), ("RUST_BACKTRACE", "full")])
                .output()
                .unwrap();
            assert!(output.status.success(), "{closed:?}: {}", output.status);
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
        let link = fs::read_link(format!("/proc/self/fd/{number}"));
        assert!(link.is_err(), "{number} is {link:?}");
    }
    assert!(!event.is_signaled());
    drop(go);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::E_UNEXPECTED);
    assert!(event.is_signaled());
    let calls = recorder.calls();
    assert_eq!(*calls.last().unwrap(), Call::done(HRESULT::E_UNEXPECTED));
    // The test harness would print to the closed descriptors.
    std::process::exit(0);
}

#[test]
fn poll_waits_for_the_handle() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use std::os::fd::{AsFd, AsRawFd};
    let _alone = alone();
    let (event, signal) = event_pair();
    let ready = |wait: i64| {
        let wait = Timespec {
            tv_sec: wait,
            tv_nsec: 0,
        };
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
    static CAUGHT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
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
        test_support::wait_until(|| CAUGHT.load(SeqCst) > n);
    }
    assert!(!waiter.is_finished());
    drop(occur);
    waiter.join().unwrap().unwrap();
}

#[test]
fn a_handle_that_done_closed_before_the_call_returned_is_left_alone() {
    let _alone = alone();
    // Done closes the handle before `start` reads it from its location. Then another event has the
    // number.
    let innocent = Arc::new(Mutex::new(None));
    let reused = innocent.clone();
    let sync = foreign_sync(move |psibpb| {
        let (event, signal) = event_pair();
        let number = event.as_raw().addr();
        // SAFETY: the host's event handle location is valid during the call.
        unsafe { *(*psibpb).phSyncDoneEvent = event.as_raw() };
        let _ = done(&callback_of(psibpb), Some(event), HRESULT::S_OK);
        let other = event_pair();
        assert_eq!(other.0.as_raw().addr(), number);
        *reused.lock().unwrap() = Some((other, signal));
        HRESULT::S_OK
    });
    let recorder = Recorder::new();
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let ((event, signal), runs_signal) = innocent.lock().unwrap().take().unwrap();
    drop(signal);
    assert!(event.is_signaled());
    assert!(
        !run.event().unwrap().is_signaled(),
        "the run's event is the one that Done passed"
    );
    assert_eq!(run.status(), Some(HRESULT::S_OK));
    drop(runs_signal);
    assert_eq!(run.wait(Duration::ZERO).unwrap(), HRESULT::S_OK);
    assert_eq!(recorder.calls(), [Call::done(HRESULT::S_OK)]);
    drop(run);
    assert!(event.is_signaled(), "the other event is still open");
}

/// The first Done passes no handle. A later one that passes the run's handle closes it, once, and
/// closes no other handle.
#[test]
fn a_second_done_closes_the_runs_handle_if_the_first_had_none() {
    let _alone = alone();
    let recorder = Recorder::new();
    let before = open();
    let left = Arc::new(Mutex::new(None));
    let kept = left.clone();
    let sync = foreign_sync(move |psibpb| {
        let callback = callback_of(psibpb);
        let ((event, signal), (another, _signal)) = (event_pair(), event_pair());
        let (runs, others) = (event.into_raw(), another.as_raw());
        // SAFETY: the host's event handle location is valid during the call.
        unsafe { *(*psibpb).phSyncDoneEvent = runs };
        assert_eq!(done(&callback, None, HRESULT::S_OK), HRESULT::S_OK);
        // SAFETY: the callback is alive. The host closes only the run's handle, which this store
        // owns.
        let again = |handle| unsafe {
            ((*callback.vtbl()).Done)(callback.as_raw(), handle, HRESULT::E_FAIL)
        };
        let is_open =
            |number: HANDLE| fs::read_link(format!("/proc/self/fd/{}", number.addr())).is_ok();
        assert_eq!(again(others), HRESULT::E_UNEXPECTED);
        assert!(is_open(others), "not the run's handle");
        assert_eq!(again(runs), HRESULT::E_UNEXPECTED);
        assert!(!is_open(runs), "the run's handle");
        // Another event gets the number.
        let innocent = event_pair();
        assert_eq!(innocent.0.as_raw(), runs);
        assert_eq!(again(runs), HRESULT::E_UNEXPECTED);
        assert!(is_open(runs), "the run's handle was closed before");
        *kept.lock().unwrap() = Some((signal, another, innocent));
        HRESULT::S_OK
    });
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let calls = recorder.calls();
    assert_eq!(calls, [Call::done(HRESULT::S_OK)]);
    assert!(!calls[0].has_event());
    drop((run, left.lock().unwrap().take()));
    assert_eq!(open(), before);
}

/// The run's handle is the one in the event handle location when the store's method returned,
/// whether the method failed or not.
#[test]
fn a_handle_that_a_store_writes_after_its_method_returned_is_not_the_runs() {
    let _alone = alone();
    for code in [HRESULT::S_OK, HRESULT::E_FAIL] {
        let kept = Arc::new(Mutex::new(None));
        let keep = kept.clone();
        let sync = foreign_sync(move |psibpb| {
            // SAFETY: the host's structure is valid during the call.
            let location = AtomicPtr::new(unsafe { (*psibpb).phSyncDoneEvent });
            let (event, signal) = event_pair();
            // SAFETY: the location is valid as long as the callback is held.
            unsafe { *location.load(SeqCst) = event.as_raw() };
            *keep.lock().unwrap() = Some((callback_of(psibpb), location, event, signal));
            code
        });
        let run = SyncHost::new(Recorder::new()).start(&sync, FLAGS);
        assert_eq!(run.is_ok(), code.is_ok());
        let (callback, location, event, _signal) = kept.lock().unwrap().take().unwrap();
        assert_eq!(done(&callback, None, HRESULT::S_OK), HRESULT::S_OK);
        let (innocent, signal) = event_pair();
        // SAFETY: the location is valid as long as the callback is held, and no other thread uses
        // it.
        unsafe { *location.load(SeqCst) = innocent.as_raw() };
        let runs = event.into_raw();
        let before = open().len();
        for (handle, closed) in [(innocent.as_raw(), 0), (runs, 1)] {
            // SAFETY: the callback is alive. The host closes only the run's handle, which this test
            // owns.
            let again =
                unsafe { ((*callback.vtbl()).Done)(callback.as_raw(), handle, HRESULT::S_OK) };
            assert_eq!(again, HRESULT::E_UNEXPECTED);
            assert_eq!(open().len(), before - closed, "{code}");
        }
        drop((signal, run));
        assert!(innocent.is_signaled(), "the other event is still open");
    }
}

#[test]
fn the_runs_own_handle_is_closed_with_the_run_even_if_the_store_keeps_the_callback() {
    let _alone = alone();
    for drop_first in [false, true] {
        let kept = Arc::new(Mutex::new(None));
        let keep = kept.clone();
        let sync = foreign_sync(move |psibpb| {
            *keep.lock().unwrap() = Some(callback_of(psibpb));
            HRESULT::S_OK
        });
        let run = SyncHost::new(Recorder::new()).start(&sync, FLAGS).unwrap();
        let callback = kept.lock().unwrap().take().unwrap();
        let before = open();
        let (event, _signal) = event_pair();
        let run = (!drop_first).then_some(run);
        assert_eq!(done(&callback, Some(event), HRESULT::S_OK), HRESULT::S_OK);
        assert_eq!(run.is_some(), open().len() == before.len() + 2);
        drop((run, _signal));
        assert_eq!(open(), before);
    }
}

#[test]
fn a_second_done_is_not_reported_and_closes_nothing() {
    let _alone = alone();
    let innocent = Arc::new(Mutex::new(None));
    let reused = innocent.clone();
    let sync = foreign_sync(move |psibpb| {
        let callback = callback_of(psibpb);
        let (event, signal) = event_pair();
        let number = event.as_raw();
        assert_eq!(done(&callback, Some(event), HRESULT::S_OK), HRESULT::S_OK);
        // Another event gets the number. The second Done must not close it.
        let other = event_pair();
        assert_eq!(other.0.as_raw(), number);
        // SAFETY: the callback is alive. The host does not close a handle that it has already
        // received.
        let again =
            unsafe { ((*callback.vtbl()).Done)(callback.as_raw(), number, HRESULT::E_FAIL) };
        assert_eq!(again, HRESULT::E_UNEXPECTED);
        assert_eq!(
            done(&callback, None, HRESULT::E_FAIL),
            HRESULT::E_UNEXPECTED
        );
        *reused.lock().unwrap() = Some((other, signal));
        HRESULT::S_OK
    });
    let recorder = Recorder::new();
    let run = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap();
    let ((event, signal), runs_signal) = innocent.lock().unwrap().take().unwrap();
    drop(runs_signal);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let calls = recorder.calls();
    assert_eq!(calls, [Call::done(HRESULT::S_OK)]);
    assert!(calls[0].has_event());
    drop(signal);
    assert!(event.is_signaled(), "the other event is still open");
}
