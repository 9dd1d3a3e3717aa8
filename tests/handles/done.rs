//! Handles that a foreign store passes to `Done` or writes to the event handle location: the host
//! closes the run's handle once, and no other, even if another event has its number by then.

use crate::alone;
use crate::descriptors::{is_open, open};
use mapisync::abi::{HANDLE, IMAPISyncProgressCallback};
use mapisync::testing::{Call, Recorder};
use mapisync::{ComPtr, DoneEvent, HRESULT, Result, SyncFlags, SyncHost, SyncRun};
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use std::sync::mpsc::channel;
use test_support::{TIMEOUT, callback_of, done, event_pair, foreign_sync};

/// The host's side of a call: the callback, and the event handle location, which is valid as long
/// as the callback is held.
struct Host {
    callback: ComPtr<IMAPISyncProgressCallback>,
    location: AtomicPtr<HANDLE>,
}

impl Host {
    /// Writes a handle to the event handle location.
    fn store(&self, event: &DoneEvent) {
        // SAFETY: the callback is held, and no other thread uses the location.
        unsafe { *self.location.load(SeqCst) = event.as_raw() };
    }

    fn done(&self, event: Option<DoneEvent>) -> HRESULT {
        done(&self.callback, event, HRESULT::S_OK)
    }

    /// Calls `Done` with the handle of an event that still exists, or of one that was closed.
    ///
    /// # Safety
    ///
    /// If it is the run's handle, no event may own it.
    unsafe fn done_with(&self, handle: HANDLE) -> HRESULT {
        let (vtbl, this) = (self.callback.vtbl(), self.callback.as_raw());
        // SAFETY: the callback is alive. The host closes only the run's handle, which no event
        // owns, by this function's contract.
        unsafe { ((*vtbl).Done)(this, handle, HRESULT::E_FAIL) }
    }
}

/// Starts a run of a store with this method. Returns what the method returns beside its code.
fn start<T: Send + 'static>(
    method: impl Fn(Host) -> (HRESULT, T) + Send + Sync + 'static,
) -> (Result<SyncRun>, Recorder, T) {
    let (sender, results) = channel();
    let sync = foreign_sync(move |request| {
        let (code, result) = method(Host {
            callback: callback_of(request),
            location: AtomicPtr::new(request.phSyncDoneEvent),
        });
        sender.send(result).unwrap();
        code
    });
    let recorder = Recorder::new();
    let run = SyncHost::new(recorder.clone()).start(&sync, SyncFlags::DOWNLOAD_CONTENTS);
    (run, recorder, results.recv().unwrap())
}

#[test]
fn once_done_has_closed_the_handle_its_number_belongs_to_another_event() {
    let _alone = alone();
    for stored in [false, true] {
        let (run, recorder, (signal, innocent, innocents_signal)) = start(move |host| {
            let (event, signal) = event_pair();
            let number = event.as_raw();
            if stored {
                host.store(&event);
            }
            assert_eq!(host.done(Some(event)), HRESULT::S_OK);
            let (innocent, innocents_signal) = event_pair();
            assert_eq!(innocent.as_raw(), number);
            // The second `Done` must neither be reported nor close it.
            // SAFETY: the run's handle is closed, so this is not the run's.
            assert_eq!(unsafe { host.done_with(number) }, HRESULT::E_UNEXPECTED);
            assert_eq!(host.done(None), HRESULT::E_UNEXPECTED);
            (HRESULT::S_OK, (signal, innocent, innocents_signal))
        });
        let run = run.unwrap();
        drop(innocents_signal);
        assert!(innocent.is_signaled());
        assert!(!run.event().unwrap().is_signaled(), "the run has its own");
        assert_eq!(run.status(), Some(HRESULT::S_OK));
        drop(signal);
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        let calls = recorder.calls();
        assert_eq!(calls, [Call::done(HRESULT::S_OK)]);
        assert!(calls[0].has_event());
        drop(run);
        assert!(innocent.is_signaled(), "the other event is still open");
    }
}

#[test]
fn a_second_done_closes_the_runs_handle_if_the_first_had_none() {
    let _alone = alone();
    let before = open();
    let (run, recorder, kept) = start(|host| {
        let ((event, signal), (another, _signal)) = (event_pair(), event_pair());
        host.store(&event);
        let runs = event.into_raw();
        assert_eq!(host.done(None), HRESULT::S_OK);
        // SAFETY: no event owns the run's handle, because `into_raw` gave it up.
        let again = |handle| unsafe { host.done_with(handle) };
        assert_eq!(again(another.as_raw()), HRESULT::E_UNEXPECTED);
        assert!(is_open(another.as_raw()), "not the run's handle");
        assert_eq!(again(runs), HRESULT::E_UNEXPECTED);
        assert!(!is_open(runs), "the run's handle");
        // Another event gets the number.
        let innocent = event_pair();
        assert_eq!(innocent.0.as_raw(), runs);
        assert_eq!(again(runs), HRESULT::E_UNEXPECTED);
        assert!(is_open(runs), "the run's handle was closed before");
        (HRESULT::S_OK, (signal, another, innocent))
    });
    assert_eq!(run.as_ref().unwrap().wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let calls = recorder.calls();
    assert_eq!(calls, [Call::done(HRESULT::S_OK)]);
    assert!(!calls[0].has_event());
    drop((run, kept));
    assert_eq!(open(), before);
}

/// The run's handle is the one in the event handle location when the store's method returned,
/// whether the method failed or not.
#[test]
fn a_handle_that_a_store_writes_after_its_method_returned_is_not_the_runs() {
    let _alone = alone();
    for code in [HRESULT::S_OK, HRESULT::E_FAIL] {
        let (run, _, (host, event, _signal)) = start(move |host| {
            let (event, signal) = event_pair();
            host.store(&event);
            (code, (host, event, signal))
        });
        assert_eq!(run.is_ok(), code.is_ok());
        assert_eq!(host.done(None), HRESULT::S_OK);
        let (innocent, signal) = event_pair();
        host.store(&innocent);
        let runs = event.into_raw();
        for (handle, stays_open) in [(innocent.as_raw(), true), (runs, false)] {
            // SAFETY: no event owns the run's handle, because `into_raw` gave it up.
            assert_eq!(unsafe { host.done_with(handle) }, HRESULT::E_UNEXPECTED);
            assert_eq!(is_open(handle), stays_open, "{code}");
        }
        drop((signal, run));
        assert!(innocent.is_signaled(), "the other event is still open");
    }
}

#[test]
fn the_runs_duplicate_is_closed_with_the_run_even_if_the_store_keeps_the_callback() {
    let _alone = alone();
    for drop_first in [false, true] {
        let (run, _, host) = start(|host| (HRESULT::S_OK, host));
        let before = open();
        let (event, signal) = event_pair();
        let run = (!drop_first).then_some(run);
        assert_eq!(host.done(Some(event)), HRESULT::S_OK);
        assert_eq!(run.is_some(), open().len() == before.len() + 2);
        drop((run, signal));
        assert_eq!(open(), before);
    }
}
