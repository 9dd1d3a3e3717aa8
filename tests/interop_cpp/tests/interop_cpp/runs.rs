//! Runs in which every call goes through an object in C or C++.

use crate::{each, reporting};
use mapisync::abi::IMAPISession;
use mapisync::testing::{Call, Method, RecordedCall, Recorder, ScriptedProvider, reference_count};
use mapisync::{ComPtr, Error, HRESULT, SyncFlags, SyncHost};
use test_support::{DropCounter, TIMEOUT, bare_object, code, outlook, store, wait_until};

/// Returns a session. Any object can stand for one, because a session is opaque.
fn session() -> ComPtr<IMAPISession> {
    // SAFETY: `into_raw` passes a reference on. Only the vtable slots of IUnknown are used of a
    // session, and the object is free-threaded.
    unsafe { ComPtr::from_raw(bare_object().into_raw().cast()) }.unwrap()
}

#[test]
fn every_argument_string_event_and_count_arrives() {
    each(|foreign| {
        let (counter, session) = (DropCounter::default(), session());
        let token = counter.token();
        let rust_store = store(move |request| {
            let _captured = &token;
            assert_eq!(request.flags().bits(), 0xC000_0081);
            assert_eq!(reference_count(&request.session().unwrap().to_ptr()), 3);
            reporting(request)
        });
        let proxy = foreign.store(&rust_store);
        assert_eq!((reference_count(&rust_store), reference_count(&proxy)), (2, 1));
        let recorder = Recorder::new();
        let host = SyncHost::new(recorder.clone()).session(session.clone());
        let run = host.start(&proxy, SyncFlags::from_bits_retain(0xC000_0081)).unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::MAPI_E_DISK_ERROR);
        drop((run, host));
        let expected = [
            Call::progress("Grüße, 世界 😀", 1, 3),
            Call::position(2, 0xFFFF_FFFF),
            Call::progress("a\u{FFFD}b", 3, 3),
            Call::error(HRESULT::MAPI_W_ERRORS_RETURNED, ""),
            Call::error(HRESULT::MAPI_E_DISK_ERROR, "im Eimer"),
            Call::done(HRESULT::MAPI_E_DISK_ERROR),
        ];
        assert_eq!(recorder.calls(), expected);
        let done = recorder.calls().pop().unwrap();
        assert_eq!((done.has_event(), done.event_was_signaled()), (true, false));
        assert_eq!((reference_count(&session), reference_count(&proxy)), (1, 1));
        drop(proxy);
        assert_eq!((reference_count(&rust_store), counter.drops()), (1, 0));
        drop(rust_store);
        assert_eq!(counter.drops(), 1);
    });
}

/// The results of a callback reach the store, and those of a store reach the host.
#[test]
fn codes_arrive_and_a_cancellation_ends_a_job() {
    each(|foreign| {
        let refusing = foreign.store(&store(|_| Err(HRESULT::MAPI_E_BUSY.into())));
        let outcome = outlook().run(&refusing);
        outcome.assert_refused(HRESULT::MAPI_E_BUSY).assert_no_leaks();
        let refused = SyncHost::new(Recorder::new()).start(&refusing, SyncFlags::empty());
        assert_eq!(code(refused), HRESULT::MAPI_E_BUSY);

        let canceled = store(|request| {
            request.spawn(|job| {
                let result = job.position(1, 2);
                assert!(result.as_ref().is_err_and(Error::is_canceled));
                result
            })
        });
        let cancel = HRESULT::MAPI_E_USER_CANCEL;
        let recorder = Recorder::new().returns(Method::Progress, cancel);
        let outcome = outlook().recorder(recorder).run(&foreign.store(&canceled));
        outcome.assert_canceled().assert_no_leaks();
        assert_eq!(outcome.calls(), [Call::position(1, 2), Call::done(cancel)]);

        let callback = Recorder::new()
            .returns(Method::Error, HRESULT::MAPI_E_NO_ACCESS)
            .returns(Method::Done, HRESULT::E_ABORT);
        let callback = foreign.callback(&callback.object());
        assert_eq!(callback.error(HRESULT::E_FAIL, "a"), HRESULT::MAPI_E_NO_ACCESS);
        assert_eq!(test_support::done(&callback, None, HRESULT::S_OK), HRESULT::E_ABORT);
    });
}

/// The script of a `ScriptedProvider` keeps the protocol without the crate's `SyncJob`.
#[test]
fn a_store_may_call_done_before_it_returns_or_without_an_event() {
    let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
    let script = || ScriptedProvider::new().step("ü", 1, 2).warning(partial, "w").finish(partial);
    let cases = [
        ("usual", script(), true),
        ("early", script().done_early(), true),
        ("no event", script().null_event(), false),
        ("both", script().done_early().null_event(), false),
    ];
    let expected = [Call::progress("ü", 1, 2), Call::error(partial, "w"), Call::done(partial)];
    each(|foreign| {
        for (name, script, has_event) in &cases {
            let proxy = foreign.store(&script.to_com());
            let recorder = Recorder::new();
            let host = SyncHost::new(recorder.clone()).session(session());
            let run = host.start(&proxy, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
            assert_eq!(run.wait(TIMEOUT).unwrap(), partial, "{name}");
            assert_eq!(recorder.calls(), expected, "{name}");
            let event = recorder.calls().last().map(RecordedCall::has_event);
            assert_eq!(event, Some(*has_event), "{name}");
            wait_until(|| reference_count(&proxy) == 1);

            let outcome = outlook().session(session()).run(&proxy);
            assert_eq!(outcome.assert_status(partial).assert_no_leaks().calls(), expected);
        }
    });
}
