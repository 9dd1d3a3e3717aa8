//! Trees and folders that are not complete: some were begun by a killed run, and some are none.

use crate::trees::*;
use maildir_store::Store;
use mapisync::SyncFlags;
use std::fs;

#[test]
fn a_path_that_is_not_a_maildir_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    make(&path("good"));
    fs::create_dir_all(path("half/cur")).unwrap();
    fs::create_dir_all(path("empty/tmp")).unwrap();
    fs::write(path("file"), "x").unwrap();
    for (server, local, culprit) in [
        ("missing", "new", "missing"),
        ("file", "new", "file: not a Maildir with cur, new and tmp"),
        ("empty", "new", "empty: not a Maildir with cur, new and tmp"),
        ("good", "half", "half: not a Maildir"),
        ("good", "file", "file: not a Maildir"),
    ] {
        let store = Store::open(&path(server), &path(local));
        let error = store.err().unwrap().to_string();
        assert!(error.contains(culprit) && !error.contains('\n'), "{error}");
        assert!(!path("new").exists(), "{server}: nothing is created");
    }
}

#[test]
fn a_tree_or_a_folder_that_a_killed_run_began_is_completed() {
    for begun in [
        &["tmp"][..],
        &["tmp", "new"],
        &["tmp", "new", "cur", ".A/tmp", ".B/tmp", ".B/new", ".B/cur"],
    ] {
        let trees = Trees::new(&[("new/1", "1"), (".A/new/2", "2"), (".B/", "")], &[]);
        for sub in begun {
            fs::create_dir_all(trees.local.join(sub)).unwrap();
        }
        trees.run(WHOLE).assert_ok();
        trees.assert_equal();
        for folder in [".A", ".B"] {
            let marker = trees.local.join(folder).join("maildirfolder");
            assert!(marker.exists(), "{begun:?}: {folder}");
        }
    }
}

#[test]
fn a_source_folder_without_its_empty_directories_is_read() {
    let messages =
        [("cur/1.host:2,S", MAIL), (".Cur/cur/2.host:2,S", MAIL), (".New/new/3.host", MAIL)];
    let trees = Trees::new(&messages, &[]);
    for lacking in ["tmp", "new", ".Cur/tmp", ".Cur/new", ".New/tmp", ".New/cur"] {
        fs::remove_dir(trees.server.join(lacking)).unwrap();
    }
    fs::create_dir(trees.server.join(".Empty")).unwrap();
    fs::write(trees.server.join(".Empty/maildirfolder"), "").unwrap();
    trees.run(WHOLE).assert_ok();
    trees.assert_local(&messages);
    assert!(trees.local.join(".Empty/cur").is_dir());
    // An upload creates what it needs.
    write(&trees.local, "new/4.host", MAIL);
    write(&trees.local, ".Cur/new/5.host", MAIL);
    trees.run(SyncFlags::UPLOAD_CONTENTS).assert_ok();
    trees.assert_equal();
}
