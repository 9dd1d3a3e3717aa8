//! A run, as Outlook starts it at Send/Receive: what arrives in the inner store, and what happens if
//! something fails.

mod stand_in;

use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Outlook, Recorder};
use mapisync::{ComPtr, HRESULT, SyncFlags};
use stand_in::host::Host;
use stand_in::store::{Saved, Value, Values};
use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wrapped_store32::mapi::*;
use wrapped_store32::settings::{PR_MAILDIR, PR_STATE_FILE};

const MAIL: &str = "Message-ID: <one@example.org>\n\
    Date: Tue, 3 Feb 2026 10:20:30 +0100\n\
    From: =?utf-8?q?J=C3=BCrgen?= <jurgen@example.org>\n\
    Sender: list@example.org\n\
    To: Anna <anna@example.com>, bob@example.com\n\
    Cc: Group: Carla <carla@example.com>;\n\
    Bcc: dora@example.com\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\
    MIME-Version: 1.0\n\
    Content-Type: multipart/alternative; boundary=x\n\
    \n\
    --x\n\
    Content-Type: text/plain; charset=iso-8859-1\n\
    Content-Transfer-Encoding: quoted-printable\n\
    \n\
    Gr=FC=DFe\n\
    --x\n\
    Content-Type: text/html; charset=utf-8\n\
    \n\
    <b>Grüße</b>\n\
    --x--\n";

/// A small message with this Message-ID.
fn mail(id: &str) -> String {
    format!("Message-ID: <{id}>\nFrom: a@example.org\nTo: b@example.org\nSubject: {id}\n\nText\n")
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

/// Returns a point in time as MAPI has it.
fn time(seconds_since_1970: u64) -> Value {
    Value::Time((seconds_since_1970 + 11_644_473_600) * 10_000_000)
}

fn messages(host: &Host) -> Vec<Saved> {
    std::mem::take(&mut *host.state.messages.lock().unwrap())
}

/// Returns the subjects of the messages that have been saved since the last call.
fn subjects(host: &Host) -> Vec<String> {
    let subject = |message: Saved| match &message.properties[&PR_SUBJECT_W] {
        Value::Text(subject) => subject.clone(),
        other => panic!("{other:?}"),
    };
    messages(host).into_iter().map(subject).collect()
}

/// Runs a synchronization that must complete with `S_OK`.
fn run(sync: &ComPtr<IMAPISync>) {
    Outlook::new().run(sync).assert_ok().assert_no_leaks();
}

#[test]
fn a_message_arrives_with_exactly_these_properties() {
    let host = Host::new();
    host.mail("cur/1770110430.M1P1.host:2,FS", MAIL);
    let sync = host.sync();
    let outcome = Outlook::new().run(&sync);
    outcome.assert_ok().assert_no_leaks();
    assert_eq!(
        outcome.calls(),
        [
            Call::progress("Opening the inbox", 0, 1),
            Call::progress("Receiving Inbox", 0, 1),
            Call::progress("Receiving Inbox", 1, 1),
            Call::done(HRESULT::S_OK),
        ]
    );
    let (header, _) = MAIL.split_once("\n\n").unwrap();
    let person = |kind, name: &str, address: &str| {
        Values::from([
            (PR_RECIPIENT_TYPE, Value::Long(kind)),
            (PR_DISPLAY_NAME_W, text(name)),
            (PR_ADDRTYPE_W, text("SMTP")),
            (PR_EMAIL_ADDRESS_W, text(address)),
        ])
    };
    let expected = Saved {
        properties: Values::from([
            (PR_MESSAGE_CLASS_W, text("IPM.Note")),
            (PR_MESSAGE_FLAGS, Value::Long(MSGFLAG_READ)),
            (PR_MESSAGE_DELIVERY_TIME, time(1_770_110_430)),
            (PR_CLIENT_SUBMIT_TIME, time(1_770_110_430)),
            (PR_SUBJECT_W, text("Grüße")),
            (PR_SENDER_NAME_W, text("list@example.org")),
            (PR_SENDER_ADDRTYPE_W, text("SMTP")),
            (PR_SENDER_EMAIL_ADDRESS_W, text("list@example.org")),
            (PR_SENT_REPRESENTING_NAME_W, text("Jürgen")),
            (PR_SENT_REPRESENTING_ADDRTYPE_W, text("SMTP")),
            (
                PR_SENT_REPRESENTING_EMAIL_ADDRESS_W,
                text("jurgen@example.org"),
            ),
            (PR_INTERNET_MESSAGE_ID_W, text("<one@example.org>")),
            (
                PR_TRANSPORT_MESSAGE_HEADERS_W,
                text(&format!("{header}\n\n")),
            ),
            (PR_BODY_W, text("Grüße")),
            (PR_INTERNET_CPID, Value::Long(65001)),
            (PR_HTML, Value::Binary("<b>Grüße</b>".into())),
        ]),
        recipients: vec![
            person(MAPI_TO, "Anna", "anna@example.com"),
            person(MAPI_TO, "bob@example.com", "bob@example.com"),
            person(MAPI_CC, "Carla", "carla@example.com"),
            person(MAPI_BCC, "dora@example.com", "dora@example.com"),
        ],
    };
    assert_eq!(messages(&host), [expected]);
    let calls = host.calls();
    let calls: Vec<_> = calls
        .iter()
        .skip_while(|call| !call.starts_with("GetReceive"))
        .collect();
    assert_eq!(
        calls,
        [
            "GetReceiveFolder(IPM.Note, 0)",
            "OpenEntry(0002030C-0000-0000-C000-000000000046, 1)",
            "CreateMessage(0)",
            "SetProps(16)",
            "ModifyRecipients(4)",
            "SaveChanges(0)",
        ]
    );
    drop(sync);
    host.finish();
}

#[test]
fn nothing_is_delivered_twice() {
    let host = Host::new();
    host.mail("new/2", &mail("b"));
    let moved = host.mail("new/1", &mail("a"));
    let sync = host.sync();
    run(&sync);
    assert_eq!(subjects(&host), ["a", "b"], "the oldest first");
    run(&sync);
    assert_eq!(subjects(&host), [""; 0]);
    // A mail reader moves one, another program delivers one of the same Message-ID, and one is new.
    let read = moved.parent().unwrap().parent().unwrap().join("cur");
    fs::rename(
        &moved,
        read.join(if cfg!(windows) { "1;2,S" } else { "1:2,S" }),
    )
    .unwrap();
    host.mail("new/3", &mail("b"));
    host.mail("new/4", &mail("c"));
    drop(sync);
    let sync = host.sync(); // a new session
    run(&sync);
    assert_eq!(subjects(&host), ["c"]);
    let state = fs::read_to_string(host.folder.path().join("state")).unwrap();
    assert_eq!(state, "file 1\nid a\nfile 2\nid b\nfile 3\nfile 4\nid c\n");
    // A line that was cut off does not become the beginning of the next one.
    fs::write(host.folder.path().join("state"), &state[..state.len() - 1]).unwrap();
    host.mail("new/5", &mail("d"));
    run(&sync);
    assert_eq!(subjects(&host), ["d"]);
    let state = fs::read_to_string(host.folder.path().join("state")).unwrap();
    assert!(state.ends_with("\nid c\nfile 5\nid d\n"), "{state}");
    drop(sync);
    host.finish();
}

#[test]
fn two_messages_with_one_message_id_in_one_run_arrive_once() {
    let host = Host::new();
    host.mail("new/1", &mail("same"));
    host.mail("new/2", &mail("same"));
    let sync = host.sync();
    run(&sync);
    assert_eq!(subjects(&host), ["same"]);
    drop(sync);
    host.finish();
}

#[test]
fn a_message_that_cannot_be_parsed_arrives_as_it_is_with_a_warning() {
    let host = Host::new();
    host.mail("new/1", "");
    host.mail("new/2", &format!("{}Content-Type: multipart/mixed; boundary=x\n\n--x\n\nText\n--x\n\
        Content-Disposition: attachment; filename=a.bin\nContent-Type: application/octet-stream\n\n123\n--x--\n",
        "Subject: attached\n"));
    let sync = host.sync();
    let outcome = Outlook::new().run(&sync);
    outcome.assert_ok().assert_no_leaks();
    let warning = HRESULT::MAPI_W_ERRORS_RETURNED;
    let warnings: Vec<_> = outcome
        .calls()
        .iter()
        .filter(|call| matches!(call.call(), Call::Error(..)))
        .map(|call| call.call().clone())
        .collect();
    assert_eq!(
        warnings,
        [
            Call::error(warning, "1: it cannot be parsed and is delivered as it is"),
            Call::error(warning, "«attached»: its attachments (1) are left out"),
        ]
    );
    let found = messages(&host);
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[0].properties,
        Values::from([
            (PR_MESSAGE_CLASS_W, text("IPM.Note")),
            (PR_MESSAGE_FLAGS, Value::Long(0)),
            (PR_MESSAGE_DELIVERY_TIME, time(1)),
            (PR_TRANSPORT_MESSAGE_HEADERS_W, text("")),
            (PR_BODY_W, text("")),
        ])
    );
    assert_eq!(found[1].properties[&PR_SUBJECT_W], text("attached"));
    assert_eq!(found[1].properties[&PR_BODY_W], text("Text"));
    drop(sync);
    host.finish();
}

#[test]
fn the_sample_mailbox_arrives() {
    let host = Host::new();
    host.set(PR_MAILDIR, Some(maildir_store::SAMPLE));
    let sync = host.sync();
    let outcome = Outlook::new().run(&sync);
    outcome.assert_ok().assert_no_leaks();
    let found = messages(&host);
    assert_eq!(found.len(), 10);
    let read =
        |message: &&Saved| message.properties[&PR_MESSAGE_FLAGS] == Value::Long(MSGFLAG_READ);
    assert_eq!(found.iter().filter(read).count(), 6);
    let with_id = |message: &&Saved| message.properties.contains_key(&PR_INTERNET_MESSAGE_ID_W);
    assert_eq!(found.iter().filter(with_id).count(), 9);
    drop(sync);
    host.finish();
}

/// Each call of the inner store, and whether its failure ends the run or leaves out the messages.
const FAILURES: [(&str, bool); 7] = [
    ("GetReceiveFolder", true),
    ("OpenEntry", true),
    ("CreateMessage", false),
    ("SetProps", false),
    ("SetProps with a problem", false),
    ("ModifyRecipients", false),
    ("SaveChanges", false),
];

#[test]
fn a_failure_of_each_call_is_reported_and_the_next_run_completes() {
    for (failing, ends_the_run) in FAILURES {
        let host = Host::new();
        host.mail("new/1", &mail("a"));
        host.mail("new/2", &mail("b"));
        let sync = host.sync();
        let code = HRESULT::MAPI_E_NOT_ENOUGH_DISK;
        host.fail(Some((failing, code)));
        let outcome = Outlook::new().run(&sync);
        outcome.assert_no_leaks();
        let status = if ends_the_run {
            code
        } else {
            HRESULT::MAPI_W_PARTIAL_COMPLETION
        };
        assert_eq!(outcome.status(), Some(status), "{failing}");
        let errors = outcome
            .calls()
            .iter()
            .filter(|call| matches!(call.call(), Call::Error(reported, _) if *reported == code));
        assert_eq!(
            errors.count(),
            if ends_the_run { 1 } else { 2 },
            "{failing}"
        );
        assert_eq!(subjects(&host), [""; 0], "{failing}");
        host.fail(None);
        run(&sync);
        assert_eq!(subjects(&host), ["a", "b"], "{failing}");
        drop(sync);
        host.finish();
    }
}

#[test]
fn one_message_that_fails_does_not_hold_up_the_others() {
    let host = Host::new();
    for name in ["a", "b", "c"] {
        host.mail(&format!("new/{name}"), &mail(name));
    }
    let state = host.state.clone();
    let saves = Mutex::new(0);
    *host.state.hook.lock().unwrap() = Some(Arc::new(move |method| {
        let (mut saves, failure) = (
            saves.lock().unwrap(),
            ("SaveChanges", HRESULT::MAPI_E_DISK_ERROR),
        );
        *saves += u32::from(method == "SaveChanges");
        *state.failing.lock().unwrap() = (*saves == 2).then_some(failure);
    }));
    let sync = host.sync();
    let outcome = Outlook::new().run(&sync);
    assert_eq!(outcome.status(), Some(HRESULT::MAPI_W_PARTIAL_COMPLETION));
    let message = "«b»: it cannot be saved";
    assert!(
        outcome
            .calls()
            .iter()
            .any(|call| *call == Call::error(HRESULT::MAPI_E_DISK_ERROR, message))
    );
    assert_eq!(subjects(&host), ["a", "c"]);
    *host.state.hook.lock().unwrap() = None;
    host.fail(None);
    run(&sync);
    assert_eq!(subjects(&host), ["b"]);
    drop((outcome, sync));
    host.finish();
}

#[test]
fn a_canceled_run_keeps_what_it_has_delivered() {
    let host = Host::new();
    for name in ["a", "b", "c", "d"] {
        host.mail(&format!("new/{name}"), &mail(name));
    }
    let sync = host.sync();
    // The first report is 0: one for opening, then one before each message.
    let outcome = Outlook::new()
        .recorder(Recorder::new().cancel_at(3))
        .run(&sync);
    outcome.assert_no_leaks();
    assert_eq!(outcome.status(), Some(HRESULT::MAPI_E_USER_CANCEL));
    assert_eq!(subjects(&host), ["a", "b"]);
    run(&sync);
    assert_eq!(subjects(&host), ["c", "d"]);
    drop((outcome, sync));
    host.finish();
}

#[test]
fn a_store_without_a_maildir_says_so() {
    let host = Host::new();
    host.set(PR_MAILDIR, None);
    let sync = host.sync();
    let outcome = Outlook::new().run(&sync);
    outcome.assert_failed(HRESULT::MAPI_E_UNCONFIGURED, "the profile names no Maildir");
    drop((outcome, sync));
    host.finish();

    let host = Host::new();
    host.set(PR_MAILDIR, Some("/there/is/no/Maildir"));
    let sync = host.sync();
    let outcome = Outlook::new().run(&sync);
    assert_eq!(outcome.status(), Some(HRESULT::MAPI_E_NOT_FOUND));
    drop((outcome, sync));
    host.finish();
}

#[test]
fn the_state_file_is_next_to_the_pst_by_default() {
    let host = Host::new();
    host.set(PR_STATE_FILE, None);
    let pst = host.folder.path().join("local.pst");
    host.set(PR_PST_PATH, pst.to_str());
    let sync = host.sync();
    let outcome = Outlook::new().run(&sync);
    outcome.assert_ok();
    assert!(host.folder.path().join("local.pst.mapisync").exists());
    drop((outcome, sync));
    host.finish();
}

#[test]
fn a_request_that_downloads_nothing_ends_at_once() {
    let host = Host::new();
    host.mail("new/1", &mail("a"));
    let sync = host.sync();
    let outcome = Outlook::new().flags(SyncFlags::UPLOAD_CONTENTS).run(&sync);
    outcome.assert_ok().assert_no_leaks();
    assert_eq!(outcome.calls(), [Call::done(HRESULT::S_OK)]);
    assert_eq!(subjects(&host), [""; 0]);
    drop((outcome, sync));
    host.finish();
}

/// Blocks the run in the inner store's first `CreateMessage`. The first channel reports that it is
/// there, and the second releases it.
fn block(host: &Host) -> (Receiver<()>, Sender<()>) {
    let ((arrived, is_there), (release, released)) = (channel(), channel());
    let channels = Mutex::new(Some((arrived, released)));
    *host.state.hook.lock().unwrap() = Some(Arc::new(move |method| {
        if method == "CreateMessage" {
            if let Some((arrived, released)) = channels.lock().unwrap().take() {
                arrived.send(()).unwrap();
                let _ = released.recv_timeout(Duration::from_secs(10));
            }
        }
    }));
    (is_there, release)
}

#[test]
fn a_second_run_is_refused_while_one_is_in_progress() {
    let host = Host::new();
    host.mail("new/1", &mail("a"));
    let sync = host.sync();
    let (is_there, release) = block(&host);
    let first = Outlook::new().start(&sync);
    is_there.recv().unwrap();
    Outlook::new()
        .run(&sync)
        .assert_refused(HRESULT::MAPI_E_BUSY);
    release.send(()).unwrap();
    first.wait().assert_ok();
    assert_eq!(subjects(&host), ["a"]);
    run(&sync);
    drop(sync);
    host.finish();
}

#[test]
fn two_wrappers_of_one_store_do_not_deliver_at_the_same_time() {
    let host = Host::new();
    host.mail("new/1", &mail("a"));
    // MAPI logs on, and so does its spooler.
    let (sync, spooler) = (host.sync(), host.sync());
    let (is_there, release) = block(&host);
    let first = Outlook::new().start(&sync);
    is_there.recv().unwrap();
    let outcome = Outlook::new().run(&spooler);
    assert_eq!(outcome.status(), Some(HRESULT::MAPI_E_BUSY));
    release.send(()).unwrap();
    first.wait().assert_ok();
    run(&spooler);
    assert_eq!(subjects(&host), ["a"]);
    drop((outcome, sync, spooler));
    host.finish();
}

/// How a host ends its use of a store.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    StoreLogoff,
    LogoffWithoutWaiting,
    Shutdown,
    Release,
}

#[test]
fn the_end_of_a_session_stops_the_run() {
    for end in [
        End::StoreLogoff,
        End::LogoffWithoutWaiting,
        End::Shutdown,
        End::Release,
    ] {
        let host = Host::new();
        for name in ["a", "b", "c"] {
            host.mail(&format!("new/{name}"), &mail(name));
        }
        let store = host.log_on();
        let sync: ComPtr<IMAPISync> = store.cast().unwrap();
        let (is_there, release) = block(&host);
        let run = Outlook::new().start(&sync);
        is_there.recv().unwrap();
        host.calls();
        // The call waits for the run, so another thread lets it continue once it is canceled. Then
        // the store refuses other runs.
        let other = sync.clone();
        let releasing = std::thread::spawn(move || {
            if end == End::StoreLogoff || end == End::Shutdown {
                let refused = || Outlook::new().run(&other).returned();
                let is_stopped = (0..5000).any(|_| {
                    std::thread::sleep(Duration::from_millis(1));
                    refused() == Some(HRESULT::MAPI_E_OFFLINE)
                });
                assert!(is_stopped, "the store has not stopped");
                std::thread::sleep(Duration::from_millis(20));
                release.send(()).unwrap();
                None
            } else {
                Some(release)
            }
        });
        let mut flags = u32::from(end == End::LogoffWithoutWaiting); // LOGOFF_NO_WAIT
        match end {
            End::StoreLogoff | End::LogoffWithoutWaiting => {
                // SAFETY: the location is valid.
                let code = unsafe { store.StoreLogoff(&mut flags) };
                assert_eq!((code, flags), (HRESULT::S_OK, 0x0001_0000), "{end:?}");
            }
            End::Shutdown => {
                // SAFETY: the location is valid.
                let code = unsafe { host.provider.Shutdown(&mut flags) };
                assert_eq!(code, HRESULT::S_FALSE);
            }
            End::Release => {}
        }
        if let Some(release) = releasing.join().unwrap() {
            assert_eq!(subjects(&host), [""; 0], "{end:?}: it has not waited");
            if end == End::Release {
                // The run's own references keep the store object alive.
                drop((sync.clone(), store));
                release.send(()).unwrap();
                run.wait().assert_ok();
                assert_eq!(subjects(&host), ["a", "b", "c"]);
                drop(sync);
                host.finish();
                continue;
            }
            release.send(()).unwrap();
        } else {
            // The message in progress was completed before the call returned, and no other began.
            assert_eq!(subjects(&host), ["a"], "{end:?}");
            let calls = host.calls();
            let last = calls.last().unwrap();
            let expected = if end == End::Shutdown {
                "Shutdown(0)"
            } else {
                "StoreLogoff(0)"
            };
            assert_eq!(last, expected, "the inner store is called after the run");
        }
        let outcome = run.wait();
        assert_eq!(
            outcome.status(),
            Some(HRESULT::MAPI_E_USER_CANCEL),
            "{end:?}"
        );
        Outlook::new()
            .run(&sync)
            .assert_refused(HRESULT::MAPI_E_OFFLINE);
        drop((outcome, sync, store));
        host.finish();
    }
}
