//! The reports of a job, and the ways to stop it.

use crate::{spawn, start_with, store_with_handles};
use mapisync::testing::{Call, Method, Recorder};
use mapisync::{CallbackMethod, Error, HRESULT};
use std::sync::{Arc, Mutex, mpsc};
use test_support::{TIMEOUT, code, outlook, store};

#[test]
fn reports_arrive_as_they_were_made() {
    let calls = spawn(|job| {
        job.progress(Some("Größe 😀"), 0, 3)?;
        job.progress(Some("a\0b"), 1, 3)?;
        job.progress(Some("漢字"), 2, 3)?;
        job.progress(None, u32::MAX, 0)?;
        job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning");
        job.position(3, 3)
    });
    let expected = [
        Call::progress("Größe 😀", 0, 3),
        Call::progress("a\u{FFFD}b", 1, 3),
        Call::progress("漢字", 2, 3),
        Call::position(u32::MAX, 0),
        Call::error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning"),
        Call::position(3, 3),
        Call::done(HRESULT::S_OK),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn a_warning_from_the_host_does_not_stop_the_job() {
    for warning in [HRESULT::S_FALSE, HRESULT::MAPI_W_PARTIAL_COMPLETION] {
        let recorder = Recorder::new().returns(Method::Progress, warning);
        let recorder = recorder.returns(Method::Error, warning);
        let sync = store(|request| {
            let job = request.start()?;
            job.progress(Some("on"), 0, 1)?;
            job.error(HRESULT::E_FAIL, "x");
            assert!(!job.is_canceled());
            let end = job.position(1, 1);
            job.finish(end);
            Ok(())
        });
        let outcome = outlook().recorder(recorder).run(&sync);
        let expected = [
            Call::progress("on", 0, 1),
            Call::error(HRESULT::E_FAIL, "x"),
            Call::position(1, 1),
            Call::done(HRESULT::S_OK),
        ];
        assert_eq!(outcome.assert_ok().calls(), expected);
    }
}

#[test]
fn a_failing_progress_stops_the_job_with_its_code() {
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    let recorder = Recorder::new().returns(Method::Progress, cancel);
    let seen = Arc::new(Mutex::new(vec![]));
    let kept = seen.clone();
    let sync = store(move |request| {
        let seen = kept.clone();
        request.spawn(move |job| {
            seen.lock().unwrap().push(job.is_canceled());
            let error = job.progress(Some("first"), 0, 9).unwrap_err();
            seen.lock().unwrap().extend([error.is_canceled(), job.is_canceled()]);
            assert_eq!(error.hresult(), cancel);
            // The host's `Progress` is not called again, but its `Error` still is.
            assert_eq!(code(job.position(1, 9)), cancel);
            job.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "four were received");
            Err::<(), _>(error)
        })
    });
    let run = start_with(recorder.clone(), &sync);
    assert_eq!(run.wait(TIMEOUT).unwrap(), cancel);
    assert_eq!(*seen.lock().unwrap(), [false, true, true]);
    // The host's own code is not reported back through `Error`.
    let warning = Call::error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "four were received");
    assert_eq!(recorder.calls(), [Call::progress("first", 0, 9), warning, Call::done(cancel)]);
}

#[test]
fn failures_of_error_and_done_change_nothing() {
    let sync = store(|request| {
        request.spawn(|job| {
            job.error(HRESULT::E_PENDING, "x");
            assert!(!job.is_canceled());
            job.position(1, 1)
        })
    });
    let recorder = Recorder::new().returns(Method::Error, HRESULT::E_ACCESSDENIED);
    let recorder = recorder.returns(Method::Done, HRESULT::E_NOTIMPL);
    let run = start_with(recorder.clone(), &sync);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let expected =
        [Call::error(HRESULT::E_PENDING, "x"), Call::position(1, 1), Call::done(HRESULT::S_OK)];
    assert_eq!(recorder.calls(), expected);
}

#[test]
fn a_cancellation_that_error_returns_is_reported_by_the_next_progress() {
    for cancel in [HRESULT::MAPI_E_USER_CANCEL, HRESULT::MAPI_E_CANCEL] {
        let sync = store(move |request| {
            request.spawn(move |job| {
                job.error(HRESULT::S_FALSE, "a warning");
                assert!(job.is_canceled());
                let error = job.position(1, 1).unwrap_err();
                let method = CallbackMethod::Error;
                assert!(
                    matches!(error, Error::Host { method: by, code, .. } if (by, code) == (method, cancel))
                );
                Err::<(), _>(error)
            })
        });
        let recorder = Recorder::new().returns(Method::Error, cancel);
        let run = start_with(recorder.clone(), &sync);
        assert_eq!(run.wait(TIMEOUT).unwrap(), cancel);
        // The cancellation is no error: only the warning reaches `Error`.
        let warning = Call::error(HRESULT::S_FALSE, "a warning");
        assert_eq!(recorder.calls(), [warning, Call::done(cancel)]);
    }
}

#[test]
fn progress_keeps_the_hosts_first_failure_until_the_store_cancels_the_job() {
    let (go_on, wait) = mpsc::channel::<()>();
    let (errors, seen) = mpsc::channel::<Error>();
    let channels = Mutex::new((wait, errors));
    let (sync, taken) = store_with_handles(move |job| {
        let (wait, errors) = &*channels.lock().unwrap();
        for n in 0..3 {
            let step = (n == 1).then_some("again");
            errors.send(job.progress(step, n, 3).unwrap_err()).unwrap();
            wait.recv().unwrap();
        }
        Ok(())
    });
    let recorder = Recorder::new().returns(Method::Progress, HRESULT::E_ABORT);
    let run = start_with(recorder.clone(), &sync);
    let (handle, next) = (taken.recv().unwrap(), || seen.recv().unwrap());
    let by_host =
        |error: Error| matches!(error, Error::Host { code, .. } if code == HRESULT::E_ABORT);
    assert!(by_host(next()));
    // The host's `Progress` is not called again, so this code has no effect.
    let recorder = recorder.returns(Method::Progress, HRESULT::E_FAIL);
    go_on.send(()).unwrap();
    assert!(by_host(next()));
    handle.cancel();
    go_on.send(()).unwrap();
    assert!(matches!(next(), Error::Canceled));
    go_on.send(()).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let position = Call::position(0, 3);
    assert_eq!(recorder.calls(), [position, Call::done(HRESULT::S_OK)]);
}

#[test]
fn a_job_of_start_is_canceled_by_its_handle() {
    let sync = store(|request| {
        let job = request.start()?;
        let handle = job.cancel_handle();
        job.position(0, 2)?;
        handle.clone().cancel();
        assert_eq!(format!("{handle:?}"), "CancelHandle { is_canceled: true }");
        let error = job.position(1, 2).unwrap_err();
        assert!(matches!(error, Error::Canceled) && job.is_canceled());
        job.fail(error);
        handle.cancel(); // has no effect after the end
        Ok(())
    });
    let outcome = outlook().run(&sync);
    let done = Call::done(HRESULT::MAPI_E_USER_CANCEL);
    outcome.assert_canceled();
    assert_eq!(outcome.calls(), [Call::position(0, 2), done]);
}
