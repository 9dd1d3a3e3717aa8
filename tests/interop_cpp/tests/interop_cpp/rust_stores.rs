//! Stores and other objects in Rust, under hosts in C and C++.

use crate::{GREETING, each, session};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::testing::{Call, Method, Recorder, reference_count};
use mapisync::{ComObject, Error, GUID, HRESULT, Interface, SyncRequest};
use std::ptr;
use test_support::{Both, DropCounter, TIMEOUT, garbage, store};

#[test]
fn a_rust_store_under_the_foreign_host() {
    each(|foreign| {
        for offset in [0, 1] {
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
            let recorder = Recorder::new().keeps_event();
            let callback = foreign.callback(&recorder);
            let (callback, session) = (Some(&callback), Some(&session));
            let (code, handle) = foreign.run(&rust_store, 0xC000_0081, session, callback, offset);
            assert_eq!(code, HRESULT::S_OK);
            assert_eq!(
                recorder.wait_done(TIMEOUT),
                Some(HRESULT::MAPI_E_DISK_ERROR)
            );
            let event = recorder.take_event().unwrap();
            event.wait(Some(TIMEOUT)).unwrap();
            assert_eq!(
                event.as_raw(),
                handle,
                "Done passes the handle in the location"
            );
            let expected = [
                Call::progress(GREETING, 1, 3),
                Call::position(2, 0xFFFF_FFFF),
                Call::progress("a\u{FFFD}b", 3, 3),
                Call::error(HRESULT::MAPI_W_ERRORS_RETURNED, ""),
                Call::error(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"),
                Call::done(HRESULT::MAPI_E_DISK_ERROR),
            ];
            assert_eq!(recorder.calls(), expected);
            assert!(!recorder.calls()[5].event_was_signaled());
            for count in [session.map(reference_count), callback.map(reference_count)] {
                assert_eq!(count, Some(1));
            }
            assert_eq!((foreign.counts(&rust_store), counter.drops()), ((2, 1), 0));
            drop(rust_store);
            assert_eq!(counter.drops(), 1);
        }
        assert_eq!(foreign.destroyed.drops(), 2);
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
        let cancel = HRESULT::MAPI_E_USER_CANCEL;
        let recorder = Recorder::new().returns(Method::Progress, cancel);
        let callback = foreign.callback(&recorder);
        let (code, _) = foreign.run(&rust_store, 0, None, Some(&callback), 0);
        assert_eq!(code, HRESULT::S_OK);
        assert_eq!(recorder.wait_done(TIMEOUT), Some(cancel));
        assert_eq!(recorder.calls(), [Call::position(1, 2), Call::done(cancel)]);
    });
}

#[test]
fn a_refusal_and_invalid_calls_leave_no_event_and_start_no_run() {
    type Change = fn(&mut MAPISIB);
    let cases: [(&str, Change, HRESULT); 4] = [
        ("the store refuses", |_| {}, HRESULT::MAPI_E_BUSY),
        (
            "short ulSize",
            |request| request.ulSize -= 1,
            HRESULT::E_INVALIDARG,
        ),
        (
            "no event handle location",
            |request| request.phSyncDoneEvent = ptr::null_mut(),
            HRESULT::E_INVALIDARG,
        ),
        (
            "a callback without the interface",
            |request| request.punkCallBack = request.psesSync.cast(),
            HRESULT::E_NOINTERFACE,
        ),
    ];
    each(|foreign| {
        let rust_store = store(|request| {
            request.start()?.finish(Ok(()));
            Ok(())
        });
        let refusing = store(|_| Err(HRESULT::MAPI_E_BUSY.into()));
        let (recorder, session) = (Recorder::new(), session());
        let callback = foreign.callback(&recorder);
        for (name, change, expected) in cases {
            let mut handle = garbage();
            let mut request = test_support::request(callback.as_raw().cast(), &mut handle);
            request.psesSync = session.as_raw();
            change(&mut request);
            let store = [&rust_store, &refusing][usize::from(expected == HRESULT::MAPI_E_BUSY)];
            // SAFETY: every pointer is NULL or valid during the call.
            let code = unsafe { foreign.synchronize(store, &mut request) };
            assert_eq!(code, expected, "{name}");
            if expected != HRESULT::E_INVALIDARG {
                assert!(handle.is_null(), "{name}");
            }
        }
        // SAFETY: a NULL request is allowed.
        let code = unsafe { foreign.synchronize(&rust_store, ptr::null_mut()) };
        assert_eq!(code, HRESULT::E_POINTER);
        assert_eq!((recorder.calls().len(), reference_count(&callback)), (0, 1));

        let (code, handle) = foreign.run(&rust_store, 0, None, None, 0);
        assert_eq!(code, HRESULT::S_OK, "a callback is optional");
        test_support::event(handle)
            .unwrap()
            .wait(Some(TIMEOUT))
            .unwrap();
    });
}

#[test]
fn foreign_calls_of_query_interface_keep_the_rules_of_com() {
    each(|foreign| {
        let object = ComObject::new(Both);
        let sync = object.cast::<IMAPISync>().unwrap();
        let unknown = sync.cast::<IUnknown>().unwrap();
        let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
        for (iid, expected) in [
            (IUnknown::IID, unknown.as_raw()),
            (IMAPISync::IID, sync.as_raw().cast()),
            (IMAPISyncProgressCallback::IID, callback.as_raw().cast()),
            (GUID::from_u128(7), ptr::null_mut()),
        ] {
            // Both pointers may have any address.
            let mut memory = [0_u8; 32];
            memory[1..17].copy_from_slice(&bytes_of(iid));
            let out = memory[17..].as_mut_ptr();
            // SAFETY: the memory has room for both. A returned reference is released.
            unsafe {
                let code = foreign.query(&callback, memory[1..].as_ptr().cast(), out.cast());
                let found = out.cast::<*mut IUnknown>().read_unaligned();
                assert_eq!((found, code.is_ok()), (expected, !expected.is_null()));
                drop(mapisync::ComPtr::from_raw(found));
            }
        }
        let mut out = garbage();
        // SAFETY: the pointers are valid or NULL. In C++ the IID is a reference, which is never NULL.
        unsafe {
            let code = foreign.query(&sync, &IUnknown::IID, ptr::null_mut());
            assert_eq!(code, HRESULT::E_POINTER);
            if !foreign.build.cpp {
                let code = foreign.query(&sync, ptr::null(), &mut out);
                assert_eq!((code, out.is_null()), (HRESULT::E_POINTER, true));
            }
        }
        assert_eq!(reference_count(&sync), 4);
    });
}

/// The bytes of an IID in memory.
fn bytes_of(iid: GUID) -> [u8; 16] {
    // SAFETY: a `GUID` is 16 initialized bytes without padding.
    unsafe { ptr::from_ref(&iid).cast::<[u8; 16]>().read() }
}
