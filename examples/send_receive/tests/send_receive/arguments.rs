//! The arguments: trees, flags and switches, and the errors of wrong ones.

use crate::program::*;
use maildir_store::SAMPLE;
use std::fs;

#[test]
fn an_error_is_one_line_and_an_exit_code() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "").unwrap();
    let [root, gone, local, file] = ["", "gone", "local", "file"].map(|name| folder.path(name));
    let cases: &[(&[&str], i32, &str)] = &[
        (&[&gone, &local], 1, "SERVER_MAILDIR: "),
        (&[&gone, &local], 1, "gone: "),
        (&[&root, &local], 1, "not a Maildir"),
        (&[SAMPLE, &file], 1, "LOCAL_MAILDIR: "),
        (&[SAMPLE, SAMPLE], 1, "LOCAL_MAILDIR: "),
        (&["--store", &gone, &local], 1, "--store SERVER_MAILDIR: "),
        (&[SAMPLE, &local, "--flags=these-folders"], 1, "MAPI_E_NO_SUPPORT (0x80040102)"),
        // Wrong usage is explained in several lines.
        (&[SAMPLE], 64, "LOCAL_MAILDIR"),
        (&["--flags=everything"], 64, "the flags are upload-hierarchy, download-hierarchy"),
    ];
    for (arguments, exit, words) in cases {
        let ended = run(arguments);
        ended.assert_exit(*exit);
        let is_explained = *exit == 64 || ended.err.lines().count() == 1;
        assert!(is_explained && ended.err.contains(words), "{ended}");
        assert_eq!(ended.out, "", "{arguments:?}");
    }
    let help = run(&["--help"]);
    help.assert_exit(0).assert_out(&["SERVER_MAILDIR", "Ctrl-C"]);
}

#[test]
fn flags_select_the_parts_that_are_synchronized() {
    let folder = Folder::new();
    let local = &folder.path("local");
    for (flags, files) in [
        ("download-hierarchy", 11), // the markers of the subfolders
        ("download-contents,on-demand", SAMPLE_FILES),
    ] {
        run(&[SAMPLE, local, "--flags", flags]).assert_exit(0);
        assert_eq!(count(local), files, "{flags}");
    }
}

#[test]
fn switches_stand_for_flags_and_several_stores_run_concurrently() {
    let folder = Folder::new();
    let [anna, bert] = ["anna", "bert"].map(|name| folder.path(name));
    let copy = folder.create("copy", []);
    let stores = ["--store", SAMPLE, &anna, "--store", SAMPLE, &bert];
    let ended = run(&[&stores[..], &["--headers-only"]].concat());
    ended.assert_exit(0);
    assert_eq!(ended.err, "");
    for (name, tree) in [("anna", &anna), ("bert", &bert)] {
        ended.assert_out(&[
            &format!("{name}: Receiving Inbox: 10 of 10\n"),
            &format!("\n{name}\nStatus    S_OK (0x00000000): finished\nMessages  25 of 25\n"),
        ]);
        let mut stubs = test_support::walk(tree.as_ref());
        stubs.retain(|path| path.to_string_lossy().contains(",mapisync=header"));
        assert_eq!(stubs.len(), 24, "{name}: all but the empty message");
    }
    run(&[SAMPLE, &anna, "--download", "-q"]).assert_exit(0);
    assert_eq!(count(&anna), SAMPLE_FILES);
    // An upload copies all messages to an empty server.
    let ended = run(&[&copy, &anna, "--upload"]);
    ended.assert_exit(0).assert_out(&["\nSending Inbox: 10 of 10\n"]);
    assert_eq!(count(&copy), SAMPLE_FILES);
}
