//! `--verbose`: every call with its result.

use crate::program::*;
use maildir_store::SAMPLE;
use std::fs;

#[test]
fn verbose_prints_every_call_with_its_result() {
    let folder = Folder::new();
    let [anna, bert] = &["Anna", "Bert"].map(|name| folder.path(name));
    let ended = run(&[SAMPLE, anna, "-v"]);
    ended.assert_exit(0);
    let calls: Vec<_> = ended.out.lines().filter(|line| line.contains(" → ")).collect();
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
    ended.assert_out(&[&format!("\nCalls     {}: 1 Sync", calls.len())]);
    // Of several stores, each line has the name. A call without some arguments has no stray comma.
    let server = folder.create("server", [1]);
    fs::create_dir(format!("{server}/new/folder")).unwrap();
    let ended = run(&[SAMPLE, anna, "--store", &server, bert, "-v"]);
    ended.assert_exit(2);
    ended.assert_out(&["\nBert: Error(message: \"left out: "]);
    for name in ["Anna", "Bert"] {
        for method in ["SynchronizeInBackground(flags: ", "Progress(step: ", "Done(status: "] {
            ended.assert_out(&[&format!("\n{name}: {method}")]);
        }
    }
}
