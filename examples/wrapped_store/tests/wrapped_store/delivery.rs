//! A run, as Outlook starts it at Send/Receive: what arrives in the inner store.

use crate::stand_in::host::Host;
use crate::stand_in::store::{Saved, Value, Values};
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Outlook};
use mapisync::{ComPtr, HRESULT, SyncFlags};
use std::fs;
use wrapped_store32::mapi::*;
use wrapped_store32::settings::{PR_MAILDIR, PR_STATE_FILE};

pub const NONE: [&str; 0] = [];

/// A message with parts in two types, and its addresses and texts encoded.
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
    --x\nContent-Type: text/plain; charset=iso-8859-1\n\
    Content-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n\
    --x\nContent-Type: text/html; charset=utf-8\n\n<b>Grüße</b>\n--x--\n";

/// A message with an attachment.
const ATTACHED: &str = "Subject: attached\n\
    Content-Type: multipart/mixed; boundary=x\n\
    \n\
    --x\n\nText\n\
    --x\nContent-Disposition: attachment; filename=a.bin\n\
    Content-Type: application/octet-stream\n\n123\n--x--\n";

/// Returns a small message with this Message-ID, which is also its subject.
pub fn mail(id: &str) -> String {
    format!("Message-ID: <{id}>\nFrom: a@example.org\nTo: b@example.org\nSubject: {id}\n\nText\n")
}

/// Creates a host, in whose Maildir these messages are new.
pub fn host_with(ids: &[&str]) -> Host {
    let host = Host::new();
    for id in ids {
        host.mail(&format!("new/{id}"), &mail(id));
    }
    host
}

/// Returns the subjects of the messages that have been saved since the last call.
pub fn subjects(host: &Host) -> Vec<String> {
    let subject = |message: Saved| match &message.properties[&PR_SUBJECT_W] {
        Value::Text(subject) => subject.clone(),
        other => panic!("{other:?}"),
    };
    host.messages().into_iter().map(subject).collect()
}

/// Runs a synchronization that must complete with `S_OK`.
pub fn run(sync: &ComPtr<IMAPISync>) {
    Outlook::new().run(sync).assert_ok().assert_no_leaks();
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

/// Returns a point in time as MAPI has it.
fn time(seconds_since_1970: u64) -> Value {
    Value::Time((seconds_since_1970 + 11_644_473_600) * 10_000_000)
}

#[test]
fn a_message_arrives_with_exactly_these_properties() {
    let host = Host::new();
    host.mail("cur/1770110430.M1P1.host:2,FS", MAIL);
    let outcome = Outlook::new().run(&host.sync());
    outcome.assert_ok();
    let calls = [
        Call::progress("Opening the inbox", 0, 1),
        Call::progress("Receiving Inbox", 0, 1),
        Call::progress("Receiving Inbox", 1, 1),
        Call::done(HRESULT::S_OK),
    ];
    assert_eq!(outcome.calls(), calls);
    let (header, _) = MAIL.split_once("\n\n").unwrap();
    let header = format!("{header}\n\n");
    let jurgen = "jurgen@example.org";
    let person = |(kind, name, address)| {
        Values::from([
            (PR_RECIPIENT_TYPE, Value::Long(kind)),
            (PR_DISPLAY_NAME_W, text(name)),
            (PR_ADDRTYPE_W, text("SMTP")),
            (PR_EMAIL_ADDRESS_W, text(address)),
        ])
    };
    let recipients = [
        (MAPI_TO, "Anna", "anna@example.com"),
        (MAPI_TO, "bob@example.com", "bob@example.com"),
        (MAPI_CC, "Carla", "carla@example.com"),
        (MAPI_BCC, "dora@example.com", "dora@example.com"),
    ];
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
            (PR_SENT_REPRESENTING_EMAIL_ADDRESS_W, text(jurgen)),
            (PR_INTERNET_MESSAGE_ID_W, text("<one@example.org>")),
            (PR_TRANSPORT_MESSAGE_HEADERS_W, text(&header)),
            (PR_BODY_W, text("Grüße")),
            (PR_INTERNET_CPID, Value::Long(65001)),
            (PR_HTML, Value::Binary("<b>Grüße</b>".into())),
        ]),
        recipients: recipients.map(person).into(),
    };
    assert_eq!(host.messages(), [expected]);
    let calls = host.calls();
    let first = calls.iter().position(|call| call.starts_with("GetReceive"));
    let expected = [
        "GetReceiveFolder(IPM.Note, 0)",
        "OpenEntry(0002030C-0000-0000-C000-000000000046, 1)",
        "CreateMessage(0)",
        "SetProps(16)",
        "ModifyRecipients(4)",
        "SaveChanges(0)",
    ];
    assert_eq!(calls[first.unwrap()..], expected);
}

#[test]
fn nothing_is_delivered_twice() {
    let host = Host::new();
    host.mail("new/2", &mail("b"));
    host.mail("new/2-again", &mail("b"));
    let moved = host.mail("new/1", &mail("a"));
    let sync = host.sync();
    run(&sync);
    assert_eq!(subjects(&host), ["a", "b"], "the oldest first");
    run(&sync);
    assert_eq!(subjects(&host), NONE);
    // A mail reader moves one, another program delivers one of the same Message-ID, and one is new.
    // The next run is in a new session.
    fs::remove_file(moved).unwrap();
    for (name, id) in [("cur/1:2,S", "a"), ("new/3", "b"), ("new/4", "c")] {
        host.mail(name, &mail(id));
    }
    run(&host.sync());
    assert_eq!(subjects(&host), ["c"]);
    let path = host.folder.path().join("state");
    let state = fs::read_to_string(&path).unwrap();
    let first = "file 1\nid a\nfile 2\nid b\nfile 2-again\n";
    assert_eq!(state, format!("{first}file 3\nfile 4\nid c\n"));
    // A line that was cut off does not become the beginning of the next one.
    fs::write(&path, &state[..state.len() - 1]).unwrap();
    host.mail("new/5", &mail("d"));
    run(&sync);
    assert_eq!(subjects(&host), ["d"]);
    let state = fs::read_to_string(path).unwrap();
    assert!(state.ends_with("\nid c\nfile 5\nid d\n"), "{state}");
}

#[test]
fn a_message_that_cannot_be_parsed_arrives_as_it_is_with_a_warning() {
    let host = Host::new();
    host.mail("new/1", "");
    host.mail("new/2", ATTACHED);
    let outcome = Outlook::new().run(&host.sync());
    outcome.assert_ok().assert_no_leaks();
    let calls = outcome.calls().iter().map(|call| call.call().clone());
    let warnings = calls.filter(|call| matches!(call, Call::Error(..)));
    let warning = |message| Call::error(HRESULT::MAPI_W_ERRORS_RETURNED, message);
    let expected = [
        warning("1: it cannot be parsed and is delivered as it is"),
        warning("«attached»: its attachments (1) are left out"),
    ];
    assert_eq!(warnings.collect::<Vec<_>>(), expected);
    let [empty, attached] = &host.messages()[..] else { panic!("{outcome}") };
    let expected = Values::from([
        (PR_MESSAGE_CLASS_W, text("IPM.Note")),
        (PR_MESSAGE_FLAGS, Value::Long(0)),
        (PR_MESSAGE_DELIVERY_TIME, time(1)),
        (PR_TRANSPORT_MESSAGE_HEADERS_W, text("")),
        (PR_BODY_W, text("")),
    ]);
    assert_eq!(empty.properties, expected);
    assert_eq!(attached.properties[&PR_SUBJECT_W], text("attached"));
    assert_eq!(attached.properties[&PR_BODY_W], text("Text"));
}

#[test]
fn the_sample_mailbox_arrives() {
    let host = Host::new();
    host.set(PR_MAILDIR, Some(maildir_store::SAMPLE));
    run(&host.sync());
    let found = host.messages();
    let count =
        |is: &dyn Fn(&Values) -> bool| found.iter().filter(|one| is(&one.properties)).count();
    let read = Value::Long(MSGFLAG_READ);
    let is_read = |properties: &Values| properties[&PR_MESSAGE_FLAGS] == read;
    let has_id = |properties: &Values| properties.contains_key(&PR_INTERNET_MESSAGE_ID_W);
    assert_eq!((found.len(), count(&is_read), count(&has_id)), (10, 6, 9));
}

#[test]
fn the_state_file_is_next_to_the_pst_by_default() {
    let host = Host::new();
    host.set(PR_STATE_FILE, None);
    let pst = host.folder.path().join("local.pst");
    host.set(PR_PST_PATH, pst.to_str());
    run(&host.sync());
    assert!(host.folder.path().join("local.pst.mapisync").exists());
}

#[test]
fn a_request_that_downloads_nothing_ends_at_once() {
    let host = host_with(&["a"]);
    let outlook = Outlook::new().flags(SyncFlags::UPLOAD_CONTENTS);
    let outcome = outlook.run(&host.sync());
    outcome.assert_ok().assert_no_leaks();
    assert_eq!(outcome.calls(), [Call::done(HRESULT::S_OK)]);
    assert_eq!(subjects(&host), NONE);
}
