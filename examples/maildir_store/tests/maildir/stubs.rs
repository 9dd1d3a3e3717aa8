//! Stubs: the headers of messages that are not here yet. A run completes them in place.

use crate::trees::*;
use mapisync::SyncFlags;

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
        ("new/7.host", "\u{1F}\u{8B}a\n\nb"), // compressed
    ];
    let headers = [
        ("cur/1.host,mapisync=header:2,S", "Subject: a\n\n"),
        ("cur/2.host,mapisync=header:2,S", "Subject: large\r\nX: y\r\n\r\n"),
        server[2],
        server[3],
        ("cur/5.host,mapisync=header:2,S", "\n"),
        server[5],
        server[6],
    ];
    // `GLOBAL_HEADERS` overrides `DOWNLOAD_CONTENTS`, and also works without it.
    for flags in [SyncFlags::GLOBAL_HEADERS, WHOLE | HEADERS] {
        assert_run(flags, &server, &[("/", "")], &headers);
    }
    // A mere header is never uploaded, even if the server no longer has the message.
    let trees = Trees::new(&[], &headers);
    trees.run(SyncFlags::UPLOAD_CONTENTS).assert_ok();
    let complete = expected(&[server[2], server[3], server[5], server[6]]);
    assert_eq!(mail(&trees.server), complete);
    // A header is completed under its present flags, which a mail reader may have changed.
    let (mut local, mut whole) = (headers, server);
    local[0].0 = "cur/1.host,mapisync=header:2,FS";
    whole[0].0 = "cur/1.host:2,FS";
    assert_run(BOTH, &server, &local, &whole);
}

#[test]
fn a_stub_has_no_sizes_and_they_come_back_on_completion() {
    let whole = &[("cur/1.host,S=16,W=19:2,S", MAIL), ("new/2.host,S=16", MAIL)];
    let [one, two] = ["cur/1.host,mapisync=header:2,S", "new/2.host,mapisync=header"];
    let stubs = &[(one, HEADER), (two, HEADER)];
    assert_run(HEADERS, whole, &[], stubs);
    assert_run(WHOLE, whole, stubs, whole);
}

#[test]
fn the_stubs_that_killed_runs_left_next_to_their_whole_message_are_removed() {
    let stub = ("cur/1.host,mapisync=header:2,S", HEADER);
    let another = ("new/1.host,mapisync=header", HEADER); // a finding of the fuzz target `maildir`
    let whole = ("cur/1.host:2,", MAIL);
    let server = &[("cur/1.host,S=16:2,", MAIL)];
    assert_run(WHOLE, server, &[stub, whole], &[whole]);
    assert_run(WHOLE, server, &[stub, another, whole], &[whole]);
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

/// The names are findings of the fuzz target `maildir`: a message's own name may contain the
/// mark of a stub, or nothing but the mark or the flags.
#[test]
fn a_message_whose_name_looks_like_a_stubs_keeps_its_name() {
    let messages = [
        ("cur/1,mapisync=headers.host:2,S", "0"),
        ("new/,mapisync=header2", "1"),
        ("cur/1s.host,mapisync=header3:2,", "2"),
        ("cur/1s.host:2,S", "3"),
        ("new/:2,S", MAIL),
    ];
    let local = ("cur/,mapisync=header", HEADER);
    let after = [&messages[..], &[local]].concat();
    for flags in [SyncFlags::GLOBAL_HEADERS, WHOLE] {
        assert_run(flags, &messages, &[local], &after);
    }
}

#[cfg(unix)]
#[test]
fn a_message_whose_name_cannot_mark_a_stub_arrives_complete() {
    let names =
        [".caf\u{E9}/new/1.\u{FF}.host", "cur/2.host:2,\u{FF}", "cur/3\u{FF},mapisync=header:2,S"];
    let messages = &names.map(|name| (name, MAIL));
    assert_run(HEADERS, messages, &[], messages);
    assert_run(WHOLE, messages, messages, messages);
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
