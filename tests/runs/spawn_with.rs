//! `spawn_with`: a value that outlives `Done`.

use crate::start_with;
use mapisync::testing::{Call, Method, Recorder};
use mapisync::{Error, ExclusiveRun, HRESULT, Result, SyncJob};
use std::sync::{Arc, Mutex};
use test_support::{DropCounter, TIMEOUT, outlook, store};

/// The steps of a run's end, in order, and the recorder that keeps the event of `Done`.
#[derive(Clone)]
struct Log {
    steps: Arc<Mutex<Vec<&'static str>>>,
    recorder: Recorder,
}

impl Log {
    fn new() -> Log {
        let steps = Arc::<Mutex<Vec<_>>>::default();
        let called = steps.clone();
        let recorder = Recorder::new().keeps_event().on_call(move |call| {
            called.lock().unwrap().push(match call.method() {
                Method::Progress => "Progress",
                Method::Error => "Error",
                Method::Done => "Done",
            });
        });
        Log { steps, recorder }
    }

    fn push(&self, step: &'static str) {
        self.steps.lock().unwrap().push(step);
    }
}

/// Records that it is dropped, and whether the event is signaled by then.
struct Guard(Log, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        let event = self.0.recorder.take_event();
        let is_late = event.is_some_and(|event| event.is_signaled());
        self.0.push(if is_late { "too late" } else { self.1 });
    }
}

#[test]
fn the_value_of_spawn_with_lives_until_after_done_and_before_the_event() {
    type Work = fn(&SyncJob) -> Result<HRESULT>;
    let works: [(Work, HRESULT, bool); 3] = [
        (|_| Ok(HRESULT::S_FALSE), HRESULT::S_FALSE, false),
        (|_| Err(Error::new(HRESULT::MAPI_E_BUSY, "in use")), HRESULT::MAPI_E_BUSY, true),
        (|_| panic!("the work panics, as this test demands"), HRESULT::E_UNEXPECTED, true),
    ];
    for (work, status, has_error) in works {
        for exclusive in [None, Some(ExclusiveRun::default())] {
            let log = Log::new();
            let logs = log.clone();
            let is_exclusive = exclusive.is_some();
            let sync = store(move |request| {
                let (guard, captured) = (logs.clone(), Guard(logs.clone(), "captured"));
                let setup = move || Ok(Guard(guard, "guard"));
                let run = move |job: &SyncJob, guard: &mut Guard| {
                    let _captured = &captured;
                    guard.0.push("work");
                    work(job)
                };
                match &exclusive {
                    Some(exclusive) => exclusive.spawn_with(request, setup, run),
                    None => request.spawn_with(setup, run),
                }
            });
            let run = start_with(log.recorder.clone(), &sync);
            assert_eq!(run.wait(TIMEOUT).unwrap(), status);
            let error: &[&str] = if has_error { &["Error"] } else { &[] };
            let expected = [&["work", "captured"], error, &["Done", "guard"]].concat();
            assert_eq!(*log.steps.lock().unwrap(), expected, "{status} {is_exclusive}");
        }
    }
}

#[test]
fn a_setup_that_fails_or_panics_ends_the_run() {
    let counter = DropCounter::default();
    type Setup = fn() -> Result<()>;
    let setups: [(Setup, HRESULT, &str); 2] = [
        (
            || Err(Error::new(HRESULT::MAPI_E_NOT_INITIALIZED, "MAPI is missing")),
            HRESULT::MAPI_E_NOT_INITIALIZED,
            "MAPI is missing",
        ),
        (
            || panic!("the setup panics, as this test demands"),
            HRESULT::E_UNEXPECTED,
            "the synchronization was ended by an internal error",
        ),
    ];
    for (n, (setup, status, message)) in setups.into_iter().enumerate() {
        let tokens = counter.clone();
        let sync = store(move |request| {
            let token = tokens.token();
            request.spawn_with(setup, move |_, ()| -> Result<()> {
                drop(token);
                panic!("the work does not run");
            })
        });
        let outcome = outlook().run(&sync);
        assert_eq!(outcome.calls(), [Call::error(status, message), Call::done(status)]);
        outcome.assert_no_leaks();
        assert_eq!(counter.drops(), n + 1);
    }
}

#[test]
fn a_value_of_spawn_with_that_panics_in_its_drop_changes_nothing() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("the value panics, as this test demands");
        }
    }
    let sync = store(|request| request.spawn_with(|| Ok(Panics), |job, _| job.position(1, 1)));
    let outcome = outlook().run(&sync);
    outcome.assert_ok().assert_no_leaks();
}
