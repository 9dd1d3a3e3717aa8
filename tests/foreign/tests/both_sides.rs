//! C++ and C on both sides of the boundary: their stores under our host, our stores under their hosts, their callbacks
//! under our jobs, and everybody's QueryInterface. What a witness sees is a line of its log; lines are compared whole.

#[path = "../../common/mod.rs"]
mod common;

use common::{Ear, Grave, Heard, LONG, code, count, store};
use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::{
    Class, ComObject, ComPtr, DoneEvent, Error, HRESULT, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncFlags, SyncHost, SyncRequest, U16CStr,
};
use mapisync_foreign::{BEFORE_RETURN, BUILDS, CLOSE_IN_DONE, NO_EVENT, ODD, Witness};
use std::sync::{Arc, Mutex};

/// Runs a test with each of the libraries, and names the one with which it fails.
fn each(test: impl Fn(&Witness)) {
    assert!(BUILDS.iter().any(|build| build.cpp) && BUILDS.iter().any(|build| !build.cpp));
    for build in BUILDS {
        eprintln!("{}", build.name);
        test(&Witness::new(*build));
    }
}

/// The texts that the stores send, as they arrive here.
const GREETING: &str = "Grüße, 世界 😀";

/// A text as the callbacks note it.
fn hex(text: &str) -> String {
    let units: Vec<_> = text
        .encode_utf16()
        .map(|unit| format!("{unit:04X}"))
        .collect();
    units.join(" ")
}

/// What a callback of ours hears of any store of theirs.
fn everything(status: HRESULT) -> Vec<Heard> {
    let greeting = || Some(GREETING.to_owned());
    vec![
        Heard::Progress(greeting(), 1, 3),
        Heard::Progress(None, 0xFFFF_FFFF, 0x8000_0000),
        Heard::Progress(greeting(), 2, 3),
        Heard::Progress(Some("\u{FFFD}x".into()), 3, 3),
        Heard::Error(HRESULT::MAPI_W_PARTIAL_COMPLETION, Some(String::new())),
        Heard::Error(HRESULT::MAPI_E_NETWORK_ERROR, None),
        Heard::Done(status),
    ]
}

/// What a store of theirs notes of a run that it was asked for in this way, and of the answers to everything.
fn noted(flags: u32, session: bool, progress: HRESULT) -> Vec<String> {
    let progress = format!("Progress -> 0x{:08X}", progress.to_bits());
    let there = |there| if there { "there" } else { "NULL" };
    let mut lines = vec![format!(
        "SynchronizeInBackground({} bytes, flags 0x{flags:08X}, session {}, callback there, slot there)",
        if cfg!(target_pointer_width = "64") {
            32
        } else {
            20
        },
        there(session)
    )];
    if session {
        lines.push("session counts 2".into());
    }
    lines.push("QueryInterface -> 0x00000000".into());
    lines.extend((0..4).map(|_| progress.clone()));
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

/// The session is opaque: any object can stand for it.
fn session() -> ComPtr<IMAPISession> {
    let unknown = common::nobody();
    // SAFETY: only IUnknown's slots are used of a session; the object is free-threaded, and its reference handed on.
    unsafe { ComPtr::from_raw(unknown.into_raw().cast()) }.unwrap()
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
            let (ear, session) = (Ear::new(), session());
            ear.answer
                .store(answer.0, std::sync::atomic::Ordering::SeqCst);
            let mut host = SyncHost::new(ear.clone());
            if with_session {
                host = host.session(session.clone());
            }
            let flags = SyncFlags::DOWNLOAD_CONTENTS | SyncFlags::from_bits_retain(0x8000_0004);
            let run = host.start(&their_store, flags).unwrap();
            assert_eq!(run.wait(LONG).unwrap(), status);
            drop((run, host));

            assert_eq!(ear.heard(), everything(status));
            let events = ear.events.load(std::sync::atomic::Ordering::SeqCst);
            assert_eq!(events, if options & NO_EVENT == 0 { 1 } else { 0 });
            common::until(|| Arc::strong_count(&ear) == 1); // the thread may come to its release after Done
            common::until(|| count(&their_store) == 1);
            assert_eq!(count(&session), 1);
            drop(their_store);
            let mut lines = witness.lines().split_off(before);
            // Whether the host or the store is the last to let go of the callback is a matter of time.
            lines.retain(|line| !line.starts_with("callback released, left "));
            let mut expected = noted(0x8000_0084, with_session, answer);
            expected.push("store gone".into());
            assert_eq!(lines, expected);
        }
    });
}

#[test]
fn their_refusal_reaches_our_host_and_success_other_than_s_ok_is_none() {
    each(|witness| {
        let (ear, busy) = (
            Ear::new(),
            witness.store(HRESULT::MAPI_E_BUSY, HRESULT::S_OK, 0),
        );
        let refused = SyncHost::new(ear.clone()).start(&busy, SyncFlags::empty());
        assert_eq!(code(refused), HRESULT::MAPI_E_BUSY);
        assert_eq!((ear.heard(), Arc::strong_count(&ear)), (vec![], 1));

        let warned = witness.store(HRESULT::S_FALSE, HRESULT::S_OK, 0);
        let run = SyncHost::new(ear.clone())
            .start(&warned, SyncFlags::empty())
            .unwrap();
        assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK);
        assert_eq!(ear.heard(), everything(HRESULT::S_OK));
    });
}

/// Keeps the event that Done hands it.
#[derive(Default)]
struct Keeper {
    event: Mutex<Option<DoneEvent>>,
}

impl MapiSyncProgressCallback for Keeper {
    fn progress(&self, _: Option<&U16CStr>, _: u32, _: u32) -> Result<()> {
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&U16CStr>) -> Result<()> {
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
        // SAFETY: everything in the structure is valid for the call.
        let answer = unsafe { their_store.synchronize_in_background(&mut request) };
        assert_eq!(answer, HRESULT::S_OK);
        common::until(|| keeper.event.lock().unwrap().is_some());
        let event = keeper.event.lock().unwrap().take().unwrap();
        assert!(event.wait(Some(LONG)).unwrap(), "the thread is complete");
        assert_eq!((count(&their_store), count(&callback)), (1, 1));
        assert_eq!(
            event.into_raw(),
            slot,
            "Done hands over what is in the slot"
        );
        drop(common::event(slot));

        drop((their_store, callback));
        let mut expected = noted(0x80, false, HRESULT::S_OK);
        expected.extend(["callback released, left 1", "store gone"].map(String::from));
        assert_eq!(witness.lines(), expected);
    });
}

#[test]
fn our_store_under_their_host() {
    each(|witness| {
        for options in [0, ODD, CLOSE_IN_DONE, ODD | CLOSE_IN_DONE] {
            let before = witness.lines().len();
            let (grave, session) = (Grave::default(), session());
            let tombstone = grave.tombstone();
            let our_store = store(move |request: SyncRequest<'_>| {
                let _in_the_payload = &tombstone;
                assert_eq!(request.flags().bits(), 0xC000_0081);
                let session = request.session().expect("a session").to_ptr();
                request.spawn(move |job| {
                    drop(session);
                    job.progress(Some(GREETING), 1, 3)?;
                    job.position(2, 0xFFFF_FFFF)?;
                    job.progress(Some("a\0b"), 3, 3)?;
                    job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "")?;
                    Err::<(), _>(Error::new(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"))
                })
            });
            witness.drive(
                &our_store,
                0xC000_0081,
                Some(&session),
                HRESULT::S_FALSE,
                options,
            );
            assert_eq!(
                (count(&our_store), count(&session), grave.buried()),
                (1, 1, 0)
            );
            drop(our_store);
            assert_eq!(grave.buried(), 1);
            let expected = [
                format!("Progress({}, 1, 3)", hex(GREETING)),
                "Progress(NULL, 2, 4294967295)".into(),
                format!("Progress({}, 3, 3)", hex("a\u{FFFD}b")),
                "Error(0x00040380, )".into(),
                format!("Error(0x80040116, {})", hex("im Eimer")),
                "Done(the slot's event, 0x80040116)".into(),
                "SynchronizeInBackground -> 0x00000000".into(),
                "callback counts 1".into(),
                "callback gone".into(),
                "callback released, left 0".into(),
            ];
            assert_eq!(
                witness.lines().split_off(before),
                expected,
                "options {options}"
            );
        }
    });
}

#[test]
fn their_cancellation_ends_our_job() {
    each(|witness| {
        let our_store = store(|request| {
            assert!(request.session().is_none());
            request.spawn(|job| {
                let answer = job.position(1, 2);
                assert!(answer.as_ref().is_err_and(Error::is_cancelled));
                answer
            })
        });
        witness.drive(&our_store, 0, None, HRESULT::MAPI_E_USER_CANCEL, 0);
        let expected = [
            "Progress(NULL, 1, 2)",
            "Done(the slot's event, 0x80040113)",
            "SynchronizeInBackground -> 0x00000000",
            "callback counts 1",
            "callback gone",
            "callback released, left 0",
        ];
        assert_eq!(witness.lines(), expected);
    });
}

#[test]
fn our_refusal_reaches_their_host() {
    each(|witness| {
        let our_store = store(|_| Err(HRESULT::MAPI_E_BUSY.into()));
        witness.drive(&our_store, 0, None, HRESULT::S_OK, 0);
        let expected = [
            "event NULL",
            "SynchronizeInBackground -> 0x8004010B",
            "callback counts 1",
            "callback gone",
            "callback released, left 0",
        ];
        assert_eq!(witness.lines(), expected);
        assert_eq!(count(&our_store), 1);
    });
}

#[test]
fn their_callback_under_our_calls() {
    let long = "ä".repeat(300);
    each(|witness| {
        let callback = witness.callback(HRESULT::MAPI_E_BUSY);
        assert_eq!(count(&callback), 1);
        assert_eq!(
            callback.progress(Some(GREETING), 1, 3),
            HRESULT::MAPI_E_BUSY
        );
        assert_eq!(
            callback.progress(None, 0xFFFF_FFFF, 0x8000_0000),
            HRESULT::MAPI_E_BUSY
        );
        assert_eq!(callback.progress(Some(&long), 0, 0), HRESULT::MAPI_E_BUSY);
        assert_eq!(callback.error(HRESULT::E_FAIL, "a\0b"), HRESULT::S_FALSE);
        assert_eq!(
            callback.done(None, HRESULT::E_ABORT),
            HRESULT::MAPI_W_PARTIAL_COMPLETION
        );
        let (event, owner) = common::pair();
        let other = event.try_clone().unwrap();
        assert_eq!(
            callback.done(Some(event), HRESULT::S_OK),
            HRESULT::MAPI_W_PARTIAL_COMPLETION
        );
        drop((owner, other));

        assert!(callback.cast::<IMAPISync>().is_err());
        let unknown = callback.cast::<IUnknown>().unwrap();
        assert_eq!(count(&callback), 2);
        assert!(unknown.is_same_object(&callback));
        let clone = callback.clone();
        assert_eq!(count(&callback), 3);
        drop((unknown, clone));
        assert_eq!(count(&callback), 1);
        drop(callback);
        let expected = [
            format!("Progress({}, 1, 3)", hex(GREETING)),
            "Progress(NULL, 4294967295, 2147483648)".into(),
            format!("Progress({}, 0, 0)", hex(&long)),
            format!("Error(0x80004005, {})", hex("a\u{FFFD}b")),
            "Done(NULL, 0x80004004)".into(),
            "Done(there, 0x00000000)".into(),
            "callback gone".into(),
        ];
        assert_eq!(witness.lines(), expected);
    });
}

#[test]
fn our_store_bears_their_bad_calls() {
    each(|witness| {
        let our_store = store(|request| request.spawn(|job| job.position(1, 1)));
        witness.bad_calls(&our_store);
        let expected = [
            "no MAPISIB",
            "SynchronizeInBackground -> 0x80004003",
            "short ulSize",
            "SynchronizeInBackground -> 0x80070057",
            "no slot",
            "SynchronizeInBackground -> 0x80070057",
            "callback without the interface",
            "SynchronizeInBackground -> 0x80004002",
            "event NULL",
            "no callback",
            "SynchronizeInBackground -> 0x00000000",
            "event there",
            "nobody gone",
            "nobody left 0",
            "callback gone",
            "callback left 0",
        ];
        assert_eq!(witness.lines(), expected);
        assert_eq!(count(&our_store), 1);
    });
}

/// A store that is its own callback.
struct Both;

impl Class for Both {
    type Interfaces = (IMAPISyncProgressCallback, IMAPISync);
}

impl MapiSync for Both {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Ok(())
    }
}

impl MapiSyncProgressCallback for Both {
    fn progress(&self, _: Option<&U16CStr>, _: u32, _: u32) -> Result<()> {
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&U16CStr>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

#[test]
fn our_query_interface_keeps_the_rules_as_they_try_them() {
    let iids = [
        IUnknown::IID,
        IMAPISync::IID,
        IMAPISyncProgressCallback::IID,
    ];
    each(|witness| {
        let object = ComObject::new(Both);
        let sync = object.cast::<IMAPISync>().unwrap();
        let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
        let unknown = object.cast::<IUnknown>().unwrap();
        witness.query(&sync, &iids);
        let mut expected = vec![
            "a stranger -> 0x80004002",
            "out NULL",
            "no ppv -> 0x80004003",
            "no riid -> 0x80004003",
            "out NULL",
            "at odd addresses -> 0x00000000",
            "counts 1",
            "left 0",
        ];
        if witness.build.cpp {
            expected.drain(3..5); // a reference can't be NULL
        }
        let once = expected.clone();
        witness.query(&callback, &iids);
        witness.query(&unknown, &iids);
        expected.extend(once.iter().chain(&once));
        assert_eq!(witness.lines(), expected);
        assert_eq!(count(&sync), 4);
    });
}

#[test]
fn their_query_interface_keeps_the_rules_as_we_try_them() {
    each(|witness| {
        let sync = witness.store(HRESULT::S_OK, HRESULT::S_OK, 0);
        let unknown = sync.cast::<IUnknown>().unwrap();
        let again = unknown.cast::<IMAPISync>().unwrap();
        assert_eq!((again.as_raw(), count(&sync)), (sync.as_raw(), 3));
        assert!(again.is_same_object(&unknown));
        assert_eq!(
            code(again.cast::<IMAPISyncProgressCallback>()),
            HRESULT::E_NOINTERFACE
        );
        let mut out = common::garbage();
        // SAFETY: both pointers are valid.
        let answer = unsafe { common::query(&sync, &IMAPISyncProgressCallback::IID, &mut out) };
        assert_eq!(
            (answer, out.is_null(), count(&sync)),
            (HRESULT::E_NOINTERFACE, true, 3)
        );
    });
}
