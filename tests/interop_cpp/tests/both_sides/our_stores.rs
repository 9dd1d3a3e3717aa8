//! Our stores, under their hosts.

use crate::common::{DropCounter, count, store};
use crate::{GREETING, each, hex, session};
use mapisync::{Error, HRESULT, SyncRequest};
use mapisync_interop_cpp::{CLOSE_IN_DONE, ODD};

#[test]
fn our_store_under_their_host() {
    each(|witness| {
        for options in [0, ODD, CLOSE_IN_DONE, ODD | CLOSE_IN_DONE] {
            let before = witness.lines().len();
            let (grave, session) = (DropCounter::default(), session());
            let tombstone = grave.token();
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
            assert_eq!((count(&our_store), count(&session)), (1, 1));
            witness.drive(
                &our_store,
                0xC000_0081,
                Some(&session),
                HRESULT::S_FALSE,
                options,
            );
            assert_eq!(
                (count(&our_store), count(&session), grave.drops()),
                (1, 1, 0)
            );
            drop(our_store);
            assert_eq!(grave.drops(), 1);
            let expected = [
                "callback counts 1, store 1".into(),
                format!("Progress({}, 1, 3)", hex(GREETING)),
                "Progress(NULL, 2, 4294967295)".into(),
                format!("Progress({}, 3, 3)", hex("a\u{FFFD}b")),
                "Error(0x00040380, )".into(),
                format!("Error(0x80040116, {})", hex("im Eimer")),
                "Done(the slot's event, 0x80040116)".into(),
                "SynchronizeInBackground -> 0x00000000".into(),
                "callback counts 1, store 1".into(),
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
                assert!(answer.as_ref().is_err_and(Error::is_canceled));
                answer
            })
        });
        witness.drive(&our_store, 0, None, HRESULT::MAPI_E_USER_CANCEL, 0);
        let expected = [
            "callback counts 1, store 1",
            "Progress(NULL, 1, 2)",
            "Done(the slot's event, 0x80040113)",
            "SynchronizeInBackground -> 0x00000000",
            "callback counts 1, store 1",
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
            "callback counts 1, store 1",
            "event NULL",
            "SynchronizeInBackground -> 0x8004010B",
            "callback counts 1, store 1",
            "callback gone",
            "callback released, left 0",
        ];
        assert_eq!(witness.lines(), expected);
        assert_eq!(count(&our_store), 1);
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
