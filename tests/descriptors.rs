//! Runs and the process's descriptors: none is leaked, none of somebody else's is touched, and running out of them is
//! an answer. Descriptors belong to the whole process, so each of these tests runs alone.

#![cfg(all(target_os = "linux", not(miri)))]

mod common;

use common::{Ear, Heard, LONG, callback_of, count, foreign_sync, garbage, pair, request, store};
use mapisync::{HRESULT, SyncFlags, SyncHost};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs::{self, File};
use std::sync::atomic::Ordering::SeqCst;
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
    let host = SyncHost::new(Ear::new());
    let before = open();
    for n in 0..1000 {
        let run = host.start(&sync, FLAGS).unwrap();
        if n % 2 == 0 {
            assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK);
        }
    }
    common::until(|| open() == before);
}

#[test]
fn refused_starts_leave_no_descriptor_behind() {
    let _alone = alone();
    let callback = common::nobody();
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
    let ear = Ear::new();
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
        assert_eq!((count(&callback), ear.heard()), (1, vec![]));
        drop(hoard.pop());
    }
    // One was given back after each: enough for a run again, though not for the host's own handle besides.
    let run = SyncHost::new(ear.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK);
    drop(hoard);
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(ear.heard(), [Heard::Done(HRESULT::S_OK)]);
}

#[test]
fn the_event_is_never_descriptor_0() {
    let _alone = alone();
    let sync = store(|request| request.spawn(|_| Ok(())));
    let stdin = rustix::io::dup(rustix::stdio::stdin()).unwrap();
    // SAFETY: a program may close its standard input; nobody reads it here, and it is put back below.
    unsafe { rustix::io::close(0) };
    let mut slot = garbage();
    // SAFETY: a valid request.
    let answer =
        unsafe { sync.synchronize_in_background(&mut request(std::ptr::null_mut(), &mut slot)) };
    let event = common::event(slot).unwrap();
    let copy = event.try_clone().unwrap();
    rustix::stdio::dup2_stdin(&stdin).unwrap();
    assert_eq!((answer, slot.is_null()), (HRESULT::S_OK, false));
    assert!(!event.as_raw().is_null() && !copy.as_raw().is_null());
    assert!(event.wait(Some(LONG)).unwrap() && copy.wait(Some(LONG)).unwrap());
}

#[test]
fn the_handle_is_what_the_systems_own_poll_waits_for() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use std::os::fd::{AsFd, AsRawFd};
    let _alone = alone();
    let (event, signal) = pair();
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
    let (event, occur) = pair();
    // SAFETY: a handler that only counts.
    unsafe { signal(SIGUSR1, catch) };
    let waiter = std::thread::spawn(move || event.wait(Some(LONG)));
    for n in 0..20 {
        std::thread::sleep(Duration::from_millis(2)); // most of them find it waiting
        // SAFETY: the thread has not been joined.
        assert_eq!(unsafe { pthread_kill(waiter.as_pthread_t(), SIGUSR1) }, 0);
        common::until(|| CAUGHT.load(SeqCst) > n);
    }
    assert!(!waiter.is_finished());
    drop(occur);
    assert!(waiter.join().unwrap().unwrap());
}

#[test]
fn done_before_the_call_returns_ends_the_run_and_its_handle_is_left_alone() {
    let _alone = alone();
    // The slot's handle has been closed by the first Done when `start` looks, and belongs to something else.
    let innocent = Arc::new(Mutex::new(None));
    let reused = innocent.clone();
    let sync = foreign_sync(move |psibpb| {
        let (event, signal) = pair();
        // SAFETY: the host's slot.
        unsafe { *(*psibpb).phSyncDoneEvent = event.as_raw() };
        let _ = callback_of(psibpb).done(Some(event), HRESULT::S_OK);
        *reused.lock().unwrap() = Some((pair(), signal));
        HRESULT::S_OK
    });
    let ear = Ear::new();
    let run = SyncHost::new(ear.clone()).start(&sync, FLAGS).unwrap();
    assert!(
        run.event().is_none(),
        "there is no telling whose handle it is by now"
    );
    assert_eq!(
        (run.status(), run.wait(Duration::ZERO).unwrap()),
        (Some(HRESULT::S_OK), HRESULT::S_OK)
    );
    assert_eq!(ear.heard(), [Heard::Done(HRESULT::S_OK)]);
    drop(run);
    let ((event, signal), _) = innocent.lock().unwrap().take().unwrap();
    assert!(!event.is_signaled());
    drop(signal);
    assert!(event.is_signaled(), "the other's handle is still open");
}

#[test]
fn a_second_done_reaches_nobody_and_closes_nothing() {
    let _alone = alone();
    let innocent = Arc::new(Mutex::new(None));
    let reused = innocent.clone();
    let sync = foreign_sync(move |psibpb| {
        let callback = callback_of(psibpb);
        let (event, signal) = pair();
        let number = event.as_raw();
        assert_eq!(callback.done(Some(event), HRESULT::S_OK), HRESULT::S_OK);
        // The number is taken again at once; it is not for the second Done to close.
        let other = pair();
        assert_eq!(other.0.as_raw(), number);
        // SAFETY: a live callback; a number that was handed over before.
        let again =
            unsafe { ((*callback.vtbl()).Done)(callback.as_raw(), number, HRESULT::E_FAIL) };
        assert_eq!(again, HRESULT::E_UNEXPECTED);
        assert_eq!(callback.done(None, HRESULT::E_FAIL), HRESULT::E_UNEXPECTED);
        *reused.lock().unwrap() = Some((other, signal));
        HRESULT::S_OK
    });
    let ear = Ear::new();
    let run = SyncHost::new(ear.clone()).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK);
    assert_eq!(
        (ear.heard(), ear.events.load(SeqCst)),
        (vec![Heard::Done(HRESULT::S_OK)], 1)
    );
    let ((event, signal), _) = innocent.lock().unwrap().take().unwrap();
    drop(signal);
    assert!(event.is_signaled(), "the other's handle is still open");
}
