//! Runs that are killed.

use crate::trees::*;
use std::fs;
use std::path::Path;
use std::thread;
use test_support::fewer;

/// Returns the number of messages without reading them.
fn count(root: &Path) -> usize {
    let folders = ["", ".A", ".Server", ".Local"].map(|folder| root.join(folder));
    let subs = folders.iter().flat_map(|folder| ["cur", "new"].map(|sub| folder.join(sub)));
    subs.map(|sub| fs::read_dir(sub).map_or(0, Iterator::count)).sum()
}

#[test]
fn a_killed_run_leaves_no_partial_message_and_the_next_run_completes_the_work() {
    let trees = Trees::new(&[(".Server/", "")], &[(".Local/", "")]);
    for n in 0..1200 {
        let folder = if n % 2 == 0 { ".A/new" } else { "new" };
        let content: String = ('\0'..='\u{FF}').cycle().skip(n % 256).take(n * 2).collect();
        for (tree, side) in [(&trees.server, "server"), (&trees.local, "local")] {
            write(tree, &format!("{folder}/{side}{n}.host"), &content);
        }
    }
    let mut whole = mail(&trees.server);
    whole.extend(mail(&trees.local));
    let start = whole.len();
    let on_both = || count(&trees.server) + count(&trees.local);
    let mut interrupted = 0;
    let kills = fewer(40).min(12);
    for kill in 0..kills {
        let mut program = test_support::run(&std::env::current_exe().unwrap());
        let program = program.args(["--exact", "child"]);
        let mut run = trees.bequeath(program, "both").spawn().unwrap();
        // The first run is killed after its first messages, later runs after more and more of them.
        while on_both() <= start + start * kill / kills && run.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        run.kill().unwrap();
        interrupted += usize::from(!run.wait().unwrap().success());
        for side in [&trees.server, &trees.local] {
            let mut found = mail(side);
            found.retain(|path, _| !path.contains("tmp/"));
            for (path, content) in found {
                assert_eq!(whole.get(&path), Some(&content), "{path} is incomplete");
            }
        }
    }
    assert!(interrupted > kills / 2, "{interrupted} of {kills}");
    trees.run(BOTH).assert_ok();
    assert_eq!(mail(&trees.local), whole);
    trees.assert_equal();
    for folder in [trees.local.join(".Server/cur"), trees.server.join(".Local/cur")] {
        assert!(folder.is_dir(), "{}", folder.display());
    }
    assert_eq!(summary(&trees.run(BOTH)), "0 messages, 0 B");
}
