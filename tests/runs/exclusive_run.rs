//! `ExclusiveRun`: one run at a time, and its stop.

use crate::{FLAGS, start_with};
use mapisync::abi::{
    HANDLE, IMAPISync, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl, IUnknown,
    IUnknownVtbl,
};
use mapisync::testing::{Method, Recorder};
use mapisync::{
    Class, ComObject, ComPtr, ExclusiveRun, GUID, HRESULT, ImplementedBy, Result, SyncHost,
    SyncJob, SyncRequest, SyncRun, Thunk,
};
use std::ffi::c_void;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;
use test_support::{TIMEOUT, outlook, store, wait_until};

const SHORT: Duration = Duration::from_millis(5);

/// The two ways to start a run whose work waits for `go` and then reports once.
type Start = fn(&ExclusiveRun, SyncRequest<'_>, mpsc::Receiver<()>) -> Result<()>;

const STARTS: [Start; 2] = [
    |run, request, go| {
        run.spawn(request, move |job| {
            let _ = go.recv();
            job.position(1, 1)
        })
    },
    |run, request, go| {
        let job = run.start(request)?;
        thread::spawn(move || {
            let _ = go.recv();
            let result = job.position(1, 1);
            job.finish(result);
        });
        Ok(())
    },
];

/// A store whose runs wait until their sender is dropped.
fn waiting_store(run: &ExclusiveRun, start: Start) -> (ComPtr<IMAPISync>, mpsc::Receiver<Sender>) {
    let (senders, started) = mpsc::channel();
    let (run, senders) = (run.clone(), Mutex::new(senders));
    let sync = store(move |request| {
        let (go, wait) = mpsc::channel();
        start(&run, request, wait)?;
        senders.lock().unwrap().send(go).unwrap();
        Ok(())
    });
    (sync, started)
}

type Sender = mpsc::Sender<()>;

fn start(sync: &ComPtr<IMAPISync>) -> Result<SyncRun> {
    SyncHost::new(Recorder::new()).start(sync, FLAGS)
}

fn code(result: Result<SyncRun>) -> HRESULT {
    result.expect_err("the run is refused").hresult()
}

#[test]
fn a_second_run_is_refused_until_the_first_has_ended() {
    for way in STARTS {
        let exclusive = ExclusiveRun::default();
        let (sync, started) = waiting_store(&exclusive, way);
        for _ in 0..3 {
            assert!(!exclusive.is_running());
            let run = start(&sync).unwrap();
            assert!(exclusive.is_running());
            assert_eq!(code(start(&sync)), HRESULT::MAPI_E_BUSY);
            drop(started.recv().unwrap());
            assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        }
        assert!(exclusive.stop(TIMEOUT) && exclusive.stop(Duration::ZERO));
        assert_eq!(code(start(&sync)), HRESULT::MAPI_E_OFFLINE);
    }
}

#[test]
fn stop_cancels_the_run_and_waits_for_its_end_but_not_forever() {
    for way in STARTS {
        let exclusive = ExclusiveRun::default();
        let (sync, started) = waiting_store(&exclusive, way);
        let run = start(&sync).unwrap();
        let go = started.recv().unwrap();
        assert!(!exclusive.stop(SHORT), "it is still running");
        assert!(exclusive.is_running());
        assert_eq!(code(start(&sync)), HRESULT::MAPI_E_OFFLINE);
        drop(go);
        assert!(exclusive.stop(TIMEOUT));
        // No run is left, so `Done` has been called and the event signaled.
        assert_eq!(run.status(), Some(HRESULT::MAPI_E_USER_CANCEL));
        assert!(run.event().unwrap().is_signaled());
        assert!(!exclusive.is_running());
    }
}

/// A callback whose `QueryInterface` stops the runs of the store that calls it. A start calls it
/// after it has the permission for the run.
struct StopsAtQuery(ExclusiveRun);

impl Class for StopsAtQuery {
    type Interfaces = (IMAPISyncProgressCallback,);
}

// SAFETY: the vtable has all six slots, and those of `IUnknown` are `Thunk`'s, but for a hook. The
// methods may be called on any thread. A panic ends the process.
unsafe impl<const INDEX: usize> ImplementedBy<StopsAtQuery, INDEX> for IMAPISyncProgressCallback {
    const VTABLE: &'static IMAPISyncProgressCallbackVtbl = &IMAPISyncProgressCallbackVtbl {
        base: IUnknownVtbl {
            QueryInterface: stop_at_query::<INDEX>,
            ..Thunk::<StopsAtQuery, INDEX>::UNKNOWN
        },
        Progress: no_progress,
        Error: no_error,
        Done: ignore_done,
    };
}

unsafe extern "system" fn stop_at_query<const INDEX: usize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, and the caller passes valid arguments.
    unsafe {
        let run = &Thunk::<StopsAtQuery, INDEX>::payload(this).0;
        if run.is_running() {
            assert!(!run.stop(Duration::ZERO), "the run is starting");
        }
        (Thunk::<StopsAtQuery, INDEX>::UNKNOWN.QueryInterface)(this, riid, ppv)
    }
}

unsafe extern "system" fn no_progress(
    _: *mut IMAPISyncProgressCallback,
    _: *const u16,
    _: u32,
    _: u32,
) -> HRESULT {
    panic!("the run is canceled before its first report")
}

unsafe extern "system" fn no_error(
    _: *mut IMAPISyncProgressCallback,
    _: HRESULT,
    _: *const u16,
) -> HRESULT {
    panic!("a cancellation is no error")
}

unsafe extern "system" fn ignore_done(
    _: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: `Done` passes the handle on.
    drop(unsafe { test_support::event(event) });
    assert_eq!(status, HRESULT::MAPI_E_USER_CANCEL);
    HRESULT::S_OK
}

#[test]
fn a_stop_during_the_start_cancels_the_run_before_its_first_report() {
    for way in STARTS {
        let exclusive = ExclusiveRun::default();
        let callback = ComObject::new(StopsAtQuery(exclusive.clone()));
        let callback = callback.cast::<IMAPISyncProgressCallback>().unwrap();
        let seen = Arc::new(Mutex::new(None));
        let result = seen.clone();
        let run = exclusive.clone();
        let sync = store(move |request| {
            let (_, wait) = mpsc::channel();
            let started = way(&run, request, wait);
            *result.lock().unwrap() = Some(started.is_ok());
            started
        });
        let mut location = test_support::garbage();
        let mut request = test_support::request(callback.as_raw().cast(), &mut location);
        // SAFETY: the request is valid.
        let code = unsafe { sync.synchronize_in_background(&mut request) };
        assert_eq!((code, *seen.lock().unwrap()), (HRESULT::S_OK, Some(true)));
        wait_until(|| !exclusive.is_running()); // without a second stop
        assert!(exclusive.stop(TIMEOUT));
    }
}

#[test]
fn the_next_run_may_start_in_done() {
    for way in STARTS {
        let exclusive = ExclusiveRun::default();
        let (sync, started) = waiting_store(&exclusive, way);
        let (second, seconds) = mpsc::channel();
        let again = Mutex::new(Some(sync.clone()));
        let starts_again = Recorder::new().on_call(move |call| {
            if call.method() != Method::Done {
                return;
            }
            let first_time = again.lock().unwrap().take();
            if let Some(sync) = first_time {
                second.send(start(&sync)).unwrap();
            }
        });
        let first = start_with(starts_again, &sync);
        drop(started.recv().unwrap());
        let second = seconds.recv().unwrap().unwrap();
        assert_eq!(first.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        assert!(exclusive.is_running());
        drop(started.recv().unwrap());
        assert_eq!(second.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    }
}

#[test]
fn stop_cancels_a_run_that_was_started_in_the_done_of_the_last() {
    let exclusive = ExclusiveRun::default();
    let (jobs, job) = mpsc::channel();
    let (shared, jobs) = (exclusive.clone(), Mutex::new(jobs));
    let sync = store(move |request| {
        jobs.lock().unwrap().send(shared.start(request)?).unwrap();
        Ok(())
    });
    let again = sync.clone();
    let starts_again = Recorder::new().on_call(move |_done| drop(start(&again).unwrap()));
    let first = start_with(starts_again, &sync);
    job.recv().unwrap().finish(Ok(())); // ends the first run completely
    assert_eq!(first.status(), Some(HRESULT::S_OK));
    let second: SyncJob = job.recv().unwrap();
    assert!(!exclusive.stop(Duration::ZERO) && second.is_canceled());
    second.finish(Ok(()));
    assert!(exclusive.stop(Duration::ZERO));
}

#[test]
fn a_run_that_does_not_start_does_not_block_the_next_one() {
    let exclusive = ExclusiveRun::default();
    let run = exclusive.clone();
    let sync = store(move |request| run.spawn(request, |job| job.position(1, 1)));
    let bare = test_support::bare_object();
    let mut location = test_support::garbage();
    let mut request = test_support::request(bare.as_raw(), &mut location);
    for _ in 0..2 {
        // SAFETY: the request is valid.
        let code = unsafe { sync.synchronize_in_background(&mut request) };
        assert_eq!(code, HRESULT::E_NOINTERFACE);
        assert!(!exclusive.is_running());
    }
    let run = start(&sync).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    assert!(exclusive.stop(TIMEOUT));
}

#[test]
fn a_run_ends_however_its_job_ends() {
    let ends: [fn(SyncJob); 4] = [
        |job| job.finish(Ok(())),
        |job| job.fail(HRESULT::MAPI_E_BUSY),
        drop,
        |job| drop(thread::spawn(move || drop(job)).join()),
    ];
    for end in ends {
        let exclusive = ExclusiveRun::default();
        let run = exclusive.clone();
        let sync = store(move |request| {
            end(run.start(request)?);
            Ok(())
        });
        for _ in 0..2 {
            let _status = start(&sync).unwrap().wait(TIMEOUT).unwrap();
        }
        assert!(exclusive.stop(TIMEOUT));
    }
}

#[test]
fn stop_on_the_runs_own_thread_does_not_wait() {
    let exclusive = ExclusiveRun::default();
    let (run, inner) = (exclusive.clone(), exclusive.clone());
    let sync = store(move |request| {
        let inner = inner.clone();
        run.spawn(request, move |job| {
            assert!(!inner.stop(Duration::MAX));
            job.position(1, 1)
        })
    });
    let outcome = outlook().run(&sync);
    assert_eq!(outcome.status(), Some(HRESULT::MAPI_E_USER_CANCEL));
    assert!(exclusive.stop(TIMEOUT));
}

#[test]
fn the_debug_output_says_whether_a_run_is_in_progress() {
    let exclusive = ExclusiveRun::default();
    let shown = format!("{exclusive:?}");
    assert_eq!(shown, "ExclusiveRun { is_running: false, is_stopped: false }");
}
