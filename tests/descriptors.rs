//! Runs and the process's descriptors: none is leaked, none of somebody else's is touched, and running out of them is
//! an answer. Descriptors belong to the whole process, so each of these tests runs alone.

#![cfg(all(target_os = "linux", not(miri)))]

mod common;

use common::{
    Call, Recorder, TIMEOUT, callback_of, count, done, event_pair, foreign_sync, garbage, request,
    store,
};
use mapisync::abi::HANDLE;
use mapisync::{HRESULT, SyncFlags, SyncHost};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs::{self, File};
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FLAGS: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The open descriptors, the one of the folder that is read aside.
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
fn a_thousand_runs_leave_no_descriptor_behind() {
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
    common::wait_until(|| open() == before);
}

#[test]
fn refused_starts_leave_no_descriptor_behind() {
    let _alone = alone();
    let callback = common::bare_object();
    let sync = store(|request| request.spawn(|_| Ok(())));
    let before = open();
    let mut slot = garbage();
    // SAFETY: a valid request.
    let answer =
        unsafe { sync.synchronize_in_background(&mut request(callback.as_raw(), &mut slot)) };
    assert_eq!(
        (answer, slot.is_null(), open()),
        (HRESULT::E_NOINTERFACE, true, before)
    );
}

#[test]
fn without_descriptors_nothing_is_started() {
    let _alone = alone();
    let sync = store(|request| request.spawn(|_| Ok(())));
    let ear = Recorder::new();
    let callback = ear.object();
    let limit = getrlimit(Resource::Nofile);
    let mut lowered = limit;
    lowered.current = Some(64);
    setrlimit(Resource::Nofile, lowered).unwrap();
    let mut hoard = vec![];
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    // With none left, and with one, where it takes two.
    for _ in 0..2 {
        let mut slot = garbage();
        // SAFETY: a valid request.
        let answer = unsafe {
            sync.synchronize_in_background(&mut request(callback.as_raw().cast(), &mut slot))
        };
        assert_eq!(
            (answer, slot.is_null()),
            (HRESULT::MAPI_E_NOT_ENOUGH_RESOURCES, true)
        );
        assert_eq!((count(&callback), ear.calls()), (1, vec![]));
        drop(hoard.pop());
    }
    // One was given back after each: enough for a run again, but not for a handle of the host's own. Done alone ends the run.
    let run = SyncHost::new(ear.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    assert!(run.event().is_none());
    drop(hoard);
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(ear.calls(), [Call::Done(HRESULT::S_OK)]);
}

/// A program may close its standard descriptors, and the next ones that it opens then get their numbers. The test runs
/// itself in a child process, because it prints a lot and changes descriptors that belong to the whole process.
#[test]
fn with_the_standard_descriptors_closed_nothing_that_is_printed_reaches_the_event() {
    const CHILD: &str = "MAPISYNC_CLOSED_DESCRIPTORS";
    const TEST: &str =
        "with_the_standard_descriptors_closed_nothing_that_is_printed_reaches_the_event";
    let _alone = alone();
    let closed: [&[i32]; 4] = [&[0], &[1], &[2], &[0, 1, 2]];
    let Ok(case) = std::env::var(CHILD) else {
        for (case, closed) in closed.iter().enumerate() {
            let output = common::run(&std::env::current_exe().unwrap())
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
        // SAFETY: nothing in this process owns a standard descriptor, and what is written to it from now on is lost.
        unsafe { rustix::io::close(*number) };
    }
    let (printed, wait) = channel();
    let (go, may_panic) = channel::<()>();
    let channels = Mutex::new(Some((printed, may_panic)));
    let sync = store(move |request| {
        let (printed, may_panic) = channels.lock().unwrap().take().unwrap();
        request.spawn(move |_| -> mapisync::Result<()> {
            // More than a socket holds: a write to one that nobody reads would never return.
            let line = "x".repeat(1 << 20);
            println!("{line}");
            eprintln!("{line}");
            printed.send(()).unwrap();
            let _ = may_panic.recv();
            panic!("with a backtrace");
        })
    });
    let ear = Recorder::new();
    let run = SyncHost::new(ear.clone()).start(&sync, FLAGS).unwrap();
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
    assert_eq!(ear.calls().last(), Some(&Call::Done(HRESULT::E_UNEXPECTED)));
    // The harness would print to the descriptors that are closed.
    std::process::exit(0);
}

#[test]
fn the_handle_is_what_the_systems_own_poll_waits_for() {
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
fn a_wait_that_a_signal_interrupts_goes_on() {
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
    // SAFETY: a handler that only counts.
    unsafe { signal(SIGUSR1, catch) };
    let waiter = std::thread::spawn(move || event.wait(Some(TIMEOUT)));
    for n in 0..20 {
        std::thread::sleep(Duration::from_millis(2)); // most of them find it waiting
        // SAFETY: the thread has not been joined.
        assert_eq!(unsafe { pthread_kill(waiter.as_pthread_t(), SIGUSR1) }, 0);
        common::wait_until(|| CAUGHT.load(SeqCst) > n);
    }
    assert!(!waiter.is_finished());
    drop(occur);
    assert!(waiter.join().unwrap().unwrap());
}

#[test]
fn done_before_the_call_returns_and_its_closed_handle_is_left_alone() {
    let _alone = alone();
    // The slot's handle has been closed by the first Done when `start` looks, and belongs to something else.
    let innocent = Arc::new(Mutex::new(None));
    let reused = innocent.clone();
    let sync = foreign_sync(move |psibpb| {
        let (event, signal) = event_pair();
        let number = event.as_raw().addr();
        // SAFETY: the host's slot.
        unsafe { *(*psibpb).phSyncDoneEvent = event.as_raw() };
        let _ = done(&callback_of(psibpb), Some(event), HRESULT::S_OK);
        let other = event_pair();
        assert_eq!(other.0.as_raw().addr(), number);
        *reused.lock().unwrap() = Some((other, signal));
        HRESULT::S_OK
    });
    let ear = Recorder::new();
    let run = SyncHost::new(ear.clone()).start(&sync, FLAGS).unwrap();
    let ((event, signal), runs_signal) = innocent.lock().unwrap().take().unwrap();
    drop(signal);
    assert!(event.is_signaled());
    assert!(
        !run.event().unwrap().is_signaled(),
        "the run's event is the one that Done handed over"
    );
    assert_eq!(run.status(), Some(HRESULT::S_OK));
    drop(runs_signal);
    assert_eq!(run.wait(Duration::ZERO).unwrap(), HRESULT::S_OK);
    assert_eq!(ear.calls(), [Call::Done(HRESULT::S_OK)]);
    drop(run);
    assert!(event.is_signaled(), "the other's handle is still open");
}

/// The first Done hands nothing over. A later one closes the run's handle, once, and no other.
#[test]
fn a_second_done_closes_the_runs_handle_if_the_first_had_none() {
    let _alone = alone();
    let ear = Recorder::new();
    let before = open();
    let left = Arc::new(Mutex::new(None));
    let kept = left.clone();
    let sync = foreign_sync(move |psibpb| {
        let callback = callback_of(psibpb);
        let ((event, signal), (another, _signal)) = (event_pair(), event_pair());
        let (slots, others) = (event.into_raw(), another.as_raw());
        // SAFETY: the host's slot.
        unsafe { *(*psibpb).phSyncDoneEvent = slots };
        assert_eq!(done(&callback, None, HRESULT::S_OK), HRESULT::S_OK);
        // SAFETY: a live callback. The host closes the run's handle alone, which this store hands over.
        let again = |handle| unsafe {
            ((*callback.vtbl()).Done)(callback.as_raw(), handle, HRESULT::E_FAIL)
        };
        let is_open =
            |number: HANDLE| fs::read_link(format!("/proc/self/fd/{}", number.addr())).is_ok();
        assert_eq!(again(others), HRESULT::E_UNEXPECTED);
        assert!(is_open(others), "it is not the run's");
        assert_eq!(again(slots), HRESULT::E_UNEXPECTED);
        assert!(!is_open(slots), "it is the run's, and handed over");
        // Its number is taken again at once.
        let innocent = event_pair();
        assert_eq!(innocent.0.as_raw(), slots);
        assert_eq!(again(slots), HRESULT::E_UNEXPECTED);
        assert!(is_open(slots), "it was handed over before");
        *kept.lock().unwrap() = Some((signal, another, innocent));
        HRESULT::S_OK
    });
    let run = SyncHost::new(ear.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    assert_eq!(
        (ear.calls(), ear.events.load(SeqCst)),
        (vec![Call::Done(HRESULT::S_OK)], 0)
    );
    drop((run, left.lock().unwrap().take()));
    assert_eq!(open(), before);
}

/// The run's handle is the one that was in the slot when the store's method returned, whatever it returned.
#[test]
fn a_number_that_a_store_writes_to_the_slot_too_late_is_not_the_runs() {
    let _alone = alone();
    for code in [HRESULT::S_OK, HRESULT::E_FAIL] {
        let kept = Arc::new(Mutex::new(None));
        let keep = kept.clone();
        let sync = foreign_sync(move |psibpb| {
            // SAFETY: the host's structure. Its slot lives as long as the callback is held.
            let slot = AtomicPtr::new(unsafe { (*psibpb).phSyncDoneEvent });
            let (event, signal) = event_pair();
            // SAFETY: the slot is alive.
            unsafe { *slot.load(SeqCst) = event.as_raw() };
            *keep.lock().unwrap() = Some((callback_of(psibpb), slot, event, signal));
            code
        });
        let run = SyncHost::new(Recorder::new()).start(&sync, FLAGS);
        assert_eq!(run.is_ok(), code.is_ok());
        let (callback, slot, event, _signal) = kept.lock().unwrap().take().unwrap();
        assert_eq!(done(&callback, None, HRESULT::S_OK), HRESULT::S_OK);
        let (innocent, signal) = event_pair();
        // SAFETY: the callback is held, so the slot is alive, and no other thread uses it.
        unsafe { *slot.load(SeqCst) = innocent.as_raw() };
        let runs = event.into_raw();
        let before = open().len();
        for (handle, closed) in [(innocent.as_raw(), 0), (runs, 1)] {
            // SAFETY: a live callback. The run's handle is handed over, and the host leaves any other alone.
            let again =
                unsafe { ((*callback.vtbl()).Done)(callback.as_raw(), handle, HRESULT::S_OK) };
            assert_eq!(again, HRESULT::E_UNEXPECTED);
            assert_eq!(open().len(), before - closed, "{code}");
        }
        drop((signal, run));
        assert!(innocent.is_signaled(), "it is still open");
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
fn a_second_done_reaches_nobody_and_closes_nothing() {
    let _alone = alone();
    let innocent = Arc::new(Mutex::new(None));
    let reused = innocent.clone();
    let sync = foreign_sync(move |psibpb| {
        let callback = callback_of(psibpb);
        let (event, signal) = event_pair();
        let number = event.as_raw();
        assert_eq!(done(&callback, Some(event), HRESULT::S_OK), HRESULT::S_OK);
        // The number is taken again at once; it is not for the second Done to close.
        let other = event_pair();
        assert_eq!(other.0.as_raw(), number);
        // SAFETY: a live callback; a number that was handed over before.
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
    let ear = Recorder::new();
    let run = SyncHost::new(ear.clone()).start(&sync, FLAGS).unwrap();
    let ((event, signal), runs_signal) = innocent.lock().unwrap().take().unwrap();
    drop(runs_signal);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    assert_eq!(
        (ear.calls(), ear.events.load(SeqCst)),
        (vec![Call::Done(HRESULT::S_OK)], 1)
    );
    drop(signal);
    assert!(event.is_signaled(), "the other's handle is still open");
}
