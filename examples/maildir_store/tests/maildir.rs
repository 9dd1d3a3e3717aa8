//! The store on real trees: which files a run copies, which it leaves unchanged, and the
//! state after a killed run.

#![cfg(not(miri))] // Miri has no file system

mod support;

use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Outlook, OutlookRun, RecordedCall, Recorder};
use mapisync::{ComPtr, HRESULT, SyncFlags};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use support::{BOTH, INFO, TIMEOUT, UPLOAD, WHOLE, make, synchronize, synchronize_with};
use tempfile::TempDir;

/// Creates the folders and the messages. A message is a path below `root` and its bytes.
fn create_tree(root: &Path, folders: &[&str], messages: &[(String, Vec<u8>)]) {
    for folder in folders {
        make(&root.join(folder));
    }
    for (path, bytes) in messages {
        fs::write(root.join(path), bytes).unwrap();
    }
}

/// Returns all messages of a tree by their paths.
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

/// Returns the number of messages without reading them.
fn message_count(root: &Path) -> usize {
    let folders = ["", ".A", ".Server", ".Local"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|folder| {
        ["cur", "new"].map(|sub| fs::read_dir(folder.join(sub)).map_or(0, Iterator::count))
    });
    files.sum()
}

/// Returns the paths of two trees in a temporary folder. Neither exists yet.
fn trees() -> (TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    (dir, server, local)
}

#[test]
fn a_run_copies_every_byte_and_a_second_run_copies_nothing() {
    let (_dir, server, local) = trees();
    let (flagged, seen) = (format!("2.M2.host{INFO}RS"), format!("3.M3.host{INFO}"));
    let created = [
        ("new/1.M1.host,S=3,W=3".to_owned(), b"\xFF\x00\n".to_vec()),
        (format!("cur/{flagged}"), vec![]),
        (
            format!(".A.B/cur/{seen}"),
            (0..=255).cycle().take(300_000).collect(),
        ),
        (".Entw&APw-rfe/new/4".to_owned(), b"no header end".to_vec()),
    ];
    create_tree(
        &server,
        &["", ".A", ".A.B", ".Entw&APw-rfe", ".Empty"],
        &created,
    );
    // Files that are not mail: next to the folders, hidden ones, and unfinished deliveries.
    fs::write(server.join("dovecot-uidlist"), "1").unwrap();
    fs::write(server.join("cur/.gitkeep"), "").unwrap();
    fs::write(server.join("tmp/half"), "half").unwrap();

    let (status, calls) = synchronize(&server, &local, WHOLE);
    assert_eq!(status, HRESULT::S_OK);
    let expected: BTreeMap<PathBuf, Vec<u8>> = created
        .iter()
        .map(|(path, bytes)| (path.into(), bytes.clone()))
        .collect();
    assert_eq!(messages(&local), expected);
    assert!(local.join(".Empty/new").is_dir() && local.join(".A/maildirfolder").is_file());
    assert!(!local.join("dovecot-uidlist").exists());
    assert!(!local.join("cur/.gitkeep").exists());
    assert_eq!(fs::read_dir(local.join("tmp")).unwrap().count(), 0);
    for expected in ["Receiving Inbox", "Receiving A/B", "Receiving Entwürfe"] {
        let is_reported = calls
            .iter()
            .any(|call| matches!(call.call(), Call::Progress(Some(step), ..) if step == expected));
        assert!(is_reported, "{expected}: {calls:?}");
    }
    assert_eq!(
        calls[calls.len() - 2],
        Call::progress("4 messages, 300.0 kB", 1, 1)
    );

    let before = fs::metadata(local.join(format!("cur/{flagged}")))
        .unwrap()
        .modified()
        .unwrap();
    let (status, calls) = synchronize(&server, &local, WHOLE);
    assert_eq!(status, HRESULT::S_OK);
    assert_eq!(
        calls[calls.len() - 2],
        Call::progress("0 messages, 0 B", 1, 1)
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
    create_tree(
        &server,
        &["", ".A"],
        &[
            (format!("cur/1.host{INFO}S"), b"server's".to_vec()),
            ("new/2.host".into(), b"two".to_vec()),
        ],
    );
    // Locally the first message has other flags and bytes, the second was read and moved, and two
    // messages exist only there.
    let kept = [
        (format!("cur/1.host{INFO}FS"), b"local".to_vec()),
        (format!("cur/2.host{INFO}S"), b"two".to_vec()),
        ("new/3.host".to_owned(), b"three".to_vec()),
        (".Mine/new/4.host".to_owned(), b"four".to_vec()),
    ];
    create_tree(&local, &["", ".Mine"], &kept);
    let expected: BTreeMap<PathBuf, Vec<u8>> = kept
        .iter()
        .map(|(path, bytes)| (path.into(), bytes.clone()))
        .collect();
    let server_before = messages(&server);
    assert_eq!(synchronize(&server, &local, WHOLE).0, HRESULT::S_OK);
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
        (contents, false, 1), // without the hierarchy only the inbox exists
        (hierarchy | contents, true, 2),
        (
            WHOLE
                | SyncFlags::ON_DEMAND
                | SyncFlags::BACKGROUND
                | SyncFlags::OUTGOING_MAIL
                | unknown,
            true,
            2,
        ),
    ] {
        let (_dir, server, local) = trees();
        let created = [
            ("new/1".into(), b"1".to_vec()),
            (".A/new/2".into(), b"2".to_vec()),
        ];
        create_tree(&server, &["", ".A"], &created);
        assert_eq!(synchronize(&server, &local, flags).0, HRESULT::S_OK);
        assert_eq!(
            (local.join(".A").exists(), messages(&local).len()),
            (folder, mail),
            "{flags:?}"
        );
    }
    let (_dir, server, local) = trees();
    create_tree(&server, &["", ".A"], &[]);
    let sync = ComPtr::<IMAPISync>::new(Store::open(&server, &local).unwrap());
    let outcome = Outlook::new()
        .flags(WHOLE | SyncFlags::THESE_FOLDERS)
        .run(&sync);
    outcome.assert_refused(HRESULT::MAPI_E_NO_SUPPORT);
    assert!(!local.join(".A").exists());
}

#[test]
fn a_canceled_run_reports_its_work_and_the_next_run_continues() {
    let (_dir, server, local) = trees();
    create_tree(&server, &[""], &[("new/1".into(), b"1".to_vec())]);
    let recorder = Recorder::new().cancel_at(0);
    let (status, calls) = synchronize_with(recorder, &server, &local, WHOLE);
    assert_eq!(status, HRESULT::MAPI_E_USER_CANCEL);
    let message = "0 messages, 0 B; the next run goes on from there";
    let warning = Call::error(HRESULT::MAPI_W_PARTIAL_COMPLETION, message);
    let done = Call::done(HRESULT::MAPI_E_USER_CANCEL);
    assert_eq!(
        calls,
        [Call::progress("Looking for folders", 0, 1), warning, done]
    );
    assert_eq!(synchronize(&server, &local, WHOLE).0, HRESULT::S_OK);
    assert_eq!(messages(&local), messages(&server));
}

#[test]
fn a_path_that_is_not_a_maildir_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    create_tree(&path("good"), &[""], &[]);
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
            "nothing is created if the server does not exist"
        );
    }
}

#[test]
fn a_folder_that_a_killed_run_left_incomplete_is_completed() {
    let (_dir, server, local) = trees();
    create_tree(
        &server,
        &["", ".A", ".B"],
        &[(".A/new/1".into(), b"1".to_vec())],
    );
    create_tree(&local, &["", ".B"], &[]);
    fs::create_dir_all(local.join(".A/tmp")).unwrap();
    assert_eq!(synchronize(&server, &local, WHOLE).0, HRESULT::S_OK);
    assert_eq!(messages(&local), messages(&server));
    assert!(local.join(".A/maildirfolder").exists() && local.join(".B/maildirfolder").exists());
}

#[test]
fn a_message_that_is_delivered_during_the_run_is_not_overwritten() {
    let (_dir, server, local) = trees();
    create_tree(&server, &[""], &[("new/1".into(), b"ours".to_vec())]);
    // Delivers just before the run does: after the step was announced and the folder was listed.
    let (path, counted) = (local.join("new/1"), AtomicU32::new(0));
    let recorder = Recorder::new().on_call(move |call| {
        let counts = matches!(call, Call::Progress(Some(step), ..) if step == "Receiving Inbox");
        if counts && counted.fetch_add(1, Relaxed) == 1 {
            fs::write(&path, "theirs").unwrap();
        }
    });
    let (status, _) = synchronize_with(recorder, &server, &local, WHOLE);
    assert_eq!(status, HRESULT::S_OK);
    assert_eq!(fs::read(local.join("new/1")).unwrap(), b"theirs");
    assert_eq!(fs::read_dir(local.join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_message_that_arrives_after_its_folder_was_counted_is_received() {
    let (_dir, server, local) = trees();
    create_tree(&server, &["", ".A"], &[(".A/new/1".into(), b"1".to_vec())]);
    // The Inbox is counted before `.A`, and is empty then. It is received after both are counted.
    let path = server.join("new/2");
    let recorder = Recorder::new().on_call(move |call| {
        if *call == Call::progress("Receiving A", 0, 1) && !path.exists() {
            fs::write(&path, "late").unwrap();
        }
    });
    let (status, calls) = synchronize_with(recorder, &server, &local, WHOLE);
    assert_eq!(status, HRESULT::S_OK);
    assert_eq!(messages(&local), messages(&server));
    let expected = Call::progress("Receiving Inbox", 1, 1);
    assert!(calls.iter().any(|call| *call == expected), "{calls:?}");
}

#[cfg(unix)]
#[test]
fn links_and_names_that_are_not_utf_8_are_copied() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (_dir, server, local) = trees();
    create_tree(&server, &[""], &[]);
    let folder = server.join(OsStr::from_bytes(b".caf\xE9"));
    create_tree(&folder, &[""], &[]);
    fs::write(
        folder.join("new").join(OsStr::from_bytes(b"1.\xFF.host")),
        "latin",
    )
    .unwrap();
    fs::write(server.join("elsewhere"), "linked").unwrap();
    std::os::unix::fs::symlink(server.join("elsewhere"), server.join("new/2.host")).unwrap();
    assert_eq!(synchronize(&server, &local, WHOLE).0, HRESULT::S_OK);
    assert_eq!(messages(&local), messages(&server));
    assert_eq!(messages(&local).len(), 2);
}

#[test]
fn more_messages_than_one_batch_arrive_once_each() {
    let (_dir, server, local) = trees();
    let many = support::fewer(9000);
    let created: Vec<_> = (0..many)
        .map(|n| (format!("cur/{n}.host{INFO}S"), format!("{n}").into_bytes()))
        .collect();
    create_tree(&server, &[""], &created);
    create_tree(&local, &[""], &created[..many - 100]);
    let (status, calls) = synchronize(&server, &local, WHOLE);
    assert_eq!(status, HRESULT::S_OK);
    assert_eq!(messages(&local), messages(&server));
    let arrived = Call::progress("Receiving Inbox", 100, 100);
    assert_eq!(
        calls[calls.len() - 3],
        arrived,
        "the progress counts the missing messages only"
    );
}

const CHILD: &str = "MAPISYNC_TEST_TREES";

/// Not a test: other tests run this function in a process that they kill, or that has its own
/// namespaces or user.
#[test]
fn child() {
    let Some((job, dir)) = std::env::var(CHILD).ok().and_then(|job| {
        let (job, dir) = job.split_once(' ')?;
        Some((job.to_owned(), PathBuf::from(dir)))
    }) else {
        return;
    };
    let (server, local) = (dir.join("server"), dir.join("local"));
    match &*job {
        "both" => assert_eq!(synchronize(&server, &local, BOTH).0, HRESULT::S_OK),
        "full" => fills_the_disk(&server, &local),
        "unprivileged" => reads_permitted_files(&server, &local),
        _ => panic!("{job}"),
    }
}

fn command(program: &Path, job: &str, dir: &Path) -> Command {
    let mut command = support::run(program);
    command
        .env(CHILD, format!("{job} {}", dir.display()))
        .stdout(Stdio::null());
    command
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

#[test]
fn a_killed_run_leaves_no_partial_message_and_the_next_run_completes_the_work() {
    let (dir, server, local) = trees();
    let bytes = |n: usize| (0..=255).cycle().skip(n % 256).take(n * 7).collect();
    let created = |side: &str| -> Vec<(String, Vec<u8>)> {
        let path = |n| format!("{}new/{side}{n}.host", if n % 2 == 0 { ".A/" } else { "" });
        (0..1200).map(|n| (path(n), bytes(n))).collect()
    };
    create_tree(&server, &["", ".A", ".Server"], &created("server"));
    create_tree(&local, &["", ".A", ".Local"], &created("local"));
    let mut whole = messages(&server);
    whole.extend(messages(&local));
    let start = whole.len();
    let on_both = || message_count(&server) + message_count(&local);
    let mut interrupted = 0;
    let kills = support::fewer(40).min(12);
    for kill in 0..kills {
        let mut run = command(&this_program(), "both", dir.path())
            .args(["--exact", "child"])
            .spawn()
            .unwrap();
        // The first run is killed after its first messages, later runs after more and more of them.
        while on_both() <= start + start * kill / kills && run.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        run.kill().unwrap();
        interrupted += usize::from(!run.wait().unwrap().success());
        for side in [&server, &local] {
            for (path, bytes) in messages(side) {
                assert_eq!(
                    whole.get(&path),
                    Some(&bytes),
                    "{} is incomplete",
                    path.display()
                );
            }
        }
    }
    assert!(
        interrupted > kills / 2,
        "only {interrupted} runs were interrupted"
    );
    assert_eq!(synchronize(&server, &local, BOTH).0, HRESULT::S_OK);
    assert_eq!(
        (messages(&local), messages(&server)),
        (whole.clone(), whole)
    );
    assert!(local.join(".Server/cur").is_dir() && server.join(".Local/cur").is_dir());
    let (_, calls) = synchronize(&server, &local, BOTH);
    assert_eq!(
        calls[calls.len() - 2],
        Call::progress("0 messages, 0 B", 1, 1)
    );
}

/// Runs in a new mount namespace, so that no mount is left behind in any case.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_with_its_code_and_a_larger_disk_lets_the_next_run_complete() {
    let (dir, server, local) = trees();
    let created: Vec<_> = (0..40)
        .map(|n| (format!("new/{n}.host"), vec![n; 100_000]))
        .collect();
    create_tree(&server, &[""], &created);
    fs::create_dir(&local).unwrap();
    let mount = format!("mount -t tmpfs -o size=1m tmpfs '{}'", local.display());
    let Some(mut run) = support::unshare(&["--mount"], &mount) else {
        return;
    };
    let script = format!(
        "{mount} && exec {} --exact child",
        support::quoted(&this_program())
    );
    let run = run
        .args(["sh", "-c", &script])
        .env(CHILD, format!("full {}", dir.path().display()));
    assert!(run.stdout(Stdio::null()).status().unwrap().success());
    assert_eq!(
        fs::read_dir(&local).unwrap().count(),
        0,
        "the disk is unmounted"
    );
}

fn fills_the_disk(server: &Path, local: &Path) {
    for flags in [WHOLE, BOTH] {
        let (status, calls) = synchronize(server, local, flags);
        let failure = calls[calls.len() - 2].call();
        let Call::Error(HRESULT::MAPI_E_NOT_ENOUGH_DISK, Some(message)) = failure else {
            panic!("{calls:?}")
        };
        assert!(
            message.contains("/local/new/")
                && message.contains(".host: ")
                && status == HRESULT::MAPI_E_NOT_ENOUGH_DISK,
            "{message}"
        );
        let (here, there) = (messages(local), messages(server));
        assert!((5..11).contains(&here.len()), "{}", here.len());
        assert!(here.iter().all(|(path, bytes)| there[path] == *bytes));
        assert_eq!(fs::read_dir(local.join("tmp")).unwrap().count(), 0);
    }
    let grow = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(local)
        .status()
        .unwrap();
    assert!(grow.success());
    assert_eq!(synchronize(server, local, BOTH).0, HRESULT::S_OK);
    assert_eq!(messages(local), messages(server));
}

/// Runs as a user who may not read every file. Root may, so the test then runs as the user
/// `nobody`.
#[cfg(target_os = "linux")]
#[test]
fn unreadable_files_are_reported_by_name_and_the_rest_arrives() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let (dir, server, local) = trees();
    let created = ["new/good", "new/secret", ".Open/new/good", ".Shut/new/lost"];
    create_tree(
        &server,
        &["", ".Open", ".Shut"],
        &created.map(|path| (path.into(), path.into())),
    );
    create_tree(&local, &[""], &[]);
    let forbid =
        |path: &str| fs::set_permissions(server.join(path), PermissionsExt::from_mode(0o000));
    forbid("new/secret").unwrap();
    forbid(".Shut/new").unwrap();
    let mut run = command(&this_program(), "unprivileged", dir.path());
    if rustix::process::geteuid().is_root() {
        const USER_NOBODY: u32 = 65534;
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let program = dir.path().join("program");
        fs::copy(this_program(), &program).unwrap(); // that user may not reach the build folder
        run = command(&program, "unprivileged", dir.path());
        run.uid(USER_NOBODY)
            .gid(USER_NOBODY)
            .current_dir(dir.path());
        for path in [
            local.clone(),
            local.join("cur"),
            local.join("new"),
            local.join("tmp"),
        ] {
            chown(path, Some(USER_NOBODY), Some(USER_NOBODY)).unwrap();
        }
    }
    let status = run.args(["--exact", "child"]).status().unwrap();
    fs::set_permissions(server.join(".Shut/new"), PermissionsExt::from_mode(0o755)).unwrap();
    assert!(status.success());
    let arrived: Vec<_> = messages(&local).into_keys().collect();
    assert_eq!(
        arrived,
        [Path::new(".Open/new/good"), Path::new("new/good")]
    );
}

fn reads_permitted_files(server: &Path, local: &Path) {
    let (status, calls) = synchronize(server, local, WHOLE);
    assert_eq!(status, HRESULT::MAPI_W_PARTIAL_COMPLETION);
    check_warnings(
        &calls,
        &[
            "new/secret: Permission denied",
            ".Shut/new: Permission denied",
        ],
    );
}

/// Checks that the host got one warning for each name, and no other.
fn check_warnings(calls: &[RecordedCall], names: &[&str]) {
    let warnings: Vec<_> = calls
        .iter()
        .filter_map(|call| match call.call() {
            Call::Error(HRESULT::MAPI_W_PARTIAL_COMPLETION, message) => message.as_deref(),
            Call::Error(..) => panic!("{calls:?}"),
            _ => None,
        })
        .collect();
    assert_eq!(warnings.len(), names.len(), "{warnings:?}");
    for name in names {
        let named = |warning: &&str| warning.starts_with("left out: ") && warning.contains(name);
        assert!(warnings.iter().any(named), "{name}: {warnings:?}");
    }
}

#[cfg(unix)]
#[test]
fn broken_entries_are_reported_by_name_and_the_rest_arrives() {
    use std::os::unix::fs::symlink;
    let (_dir, server, local) = trees();
    let created = ["new/good", ".A/new/good", ".B/cur/good", ".Gone/new/lost"];
    create_tree(
        &server,
        &["", ".A", ".B", ".Gone"],
        &created.map(|path| (path.into(), path.into())),
    );
    symlink("loop", server.join("new/loop")).unwrap(); // no user can open it
    symlink("nowhere", server.join(".A/cur/dangling")).unwrap();
    fs::create_dir(server.join(".A/new/folder")).unwrap();
    fs::create_dir_all(server.join(".NoMaildir/tmp")).unwrap();
    // One folder disappears during its synchronization.
    let gone = server.join(".Gone");
    let recorder = Recorder::new().on_call(move |call| {
        if matches!(call, Call::Progress(Some(step), ..) if step == "Receiving Gone") {
            let _ = fs::remove_dir_all(&gone); // fails if it is already gone
        }
    });
    let (status, calls) = synchronize_with(recorder, &server, &local, WHOLE);
    assert_eq!(status, HRESULT::MAPI_W_PARTIAL_COMPLETION);
    let expected = [
        "new/loop: ",
        ".A/cur/dangling: ",
        ".A/new/folder: not a message",
        ".NoMaildir: not a Maildir",
        ".Gone/new: ",
        ".Gone/cur: ",
    ];
    check_warnings(&calls, &expected);
    let arrived: Vec<_> = messages(&local).into_keys().collect();
    assert_eq!(
        arrived,
        [".A/new/good", ".B/cur/good", "new/good"].map(PathBuf::from)
    );
}

#[test]
fn both_directions_in_one_run_make_the_trees_equal() {
    let (_dir, server, local) = trees();
    create_tree(
        &server,
        &["", ".Server"],
        &[
            (format!("cur/1.host{INFO}S"), b"one".to_vec()),
            (".Server/new/2.host".into(), b"two".to_vec()),
        ],
    );
    create_tree(
        &local,
        &["", ".Local"],
        &[
            ("new/3.host".into(), b"three".to_vec()),
            (format!(".Local/cur/4.host{INFO}"), b"four".to_vec()),
        ],
    );
    let mut all = messages(&server);
    all.extend(messages(&local));
    // First upload only, then both directions. Existing messages stay unchanged.
    assert_eq!(synchronize(&server, &local, UPLOAD).0, HRESULT::S_OK);
    assert_eq!(
        (messages(&server), messages(&local).len()),
        (all.clone(), 2)
    );
    let (status, calls) = synchronize(&server, &local, BOTH);
    assert_eq!(
        (status, messages(&local), messages(&server)),
        (HRESULT::S_OK, all.clone(), all)
    );
    assert_eq!(
        calls[calls.len() - 2],
        Call::progress("2 messages, 6 B", 1, 1)
    );
    // Contents without hierarchy stay within the folders that both have.
    create_tree(
        &local,
        &["", ".New"],
        &[(".New/new/5.host".into(), b"five".to_vec())],
    );
    assert_eq!(
        synchronize(&server, &local, SyncFlags::UPLOAD_CONTENTS).0,
        HRESULT::S_OK
    );
    assert!(!server.join(".New").exists());
}

#[test]
fn headers_arrive_alone_and_are_completed_in_place() {
    let (_dir, server, local) = trees();
    let large = [
        b"Subject: large\r\nX: y\r\n\r\n".to_vec(),
        vec![b'x'; 200_000],
    ]
    .concat();
    let cases: [(&str, Vec<u8>, &[u8]); 6] = [
        (
            "1",
            b"Subject: a\n\nbody\n\nmore".to_vec(),
            b"Subject: a\n\n",
        ),
        ("2", large, b"Subject: large\r\nX: y\r\n\r\n"),
        (
            "3",
            b"no header end\nat all".to_vec(),
            b"no header end\nat all",
        ),
        ("4", vec![], b""),
        ("5", b"\nonly a body".to_vec(), b"\n"),
        (
            "6",
            b"Subject: \xFF\x00\n\n".to_vec(),
            b"Subject: \xFF\x00\n\n",
        ),
    ];
    let created = cases
        .iter()
        .map(|(name, bytes, _)| (format!("cur/{name}.host{INFO}S"), bytes.clone()));
    create_tree(&server, &[""], &created.collect::<Vec<_>>());
    // `GLOBAL_HEADERS` overrides `DOWNLOAD_CONTENTS`, and also works without it.
    for flags in [SyncFlags::GLOBAL_HEADERS, WHOLE | SyncFlags::GLOBAL_HEADERS] {
        assert_eq!(synchronize(&server, &local, flags).0, HRESULT::S_OK);
        let here: Vec<_> = messages(&local).into_iter().collect();
        assert_eq!(here.len(), cases.len());
        for ((path, bytes), (name, whole, header)) in here.iter().zip(&cases) {
            let path = path.to_str().unwrap();
            let stub = path.contains(",mapisync=header");
            assert_eq!((&bytes[..], stub), (*header, whole != header), "{path}");
            assert!(
                path.contains(&format!("{name}.host")) && path.ends_with(&format!("{INFO}S")),
                "{path}"
            );
        }
    }
    // A mere header is never uploaded, even if the server no longer has the message.
    let (_empty, other, _) = trees();
    create_tree(&other, &[""], &[]);
    let upload = SyncFlags::UPLOAD_CONTENTS;
    assert_eq!(synchronize(&other, &local, upload).0, HRESULT::S_OK);
    assert_eq!(messages(&other).len(), 3, "the complete messages only");
    // A header is completed under its present flags, which a mail reader may have changed.
    let old = local.join(format!("cur/1.host,mapisync=header{INFO}S"));
    fs::rename(
        old,
        local.join(format!("cur/1.host,mapisync=header{INFO}FS")),
    )
    .unwrap();
    let before = messages(&server);
    let (status, calls) = synchronize(&server, &local, BOTH);
    assert_eq!((status, messages(&server)), (HRESULT::S_OK, before));
    assert!(calls.iter().all(
        |call| !matches!(call.call(), Call::Progress(Some(step), ..) if step.starts_with("Sending"))
    ));
    let here: Vec<_> = messages(&local).into_iter().collect();
    assert_eq!(here.len(), cases.len());
    for ((path, bytes), (name, whole, _)) in here.iter().zip(&cases) {
        let flags = if *name == "1" { "FS" } else { "S" };
        assert_eq!(
            (path.as_path(), bytes),
            (Path::new(&format!("cur/{name}.host{INFO}{flags}")), whole)
        );
    }
}

#[test]
fn any_bytes_are_copied_unchanged_even_fifty_megabytes() {
    let (_dir, server, local) = trees();
    let large: Vec<u8> = (0..=255).cycle().take(support::fewer(50_000_000)).collect();
    create_tree(
        &server,
        &[""],
        &[
            ("new/large".into(), large),
            (
                "new/latin".into(),
                b"Subject: caf\xE9\n\n\xFF\xFE\x80".to_vec(),
            ),
            ("new/headless".into(), b"no header end".to_vec()),
            ("new/empty".into(), vec![]),
        ],
    );
    assert_eq!(synchronize(&server, &local, WHOLE).0, HRESULT::S_OK);
    assert!(messages(&local) == messages(&server), "they differ");
}

#[test]
fn a_second_run_of_a_store_is_busy_until_the_first_is_done() {
    let (_dir, server, local) = trees();
    create_tree(&server, &[""], &[]);
    let sync = ComPtr::<IMAPISync>::new(Store::open(&server, &local).unwrap());
    let recorder = Recorder::new().blocks();
    let outlook = Outlook::new().flags(WHOLE).timeout(TIMEOUT);
    let run = outlook.clone().recorder(recorder.clone()).start(&sync);
    assert!(recorder.wait_calls(1, TIMEOUT));
    for more in [
        SyncFlags::empty(),
        SyncFlags::ON_DEMAND,
        SyncFlags::BACKGROUND,
    ] {
        let second = outlook.clone().flags(WHOLE | more).run(&sync);
        second.assert_refused(HRESULT::MAPI_E_BUSY);
    }
    recorder.release();
    run.wait().assert_ok();
    // After `Done` the host may start the next run at once.
    outlook.run(&sync).assert_ok().assert_no_leaks();
}

/// The names of the runs and their calls, in the order in which the calls ended.
type Log = Arc<Mutex<Vec<(String, Call)>>>;

/// Starts a run of a new store on `server`, which the recorder logs.
fn start(server: &Path, name: &str, flags: SyncFlags, log: &Log, recorder: Recorder) -> OutlookRun {
    let store = Store::open(server, &server.with_file_name(name)).unwrap();
    let (name, log) = (name.to_owned(), log.clone());
    let recorder =
        recorder.on_call(move |call| log.lock().unwrap().push((name.clone(), call.clone())));
    let outlook = Outlook::new().flags(flags).recorder(recorder);
    outlook
        .timeout(TIMEOUT)
        .start(&ComPtr::<IMAPISync>::new(store))
}

#[test]
fn an_on_demand_run_starts_before_waiting_background_runs() {
    // Without this rule the on-demand run would be first by chance in some rounds, but not in all.
    for _ in 0..4 {
        let (_dir, server, _) = trees();
        create_tree(&server, &[""], &[]);
        let log = Log::default();
        let waits = |name: &str| {
            let line = (
                name.to_owned(),
                Call::progress("Waiting for another run", 0, 1),
            );
            support::wait_until(|| log.lock().unwrap().contains(&line));
        };
        let blocked = Recorder::new().blocks();
        let mut runs = vec![start(&server, "first", WHOLE, &log, blocked.clone())];
        assert!(blocked.wait_calls(1, TIMEOUT));
        let looking = Call::progress("Looking for folders", 0, 1);
        assert_eq!(blocked.calls()[0], looking);
        for n in 0..5 {
            let name = format!("background{n}");
            let flags = WHOLE | SyncFlags::BACKGROUND;
            runs.push(start(&server, &name, flags, &log, Recorder::new()));
            waits(&name);
        }
        let demanded = WHOLE | SyncFlags::ON_DEMAND;
        runs.push(start(&server, "demanded", demanded, &log, Recorder::new()));
        waits("demanded");
        // A waiting run can be canceled, and then blocks no other run.
        let cancels = Recorder::new().cancel_at(0);
        let canceled = start(&server, "canceled", demanded, &log, cancels).wait();
        canceled.assert_canceled();
        blocked.release();
        for run in runs {
            run.wait().assert_ok();
        }
        let log = log.lock().unwrap();
        // A slow run repeats the report.
        let looks = log.iter().filter(|(_, call)| *call == looking);
        let mut names: Vec<_> = looks.map(|(name, _)| name).collect();
        names.dedup();
        assert_eq!(names.len(), 7, "{log:?}");
        assert_eq!(names[1], "demanded", "{log:?}");
    }
}
