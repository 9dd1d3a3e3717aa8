//! The stand-in for Outlook: its request and its outcome.

use crate::{OK, session, spawns, together};
use mapisync::abi::MAPISIB;
use mapisync::testing::{Call, Counts, EventState, Method, Outlook, Recorder};
use mapisync::{HRESULT, SyncFlags};
use std::panic::catch_unwind;
use std::sync::mpsc;
use test_support::{callback_of, done, foreign_sync, outlook, store};

#[test]
fn the_request_is_that_of_outlook() {
    let _together = together();
    let (session, flags) = (session(), SyncFlags::UPLOAD_CONTENTS | SyncFlags::ON_DEMAND);
    let address = session.as_raw().addr();
    let whole = size_of::<MAPISIB>();
    for (size, bytes) in [(None, whole), (Some(4), 4), (Some(0x1_0000), 0x1_0000)] {
        let (seen, requests) = mpsc::channel();
        let sync = foreign_sync(move |psibpb| {
            let bytes = whole.max(psibpb.ulSize as usize);
            // SAFETY: the event handle location is valid during the call. The structure is readable
            // for the bytes that `ulSize` states, and at least for its own.
            let (event, all) = unsafe {
                let all = std::slice::from_raw_parts(psibpb.as_ptr().cast::<u8>(), bytes);
                (*psibpb.phSyncDoneEvent, all)
            };
            let integers = (psibpb.ulSize as usize, psibpb.ulFlags);
            let has_zeros = event.is_null() && all[whole..].iter().all(|byte| *byte == 0);
            let sent = seen.send((integers, psibpb.psesSync.addr(), has_zeros));
            sent.map_or(HRESULT::E_FAIL, |()| done(&callback_of(psibpb), None, OK))
        });
        let mut outlook = outlook().flags(flags).session(session.clone());
        if let Some(size) = size {
            outlook = outlook.struct_size(size);
        }
        outlook.run(&sync).assert_ok();
        assert_eq!(requests.recv().unwrap(), ((bytes, flags.bits()), address, true));
    }
    let sync = spawns(|_| Ok(()));
    let refused = Outlook::new().struct_size(4).run(&sync);
    refused.assert_refused(HRESULT::E_INVALIDARG);
    assert_eq!(refused.event_time(), None);
    let panics = catch_unwind(|| Outlook::new().struct_size(0x1_0001));
    assert!(panics.is_err());
}

#[test]
fn an_outcome_has_everything_that_is_known_about_a_run() {
    let _together = together();
    let sync = spawns(|job| {
        job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning");
        Ok(HRESULT::S_FALSE)
    });
    let outcome = outlook().session(session()).run(&sync);
    outcome.assert_status(HRESULT::S_FALSE).assert_no_leaks();
    let codes = (outcome.returned(), outcome.status());
    assert_eq!(codes, (Some(OK), Some(HRESULT::S_FALSE)));
    assert_eq!(outcome.event(), EventState::Signaled);
    let (before, after) = (1, 1);
    let one = Counts { before, after };
    assert_eq!(outcome.store_count(), one);
    let counts = (outcome.callback_count(), outcome.session_count());
    assert_eq!(counts, (Some(one), Some(one)));
    assert_eq!(outcome.threads().len(), 1);
    assert!(!outcome.threads().contains(&outcome.outlook_thread()));
    let [warning, done] = outcome.calls() else {
        panic!("{outcome}");
    };
    assert!(Call::error(HRESULT::MAPI_W_ERRORS_RETURNED, "a warning") == *warning);
    assert_eq!((warning.returned(), done.returned()), (Some(OK), Some(OK)));
    assert!(done.has_event() && !warning.has_event() && !done.event_was_signaled());
    assert!(warning.time() <= done.time() && warning.thread() == done.thread());
    assert!(outcome.event_time().is_some_and(|time| time >= done.time()));

    // Without a callback, the run ends with its event.
    let outcome = outlook().without_callback().run(&sync);
    outcome.assert_ok().assert_no_leaks();
    assert_eq!((outcome.status(), outcome.callback_count()), (None, None));
    assert_eq!(outcome.event(), EventState::Signaled);

    // The recorder has all calls. An outcome has those of its run.
    let recorder = Recorder::new();
    let outlook = outlook().recorder(recorder.clone());
    for run in [outlook.start(&sync), outlook.start(&sync)] {
        assert_eq!(run.wait().assert_status(HRESULT::S_FALSE).calls().len(), 2);
    }
    assert_eq!(recorder.calls().len(), 4);
}

#[test]
fn calls_print_as_a_table_and_in_one_line() {
    let _together = together();
    let sync = spawns(|job| {
        job.progress(Some("Receiving"), 0, 2)?;
        job.position(1, 2)
    });
    let recorder = Recorder::new().returns(Method::Progress, HRESULT(-9));
    let outcome = outlook().recorder(recorder.clone()).run(&sync);
    outcome.assert_canceled().assert_failed(HRESULT(-9), None);
    let calls = r#"[Progress("Receiving", 0, 2), Done(0xFFFFFFF7)]"#;
    assert_eq!(format!("{:?}", outcome.calls()), calls);
    assert_eq!(format!("{recorder:?}"), format!("Recorder({calls})"));
    let (call, outlook) = (&outcome.calls()[0], outcome.outlook_thread());
    let time = |n: usize| format!("{:.3} s", outcome.calls()[n].time().as_secs_f64());
    let (thread, first, second) = (call.thread().to_string(), time(0), time(1));
    let line = r#"Progress("Receiving", 0, 2) returned 0xFFFFFFF7"#;
    assert_eq!(call.to_string(), format!("{first}, thread {thread}: {line}"));
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
    let table = refused.to_string();
    assert!(table.contains("(no calls)") && table.ends_with("there was no event"));
}
