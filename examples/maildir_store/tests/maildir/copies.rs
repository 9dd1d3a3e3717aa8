//! Complete messages: which a run copies in either direction, with their bytes and dates.

use crate::trees::*;
use mapisync::testing::Call;
use mapisync::{HRESULT, SyncFlags};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};
use test_support::fewer;

fn date(file: &Path) -> SystemTime {
    fs::metadata(file).unwrap().modified().unwrap()
}

#[test]
fn a_run_copies_every_byte_and_a_second_run_copies_nothing() {
    let large: String = ('\0'..='\u{FF}').cycle().take(300_000).collect();
    let messages = [
        ("new/1.M1.host,S=3,W=3", "\u{FF}\0\n"),
        ("cur/2.M2.host:2,RS", ""),
        (".A.B/cur/3.M3.host:2,", &*large),
        (".Entw&APw-rfe/new/4", "no header end"),
    ];
    let trees = Trees::new(&messages, &[]);
    write_all(&trees.server, &[(".A/", ""), (".Empty/", "")]);
    // Files that are not mail: next to the folders, hidden ones, and unfinished deliveries.
    for file in ["dovecot-uidlist", "cur/.gitkeep", "tmp/half"] {
        fs::write(trees.server.join(file), "1").unwrap();
    }
    let outcome = trees.run(WHOLE);
    outcome.assert_ok();
    trees.assert_local(&messages);
    for created in [".Empty/new", ".A/maildirfolder"] {
        assert!(trees.local.join(created).exists(), "{created}");
    }
    for (folder, count) in [("Inbox", 2), ("A/B", 1), ("Entwürfe", 1)] {
        let step = format!("Receiving {folder}");
        assert_called(&outcome, Call::progress(step, 0, count));
    }
    assert_eq!(summary(&outcome), "4 messages, 300.0 kB");

    let copied = trees.local.join(native("cur/2.M2.host:2,RS"));
    let before = date(&copied);
    let outcome = trees.run(WHOLE);
    outcome.assert_ok();
    assert_eq!(summary(&outcome), "0 messages, 0 B");
    trees.assert_local(&messages);
    assert_eq!(date(&copied), before);
}

#[test]
fn each_flag_does_its_part() {
    let hierarchy = SyncFlags::DOWNLOAD_HIERARCHY;
    let contents = SyncFlags::DOWNLOAD_CONTENTS;
    let ignored = SyncFlags::ON_DEMAND | SyncFlags::BACKGROUND | SyncFlags::OUTGOING_MAIL;
    let unknown = SyncFlags::from_bits_retain(0x8000_0004);
    let messages = [("new/1", "1"), (".A/new/2", "2")];
    for (flags, has_folder, count) in [
        (SyncFlags::empty(), false, 0),
        (hierarchy, true, 0),
        (contents, false, 1), // without the hierarchy only the inbox exists
        (hierarchy | contents, true, 2),
        (hierarchy | contents | ignored | unknown, true, 2),
    ] {
        let trees = Trees::new(&messages, &[]);
        trees.run(flags).assert_ok();
        let found = (trees.local.join(".A").exists(), mail(&trees.local).len());
        assert_eq!(found, (has_folder, count), "{flags:?}");
    }
    let trees = Trees::new(&messages, &[]);
    let outcome = trees.run(WHOLE | SyncFlags::THESE_FOLDERS);
    outcome.assert_refused(HRESULT::MAPI_E_NO_SUPPORT);
    trees.assert_local(&[]);
}

#[test]
fn both_directions_in_one_run_make_the_trees_equal() {
    let server = [("cur/1.host:2,S", "one"), (".Server/new/2.host", "two")];
    let local = [("new/3.host", "three"), (".Local/cur/4.host:2,", "four")];
    let all = expected(&[server, local].concat());
    let trees = Trees::new(&server, &local);
    // First upload only, then both directions. Existing messages stay unchanged.
    trees.run(UPLOAD).assert_ok();
    assert_eq!(mail(&trees.server), all);
    trees.assert_local(&local);
    let outcome = trees.run(BOTH);
    outcome.assert_ok();
    assert_eq!(summary(&outcome), "2 messages, 6 B");
    assert_eq!(mail(&trees.local), all);
    trees.assert_equal();
    // Contents without hierarchy stay within the folders that both have.
    write(&trees.local, ".New/new/5.host", "five");
    trees.run(SyncFlags::UPLOAD_CONTENTS).assert_ok();
    assert!(!trees.server.join(".New").exists());
}

#[test]
fn more_messages_than_one_batch_arrive_once_each() {
    let many = fewer(9000);
    let trees = Trees::new(&[], &[("/", "")]);
    for n in 0..many {
        let (file, content) = (native(&format!("cur/{n}.host:2,S")), n.to_string());
        fs::write(trees.server.join(&file), &content).unwrap();
        if n < many - 100 {
            fs::write(trees.local.join(&file), &content).unwrap();
        }
    }
    let outcome = trees.run(WHOLE);
    outcome.assert_ok();
    trees.assert_equal();
    // The progress counts the missing messages only.
    assert_called(&outcome, Call::progress("Receiving Inbox", 100, 100));
}

#[test]
fn the_date_of_receipt_is_kept() {
    let received = SystemTime::UNIX_EPOCH + Duration::from_secs(1_420_070_400);
    let trees = Trees::new(&[("new/1.host", MAIL), ("cur/2.host:2,S", MAIL)], &[]);
    for path in mail(&trees.server).keys() {
        let file = trees.server.join(native(path));
        let file = fs::File::options().write(true).open(file).unwrap();
        file.set_modified(received).unwrap();
    }
    for flags in [HEADERS, WHOLE] {
        trees.run(flags).assert_ok();
        let files = mail(&trees.local);
        assert_eq!(files.len(), 2);
        for path in files.keys() {
            let file = trees.local.join(native(path));
            assert_eq!(date(&file), received, "{path} {flags:?}");
        }
    }
}
