//! Stubs: the headers of messages that are not here yet. A run completes them in place.

use crate::trees::*;
use mapisync::SyncFlags;
use mapisync::testing::Call;
use std::fs;

#[test]
fn headers_arrive_alone_and_are_completed_in_place() {
    let large = format!("Subject: large\r\nX: y\r\n\r\n{}", "x".repeat(200_000));
    let server = [
        ("cur/1.host:2,S", "Subject: a\n\nbody\n\nmore"),
        ("cur/2.host:2,S", &large),
        ("cur/3.host:2,S", "no header end\nat all"),
        ("cur/4.host:2,S", ""),
        ("cur/5.host:2,S", "\nonly a body"),
        ("cur/6.host:2,S", "Subject: \u{FF}\0\n\n"),
    ];
    let headers = [
        ("cur/1.host,mapisync=header:2,S", "Subject: a\n\n"),
        (
            "cur/2.host,mapisync=header:2,S",
            "Subject: large\r\nX: y\r\n\r\n",
        ),
        server[2],
        server[3],
        ("cur/5.host,mapisync=header:2,S", "\n"),
        server[5],
    ];
    let trees = Trees::new(&server, &[]);
    // `GLOBAL_HEADERS` overrides `DOWNLOAD_CONTENTS`, and also works without it.
    for flags in [SyncFlags::GLOBAL_HEADERS, WHOLE | SyncFlags::GLOBAL_HEADERS] {
        trees.run(flags).assert_ok();
        trees.assert_local(&headers);
    }
    // A mere header is never uploaded, even if the server no longer has the message.
    let mut other = Trees::new(&[], &[]);
    other.local = trees.local.clone();
    other.run(SyncFlags::UPLOAD_CONTENTS).assert_ok();
    assert_eq!(
        mail(&other.server),
        expected(&[server[2], server[3], server[5]])
    );
    // A header is completed under its present flags, which a mail reader may have changed.
    let path = |path| trees.local.join(native(path));
    let renamed = path("cur/1.host,mapisync=header:2,FS");
    fs::rename(path("cur/1.host,mapisync=header:2,S"), renamed).unwrap();
    let outcome = trees.run(BOTH);
    outcome.assert_ok();
    for call in outcome.calls() {
        let is_sent = |step: &str| step.starts_with("Sending");
        let sends = matches!(call.call(), Call::Progress(Some(step), ..) if is_sent(step));
        assert!(!sends, "{outcome}");
    }
    assert_eq!(mail(&trees.server), expected(&server));
    let mut whole = server;
    whole[0].0 = "cur/1.host:2,FS";
    trees.assert_local(&whole);
}

#[test]
fn a_stub_has_no_sizes_and_they_come_back_on_completion() {
    let whole = [
        ("cur/1.host,S=16,W=19:2,S", MAIL),
        ("new/2.host,S=16", MAIL),
    ];
    let trees = Trees::new(&whole, &[]);
    for _ in 0..2 {
        trees.run(HEADERS).assert_ok();
        trees.assert_local(&[
            ("cur/1.host,mapisync=header:2,S", HEADER),
            ("new/2.host,mapisync=header", HEADER),
        ]);
    }
    trees.run(WHOLE).assert_ok();
    trees.assert_local(&whole);
}

#[test]
fn a_stub_that_a_killed_run_left_next_to_its_whole_message_is_removed() {
    let whole = ("cur/1.host:2,", MAIL);
    let local = [("cur/1.host,mapisync=header:2,S", HEADER), whole];
    let trees = Trees::new(&[("cur/1.host,S=16:2,", MAIL)], &local);
    trees.run(WHOLE).assert_ok();
    trees.assert_local(&[whole]);
}

#[test]
fn a_name_too_long_for_a_stub_is_fetched_whole() {
    let trees = Trees::new(&[], &[]);
    for length in [230, 239, 240, 255] {
        write(&trees.server, &format!("new/{}", "1".repeat(length)), MAIL);
    }
    trees.run(HEADERS).assert_ok();
    let mut files = mail(&trees.local);
    files.retain(|_, content| content == HEADER);
    // A file name has at most 255 bytes, of which the mark takes 16.
    assert_eq!(files.len(), 2);
    trees.run(WHOLE).assert_ok();
    trees.assert_equal();
}

#[test]
fn a_compressed_message_is_fetched_whole() {
    let gzip = [("new/1.host", "\u{1F}\u{8B}a\n\nb")];
    let trees = Trees::new(&gzip, &[]);
    trees.run(HEADERS).assert_ok();
    trees.assert_local(&gzip);
}

/// The names are findings of the fuzzer `fuzz/src/maildir`: a message's own name may contain the
/// mark of a stub.
#[test]
fn a_message_whose_name_looks_like_a_stubs_keeps_its_name() {
    let messages = [
        ("cur/1,mapisync=headers.host:2,S", "0"),
        ("new/,mapisync=header2", "1"),
        ("cur/1s.host,mapisync=header3:2,", "2"),
        ("cur/1s.host:2,S", "3"),
    ];
    let trees = Trees::new(&messages, &[]);
    for copied in ["4 messages, 4 B", "0 messages, 0 B"] {
        let outcome = trees.run(WHOLE);
        outcome.assert_ok();
        assert_eq!(summary(&outcome), copied);
        trees.assert_local(&messages);
    }
}

#[cfg(unix)]
#[test]
fn a_message_whose_name_cannot_mark_a_stub_arrives_complete() {
    let messages = [
        ("new/1.\u{FF}.host", MAIL),
        ("cur/2.host:2,\u{FF}", MAIL),
        ("cur/3\u{FF},mapisync=header:2,S", MAIL),
    ];
    let trees = Trees::new(&messages, &[]);
    trees.run(HEADERS).assert_ok();
    trees.assert_local(&messages); // the store could not complete a stub later
    assert_eq!(summary(&trees.run(WHOLE)), "0 messages, 0 B");
}

#[test]
fn a_name_of_flags_only_or_of_the_mark_only_is_not_a_stubs() {
    let message = ("new/:2,S", MAIL);
    let mark = ("cur/,mapisync=header", HEADER);
    let trees = Trees::new(&[message], &[mark]);
    for flags in [SyncFlags::GLOBAL_HEADERS, WHOLE] {
        trees.run(flags).assert_ok();
        trees.assert_local(&[message, mark]);
    }
}

#[cfg(unix)]
#[test]
fn a_stub_that_is_a_broken_link_is_completed() {
    let trees = Trees::new(&[("new/1.host", MAIL)], &[("/", "")]);
    let stub = trees.local.join("cur/1.host,mapisync=header:2,S");
    std::os::unix::fs::symlink("nowhere", stub).unwrap();
    trees.run(WHOLE).assert_ok();
    trees.assert_local(&[("cur/1.host:2,S", MAIL)]);
}
