//! A run in progress: the host's other calls find the store busy, or end the run.

use crate::delivery::{NONE, host_with, run, subjects};
use crate::stand_in::host::Host;
use mapisync::abi::IMAPISync;
use mapisync::testing::{Outlook, OutlookRun};
use mapisync::{ComPtr, HRESULT};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;
use test_support::wait_until;
use wrapped_store32::mapi::*;

/// Starts a run that waits in the inner store's first `CreateMessage`, until the sender is used or
/// dropped.
fn blocked_run(host: &Host, sync: &ComPtr<IMAPISync>) -> (OutlookRun, Sender<()>) {
    let ((arrived, is_there), (release, released)) = (channel(), channel());
    let channels = Mutex::new(Some((arrived, released)));
    host.on_call(move |method| {
        if method == "CreateMessage" {
            if let Some((arrived, released)) = channels.lock().unwrap().take() {
                arrived.send(()).unwrap();
                let _ = released.recv_timeout(Duration::from_secs(10));
            }
        }
    });
    let run = Outlook::new().start(sync);
    is_there.recv().unwrap();
    host.calls();
    (run, release)
}

#[test]
fn one_run_at_a_time_delivers_to_a_store() {
    // The second run is one of the same wrapper, or of that of MAPI's spooler, which logs on, too.
    for is_same in [true, false] {
        let host = host_with(&["a"]);
        let sync = host.sync();
        let other = if is_same { sync.clone() } else { host.sync() };
        let (first, release) = blocked_run(&host, &sync);
        let second = Outlook::new().run(&other);
        if is_same {
            second.assert_refused(HRESULT::MAPI_E_BUSY);
        } else {
            second.assert_status(HRESULT::MAPI_E_BUSY);
        }
        drop(release);
        first.wait().assert_ok();
        run(&other);
        assert_eq!(subjects(&host), ["a"]);
    }
}

/// Calls `StoreLogoff`.
fn log_off(store: &ComPtr<IMsgStore>, mut flags: u32) {
    // SAFETY: the location is valid.
    let code = unsafe { store.StoreLogoff(&mut flags) };
    assert_eq!((code, flags), (HRESULT::S_OK, 0x0001_0000));
}

/// Asserts that the run is canceled, and that the store accepts no other.
fn assert_ended(run: OutlookRun, sync: &ComPtr<IMAPISync>) {
    run.wait().assert_status(HRESULT::MAPI_E_USER_CANCEL);
    let next = Outlook::new().run(sync);
    next.assert_refused(HRESULT::MAPI_E_OFFLINE);
}

#[test]
fn logoff_and_shutdown_wait_for_the_message_in_progress() {
    for end in ["StoreLogoff(0)", "Shutdown(0)"] {
        let host = host_with(&["a", "b", "c"]);
        let store = host.log_on();
        let sync = store.cast().unwrap();
        let (run, release) = blocked_run(&host, &sync);
        thread::scope(|scope| {
            // Once the run is canceled, the store refuses other runs.
            scope.spawn(|| {
                let refused = || Outlook::new().run(&sync).returned();
                wait_until(|| refused() == Some(HRESULT::MAPI_E_OFFLINE));
                thread::sleep(Duration::from_millis(20));
                drop(release);
            });
            if end == "Shutdown(0)" {
                assert_eq!(host.shutdown(0), HRESULT::S_FALSE);
            } else {
                log_off(&store, 0);
            }
            // The message in progress was completed before the call returned, no other began, and
            // then the inner store or provider was called.
            assert_eq!(subjects(&host), ["a"], "{end}");
            assert_eq!(host.calls().last().unwrap(), end);
        });
        assert_ended(run, &sync);
    }
}

#[test]
fn a_logoff_without_waiting_cancels_the_run() {
    let host = host_with(&["a", "b", "c"]);
    let store = host.log_on();
    let sync = store.cast().unwrap();
    let (run, release) = blocked_run(&host, &sync);
    log_off(&store, LOGOFF_NO_WAIT);
    assert_eq!(subjects(&host), NONE, "it has not waited");
    drop(release);
    assert_ended(run, &sync);
}

#[test]
fn a_run_goes_on_after_the_host_has_released_the_store() {
    let host = host_with(&["a", "b", "c"]);
    let sync = host.sync();
    let (run, release) = blocked_run(&host, &sync);
    drop(sync);
    drop(release);
    run.wait().assert_ok();
    assert_eq!(subjects(&host), ["a", "b", "c"]);
}
