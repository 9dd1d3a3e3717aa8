//! `--verbose`: every call with its result.

use crate::program::*;
use maildir_store::SAMPLE;
use std::fs;
use std::path::Path;

#[test]
fn verbose_prints_every_call_with_its_result() {
    let folder = Folder::new();
    let [anna, bert] = &["Anna", "Bert"].map(|name| folder.path(name));
    let ended = run(&[SAMPLE, anna, "-v"]);
    ended.assert_exit(0);
    let calls: Vec<_> = ended
        .out
        .lines()
        .filter(|line| line.contains(" → "))
        .collect();
    for call in [
        "SynchronizeInBackground(flags: SyncFlags(DOWNLOAD_HIERARCHY | DOWNLOAD_CONTENTS))",
        "Progress(step: \"Receiving Inbox\", index: 0, max: 10)",
        "Progress(step: \"Receiving Inbox\", index: 10, max: 10)",
        "Done(status: S_OK (0x00000000))",
    ] {
        let start = format!("{call} → S_OK (0x00000000) in ");
        let is_printed = calls.iter().any(|line| line.starts_with(&start));
        assert!(is_printed, "{call}:\n{ended}");
    }
    ended.assert_parts(&[&format!("\nCalls     {}: 1 Sync", calls.len())]);
    // Of several stores, each line has the name.
    let ended = run(&[SAMPLE, anna, "--store", SAMPLE, bert, "-v"]);
    ended.assert_exit(0);
    for name in ["Anna", "Bert"] {
        for method in ["SynchronizeInBackground", "Progress", "Done"] {
            let start = format!("{name}: {method}(");
            assert!(
                ended.out.lines().any(|line| line.starts_with(&start)),
                "{ended}"
            );
        }
    }
}

#[test]
fn verbose_prints_no_stray_comma() {
    let folder = Folder::new();
    let (server, local) = (folder.create("server", &["1"]), folder.path("local"));
    fs::create_dir(Path::new(&server).join("new/folder")).unwrap();
    let ended = run(&[&server, &local, "-v"]);
    ended.assert_parts(&["Error(message: \"left out: "]);
    for line in ended.out.lines().filter(|line| line.contains(" → ")) {
        for stray in ["(,", ", )", ", ,", ",,"] {
            assert!(!line.contains(stray), "{line}");
        }
    }
}
