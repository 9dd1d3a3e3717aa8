//! Real mail: the names, dates, modes and odd entries of the trees that mail programs keep, and the
//! changes that they make during a run.

#![cfg(not(miri))] // Miri has no file system

mod support;

use mapisync::testing::{Call, Recorder};
use mapisync::{HRESULT, SyncFlags};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::{Duration, SystemTime};
use support::*;

const MAIL: &str = "Subject: x\n\nbody";
const HEADER: &str = "Subject: x\n\n";

fn write(root: &Path, name: &str, content: &str) {
    fs::write(root.join(name.replace(":2,", INFO)), content).unwrap();
}

#[test]
fn a_stub_has_no_sizes_and_they_come_back_on_completion() {
    let trees = Trees::new();
    let name = format!("1.host,S={},W=19:2,S", MAIL.len());
    write(&trees.server, &format!("cur/{name}"), MAIL);
    write(&trees.server, "new/2.host,S=16", MAIL);
    trees.run(HEADERS).assert_ok();
    let stubs = [
        ("cur/1.host,mapisync=header:2,S", HEADER),
        ("new/2.host,mapisync=header", HEADER),
    ];
    assert_eq!(mail(&trees.local), expected(&stubs));
    trees.run(HEADERS).assert_ok();
    assert_eq!(mail(&trees.local), expected(&stubs));
    trees.run(WHOLE).assert_ok();
    let whole = [(&*format!("cur/{name}"), MAIL), ("new/2.host,S=16", MAIL)];
    assert_eq!(mail(&trees.local), expected(&whole));
}

#[test]
fn sizes_that_dovecot_adds_or_corrects_do_not_double_a_message() {
    let trees = Trees::new();
    make(&trees.local);
    write(&trees.server, "cur/1.host:2,S", MAIL);
    write(&trees.server, "cur/2.host,S=1:2,S", MAIL);
    write(&trees.local, "cur/1.host,S=16,W=19:2,S", MAIL);
    write(&trees.local, "cur/2.host,S=16:2,S", MAIL);
    let before = mail(&trees.local);
    trees.run(BOTH).assert_ok();
    assert_eq!((mail(&trees.local), mail(&trees.server).len()), (before, 2));
}

/// Another program changes the stub at each moment of its completion, one moment in each run.
#[test]
fn a_stub_and_its_whole_message_never_stay_together() {
    type Change = fn(&Path) -> std::io::Result<()>;
    let rename: Change = |local| {
        let path = |name: &str| local.join(name.replace(":2,", INFO));
        fs::rename(
            path("cur/1.host,mapisync=header:2,S"),
            path("cur/1.host,mapisync=header:2,FS"),
        )
    };
    let deliver: Change = |local| {
        let path = local.join("cur/1.host,S=16:2,S".replace(":2,", INFO));
        fs::File::create_new(path)?.write_all(b"theirs")
    };
    for (change, changed) in [
        (rename, ("cur/1.host,S=16:2,FS", MAIL)),
        (deliver, ("cur/1.host,S=16:2,S", "theirs")),
    ] {
        let mut changes = 0;
        for call in 0.. {
            let trees = Trees::new();
            make(&trees.local);
            write(&trees.server, "cur/1.host,S=16:2,", MAIL);
            write(&trees.local, "cur/1.host,mapisync=header:2,S", HEADER);
            let (local, calls) = (trees.local.clone(), AtomicU32::new(0));
            let has_changed = Arc::new(AtomicBool::new(false));
            let succeeded = has_changed.clone();
            let recorder = Recorder::new().on_call(move |_| {
                if calls.fetch_add(1, Relaxed) == call {
                    succeeded.store(change(&local).is_ok(), Relaxed);
                }
            });
            let outcome = trees.run_with(WHOLE, recorder, report_everything);
            outcome.assert_ok();
            let has_changed = has_changed.load(Relaxed);
            changes += u32::from(has_changed);
            let result = if has_changed {
                changed
            } else {
                ("cur/1.host,S=16:2,S", MAIL)
            };
            assert_eq!(mail(&trees.local), expected(&[result]), "{call}: {outcome}");
            if call as usize > outcome.calls().len() {
                break;
            }
        }
        assert!(changes > 5, "{changes}");
    }
}

/// A mail reader changes the flags of a message at each moment of a run, one moment in each run.
#[test]
fn a_message_that_is_renamed_during_a_run_arrives_once() {
    for call in 0.. {
        let trees = Trees::new();
        write(&trees.server, "cur/1.host:2,", MAIL);
        let (server, calls) = (trees.server.clone(), AtomicU32::new(0));
        let recorder = Recorder::new().on_call(move |_| {
            if calls.fetch_add(1, Relaxed) == call {
                let path = |flags| server.join(format!("cur/1.host{INFO}{flags}"));
                fs::rename(path(""), path("S")).unwrap();
            }
        });
        let outcome = trees.run_with(WHOLE, recorder, report_everything);
        outcome.assert_ok();
        let arrived = mail(&trees.local);
        assert!(
            arrived.len() == 1 && arrived.values().all(|mail| mail == MAIL),
            "{call}: {outcome}"
        );
        if call as usize > outcome.calls().len() {
            assert!(call > 5);
            break;
        }
    }
}

#[test]
fn a_stub_that_a_killed_run_left_next_to_its_whole_message_is_removed() {
    let trees = Trees::new();
    make(&trees.local);
    write(&trees.server, "cur/1.host,S=16:2,", MAIL);
    write(&trees.local, "cur/1.host,mapisync=header:2,S", HEADER);
    write(&trees.local, "cur/1.host:2,", MAIL);
    trees.run(WHOLE).assert_ok();
    assert_eq!(mail(&trees.local), expected(&[("cur/1.host:2,", MAIL)]));
}

#[test]
fn a_tree_is_locked_for_the_run_and_a_source_for_uploads_only() {
    use maildir_store::maildir::Maildir;
    for (locked, flags, is_busy) in [
        ("local", WHOLE, true),
        ("local", HEADERS, true),
        ("local", UPLOAD, true),
        ("server", WHOLE, false),
        ("server", UPLOAD, true),
        ("local", SyncFlags::empty(), false),
    ] {
        let trees = Trees::new();
        make(&trees.local);
        write(&trees.server, "new/1.host", MAIL);
        let tree = if locked == "local" {
            &trees.local
        } else {
            &trees.server
        };
        let lock = Maildir::open(tree).unwrap().lock().unwrap();
        let outcome = trees.run(flags);
        let expected = if is_busy {
            HRESULT::MAPI_E_BUSY
        } else {
            HRESULT::S_OK
        };
        assert_eq!(outcome.status(), Some(expected), "{locked} {flags:?}");
        let named = |warning: &String| {
            warning.contains(locked) && warning.ends_with(": another run uses this Maildir")
        };
        assert_eq!(
            warnings(&outcome).iter().filter(|one| named(one)).count(),
            usize::from(is_busy)
        );
        drop(lock);
        trees.run(flags).assert_ok();
    }
}

#[test]
fn the_date_of_receipt_is_kept() {
    let trees = Trees::new();
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_420_070_400);
    for name in ["new/1.host", "cur/2.host:2,S"] {
        write(&trees.server, name, MAIL);
        let path = trees.server.join(name.replace(":2,", INFO));
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(date)
            .unwrap();
    }
    for flags in [HEADERS, WHOLE] {
        trees.run(flags).assert_ok();
        let files: Vec<_> = mail(&trees.local).into_keys().collect();
        assert_eq!(files.len(), 2);
        for file in files {
            let modified = fs::metadata(trees.local.join(&file))
                .unwrap()
                .modified()
                .unwrap();
            assert_eq!(modified, date, "{file} {flags:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn created_folders_and_files_are_private_and_existing_modes_stay() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let trees = Trees::new();
    make(&trees.server.join(".A"));
    write(&trees.server, "new/1.host", MAIL);
    write(&trees.server, ".A/cur/2.host:2,S", MAIL);
    trees.run(WHOLE).assert_ok();
    for path in ["", "cur", "new", "tmp", ".A", ".A/cur", ".A/new", ".A/tmp"] {
        assert_eq!(mode(&trees.local.join(path)), 0o700, "{path}");
    }
    for file in walk(&trees.local) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    // The modes of what exists stay, whether they are stricter or not.
    let strict = [("cur", 0o711), ("new", 0o500), (".A", 0o750)];
    for (path, bits) in strict {
        fs::set_permissions(trees.local.join(path), PermissionsExt::from_mode(bits)).unwrap();
    }
    write(&trees.server, "cur/3.host:2,S", MAIL);
    trees.run(WHOLE).assert_ok();
    for (path, bits) in strict {
        assert_eq!(mode(&trees.local.join(path)), bits, "{path}");
    }
}

#[test]
fn keywords_are_translated_and_never_copied_as_letters() {
    let trees = Trees::new();
    make(&trees.local);
    fs::write(
        trees.server.join("dovecot-keywords"),
        "0 $Forwarded\n1 Junk\n",
    )
    .unwrap();
    fs::write(trees.local.join("dovecot-keywords"), "0 Junk\n1 Other\n").unwrap();
    make(&trees.server.join(".A"));
    write(&trees.server, "cur/1.host:2,Sab", MAIL);
    write(&trees.server, ".A/cur/2.host:2,RSa", MAIL);
    write(&trees.server, "cur/3.host:2,Sb", "\n");
    trees.run(HEADERS).assert_ok();
    let stubs = [
        ("cur/1.host,mapisync=header:2,Sa", HEADER),
        (".A/cur/2.host,mapisync=header:2,RS", HEADER),
        ("cur/3.host:2,Sa", "\n"),
    ];
    assert_eq!(mail(&trees.local), expected(&stubs));
    trees.run(WHOLE).assert_ok();
    let whole = [
        ("cur/1.host:2,Sa", MAIL),
        (".A/cur/2.host:2,RS", MAIL),
        ("cur/3.host:2,Sa", "\n"),
    ];
    assert_eq!(mail(&trees.local), expected(&whole));
}

#[test]
fn odd_entries_in_a_destination_are_passed_by() {
    let trees = Trees::new();
    make(&trees.local);
    for path in ["cur/@eaDir", "new/folder", ".A/cur/@eaDir"] {
        fs::create_dir_all(trees.local.join(path)).unwrap();
    }
    make(&trees.server.join(".A"));
    write(&trees.server, "cur/1.host:2,S", MAIL);
    write(&trees.server, ".A/new/2.host", MAIL);
    trees.run(WHOLE).assert_ok();
    let arrived = [("cur/1.host:2,S", MAIL), (".A/new/2.host", MAIL)];
    assert_eq!(mail(&trees.local), expected(&arrived));
}

#[test]
fn two_messages_with_one_name_are_never_a_success() {
    let trees = Trees::new();
    write(&trees.server, "cur/1.host:2,", "A");
    write(&trees.server, "cur/1.host:2,FS", "B");
    write(&trees.server, "new/2.host", "C");
    write(&trees.server, "cur/2.host:2,S", "D");
    write(&trees.server, "cur/3.host,S=1:2,S", "E");
    write(&trees.server, "cur/3.host,S=2:2,S", "FF");
    // The same bytes are one message: a program that moves a message links it first.
    write(&trees.server, "new/4.host", "G");
    write(&trees.server, "cur/4.host:2,S", "G");
    for _ in 0..2 {
        let words = "another message has the same name";
        assert_left_out(&trees.run(WHOLE), &[words; 3]);
        assert_eq!(mail(&trees.local).len(), 4);
    }
}

#[test]
fn every_form_of_the_separator_is_understood() {
    let trees = Trees::new();
    make(&trees.local);
    for (name, form) in [("1.host", "!2,S"), ("2.host", ";2,S"), ("3.host", "!2,")] {
        fs::write(trees.server.join(format!("cur/{name}{form}")), MAIL).unwrap();
    }
    fs::write(trees.local.join("cur/1.host!2,RS"), MAIL).unwrap();
    fs::write(trees.local.join("cur/2.host!2,RS"), MAIL).unwrap();
    trees.run(BOTH).assert_ok();
    let names: Vec<_> = mail(&trees.local).into_keys().collect();
    let third = format!("cur/3.host{INFO}");
    assert_eq!(names, ["cur/1.host!2,RS", "cur/2.host!2,RS", &third]);
    assert_eq!(mail(&trees.server).len(), 3);
}

#[cfg(unix)]
#[test]
fn an_error_names_the_file_of_the_side_that_failed() {
    use std::os::unix::fs::symlink;
    let trees = Trees::new();
    make(&trees.local);
    make(&trees.server.join(".A"));
    make(&trees.local.join(".A"));
    symlink("nowhere", trees.server.join("new/1.host")).unwrap();
    write(&trees.server, ".A/new/2.host", MAIL);
    // A file instead of `tmp`: nothing can be written.
    fs::remove_dir(trees.local.join(".A/tmp")).unwrap();
    fs::write(trees.local.join(".A/tmp"), "").unwrap();
    let outcome = trees.run(SyncFlags::DOWNLOAD_CONTENTS);
    let warnings = warnings(&outcome);
    let sides = ["server/new/1.host: ", "local/.A: "];
    for side in sides {
        assert!(
            warnings.iter().any(|one| one.contains(side)),
            "{side}: {warnings:?}"
        );
    }
}

#[test]
fn a_name_too_long_for_a_stub_is_fetched_whole() {
    let trees = Trees::new();
    let names: Vec<_> = [230, 240, 241, 250, 255]
        .map(|length| format!("new/{}", "1".repeat(length)))
        .into();
    for name in &names {
        write(&trees.server, name, MAIL);
    }
    trees.run(HEADERS).assert_ok();
    let stubs = mail(&trees.local)
        .into_keys()
        .filter(|name| name.contains("mapisync"))
        .count();
    assert_eq!(
        stubs,
        1 + usize::from(240 + ",mapisync=header".len() <= 255)
    );
    trees.run(WHOLE).assert_ok();
    assert_eq!(mail(&trees.local), mail(&trees.server));
}

#[test]
fn a_compressed_message_is_fetched_whole() {
    let trees = Trees::new();
    let gzip = "\x1F\u{8B}a\n\nb";
    let bytes: Vec<u8> = gzip.chars().map(|character| character as u8).collect();
    fs::write(trees.server.join("new/1.host"), bytes).unwrap();
    trees.run(HEADERS).assert_ok();
    assert_eq!(mail(&trees.local), mail(&trees.server));
}

#[test]
fn a_tree_that_a_killed_run_began_is_completed() {
    for begun in [&["tmp"][..], &["tmp", "new"]] {
        let trees = Trees::new();
        write(&trees.server, "new/1.host", MAIL);
        for sub in begun {
            fs::create_dir_all(trees.local.join(sub)).unwrap();
        }
        trees.run(WHOLE).assert_ok();
        assert_eq!(mail(&trees.local), mail(&trees.server));
    }
}

#[test]
fn a_source_folder_without_its_empty_directories_is_read() {
    let trees = Trees::new();
    for lacking in ["tmp", "new"] {
        fs::remove_dir(trees.server.join(lacking)).unwrap();
    }
    write(&trees.server, "cur/1.host:2,S", MAIL);
    fs::create_dir_all(trees.server.join(".Cur/cur")).unwrap();
    write(&trees.server, ".Cur/cur/2.host:2,S", MAIL);
    fs::create_dir_all(trees.server.join(".New/new")).unwrap();
    write(&trees.server, ".New/new/3.host", MAIL);
    fs::create_dir(trees.server.join(".Empty")).unwrap();
    fs::write(trees.server.join(".Empty/maildirfolder"), "").unwrap();
    trees.run(WHOLE).assert_ok();
    assert_eq!(mail(&trees.local), mail(&trees.server));
    assert!(trees.local.join(".Empty/cur").is_dir());
    // An upload creates what it needs.
    write(&trees.local, "new/4.host", MAIL);
    write(&trees.local, ".Cur/new/5.host", MAIL);
    trees.run(SyncFlags::UPLOAD_CONTENTS).assert_ok();
    assert_eq!(mail(&trees.local), mail(&trees.server));
}

#[cfg(unix)]
#[test]
fn links_between_folders_merge_no_folders() {
    use std::os::unix::fs::symlink;
    let trees = Trees::new();
    make(&trees.local);
    write(&trees.server, "new/1.host", MAIL);
    symlink(".", trees.server.join(".Loop")).unwrap();
    symlink("..", trees.server.join(".Up")).unwrap();
    trees.run(WHOLE).assert_ok();
    assert_eq!(mail(&trees.local).len(), 1);
    assert!(!trees.local.join(".Loop").exists() && !trees.local.join(".Up").exists());
    // In the destination a link to another folder of the tree would merge the two.
    for folder in [".A", ".B"] {
        make(&trees.server.join(folder));
        write(
            &trees.server,
            &format!("{folder}/new/{folder}.host").replace("/.", "/x"),
            MAIL,
        );
    }
    make(&trees.local.join(".A"));
    symlink(".A", trees.local.join(".B")).unwrap();
    symlink(".", trees.local.join(".C")).unwrap();
    make(&trees.server.join(".C"));
    let words = "a link to another folder";
    assert_left_out(&trees.run(WHOLE), &[words; 2]);
    let arrived = fs::read_dir(trees.local.join(".A/new")).unwrap().count();
    assert_eq!(arrived, 1, "the message of .B is not in .A");
}

#[test]
fn folders_that_look_alike_are_counted_apart() {
    let trees = Trees::new();
    for (folder, messages) in [(".Inbox", 1), (".A.B", 2), (".A&AC8-B", 3)] {
        make(&trees.server.join(folder));
        for n in 0..messages {
            write(&trees.server, &format!("{folder}/new/{n}.host"), MAIL);
        }
    }
    for n in 0..4 {
        write(&trees.server, &format!("new/{n}.host"), MAIL);
    }
    let outcome = trees.run(WHOLE);
    outcome.assert_ok();
    for (label, count) in [
        ("Inbox", 4_u32),
        ("Inbox (.Inbox)", 1),
        ("A/B", 3),
        ("A/B (.A.B)", 2),
    ] {
        let end = Call::progress(format!("Receiving {label}"), count, count);
        assert!(
            outcome.calls().iter().any(|call| *call == end),
            "{label}: {outcome}"
        );
    }
}

/// On exFAT, which ignores case, allows no `:` in names, and knows no second name for a file. It
/// needs Debian's packages exfat-fuse and exfatprogs, and runs only where they are installed.
#[cfg(target_os = "linux")]
#[test]
fn names_that_differ_only_in_case_are_left_out_and_not_merged() {
    let trees = Trees::new();
    for folder in [".Work", ".work"] {
        make(&trees.server.join(folder));
        write(
            &trees.server,
            &format!("{folder}/new/{}.host", &folder[1..]),
            MAIL,
        );
    }
    write(&trees.server, "cur/1Ia.host:2,S", "one");
    write(&trees.server, "cur/1IA.host:2,S", "other");
    write(&trees.server, "cur/2.host:2,FS", MAIL);
    let [disk, local] = [trees.server.with_file_name("disk"), trees.local.clone()];
    let [disk, local] = [disk.display(), local.display()];
    let mount = format!(
        "truncate -s 8M '{disk}' && mkfs.exfat '{disk}' && mkdir -p '{local}' \
         && device=$(losetup -f --show '{disk}') && trap 'umount {local}; losetup -d $device' EXIT \
         && mount.exfat-fuse $device '{local}'"
    );
    let output = std::process::Stdio::null;
    let works = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", &mount])
        .stdout(output())
        .stderr(output())
        .status();
    if !works.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this system has no exFAT");
        return;
    }
    let program = quoted(&std::env::current_exe().unwrap());
    let script = format!("{mount} && {program} --exact case_is_ignored --nocapture");
    let status = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .env("MAPISYNC_TEST_CASE", trees.server.parent().unwrap())
        .status();
    assert!(status.unwrap().success());
}

/// Not a test: `names_that_differ_only_in_case_are_left_out_and_not_merged` runs this function in
/// a mount namespace.
#[cfg(target_os = "linux")]
#[test]
fn case_is_ignored() {
    let Some(dir) = std::env::var_os("MAPISYNC_TEST_CASE") else {
        return;
    };
    let trees = Trees::at(Path::new(&dir));
    for _ in 0..2 {
        let outcome = trees.run(WHOLE);
        let words = "the name of another entry differs only in case or accents";
        assert_left_out(&outcome, &[words, words]);
        let arrived = mail(&trees.local);
        let names: Vec<_> = arrived.keys().map(|name| name.to_lowercase()).collect();
        let mut expected = [".work/new/work.host", "cur/1ia.host;2,s", "cur/2.host;2,fs"];
        expected.sort_unstable();
        let mut names = names.iter().map(String::as_str).collect::<Vec<_>>();
        names.sort_unstable();
        assert_eq!(names, expected, "{outcome}");
    }
    // A stub is completed there, too.
    write(&trees.server, "cur/3.host:2,S", MAIL);
    for flags in [HEADERS, WHOLE] {
        assert_eq!(
            trees.run(flags).status(),
            Some(HRESULT::MAPI_W_PARTIAL_COMPLETION)
        );
    }
    let arrived = mail(&trees.local);
    assert_eq!(arrived.len(), 4, "{arrived:?}");
    assert_eq!(arrived["cur/3.host;2,S"], MAIL);
    // Nor is a message uploaded into the wrong folder.
    let before = mail(&trees.server);
    trees.run(UPLOAD).assert_ok();
    assert_eq!(mail(&trees.server), before);
}

#[cfg(target_os = "linux")]
#[test]
fn if_nothing_can_be_written_the_run_fails_with_one_message() {
    let trees = Trees::new();
    make(&trees.local);
    for n in 0..50 {
        write(&trees.server, &format!("new/{n}.host"), MAIL);
    }
    // The whole tree is read-only, or only the folder to write to.
    for read_only in ["", "tmp", "new"] {
        let path = trees.local.join(read_only);
        let path = path.display();
        let mount = format!("mount --bind '{path}' '{path}' && mount -o remount,bind,ro '{path}'");
        let Some(mut run) = unshare(&["--mount"], &mount) else {
            return;
        };
        let program = quoted(&std::env::current_exe().unwrap());
        let script = format!("{mount} && exec {program} --exact read_only --nocapture");
        let run = run
            .args(["sh", "-c", &script])
            .env("MAPISYNC_TEST_READ_ONLY", trees.server.parent().unwrap());
        assert!(run.status().unwrap().success(), "{read_only}");
    }
}

/// Not a test: `if_nothing_can_be_written_the_run_fails_with_one_message` runs this function in a
/// mount namespace.
#[cfg(target_os = "linux")]
#[test]
fn read_only() {
    let Some(dir) = std::env::var_os("MAPISYNC_TEST_READ_ONLY") else {
        return;
    };
    let trees = Trees::at(Path::new(&dir));
    let outcome = trees.run(WHOLE);
    assert_eq!(
        outcome.status(),
        Some(HRESULT::MAPI_E_NO_ACCESS),
        "{outcome}"
    );
    assert_eq!(warnings(&outcome).len(), 1, "{outcome}");
}
