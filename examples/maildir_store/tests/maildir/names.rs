//! The names of messages and folders, as mail programs write and change them.

use crate::trees::*;
use mapisync::testing::Call;
use std::fs;

#[test]
fn sizes_that_dovecot_adds_or_corrects_do_not_double_a_message() {
    let server = &[("cur/1.host:2,S", MAIL), ("cur/2.host,S=1:2,S", MAIL)];
    let [one, two] = ["cur/1.host,S=16,W=19:2,S", "cur/2.host,S=16:2,S"];
    let local = &[(one, MAIL), (two, MAIL)];
    assert_run(BOTH, server, local, local);
}

#[test]
fn every_form_of_the_separator_is_understood() {
    let [one, two] = [("cur/1.host!2,RS", MAIL), ("cur/2.host!2,RS", MAIL)];
    let server = ["cur/1.host!2,S", "cur/2.host;2,S", "cur/3.host!2,"];
    let server = server.map(|path| (path, MAIL));
    assert_run(BOTH, &server, &[one, two], &[one, two, ("cur/3.host:2,", MAIL)]);
}

#[test]
fn two_messages_with_one_name_are_never_a_success() {
    let server = [
        ("cur/1.host:2,", "A"),
        ("cur/1.host:2,FS", "B"),
        ("new/2.host", "C"),
        ("cur/2.host:2,S", "D"),
        ("cur/3.host,S=1:2,S", "E"),
        ("cur/3.host,S=2:2,S", "FF"),
        // The same bytes are one message: a program that moves a message links it first.
        ("new/4.host", "G"),
        ("cur/4.host:2,S", "G"),
    ];
    let trees = Trees::new(&server, &[]);
    for _ in 0..2 {
        let words = "another message has the same name";
        assert_left_out(&trees.run(WHOLE), &[words; 3]);
        assert_eq!(mail(&trees.local).len(), 4);
    }
}

#[test]
fn keywords_are_translated_and_never_copied_as_letters() {
    let messages =
        [("cur/1.host:2,Sab", MAIL), (".A/cur/2.host:2,RSa", MAIL), ("cur/3.host:2,Sb", "\n")];
    let trees = Trees::new(&messages, &[("/", "")]);
    for (tree, keywords) in
        [(&trees.server, "0 $Forwarded\n1 Junk\n"), (&trees.local, "0 Junk\n1 Other\n")]
    {
        fs::write(tree.join("dovecot-keywords"), keywords).unwrap();
    }
    trees.run(HEADERS).assert_ok();
    trees.assert_local(&[
        ("cur/1.host,mapisync=header:2,Sa", HEADER),
        (".A/cur/2.host,mapisync=header:2,RS", HEADER),
        ("cur/3.host:2,Sa", "\n"),
    ]);
    trees.run(WHOLE).assert_ok();
    trees.assert_local(&[
        ("cur/1.host:2,Sa", MAIL),
        (".A/cur/2.host:2,RS", MAIL),
        ("cur/3.host:2,Sa", "\n"),
    ]);
}

#[test]
fn folders_that_look_alike_are_counted_apart() {
    let folders = [
        ("", "Inbox", 4),
        (".Inbox/", "Inbox (.Inbox)", 1),
        (".A.B/", "A/B (.A.B)", 2),
        (".A&AC8-B/", "A/B", 3),
    ];
    let trees = Trees::new(&[], &[]);
    for (folder, _, count) in folders {
        for n in 0..count {
            write(&trees.server, &format!("{folder}new/{n}.host"), MAIL);
        }
    }
    let outcome = trees.run(WHOLE);
    outcome.assert_ok();
    for (_, label, count) in folders {
        let step = format!("Receiving {label}");
        assert_called(&outcome, Call::progress(step, count, count));
    }
}
