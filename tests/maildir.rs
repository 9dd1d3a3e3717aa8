//! The example's store on real trees: what a run copies, what it leaves alone, and what a killed one leaves behind.

mod common;
#[path = "../examples/maildir_store/mod.rs"]
mod maildir_store;

use common::{Ear, Heard, LONG, code};
use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, HRESULT, SyncFlags, SyncHost};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use tempfile::TempDir;

const ALL: SyncFlags = SyncFlags::DOWNLOAD_HIERARCHY.union(SyncFlags::DOWNLOAD_CONTENTS);

/// What stands before the flags in names on this system.
const INFO: &str = if cfg!(windows) { ";2," } else { ":2," };

/// A run, by the status of its Done and what the callback heard.
fn synchronize(server: &Path, local: &Path, flags: SyncFlags) -> (HRESULT, Vec<Heard>) {
    let ear = Ear::new();
    (under(&ear, server, local, flags), ear.heard())
}

fn under(ear: &Arc<Ear>, server: &Path, local: &Path, flags: SyncFlags) -> HRESULT {
    let sync = ComPtr::<IMAPISync>::new(Store::open(server, local).unwrap());
    SyncHost::new(ear.clone())
        .start(&sync, flags)
        .unwrap()
        .wait(LONG)
        .unwrap()
}

/// Makes the folders and puts the messages, given as paths below `root` and bytes.
fn plant(root: &Path, folders: &[&str], messages: &[(String, Vec<u8>)]) {
    for folder in folders {
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(root.join(folder).join(sub)).unwrap();
        }
    }
    for (path, bytes) in messages {
        fs::write(root.join(path), bytes).unwrap();
    }
}

/// All messages of a tree by folder, `cur` or `new`, and name.
fn messages(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let folders = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for folder in folders
        .filter(|path| path.join("cur").is_dir())
        .chain([root.to_owned()])
    {
        for sub in ["cur", "new"] {
            for message in fs::read_dir(folder.join(sub)).unwrap() {
                let path = message.unwrap().path();
                let hidden = path
                    .file_name()
                    .unwrap()
                    .as_encoded_bytes()
                    .starts_with(b".");
                if !hidden {
                    found.insert(
                        path.strip_prefix(root).unwrap().into(),
                        fs::read(&path).unwrap(),
                    );
                }
            }
        }
    }
    found
}

/// Two temporary trees, of which the second isn't there yet.
fn trees() -> (TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    (dir, server, local)
}

#[test]
fn a_run_copies_every_byte_and_the_second_nothing() {
    let (_dir, server, local) = trees();
    let (flagged, seen) = (format!("2.M2.host{INFO}RS"), format!("3.M3.host{INFO}"));
    let planted = [
        ("new/1.M1.host,S=3,W=3".to_owned(), b"\xFF\x00\n".to_vec()),
        (format!("cur/{flagged}"), vec![]),
        (
            format!(".A.B/cur/{seen}"),
            (0..=255).cycle().take(300_000).collect(),
        ),
        (".Entw&APw-rfe/new/4".to_owned(), b"no header end".to_vec()),
    ];
    plant(
        &server,
        &["", ".A", ".A.B", ".Entw&APw-rfe", ".Empty"],
        &planted,
    );
    // Not mail: a folder that is none, files beside the folders, and what readers skip.
    fs::create_dir(server.join(".NoMaildir")).unwrap();
    fs::write(server.join("dovecot-uidlist"), "1").unwrap();
    fs::write(server.join("cur/.gitkeep"), "").unwrap();
    fs::write(server.join("tmp/half"), "half").unwrap();

    let (status, heard) = synchronize(&server, &local, ALL);
    assert_eq!(status, HRESULT::S_OK);
    let expected: BTreeMap<PathBuf, Vec<u8>> = planted
        .iter()
        .map(|(path, bytes)| (path.into(), bytes.clone()))
        .collect();
    assert_eq!(messages(&local), expected);
    assert!(local.join(".Empty/new").is_dir() && local.join(".A/maildirfolder").is_file());
    assert!(!local.join(".NoMaildir").exists() && !local.join("dovecot-uidlist").exists());
    assert!(!local.join("cur/.gitkeep").exists());
    assert_eq!(fs::read_dir(local.join("tmp")).unwrap().count(), 0);
    for text in ["Receiving Inbox", "Receiving A/B", "Receiving Entwürfe"] {
        let told = |heard: &Heard| matches!(heard, Heard::Progress(Some(step), ..) if step == text);
        assert!(heard.iter().any(told), "{text}: {heard:?}");
    }
    assert_eq!(
        heard[heard.len() - 2],
        common::step("4 messages, 300.0 kB received", 4, 4)
    );

    let before = fs::metadata(local.join(format!("cur/{flagged}")))
        .unwrap()
        .modified()
        .unwrap();
    let (status, heard) = synchronize(&server, &local, ALL);
    assert_eq!(status, HRESULT::S_OK);
    assert_eq!(
        heard[heard.len() - 2],
        common::step("0 messages, 0 B received", 0, 0)
    );
    assert_eq!(messages(&local), expected);
    assert_eq!(
        fs::metadata(local.join(format!("cur/{flagged}")))
            .unwrap()
            .modified()
            .unwrap(),
        before
    );
}

#[test]
fn nothing_is_deleted_or_overwritten() {
    let (_dir, server, local) = trees();
    plant(
        &server,
        &["", ".A"],
        &[
            (format!("cur/1.host{INFO}S"), b"server's".to_vec()),
            ("new/2.host".into(), b"two".to_vec()),
        ],
    );
    // The user has read the second and moved it, has the first in another version, and has mail of their own.
    let kept = [
        (format!("cur/1.host{INFO}FS"), b"local".to_vec()),
        (format!("cur/2.host{INFO}S"), b"two".to_vec()),
        ("new/3.host".to_owned(), b"three".to_vec()),
        (".Mine/new/4.host".to_owned(), b"four".to_vec()),
    ];
    plant(&local, &["", ".Mine"], &kept);
    let expected: BTreeMap<PathBuf, Vec<u8>> = kept
        .iter()
        .map(|(path, bytes)| (path.into(), bytes.clone()))
        .collect();
    let server_before = messages(&server);
    assert_eq!(synchronize(&server, &local, ALL).0, HRESULT::S_OK);
    assert_eq!(messages(&local), expected);
    assert_eq!(messages(&server), server_before);
    assert!(local.join(".A/cur").is_dir());
}

#[test]
fn each_flag_does_its_part() {
    let hierarchy = SyncFlags::DOWNLOAD_HIERARCHY;
    let contents = SyncFlags::DOWNLOAD_CONTENTS;
    let unknown = SyncFlags::from_bits_retain(0x8000_0004);
    for (flags, folder, mail) in [
        (SyncFlags::empty(), false, 0),
        (hierarchy, true, 0),
        (contents, false, 1), // the inbox is there; the folder is none of its business
        (hierarchy | contents, true, 2),
        (
            ALL | SyncFlags::ON_DEMAND | SyncFlags::BACKGROUND | SyncFlags::OUTGOING_MAIL | unknown,
            true,
            2,
        ),
    ] {
        let (_dir, server, local) = trees();
        let planted = [
            ("new/1".into(), b"1".to_vec()),
            (".A/new/2".into(), b"2".to_vec()),
        ];
        plant(&server, &["", ".A"], &planted);
        assert_eq!(synchronize(&server, &local, flags).0, HRESULT::S_OK);
        assert_eq!(
            (local.join(".A").exists(), messages(&local).len()),
            (folder, mail),
            "{flags:?}"
        );
    }
    let (_dir, server, local) = trees();
    plant(&server, &["", ".A"], &[]);
    let sync = ComPtr::<IMAPISync>::new(Store::open(&server, &local).unwrap());
    for flag in [
        SyncFlags::UPLOAD_HIERARCHY,
        SyncFlags::UPLOAD_CONTENTS,
        SyncFlags::GLOBAL_HEADERS,
        SyncFlags::THESE_FOLDERS,
    ] {
        let refused = code(SyncHost::new(Ear::new()).start(&sync, ALL | flag));
        assert_eq!(refused, HRESULT::MAPI_E_NO_SUPPORT, "{flag:?}");
    }
    assert!(!local.join(".A").exists());
}

#[test]
fn a_cancelled_run_says_what_it_did_and_the_next_goes_on() {
    let (_dir, server, local) = trees();
    plant(&server, &[""], &[("new/1".into(), b"1".to_vec())]);
    let ear = Ear::new();
    ear.answer.store(HRESULT::MAPI_E_USER_CANCEL.0, SeqCst);
    assert_eq!(
        under(&ear, &server, &local, ALL),
        HRESULT::MAPI_E_USER_CANCEL
    );
    let text = "0 messages, 0 B received; the next run goes on from there";
    let told = Heard::Error(HRESULT::MAPI_W_PARTIAL_COMPLETION, Some(text.into()));
    let done = Heard::Done(HRESULT::MAPI_E_USER_CANCEL);
    assert_eq!(
        ear.heard(),
        [common::step("Looking for folders", 0, 0), told, done]
    );
    assert_eq!(synchronize(&server, &local, ALL).0, HRESULT::S_OK);
    assert_eq!(messages(&local), messages(&server));
}

#[test]
fn what_is_no_maildir_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    plant(&path("good"), &[""], &[]);
    fs::create_dir_all(path("half/cur")).unwrap();
    fs::write(path("file"), "x").unwrap();
    for (server, local, culprit) in [
        ("missing", "new", "missing: no such folder"),
        ("file", "new", "file: no such folder"),
        (
            "half",
            "new",
            "half: not a Maildir, which has cur, new and tmp",
        ),
        ("good", "half", "half: not a Maildir"),
        ("good", "file", "file: no such folder"),
    ] {
        let error = Store::open(&path(server), &path(local))
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.ends_with(culprit) || error.contains(culprit),
            "{error}"
        );
        assert!(!error.contains('\n'));
        assert!(
            !path("new").exists(),
            "nothing is made for a server that isn't there"
        );
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf_8_and_links_pass() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (_dir, server, local) = trees();
    plant(&server, &[""], &[]);
    let folder = server.join(OsStr::from_bytes(b".caf\xE9"));
    plant(&folder, &[""], &[]);
    fs::write(
        folder.join("new").join(OsStr::from_bytes(b"1.\xFF.host")),
        "latin",
    )
    .unwrap();
    fs::write(server.join("elsewhere"), "linked").unwrap();
    std::os::unix::fs::symlink(server.join("elsewhere"), server.join("new/2.host")).unwrap();
    assert_eq!(synchronize(&server, &local, ALL).0, HRESULT::S_OK);
    assert_eq!(messages(&local), messages(&server));
    assert_eq!(messages(&local).len(), 2);
}

#[test]
fn more_messages_than_are_remembered_at_once_arrive_once_each() {
    let (_dir, server, local) = trees();
    let planted: Vec<_> = (0..9000)
        .map(|n| (format!("cur/{n}.host{INFO}S"), format!("{n}").into_bytes()))
        .collect();
    plant(&server, &[""], &planted);
    plant(&local, &[""], &planted[..8900]);
    let (status, heard) = synchronize(&server, &local, ALL);
    assert_eq!(status, HRESULT::S_OK);
    assert_eq!(messages(&local), messages(&server));
    let Heard::Progress(Some(sum), 100, 100) = &heard[heard.len() - 2] else {
        panic!("{:?}", &heard[heard.len() - 2])
    };
    assert!(sum.starts_with("100 messages"), "{sum}");
}

#[test]
fn what_killed_runs_have_left_goes_when_it_is_old_and_only_that() {
    let (_dir, server, local) = trees();
    plant(&server, &[""], &[]);
    plant(&local, &[""], &[]);
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(37 * 60 * 60);
    for (name, age) in [
        ("mapisync.1.1", Some(old)),
        ("mapisync.1.2", None),
        ("somebody.else", Some(old)),
    ] {
        let file = fs::File::create(local.join("tmp").join(name)).unwrap();
        if let Some(time) = age {
            file.set_modified(time).unwrap();
        }
    }
    assert_eq!(synchronize(&server, &local, ALL).0, HRESULT::S_OK);
    let left = fs::read_dir(local.join("tmp"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["mapisync.1.2", "somebody.else"]);
}

const CHILD: &str = "MAPISYNC_TEST_TREES";

/// Not a test of its own: the run that the next one kills, in a process of its own.
#[test]
fn child() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let dir = PathBuf::from(dir);
        assert_eq!(
            synchronize(&dir.join("server"), &dir.join("local"), ALL).0,
            HRESULT::S_OK
        );
    }
}

#[test]
fn a_killed_run_leaves_no_half_message_and_the_next_completes_the_work() {
    let (dir, server, local) = trees();
    let bytes = |n: usize| (0..=255).cycle().skip(n % 256).take(n * 7).collect();
    let planted: Vec<_> = (0..3000)
        .map(|n| {
            (
                format!("{}new/{n}.host", if n % 2 == 0 { ".A/" } else { "" }),
                bytes(n),
            )
        })
        .collect();
    plant(&server, &["", ".A"], &planted);
    let whole = messages(&server);
    let mut interrupted = 0;
    for kill in 0..12 {
        let mut run = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child"])
            .env(CHILD, dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The first is killed as soon as there is something to see, later ones when more and more is there.
        let delivered = || {
            ["new", ".A/new"].map(|sub| fs::read_dir(local.join(sub)).map_or(0, Iterator::count))
        };
        let target = 3000 * kill / 12;
        while delivered().iter().sum::<usize>() <= target && run.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        run.kill().unwrap();
        interrupted += usize::from(!run.wait().unwrap().success());
        if local.join(".A/cur").is_dir() {
            for (path, bytes) in messages(&local) {
                assert_eq!(
                    whole.get(&path),
                    Some(&bytes),
                    "{} is not whole",
                    path.display()
                );
            }
        }
    }
    assert!(interrupted > 6, "only {interrupted} runs were caught");
    assert_eq!(synchronize(&server, &local, ALL).0, HRESULT::S_OK);
    assert_eq!(messages(&local), whole);
    let (_, heard) = synchronize(&server, &local, ALL);
    assert_eq!(
        heard[heard.len() - 2],
        common::step("0 messages, 0 B received", 0, 0)
    );
}
