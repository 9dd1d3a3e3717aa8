//! Stores in C and C++ that keep the protocol without code of this crate, under `SyncHost` and the
//! stand-in for Outlook.

use crate::{assert_broken, conformance, each, report, session};
use mapisync::abi::{IMAPISync, MAPISIB};
use mapisync::testing::{Call, Method, RecordedCall, Recorder, reference_count};
use mapisync::{ComPtr, ComRef, DoneEvent, HRESULT, SyncFlags, SyncHost};
use mapisync_interop_cpp::ForeignLibrary;
use std::ptr;
use std::sync::{Arc, Mutex};
use test_support::{TIMEOUT, outlook, wait_until};

/// The store creates no event, and passes none.
const NO_EVENT: u32 = 1;
/// The store calls Done before SynchronizeInBackground returns.
const DONE_BEFORE_RETURN: u32 = 2;

/// The requests that a store received, as C reads them, and the codes that the callback returned.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<(Vec<[u64; 5]>, Vec<HRESULT>)>>);

/// Returns a store whose method returns `code`, and which passes `status` to Done.
fn store(
    foreign: &ForeignLibrary,
    code: HRESULT,
    status: HRESULT,
    options: u32,
    log: &Log,
) -> ComPtr<IMAPISync> {
    let (library, log) = (foreign.clone(), log.clone());
    foreign.store(move |request| {
        if request.is_null() {
            return HRESULT::E_POINTER;
        }
        // SAFETY: a host must pass NULL or a valid request, with a callback that is alive during the
        // call.
        let (fields, unknown) = unsafe {
            (
                library.fields(request),
                ComRef::from_raw((*request).punkCallBack),
            )
        };
        if fields[4] == 0 {
            return HRESULT::E_INVALIDARG;
        }
        log.0.lock().unwrap().0.push(fields);
        if code.is_err() {
            return code;
        }
        let callback = match unknown.map(|unknown| unknown.cast()) {
            Some(Ok(callback)) => Some(callback),
            Some(Err(error)) => return error.hresult(),
            None => None,
        };
        let (event, owner) = test_support::event_pair();
        let event = (options & NO_EVENT == 0).then_some(event);
        let handle = event.as_ref().map_or(ptr::null_mut(), DoneEvent::as_raw);
        // SAFETY: the event handle location is valid during the call.
        unsafe { (*request).phSyncDoneEvent.write(handle) };
        let (library, log) = (library.clone(), log.clone());
        let run = move || {
            if let Some(callback) = callback {
                let mut codes = library.report(&callback).to_vec();
                let event = event.map_or(ptr::null_mut(), DoneEvent::into_raw);
                // SAFETY: the run owns the event.
                codes.push(unsafe { library.done(&callback, event, status) });
                log.0.lock().unwrap().1 = codes;
            }
            drop(owner); // signals the event
        };
        if options & DONE_BEFORE_RETURN != 0 {
            run();
        } else {
            std::thread::spawn(run);
        }
        code
    })
}

#[test]
fn a_foreign_store_under_the_rust_host() {
    let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
    let cancel = HRESULT::MAPI_E_USER_CANCEL;
    let cases = [
        (HRESULT::S_OK, 0, HRESULT::S_OK),
        (partial, 0, cancel),
        (partial, DONE_BEFORE_RETURN, HRESULT::S_OK),
        (cancel, NO_EVENT, HRESULT::S_OK),
        (HRESULT::S_OK, NO_EVENT | DONE_BEFORE_RETURN, cancel),
    ];
    each(|foreign| {
        for (status, options, progress) in cases {
            let log = Log::default();
            let foreign_store = store(foreign, HRESULT::S_FALSE, status, options, &log);
            let recorder = Arc::new(Recorder::new().returns(Method::Progress, progress));
            let session = session();
            let host = SyncHost::new(recorder.clone()).session(session.clone());
            let flags = SyncFlags::DOWNLOAD_CONTENTS | SyncFlags::from_bits_retain(0x8000_0004);
            let run = host.start(&foreign_store, flags).unwrap();
            assert_eq!(run.wait(TIMEOUT).unwrap(), status);
            drop((run, host));

            let calls = recorder.calls();
            assert_eq!(calls, [&report()[..], &[Call::done(status)]].concat());
            let has_event = calls.last().map(RecordedCall::has_event);
            assert_eq!(has_event, Some(options & NO_EVENT == 0));
            // The thread may release the callback after Done.
            wait_until(|| Arc::strong_count(&recorder) == 1);
            assert_eq!(
                (reference_count(&session), reference_count(&foreign_store)),
                (1, 1)
            );
            let (requests, codes) = log.0.lock().unwrap().clone();
            let [[size, flags, passed_session, callback, location]] = requests[..] else {
                panic!("one request: {requests:X?}")
            };
            assert_eq!((size, flags), (size_of::<MAPISIB>() as u64, 0x8000_0084));
            assert_eq!(passed_session, session.as_raw().addr() as u64);
            assert!(callback != 0 && location != 0);
            assert_eq!(codes[..4], [progress; 4]);
            assert_eq!(codes[4..], [HRESULT::S_OK; 3]);
        }
        assert_eq!(foreign.destroyed.drops(), cases.len());
    });
}

#[test]
fn a_foreign_store_under_the_stand_in_for_outlook() {
    each(|foreign| {
        let status = HRESULT::MAPI_W_PARTIAL_COMPLETION;
        for options in [0, DONE_BEFORE_RETURN, NO_EVENT | DONE_BEFORE_RETURN] {
            let outlook = outlook().session(session());
            let log = Log::default();
            let outcome = outlook.run(&store(foreign, HRESULT::S_FALSE, status, options, &log));
            outcome.assert_status(status).assert_no_leaks();
            assert_eq!(
                outcome.calls(),
                [&report()[..], &[Call::done(status)]].concat()
            );
        }
        let busy = HRESULT::MAPI_E_BUSY;
        let refusing = store(foreign, busy, status, 0, &Log::default());
        outlook()
            .run(&refusing)
            .assert_refused(busy)
            .assert_no_leaks();
        let refused = SyncHost::new(Recorder::new()).start(&refusing, SyncFlags::empty());
        assert_eq!(test_support::code(refused), busy);
    });
}

/// The stores do not look at `ulSize`. They report a step beyond the maximum deliberately, because
/// the tests compare arguments with all bits.
#[test]
fn foreign_stores_break_no_other_rule() {
    let ok = HRESULT::S_OK;
    let cases = [
        (ok, ok, 0, &["index-within-max", "short-size"][..]),
        (
            ok,
            ok,
            DONE_BEFORE_RETURN,
            &["index-within-max", "in-background", "short-size"],
        ),
        (
            ok,
            ok,
            NO_EVENT,
            &["event-returned", "index-within-max", "short-size"],
        ),
        (HRESULT::MAPI_E_BUSY, ok, 0, &[]),
    ];
    each(|foreign| {
        for (code, status, options, broken) in cases {
            let store = store(foreign, code, status, options, &Log::default());
            // The store reads the request without a check.
            let conformance = crate::Conformance::new()
                .timeout(TIMEOUT)
                .iid(crate::MSG_STORE);
            assert_broken(&conformance.check_provider(&store), broken);
            assert_broken(&crate::conformance().check_unknown(&store), &[]);
        }
    });
    let _ = conformance;
}
