//! Their stores, under our host and called by hand.

use crate::common::{self, Call, Recorder, TIMEOUT, code, count};
use crate::{GREETING, each, session};
use mapisync::abi::{IMAPISession, IMAPISyncProgressCallback};
use mapisync::{ComPtr, DoneEvent, HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost};
use mapisync_interop_cpp::{BEFORE_RETURN, NO_EVENT};
use std::sync::{Arc, Mutex};

/// What a callback of ours hears of any store of theirs.
fn everything(status: HRESULT) -> Vec<Call> {
    let greeting = || Some(GREETING.to_owned());
    vec![
        Call::Progress(greeting(), 1, 3),
        Call::Progress(None, 0xFFFF_FFFF, 0x8000_0000),
        Call::Progress(greeting(), 2, 3),
        Call::Progress(Some("\u{FFFD}x".into()), 3, 3),
        Call::Error(HRESULT::MAPI_W_PARTIAL_COMPLETION, Some(String::new())),
        Call::Error(HRESULT::MAPI_E_NETWORK_ERROR, None),
        Call::Done(status),
    ]
}

/// What a store of theirs notes of a run that it was asked for in this way, and of the answers to everything. Callback and
/// slot are a line of their own.
fn noted(
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
fn their_store_under_our_host() {
    let (partial, cancel) = (
        HRESULT::MAPI_W_PARTIAL_COMPLETION,
        HRESULT::MAPI_E_USER_CANCEL,
    );
    let cases = [
        (HRESULT::S_OK, 0, HRESULT::S_OK, false),
        (partial, 0, cancel, true),
        (partial, BEFORE_RETURN, HRESULT::S_OK, true),
        (cancel, NO_EVENT, HRESULT::S_OK, false),
        (HRESULT::S_OK, NO_EVENT | BEFORE_RETURN, cancel, true),
    ];
    each(|witness| {
        for (status, options, answer, with_session) in cases {
            let before = witness.lines().len();
            let their_store = witness.store(HRESULT::S_OK, status, options);
            let (ear, session) = (Recorder::new(), session());
            ear.progress_code
                .store(answer.0, std::sync::atomic::Ordering::SeqCst);
            let mut host = SyncHost::new(ear.clone());
            if with_session {
                host = host.session(session.clone());
            }
            let flags = SyncFlags::DOWNLOAD_CONTENTS | SyncFlags::from_bits_retain(0x8000_0004);
            let run = host.start(&their_store, flags).unwrap();
            assert_eq!(run.wait(TIMEOUT).unwrap(), status);
            drop((run, host));

            assert_eq!(ear.calls(), everything(status));
            let events = ear.events.load(std::sync::atomic::Ordering::SeqCst);
            assert_eq!(events, if options & NO_EVENT == 0 { 1 } else { 0 });
            // The thread may come to its releases after Done.
            common::wait_until(|| Arc::strong_count(&ear) == 1 && count(&their_store) == 1);
            assert_eq!(count(&session), 1);
            drop(their_store);
            let mut lines = witness.lines().split_off(before);
            // Whether the host or the store is the last to let go of the callback is a matter of time.
            lines.retain(|line| !line.starts_with("callback released, left "));
            // Nobody but the host and the store knows the callback and the slot.
            assert!(
                lines[1].starts_with("its callback ") && !lines[1].contains(" 0"),
                "{}",
                lines[1]
            );
            let session = with_session.then_some(&session);
            let mut expected = noted(0x8000_0084, session, &lines[1], answer);
            expected.push("store gone".into());
            assert_eq!(lines, expected);
        }
    });
}

#[test]
fn their_refusal_reaches_our_host_and_success_other_than_s_ok_is_none() {
    each(|witness| {
        let (ear, busy) = (
            Recorder::new(),
            witness.store(HRESULT::MAPI_E_BUSY, HRESULT::S_OK, 0),
        );
        let refused = SyncHost::new(ear.clone()).start(&busy, SyncFlags::empty());
        assert_eq!(code(refused), HRESULT::MAPI_E_BUSY);
        assert_eq!((ear.calls(), Arc::strong_count(&ear)), (vec![], 1));

        let warned = witness.store(HRESULT::S_FALSE, HRESULT::S_OK, 0);
        let run = SyncHost::new(ear.clone())
            .start(&warned, SyncFlags::empty())
            .unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        assert_eq!(ear.calls(), everything(HRESULT::S_OK));
        common::wait_until(|| count(&warned) == 1);
    });
}

/// Keeps the event that Done hands it.
#[derive(Default)]
struct Keeper {
    event: Mutex<Option<DoneEvent>>,
}

impl MapiSyncProgressCallback for Keeper {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        assert!(
            event.as_ref().is_some_and(|event| !event.is_signaled()),
            "it is their thread that calls"
        );
        *self.event.lock().unwrap() = event;
        self.done(status)
    }
}

#[test]
fn their_store_called_by_hand_keeps_the_counts() {
    each(|witness| {
        let their_store = witness.store(HRESULT::S_OK, HRESULT::S_OK, 0);
        assert_eq!(count(&their_store), 1);
        let keeper = Arc::new(Keeper::default());
        let callback = ComPtr::<IMAPISyncProgressCallback>::new(keeper.clone());
        let mut slot = common::garbage();
        let mut request = common::request(callback.as_raw().cast(), &mut slot);
        let (unknown, place) = (request.punkCallBack.addr(), request.phSyncDoneEvent.addr());
        let pointers = format!("its callback {unknown:X} and slot {place:X}");
        // SAFETY: everything in the structure is valid for the call.
        let answer = unsafe { their_store.synchronize_in_background(&mut request) };
        assert_eq!(answer, HRESULT::S_OK);
        common::wait_until(|| keeper.event.lock().unwrap().is_some());
        let event = keeper.event.lock().unwrap().take().unwrap();
        assert!(event.wait(Some(TIMEOUT)).unwrap(), "the thread is complete");
        assert_eq!((count(&their_store), count(&callback)), (1, 1));
        assert_eq!(
            event.into_raw(),
            slot,
            "Done hands over what is in the slot"
        );
        drop(common::event(slot));

        drop((their_store, callback));
        let mut expected = noted(0x80, None, &pointers, HRESULT::S_OK);
        expected.extend(["callback released, left 1", "store gone"].map(String::from));
        assert_eq!(witness.lines(), expected);
    });
}
