//! The end of a run: the order of its steps, and many runs and threads. The model of
//! `tests/random_programs.rs` ends runs in every other way.

use crate::{FLAGS, run, start_with};
use mapisync::testing::{Call, Recorder, reference_count};
use mapisync::{DoneEvent, HRESULT, SyncHost};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use test_support::{DropCounter, TIMEOUT, garbage, request, store};

#[test]
fn a_job_dropped_on_another_thread_is_completed_while_the_method_runs() {
    let recorder = Recorder::new();
    let store_recorder = recorder.clone();
    let sync = store(move |request| {
        let job = request.start()?;
        thread::spawn(move || drop(job)).join().unwrap();
        // A method may wait for the end of the run, for example during a logoff.
        assert_eq!(store_recorder.calls(), [Call::done(HRESULT::E_ABORT)]);
        Ok(())
    });
    let run = start_with(recorder.clone(), &sync);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::E_ABORT);
    assert_eq!(recorder.calls(), [Call::done(HRESULT::E_ABORT)]);
}

#[test]
fn a_run_drops_the_captures_then_calls_error_and_done_releases_the_callback_and_signals() {
    /// Logs when it is dropped.
    struct LogRelease<F: Fn(&str)>(F);
    impl<F: Fn(&str)> Drop for LogRelease<F> {
        fn drop(&mut self) {
            (self.0)("released");
        }
    }
    for panics in [false, true] {
        let (counter, log) = (DropCounter::default(), Arc::new(Mutex::new(vec![])));
        let event = Arc::new(OnceLock::<DoneEvent>::new());
        let (inner, lines, seen) = (counter.clone(), log.clone(), event.clone());
        let release = LogRelease(move |call| {
            let (drops, signaled) = (counter.drops(), seen.get().unwrap().is_signaled());
            lines.lock().unwrap().push(format!("{call} drops={drops} signaled={signaled}"));
        });
        let recorder = Recorder::new().on_call(move |call| (release.0)(&call.method().to_string()));
        let (go, gone) = std::sync::mpsc::channel();
        let gone = Mutex::new(Some(gone));
        let sync = store(move |request| {
            let (captured, payload) = (inner.token(), inner.token());
            let gone = gone.lock().unwrap().take().unwrap();
            request.spawn(move |job| {
                let _ = &captured;
                gone.recv().unwrap();
                job.position(0, 0)?;
                if panics {
                    std::panic::panic_any(payload)
                }
                Err::<(), _>(HRESULT::E_FAIL.into())
            })
        });
        let callback = recorder.object();
        let mut event_handle = garbage();
        // SAFETY: the request is valid for the call.
        let code = unsafe {
            sync.synchronize_in_background(&mut request(
                callback.as_raw().cast(),
                &mut event_handle,
            ))
        };
        assert_eq!(code, HRESULT::S_OK);
        // SAFETY: the handle is open until `Done`. `ManuallyDrop` leaves it to `Done`.
        let runs = unsafe { DoneEvent::from_raw(event_handle) }.map(ManuallyDrop::new);
        event.set(runs.unwrap().try_clone().unwrap()).unwrap();
        drop((recorder, callback));
        go.send(()).unwrap(); // the job now owns the last reference
        event.get().unwrap().wait(Some(TIMEOUT)).unwrap();
        let expected = [
            "Progress drops=0 signaled=false",
            "Error drops=2 signaled=false",
            "Done drops=2 signaled=false",
            "released drops=2 signaled=false",
        ];
        assert_eq!(*log.lock().unwrap(), expected);
    }
}

#[test]
fn several_threads_may_use_a_job_at_the_same_time() {
    const EACH: u32 = if cfg!(miri) { 5 } else { 100 };
    let calls = run(|request| {
        let job = Arc::new(request.start()?);
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let job = job.clone();
                thread::spawn(move || (0..EACH).try_for_each(|i| job.position(i, n)))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap()?;
        }
        Arc::into_inner(job).unwrap().finish(Ok(()));
        Ok(())
    });
    assert_eq!(calls.len(), 4 * EACH as usize + 1);
}

#[test]
fn two_thousand_concurrent_runs_leave_the_counts_correct() {
    let (threads, rounds, concurrent) = if cfg!(miri) { (2, 1, 3) } else { (8, 5, 50) };
    let all = threads * rounds * concurrent;
    let (counter, ended) = (DropCounter::default(), Arc::new(AtomicUsize::new(0)));
    let (inner, token) = (counter.clone(), counter.token());
    let counted = ended.clone();
    let sync = store(move |request| {
        let _ = &token;
        let (captured, counted) = (inner.token(), counted.clone());
        request.spawn(move |job| {
            let _ = &captured;
            (0..10).try_for_each(|n| job.progress(Some("step"), n, 10))?;
            counted.fetch_add(1, SeqCst);
            Ok(())
        })
    });
    let recorder = Recorder::new();
    let host = SyncHost::new(recorder.clone());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..rounds {
                    let start = |_| host.start(&sync, FLAGS).unwrap();
                    let runs: Vec<_> = (0..concurrent).map(start).collect();
                    for run in runs {
                        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
                    }
                }
            });
        }
    });
    assert_eq!((ended.load(SeqCst), counter.drops()), (all, all));
    let calls = recorder.calls();
    let events = calls.iter().filter(|call| call.has_event()).count();
    assert_eq!((calls.len(), events), (all * 11, all));
    assert_eq!(reference_count(&sync), 1);
    drop(sync);
    assert_eq!(counter.drops(), all + 1);
}
