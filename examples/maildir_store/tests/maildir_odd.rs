//! Findings of the fuzzer `maildir`: odd names and odd file types in the store's trees.

#![cfg(all(unix, not(miri)))]

mod support;

use mapisync::testing::{Call, RecordedCall};
use mapisync::{HRESULT, SyncFlags};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{make, synchronize, walk};
use tempfile::TempDir;

const WHOLE: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;
const HEADERS: SyncFlags = SyncFlags::GLOBAL_HEADERS;

/// Creates an empty server tree and an empty local tree.
fn trees() -> (TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    make(&server);
    make(&local);
    (dir, server, local)
}

/// Returns the files of a tree by their paths, without the lock file.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let relative = |path: &PathBuf| path.strip_prefix(root).unwrap().to_owned();
    let read = |path: PathBuf| (relative(&path), fs::read(path).unwrap());
    let is_lock = |path: &PathBuf| path.ends_with("mapisync.lock");
    let files = walk(root).into_iter().filter(|path| !is_lock(path));
    files.map(read).collect()
}

#[test]
fn a_link_to_a_pipe_is_reported_and_does_not_block_the_run() {
    let (dir, server, local) = trees();
    let pipe = dir.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    symlink(&pipe, server.join("new/1.host")).unwrap();
    fs::write(server.join("new/2.host"), "two").unwrap();
    let (status, calls) = synchronize(&server, &local, WHOLE);
    assert_eq!(status, HRESULT::MAPI_W_PARTIAL_COMPLETION);
    let named = |call: &RecordedCall| matches!(call.call(), Call::Error(_, Some(message)) if message.ends_with("1.host: not a message"));
    assert!(calls.iter().any(named), "{calls:?}");
    assert_eq!(
        files(&local),
        [("new/2.host".into(), b"two".to_vec())].into()
    );
}

/// The mark in the name of a stub, a file with a mere header. A message's own name may contain it
/// too.
const STUB: &str = ",mapisync=header";

#[test]
fn a_message_whose_name_looks_like_a_stubs_keeps_its_name() {
    let (_dir, server, local) = trees();
    let names = [
        format!("cur/1{STUB}s.host:2,S"),
        format!("new/{STUB}2"),
        format!("cur/1s.host{STUB}3:2,"),
        "cur/1s.host:2,S".to_owned(),
    ];
    for (n, name) in names.iter().enumerate() {
        fs::write(server.join(name), n.to_string()).unwrap();
    }
    let (status, calls) = synchronize(&server, &local, WHOLE);
    assert_eq!(
        (status, calls[calls.len() - 2].call()),
        (HRESULT::S_OK, &Call::progress("4 messages, 4 B", 1, 1))
    );
    assert_eq!(files(&local), files(&server));
    let (status, calls) = synchronize(&server, &local, WHOLE);
    assert_eq!(
        (status, calls[calls.len() - 2].call()),
        (HRESULT::S_OK, &Call::progress("0 messages, 0 B", 1, 1))
    );
}

#[test]
fn a_message_whose_name_cannot_mark_a_stub_arrives_complete() {
    let (_dir, server, local) = trees();
    for name in [
        &b"new/1.\xFF.host"[..],
        b"cur/2.host:2,\xFF",
        b"cur/3\xFF,mapisync=header:2,S",
    ] {
        fs::write(server.join(OsStr::from_bytes(name)), "Subject: x\n\nbody").unwrap();
    }
    assert_eq!(synchronize(&server, &local, HEADERS).0, HRESULT::S_OK);
    assert_eq!(
        files(&local),
        files(&server),
        "the store could not complete a stub later"
    );
    let (status, calls) = synchronize(&server, &local, WHOLE);
    assert_eq!(
        (status, calls[calls.len() - 2].call()),
        (HRESULT::S_OK, &Call::progress("0 messages, 0 B", 1, 1))
    );
}

#[test]
fn a_name_of_flags_only_or_of_the_mark_only_is_not_a_stubs() {
    let (_dir, server, local) = trees();
    fs::write(server.join("new/:2,S"), "Subject: x\n\nbody").unwrap();
    let mark = local.join(format!("cur/{STUB}"));
    fs::write(&mark, "Subject: x\n\n").unwrap();
    for flags in [HEADERS, WHOLE] {
        assert_eq!(synchronize(&server, &local, flags).0, HRESULT::S_OK);
        let arrived = fs::read(local.join("new/:2,S")).unwrap();
        assert_eq!(
            arrived, b"Subject: x\n\nbody",
            "complete in the first run, unchanged in the second"
        );
        assert_eq!(fs::read(&mark).unwrap(), b"Subject: x\n\n");
    }
}

#[test]
fn a_stub_that_is_a_broken_link_is_completed() {
    let (_dir, server, local) = trees();
    fs::write(server.join("new/1.host"), "one").unwrap();
    symlink("nowhere", local.join(format!("cur/1.host{STUB}:2,S"))).unwrap();
    assert_eq!(synchronize(&server, &local, WHOLE).0, HRESULT::S_OK);
    assert_eq!(
        files(&local),
        [("cur/1.host:2,S".into(), b"one".to_vec())].into()
    );
}
