//! Stores in C and C++, under `SyncHost`, under the stand-in for Outlook, and called directly.

use crate::{GREETING, each, session};
use mapisync::abi::IMAPISession;
use mapisync::testing::{Call, Method, Outlook, RecordedCall, Recorder, reference_count};
use mapisync::{ComPtr, HRESULT, SyncFlags, SyncHost};
use mapisync_interop_cpp::{DONE_BEFORE_RETURN, NO_EVENT};
use std::sync::Arc;
use test_support::{self, TIMEOUT};

/// The calls that a callback receives from every foreign store.
fn everything(status: HRESULT) -> [Call; 7] {
    [
        Call::progress(GREETING, 1, 3),
        Call::position(0xFFFF_FFFF, 0x8000_0000),
        Call::progress(GREETING, 2, 3),
        Call::progress("\u{FFFD}x", 3, 3),
        Call::error(HRESULT::MAPI_W_PARTIAL_COMPLETION, ""),
        Call::Error(HRESULT::MAPI_E_NETWORK_ERROR, None),
        Call::done(status),
    ]
}

/// The lines that a foreign store logs for a run: the request, and the codes that the callback
/// returned. `pointers` is the line with the callback and the event handle location.
fn logged(
    flags: u32,
    session: Option<&ComPtr<IMAPISession>>,
    pointers: &str,
    progress: HRESULT,
) -> Vec<String> {
    let bytes = if cfg!(target_pointer_width = "64") {
        32
    } else {
        20
    };
    let address = session.map_or(0, |session| session.as_raw().addr());
    let mut lines = vec![
        format!("SynchronizeInBackground({bytes} bytes, flags 0x{flags:08X}, session {address:X})"),
        pointers.into(),
    ];
    if session.is_some() {
        lines.push("session counts 2".into());
    }
    lines.push("QueryInterface -> 0x00000000".into());
    lines.extend((0..4).map(|_| format!("Progress -> 0x{:08X}", progress.to_bits())));
    lines.extend(
        [
            "Error -> 0x00000000",
            "Error -> 0x00000000",
            "Done -> 0x00000000",
        ]
        .map(String::from),
    );
    lines
}

#[test]
fn a_foreign_store_under_the_rust_host() {
    let (partial, cancel) = (
        HRESULT::MAPI_W_PARTIAL_COMPLETION,
        HRESULT::MAPI_E_USER_CANCEL,
    );
    let cases = [
        (HRESULT::S_OK, 0, HRESULT::S_OK, false),
        (partial, 0, cancel, true),
        (partial, DONE_BEFORE_RETURN, HRESULT::S_OK, true),
        (cancel, NO_EVENT, HRESULT::S_OK, false),
        (HRESULT::S_OK, NO_EVENT | DONE_BEFORE_RETURN, cancel, true),
    ];
    each(|foreign| {
        for (status, options, code, with_session) in cases {
            let before = foreign.lines().len();
            let foreign_store = foreign.store(HRESULT::S_OK, status, options);
            let recorder = Arc::new(Recorder::new().returns(Method::Progress, code));
            let session = session();
            let mut host = SyncHost::new(recorder.clone());
            if with_session {
                host = host.session(session.clone());
            }
            let flags = SyncFlags::DOWNLOAD_CONTENTS | SyncFlags::from_bits_retain(0x8000_0004);
            let run = host.start(&foreign_store, flags).unwrap();
            assert_eq!(run.wait(TIMEOUT).unwrap(), status);
            drop((run, host));

            let calls = recorder.calls();
            assert_eq!(calls, everything(status));
            let has_event = calls.last().map(RecordedCall::has_event);
            assert_eq!(has_event, Some(options & NO_EVENT == 0));
            // The thread may release its references after Done.
            test_support::wait_until(|| {
                Arc::strong_count(&recorder) == 1 && reference_count(&foreign_store) == 1
            });
            assert_eq!(reference_count(&session), 1);
            drop(foreign_store);
            let mut lines = foreign.lines().split_off(before);
            // Either the host or the store may release the callback last.
            lines.retain(|line| !line.starts_with("callback released, left "));
            // Only the host and the store know the callback and the event handle location.
            assert!(
                lines[1].starts_with("callback ") && !lines[1].contains(" 0"),
                "{}",
                lines[1]
            );
            let session = with_session.then_some(&session);
            let mut expected = logged(0x8000_0084, session, &lines[1], code);
            expected.push("store gone".into());
            assert_eq!(lines, expected);
        }
    });
}

#[test]
fn a_foreign_refusal_reaches_the_rust_host_and_a_success_code_is_no_refusal() {
    each(|foreign| {
        let (recorder, busy) = (
            Arc::new(Recorder::new()),
            foreign.store(HRESULT::MAPI_E_BUSY, HRESULT::S_OK, 0),
        );
        let refused = SyncHost::new(recorder.clone()).start(&busy, SyncFlags::empty());
        assert_eq!(refused.unwrap_err().hresult(), HRESULT::MAPI_E_BUSY);
        assert!(recorder.calls().is_empty());
        assert_eq!(Arc::strong_count(&recorder), 1);

        let warned = foreign.store(HRESULT::S_FALSE, HRESULT::S_OK, 0);
        let run = SyncHost::new(recorder.clone())
            .start(&warned, SyncFlags::empty())
            .unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        assert_eq!(recorder.calls(), everything(HRESULT::S_OK));
        test_support::wait_until(|| reference_count(&warned) == 1);
    });
}

#[test]
fn a_foreign_store_under_the_stand_in_for_outlook() {
    each(|foreign| {
        for options in [0, DONE_BEFORE_RETURN, NO_EVENT | DONE_BEFORE_RETURN] {
            let outlook = Outlook::new().session(session()).timeout(TIMEOUT);
            let status = HRESULT::MAPI_W_PARTIAL_COMPLETION;
            let outcome = outlook.run(&foreign.store(HRESULT::S_FALSE, status, options));
            outcome.assert_status(status).assert_no_leaks();
            assert_eq!(outcome.calls(), everything(status));

            let busy = HRESULT::MAPI_E_BUSY;
            let outcome = outlook.run(&foreign.store(busy, status, options));
            outcome.assert_refused(busy).assert_no_leaks();
        }
    });
}

#[test]
fn a_foreign_store_called_directly_keeps_the_counts() {
    each(|foreign| {
        let foreign_store = foreign.store(HRESULT::S_OK, HRESULT::S_OK, 0);
        assert_eq!(reference_count(&foreign_store), 1);
        let recorder = Recorder::new().keeps_event();
        let callback = recorder.object();
        let mut handle = test_support::garbage();
        let mut request = test_support::request(callback.as_raw().cast(), &mut handle);
        let (unknown, location) = (request.punkCallBack.addr(), request.phSyncDoneEvent.addr());
        let pointers = format!("callback {unknown:X}, event handle location {location:X}");
        // SAFETY: every pointer in the structure is valid during the call.
        let code = unsafe { foreign_store.synchronize_in_background(&mut request) };
        assert_eq!(code, HRESULT::S_OK);
        assert_eq!(recorder.wait_done(TIMEOUT), Some(HRESULT::S_OK));
        let done = recorder.calls().pop().unwrap();
        assert!(
            done.has_event() && !done.event_was_signaled(),
            "the thread that calls Done is not complete"
        );
        let event = recorder.take_event().unwrap();
        event.wait(Some(TIMEOUT)).unwrap();
        assert_eq!(
            (reference_count(&foreign_store), reference_count(&callback)),
            (1, 1)
        );
        assert_eq!(
            event.into_raw(),
            handle,
            "Done passes the handle in the event handle location"
        );
        // SAFETY: `into_raw` has given the handle up.
        drop(unsafe { test_support::event(handle) });

        drop((foreign_store, callback));
        let mut expected = logged(0x80, None, &pointers, HRESULT::S_OK);
        expected.extend(["callback released, left 1", "store gone"].map(String::from));
        assert_eq!(foreign.lines(), expected);
    });
}
