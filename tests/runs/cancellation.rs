//! The ways to stop a job.

use crate::{start_with, store_with_handles};
use mapisync::testing::{Call, Method, Recorder};
use mapisync::{CallbackMethod, Error, HRESULT};
use std::sync::{Mutex, mpsc};
use test_support::{TIMEOUT, outlook, store};

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
