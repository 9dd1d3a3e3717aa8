//! `SyncHost`: timeouts, shared stores and callbacks, and `cancel`. The model of
//! `tests/random_programs.rs` has the stores that break the rules.

use crate::{FLAGS, start_with};
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Recorder, reference_count};
use mapisync::{
    ComPtr, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncHost, SyncRequest,
};
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::time::Duration;
use test_support::{TIMEOUT, callback_of, done, event_pair, foreign_sync, store, wait_until};

const SHORT: Duration = Duration::from_millis(20);

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
