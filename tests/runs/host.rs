//! `SyncHost` with stores that follow the rules and with stores that break them.

use crate::{FLAGS, start, start_with};
use mapisync::abi::{HANDLE, IMAPISync};
use mapisync::testing::{Call, Method, Recorder, reference_count};
use mapisync::{
    ComPtr, DoneEvent, Error, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncFlags,
    SyncHost, SyncRequest,
};
use std::ptr;
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::thread;
use std::time::Duration;
use test_support::{
    TIMEOUT, bare_object, callback_of, done, event_pair, foreign_sync, garbage, store, wait_until,
};

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn the_request_arrives_as_outlook_makes_it() {
    let session = bare_object();
    let address = session.as_raw().addr();
    let flags = SyncFlags::from_bits_retain(0x8000_0082);
    let sync = foreign_sync(move |psibpb| {
        let request = *psibpb;
        assert_eq!(request.ulSize as usize, size_of_val(&request));
        assert_eq!(request.ulFlags, flags.bits());
        assert_eq!(request.psesSync.addr(), address);
        // SAFETY: the host guarantees that the event handle location is valid during the call.
        assert!(unsafe { *request.phSyncDoneEvent }.is_null());
        assert_eq!(reference_count(&callback_of(psibpb)), 2, "the host's and this one");
        let _ = done(&callback_of(psibpb), None, HRESULT::S_FALSE);
        HRESULT::S_OK
    });
    let recorder = Arc::new(Recorder::new());
    // SAFETY: the object is alive and free-threaded. The crate calls only a session's `IUnknown`
    // methods, which the object has.
    let lent = unsafe { ComPtr::from_raw_borrowed(session.as_raw().cast()) }.unwrap();
    let host = SyncHost::new(recorder.clone()).session(lent);
    let run = host.start(&sync, flags).unwrap();
    assert_eq!((run.wait(TIMEOUT).unwrap(), reference_count(&session)), (HRESULT::S_FALSE, 2));
    drop(host);
    assert_eq!(
        (reference_count(&session), reference_count(&sync), Arc::strong_count(&recorder)),
        (1, 1, 1)
    );
}

#[test]
fn without_a_session_the_store_gets_none() {
    let sync = store(|request| {
        assert!(request.session().is_none());
        Ok(())
    });
    let run = start(&sync);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
}

#[test]
fn a_failing_store_is_an_error_with_its_code_and_nothing_is_left() {
    let recorder = Arc::new(Recorder::new());
    for sync in [
        store(|_| Err(HRESULT::MAPI_E_BUSY.into())),
        foreign_sync(|psibpb| {
            // A failing store may leave garbage in the event handle location.
            // SAFETY: the host guarantees that the location is writable during the call.
            unsafe { *psibpb.phSyncDoneEvent = garbage() };
            HRESULT::MAPI_E_BUSY
        }),
    ] {
        let error = SyncHost::new(recorder.clone()).start(&sync, FLAGS).unwrap_err();
        assert!(matches!(error, Error::Refused { code: HRESULT::MAPI_E_BUSY, .. }), "{error:?}");
        assert_eq!((reference_count(&sync), Arc::strong_count(&recorder)), (1, 1));
    }
    assert_eq!(recorder.calls(), []);
}

#[test]
fn a_warning_of_the_store_is_a_success() {
    let sync = foreign_sync(|psibpb| {
        let _ = done(&callback_of(psibpb), None, HRESULT::S_OK);
        HRESULT::MAPI_W_PARTIAL_COMPLETION
    });
    let run = start(&sync);
    assert_eq!(run.status(), Some(HRESULT::S_OK));
}

/// Returns invalid handles that a store may write to the event handle location or pass to `Done`.
fn no_handles() -> [HANDLE; 4] {
    let far = if cfg!(windows) { 0x7FFF_FFF0 } else { i32::MAX as usize - 1 };
    [0, usize::MAX, far, usize::MAX / 2 + 1].map(ptr::without_provenance_mut)
}

#[test]
fn without_a_valid_event_handle_done_ends_the_run() {
    for no_handle in no_handles().map(|handle| handle.addr()) {
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(Some(wait));
        let sync = foreign_sync(move |psibpb| {
            let (callback, wait) = (callback_of(psibpb), wait.lock().unwrap().take().unwrap());
            // SAFETY: the host guarantees that the event handle location is writable during the
            // call.
            unsafe { *psibpb.phSyncDoneEvent = ptr::without_provenance_mut(no_handle) };
            thread::spawn(move || {
                let _ = wait.recv(); // until `start` has returned
                // SAFETY: the values are invalid handles, which `from_raw` allows.
                let event = unsafe { DoneEvent::from_raw(ptr::without_provenance_mut(no_handle)) };
                let _ = done(&callback, event, HRESULT::S_OK);
            });
            HRESULT::S_OK
        });
        let recorder = Recorder::new();
        let run = start_with(recorder.clone(), &sync);
        assert!(run.event().is_none());
        drop(go);
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        let calls = recorder.calls();
        assert_eq!(calls, [Call::done(HRESULT::S_OK)]);
        assert!(!calls[0].has_event());
    }
}

#[test]
fn an_invalid_handle_does_not_reach_the_callback_as_an_event() {
    for no_handle in no_handles() {
        let recorder = Recorder::new();
        let callback = recorder.object();
        // SAFETY: the callback is alive. The values are invalid handles, which `Done` allows.
        let code =
            unsafe { ((*callback.vtbl()).Done)(callback.as_raw(), no_handle, HRESULT::S_OK) };
        assert_eq!(code, HRESULT::S_OK);
        assert!(!recorder.calls()[0].has_event());
    }
}

/// The handle that `Done` hands over, compared with the one in the event handle location.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Handed {
    Nothing,
    Stored,
    Another,
}

/// The event for which `SyncRun::wait` waits in addition to `Done`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needs {
    Nothing,
    StoredEvent,
    DonesEvent,
}

/// `SyncHost` finds a run's event by a rule. Its rows depend on:
///
/// - whether the store wrote an event to the event handle location,
/// - which handle `Done` hands over,
/// - whether `Done` comes before the store's method returns.
#[test]
fn a_run_has_ended_with_done_and_the_first_event_that_the_host_could_duplicate() {
    const BEFORE: bool = true;
    const AFTER: bool = false;
    use Handed::{Another, Nothing, Stored};
    for (stored, handed, order, needs) in [
        (true, Stored, BEFORE, Needs::StoredEvent),
        (true, Stored, AFTER, Needs::StoredEvent),
        (true, Nothing, AFTER, Needs::StoredEvent),
        (true, Nothing, BEFORE, Needs::Nothing),
        (true, Another, BEFORE, Needs::DonesEvent),
        (true, Another, AFTER, Needs::StoredEvent),
        (false, Another, BEFORE, Needs::DonesEvent),
        (false, Another, AFTER, Needs::DonesEvent),
        (false, Nothing, BEFORE, Needs::Nothing),
        (false, Nothing, AFTER, Needs::Nothing),
    ] {
        let row = format!("event stored: {stored}, {handed:?}, before the return: {order}");
        let (go, wait) = mpsc::channel::<()>();
        let (left, is_left) = mpsc::channel();
        let given = Mutex::new(Some((wait, left)));
        let sync = foreign_sync(move |psibpb| {
            let (wait, left) = given.lock().unwrap().take().unwrap();
            let callback = callback_of(psibpb);
            let (own, own_signal) = event_pair();
            let (another, dones_signal) = event_pair();
            if stored {
                // SAFETY: the host guarantees that the event handle location is writable during the
                // call.
                unsafe { *psibpb.phSyncDoneEvent = own.as_raw() };
            }
            let end = move || {
                let (event, kept) = match handed {
                    Nothing => (None, Some(own)),
                    Stored => (Some(own), None),
                    Another => (Some(another), Some(own)),
                };
                assert_eq!(done(&callback, event, HRESULT::S_FALSE), HRESULT::S_OK);
                drop(callback);
                left.send((own_signal, dones_signal, kept)).unwrap();
            };
            if order == BEFORE {
                end();
            } else {
                thread::spawn(move || {
                    let _ = wait.recv(); // until `start` has returned
                    end();
                });
            }
            HRESULT::S_OK
        });
        let recorder = Arc::new(Recorder::new());
        let run = start_with(recorder.clone(), &sync);
        if order == AFTER {
            assert_eq!(run.event().is_some(), stored, "{row}");
            let error = run.wait(SHORT).unwrap_err();
            assert!(error.to_string().contains("Done was not called"), "{error}");
            assert_eq!(run.status(), None);
        }
        drop(go);
        let (own_signal, dones_signal, kept) = is_left.recv().unwrap();
        // `Done` has returned, and no event is signaled. The status is available without the event.
        assert_eq!(run.status(), Some(HRESULT::S_FALSE), "{row}");
        let calls = recorder.calls();
        assert_eq!(calls, [Call::done(HRESULT::S_FALSE)]);
        assert_eq!(calls[0].has_event(), handed != Nothing, "closed: {row}");
        let (needed, other): (Box<dyn Send>, Box<dyn Send>) = match needs {
            Needs::DonesEvent => (Box::new(dones_signal), Box::new(own_signal)),
            _ => (Box::new(own_signal), Box::new(dones_signal)),
        };
        if needs == Needs::Nothing {
            assert!(run.event().is_none(), "{row}");
        } else {
            drop(other);
            assert!(!run.event().unwrap().is_signaled(), "{row}");
            let error = run.wait(SHORT).unwrap_err();
            let missing = "its event is not signaled";
            assert!(error.to_string().contains(missing), "{row}: {error}");
            drop(needed);
            assert!(run.event().unwrap().is_signaled(), "{row}");
        }
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_FALSE, "{row}");
        drop(run);
        // The store still owns a handle that `Done` did not hand over.
        if let Some(kept) = kept {
            assert!(kept.try_clone().is_ok(), "{row}");
        }
        assert_eq!(Arc::strong_count(&recorder), 1, "{row}");
    }
}

#[test]
fn a_store_that_never_ends_times_out_and_a_dropped_run_leaks_nothing() {
    for signals in [false, true] {
        let (recorder, kept) = (Arc::new(Recorder::new()), Arc::new(Mutex::new(None)));
        let store_keeps = kept.clone();
        let sync = foreign_sync(move |psibpb| {
            let (event, signal) = event_pair();
            // SAFETY: the host guarantees that the location is writable during the call. The store
            // keeps the handle, because `Done` does not come.
            unsafe { *psibpb.phSyncDoneEvent = event.as_raw() };
            let signal = (!signals).then_some(signal);
            *store_keeps.lock().unwrap() = Some((callback_of(psibpb), event, signal));
            HRESULT::S_OK
        });
        let run = start_with(recorder.clone(), &sync);
        let error = run.wait(SHORT).unwrap_err();
        assert_eq!(error.hresult(), HRESULT::MAPI_E_TIMEOUT);
        let missing = if signals {
            "its event is signaled, but Done was not called"
        } else {
            "Done was not called"
        };
        assert!(
            error.to_string().contains("20ms") && error.to_string().contains(missing),
            "{error}"
        );
        drop(run);
        let (callback, event, _signal) = kept.lock().unwrap().take().unwrap();
        assert_eq!(
            (reference_count(&callback), Arc::strong_count(&recorder)),
            (1, 2),
            "the store still holds it"
        );
        assert_eq!(event.is_signaled(), signals, "the store's handle is still open");
        // A late `Done` still succeeds, although no run waits for it.
        assert_eq!(done(&callback, Some(event), HRESULT::S_OK), HRESULT::S_OK);
        drop(callback);
        assert_eq!(Arc::strong_count(&recorder), 1);
    }
}

#[test]
fn a_panicking_done_still_ends_the_run() {
    let recorder = Recorder::new().panics_in(Method::Done);
    let sync = store(|request| request.spawn(|_| Ok(HRESULT::S_FALSE)));
    let run = start_with(recorder, &sync);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_FALSE);
}

#[test]
fn a_callback_that_wants_no_event_needs_only_done() {
    struct Dialog(mpsc::Sender<HRESULT>);
    impl MapiSyncProgressCallback for Dialog {
        fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
            Ok(())
        }
        fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
            Ok(())
        }
        fn done(&self, status: HRESULT) -> Result<()> {
            self.0.send(status).map_err(|_| HRESULT::E_FAIL.into())
        }
    }
    let sync = store(|request| request.spawn(|_| Ok(HRESULT::S_FALSE)));
    let (statuses, status) = mpsc::channel();
    let run = start_with(Dialog(statuses), &sync);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_FALSE);
    assert_eq!(status.try_recv(), Ok(HRESULT::S_FALSE));
}

#[test]
fn a_callback_may_keep_the_event() {
    static KEEPS: LazyLock<Recorder> = LazyLock::new(|| Recorder::new().keeps_event());
    let sync = store(|request| request.spawn(|_| Ok(())));
    // A reference to a `static` callback.
    let run = start_with(&*KEEPS, &sync);
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let event = KEEPS.take_event().unwrap();
    event.wait(Some(TIMEOUT)).unwrap();
}

#[test]
fn stores_and_callbacks_work_behind_an_arc_a_box_and_a_static_reference() {
    struct Store;
    impl MapiSync for Store {
        fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
            request.spawn(|job| {
                job.error(HRESULT::S_FALSE, "warning");
                job.position(1, 1)
            })
        }
    }
    static STORE: Store = Store;
    static RECORDER: LazyLock<Arc<Recorder>> = LazyLock::new(|| Arc::new(Recorder::new()));
    let stores = [
        ComPtr::<IMAPISync>::new(Arc::new(Store) as Arc<dyn MapiSync>),
        ComPtr::<IMAPISync>::new(Box::new(Store) as Box<dyn MapiSync>),
        ComPtr::<IMAPISync>::new(&STORE as &'static dyn MapiSync),
    ];
    let recorder = || Arc::new(Recorder::new());
    let recorders = [recorder(), recorder(), RECORDER.clone()];
    let shared: Arc<dyn MapiSyncProgressCallback> = recorders[0].clone();
    let boxed: Box<dyn MapiSyncProgressCallback> = Box::new(recorders[1].clone());
    let lent: &'static dyn MapiSyncProgressCallback = &*RECORDER;
    let hosts = [SyncHost::new(shared), SyncHost::new(boxed), SyncHost::new(lent)];
    let calls =
        [Call::error(HRESULT::S_FALSE, "warning"), Call::position(1, 1), Call::done(HRESULT::S_OK)];
    for (host, recorder) in hosts.iter().zip(&recorders) {
        for (n, sync) in stores.iter().enumerate() {
            let run = host.start(sync, FLAGS).unwrap();
            assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
            assert_eq!(recorder.calls()[n * calls.len()..], calls);
            assert!(recorder.calls().last().unwrap().has_event());
        }
    }
    drop(hosts);
    for (recorder, count) in recorders.iter().zip([1, 1, 2]) {
        wait_until(|| Arc::strong_count(recorder) == count);
    }
}

#[test]
fn a_canceled_run_fails_every_later_progress_and_still_reports() {
    let (reported, has_reported) = mpsc::channel::<()>();
    let (release, wait) = mpsc::channel::<()>();
    let channels = Mutex::new(Some((reported, wait)));
    let sync = store(move |request| {
        let (reported, wait) = channels.lock().unwrap().take().unwrap();
        request.spawn(move |job| {
            job.position(0, 3)?;
            reported.send(()).unwrap();
            wait.recv().unwrap();
            job.position(1, 3)
        })
    });
    let recorder = Recorder::new();
    let run = start_with(recorder.clone(), &sync);
    has_reported.recv().unwrap();
    run.cancel();
    release.send(()).unwrap();
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    assert_eq!(run.wait(TIMEOUT).unwrap(), cancel);
    let calls = [Call::position(0, 3), Call::position(1, 3), Call::done(cancel)];
    assert_eq!(recorder.calls(), calls);
}
