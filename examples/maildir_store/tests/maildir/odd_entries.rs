//! Links, pipes and other entries that are not messages or folders.

use crate::trees::*;
use std::fs;

#[test]
fn odd_entries_in_a_destination_are_passed_by() {
    let messages = [("cur/1.host:2,S", MAIL), (".A/new/2.host", MAIL)];
    let trees = Trees::new(&messages, &[("/", "")]);
    for path in ["cur/@eaDir", "new/folder", ".A/cur/@eaDir"] {
        fs::create_dir_all(trees.local.join(path)).unwrap();
    }
    trees.run(WHOLE).assert_ok();
    trees.assert_local(&messages);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use mapisync::SyncFlags;
    use mapisync::testing::{Call, Recorder};
    use std::os::unix::fs::symlink;
    use std::process::Command;

    #[test]
    fn a_link_to_a_message_is_copied_as_a_message() {
        let trees = Trees::new(&[], &[]);
        fs::write(trees.server.join("elsewhere"), "linked").unwrap();
        symlink("../elsewhere", trees.server.join("new/2.host")).unwrap();
        trees.run(WHOLE).assert_ok();
        trees.assert_local(&[("new/2.host", "linked")]);
        let metadata = trees.local.join("new/2.host").symlink_metadata();
        assert!(metadata.unwrap().is_file());
    }

    /// A finding of the fuzz target `maildir`.
    #[test]
    fn a_link_to_a_pipe_is_reported_and_does_not_block_the_run() {
        let trees = Trees::new(&[("new/2.host", "two")], &[]);
        let pipe = trees.server.join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        symlink(&pipe, trees.server.join("new/1.host")).unwrap();
        assert_left_out(&trees.run(WHOLE), &["1.host: not a message"]);
        trees.assert_local(&[("new/2.host", "two")]);
    }

    #[test]
    fn broken_entries_are_reported_by_name_and_the_rest_arrives() {
        let good = [("new/good", "1"), (".A/new/good", "2"), (".B/cur/good", "3")];
        let trees = Trees::new(&good, &[]);
        let server = trees.server.clone();
        write(&server, ".Gone/new/lost", "4");
        symlink("loop", server.join("new/loop")).unwrap(); // no user can open it
        symlink("nowhere", server.join(".A/cur/dangling")).unwrap();
        fs::create_dir(server.join(".A/new/folder")).unwrap();
        fs::create_dir_all(server.join(".NoMaildir/tmp")).unwrap();
        // One folder disappears during its synchronization.
        let recorder = Recorder::new().on_call(move |call| {
            if matches!(call, Call::Progress(Some(step), ..) if step == "Receiving Gone") {
                let _ = fs::remove_dir_all(server.join(".Gone")); // fails if it is already gone
            }
        });
        let outcome = trees.run_with(WHOLE, recorder);
        let left_out = [
            "new/loop: ",
            ".A/cur/dangling: ",
            ".A/new/folder: not a message",
            ".NoMaildir: not a Maildir",
            ".Gone/new: ",
            ".Gone/cur: ",
        ];
        assert_left_out(&outcome, &left_out);
        trees.assert_local(&good);
    }

    #[test]
    fn an_error_names_the_file_of_the_side_that_failed() {
        let trees = Trees::new(&[(".A/new/2.host", MAIL)], &[(".A/", "")]);
        symlink("nowhere", trees.server.join("new/1.host")).unwrap();
        // A file instead of `tmp`: nothing can be written.
        fs::remove_dir(trees.local.join(".A/tmp")).unwrap();
        fs::write(trees.local.join(".A/tmp"), "").unwrap();
        let outcome = trees.run(SyncFlags::DOWNLOAD_CONTENTS);
        assert_left_out(&outcome, &["server/new/1.host: ", "local/.A: "]);
    }

    #[test]
    fn links_between_folders_merge_no_folders() {
        let trees = Trees::new(&[("new/1.host", MAIL)], &[("/", "")]);
        for (target, name) in [(".", ".Loop"), ("..", ".Up")] {
            symlink(target, trees.server.join(name)).unwrap();
        }
        trees.run(WHOLE).assert_ok();
        trees.assert_local(&[("new/1.host", MAIL)]);
        assert!(!trees.local.join(".Loop").exists() && !trees.local.join(".Up").exists());
        // In the destination a link to another folder of the tree would merge the two.
        write_all(&trees.server, &[(".A/new/a.host", MAIL), (".B/new/b.host", MAIL), (".C/", "")]);
        make(&trees.local.join(".A"));
        symlink(".A", trees.local.join(".B")).unwrap();
        symlink(".", trees.local.join(".C")).unwrap();
        let words = "a link to another folder";
        assert_left_out(&trees.run(WHOLE), &[words; 2]);
        let arrived = fs::read_dir(trees.local.join(".A/new")).unwrap().count();
        assert_eq!(arrived, 1, "the message of .B is not in .A");
    }
}
