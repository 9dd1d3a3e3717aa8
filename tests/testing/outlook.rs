//! The stand-in for Outlook: its request and its outcome.

use crate::{session, spawns};
use mapisync::abi::MAPISIB;
use mapisync::testing::{Call, Counts, EventState, Method, Outlook, Recorder};
use mapisync::{HRESULT, SyncFlags};
use std::panic::catch_unwind;
use test_support::{callback_of, done, foreign_sync, outlook, store};

#[test]
fn the_request_is_that_of_outlook() {
    let (session, flags) = (session(), SyncFlags::UPLOAD_CONTENTS | SyncFlags::ON_DEMAND);
    let address = session.as_raw().addr();
    for (size, bytes) in [
        (None, size_of::<MAPISIB>()),
        (Some(4), 4),
        (Some(0x1_0000), 0x1_0000),
    ] {
        let sync = foreign_sync(move |psibpb| {
            let request = *psibpb;
            assert_eq!(
                (request.ulSize as usize, request.ulFlags),
                (bytes, flags.bits())
            );
            assert_eq!(request.psesSync.addr(), address);
            // SAFETY: the event handle location is valid during the call.
            assert!(unsafe { *request.phSyncDoneEvent }.is_null());
            let all = bytes.max(size_of::<MAPISIB>());
            // SAFETY: the structure is readable for the bytes that `ulSize` states.
            let rest = unsafe { std::slice::from_raw_parts(psibpb.as_ptr().cast::<u8>(), all) };
            assert!(rest[size_of::<MAPISIB>()..].iter().all(|byte| *byte == 0));
            done(&callback_of(psibpb), None, HRESULT::S_OK)
        });
        let mut outlook = outlook().flags(flags).session(session.clone());
        if let Some(size) = size {
            outlook = outlook.struct_size(size);
        }
        outlook.run(&sync).assert_ok();
    }
    let sync = spawns(|_| Ok(()));
    let refused = Outlook::new().struct_size(4).run(&sync);
    refused.assert_refused(HRESULT::E_INVALIDARG);
    assert_eq!(refused.event_time(), None);
    // SAFETY: the store is one of this crate.
    let outlook = unsafe { Outlook::new().without_event_location() };
    outlook
        .run(&sync)
        .assert_refused(HRESULT::E_INVALIDARG)
        .assert_no_leaks();
    let panics = catch_unwind(|| Outlook::new().struct_size(0x1_0001));
    assert!(panics.is_err());
}

#[test]
fn an_outcome_has_everything_that_is_known_about_a_run() {
    let sync = spawns(|job| {
        job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning");
        Ok(HRESULT::S_FALSE)
    });
    let outcome = outlook().session(session()).run(&sync);
    outcome.assert_status(HRESULT::S_FALSE).assert_no_leaks();
    assert_eq!(outcome.returned(), Some(HRESULT::S_OK));
    assert_eq!(outcome.status(), Some(HRESULT::S_FALSE));
    assert_eq!(outcome.event(), EventState::Signaled);
    let done = outcome.calls().last().unwrap().time();
    assert!(outcome.event_time().is_some_and(|time| time >= done));
    let one = Counts {
        before: 1,
        after: 1,
    };
    assert_eq!(outcome.store_count(), one);
    assert_eq!(
        (outcome.callback_count(), outcome.session_count()),
        (Some(one), Some(one))
    );
    assert_eq!(outcome.threads().len(), 1);
    assert!(!outcome.threads().contains(&outcome.outlook_thread()));
    let [warning, done] = outcome.calls() else {
        panic!("{outcome}");
    };
    assert!(Call::error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning") == *warning);
    assert_eq!(
        (warning.returned(), done.returned()),
        (Some(HRESULT::S_OK), Some(HRESULT::S_OK))
    );
    assert!(done.has_event() && !warning.has_event() && !done.event_was_signaled());
    assert!(warning.time() <= done.time() && warning.thread() == done.thread());

    // Without a callback, the run ends with its event.
    let outcome = outlook().without_callback().run(&sync);
    outcome.assert_ok().assert_no_leaks();
    assert_eq!((outcome.status(), outcome.callback_count()), (None, None));
    assert_eq!(outcome.event(), EventState::Signaled);

    // The recorder has all calls. An outcome has those of its run.
    let recorder = Recorder::new();
    let outlook = outlook().recorder(recorder.clone());
    let runs = [outlook.start(&sync), outlook.start(&sync)];
    for run in runs {
        assert_eq!(run.wait().assert_status(HRESULT::S_FALSE).calls().len(), 2);
    }
    assert_eq!(recorder.calls().len(), 4);
}

#[test]
fn calls_print_as_a_table_and_in_one_line() {
    let sync = spawns(|job| {
        job.progress(Some("Receiving"), 0, 2)?;
        job.position(1, 2)
    });
    let recorder = Recorder::new().returns(Method::Progress, HRESULT(-9));
    let outcome = outlook().recorder(recorder.clone()).run(&sync);
    outcome.assert_canceled().assert_failed(HRESULT(-9), None);
    assert_eq!(
        format!("{:?}", outcome.calls()),
        "[Progress(\"Receiving\", 0, 2), Done(0xFFFFFFF7)]"
    );
    assert_eq!(
        format!("{recorder:?}"),
        format!("Recorder({:?})", outcome.calls())
    );
    let (call, outlook) = (&outcome.calls()[0], outcome.outlook_thread());
    let time = |n: usize| format!("{:.3} s", outcome.calls()[n].time().as_secs_f64());
    let line = "Progress(\"Receiving\", 0, 2) returned 0xFFFFFFF7";
    assert_eq!(
        call.to_string(),
        format!("{}, thread {}: {line}", time(0), call.thread())
    );
    let (thread, first, second) = (call.thread().to_string(), time(0), time(1));
    let expected = format!(
        "      time  thread  call                         returned
  {first:>8}  {thread:>6}  Progress(\"Receiving\", 0, 2)  0xFFFFFFF7
  {second:>8}  {thread:>6}  Done(0xFFFFFFF7)             S_OK
SynchronizeInBackground returned S_OK on thread {outlook}; the event was signaled after Done"
    );
    assert_eq!(outcome.to_string(), expected);

    let refused = Outlook::new().run(&store(|_| Err(HRESULT::E_FAIL.into())));
    refused.assert_refused(HRESULT::E_FAIL).assert_no_leaks();
    assert_eq!(refused.calls(), []);
    assert!(refused.to_string().contains("(no calls)"));
    assert!(refused.to_string().ends_with("there was no event"));
}
