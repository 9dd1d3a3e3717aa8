//! Stores in Rust, under hosts in C and C++.

use crate::{GREETING, each, hex, session};
use mapisync::testing::reference_count;
use mapisync::{Error, HRESULT, SyncRequest};
use mapisync_interop_cpp::{CLOSE_IN_DONE, UNALIGNED_ADDRESSES};
use test_support::{DropCounter, store};

#[test]
fn a_rust_store_under_the_foreign_host() {
    each(|foreign| {
        for options in [
            0,
            UNALIGNED_ADDRESSES,
            CLOSE_IN_DONE,
            UNALIGNED_ADDRESSES | CLOSE_IN_DONE,
        ] {
            let before = foreign.lines().len();
            let (counter, session) = (DropCounter::default(), session());
            let token = counter.token();
            let rust_store = store(move |request: SyncRequest<'_>| {
                let _captured = &token;
                assert_eq!(request.flags().bits(), 0xC000_0081);
                let session = request.session().expect("a session").to_ptr();
                request.spawn(move |job| {
                    drop(session);
                    job.progress(Some(GREETING), 1, 3)?;
                    job.position(2, 0xFFFF_FFFF_u32)?;
                    job.progress(Some("a\0b"), 3, 3)?;
                    job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "");
                    Err::<(), _>(Error::new(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"))
                })
            });
            assert_eq!(
                (reference_count(&rust_store), reference_count(&session)),
                (1, 1)
            );
            foreign.run(
                &rust_store,
                0xC000_0081,
                Some(&session),
                HRESULT::S_FALSE,
                options,
            );
            assert_eq!(
                (
                    reference_count(&rust_store),
                    reference_count(&session),
                    counter.drops()
                ),
                (1, 1, 0)
            );
            drop(rust_store);
            assert_eq!(counter.drops(), 1);
            let expected = [
                "callback counts 1, store 1".into(),
                format!("Progress({}, 1, 3)", hex(GREETING)),
                "Progress(NULL, 2, 4294967295)".into(),
                format!("Progress({}, 3, 3)", hex("a\u{FFFD}b")),
                "Error(0x00040380, )".into(),
                format!("Error(0x80040116, {})", hex("im Eimer")),
                "Done(the run's event, 0x80040116)".into(),
                "SynchronizeInBackground -> 0x00000000".into(),
                "callback counts 1, store 1".into(),
                "callback gone".into(),
                "callback released, left 0".into(),
            ];
            assert_eq!(
                foreign.lines().split_off(before),
                expected,
                "options {options}"
            );
        }
    });
}

#[test]
fn a_foreign_cancellation_ends_a_rust_job() {
    each(|foreign| {
        let rust_store = store(|request| {
            assert!(request.session().is_none());
            request.spawn(|job| {
                let result = job.position(1, 2);
                assert!(result.as_ref().is_err_and(Error::is_canceled));
                result
            })
        });
        foreign.run(&rust_store, 0, None, HRESULT::MAPI_E_USER_CANCEL, 0);
        let expected = [
            "callback counts 1, store 1",
            "Progress(NULL, 1, 2)",
            "Done(the run's event, 0x80040113)",
            "SynchronizeInBackground -> 0x00000000",
            "callback counts 1, store 1",
            "callback gone",
            "callback released, left 0",
        ];
        assert_eq!(foreign.lines(), expected);
    });
}

#[test]
fn a_rust_refusal_reaches_the_foreign_host() {
    each(|foreign| {
        let rust_store = store(|_| Err(HRESULT::MAPI_E_BUSY.into()));
        foreign.run(&rust_store, 0, None, HRESULT::S_OK, 0);
        let expected = [
            "callback counts 1, store 1",
            "event NULL",
            "SynchronizeInBackground -> 0x8004010B",
            "callback counts 1, store 1",
            "callback gone",
            "callback released, left 0",
        ];
        assert_eq!(foreign.lines(), expected);
        assert_eq!(reference_count(&rust_store), 1);
    });
}

#[test]
fn a_rust_store_refuses_invalid_calls_and_accepts_one_without_a_callback() {
    each(|foreign| {
        let rust_store = store(|request| request.spawn(|job| job.position(1, 1)));
        foreign.invalid_calls(&rust_store);
        let expected = [
            "no MAPISIB",
            "SynchronizeInBackground -> 0x80004003",
            "short ulSize",
            "SynchronizeInBackground -> 0x80070057",
            "no event location",
            "SynchronizeInBackground -> 0x80070057",
            "callback without the interface",
            "SynchronizeInBackground -> 0x80004002",
            "event NULL",
            "no callback",
            "SynchronizeInBackground -> 0x00000000",
            "event there",
            "bare object gone",
            "bare object left 0",
            "callback gone",
            "callback left 0",
        ];
        assert_eq!(foreign.lines(), expected);
        assert_eq!(reference_count(&rust_store), 1);
    });
}
