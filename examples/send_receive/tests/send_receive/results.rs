//! The lines and the exit code of a run that has ended: complete, partial or refused.

use crate::program::*;
use maildir_store::SAMPLE;
use maildir_store::maildir::Maildir;
use std::fs;
use std::path::Path;

#[test]
fn without_arguments_the_sample_mailbox_is_synchronized_into_a_temporary_folder() {
    let ended = run(&["--keep"]);
    ended.assert_exit(0);
    assert_eq!(ended.err, "");
    let folder = sample_folder(&ended.out);
    assert_eq!(count(folder), SAMPLE_FILES);
    fs::remove_dir_all(folder).unwrap();
    ended.assert_lines(&[
        &format!("{} is kept", folder.display()),
        "Receiving Inbox: 10 of 10",
        "Receiving Входящие задачи: 2 of 2",
        "Receiving 仕事/会議: 1 of 1",
        "Receiving Archiv/2025/Rechnungen & Belege: 2 of 2",
        "Receiving Urlaub 🏖: 1 of 1",
        "Status    S_OK (0x00000000): finished",
        "Messages  25 of 25",
        "Store     25 messages, 27.4 kB",
    ]);
    let calls = ended.out.lines().find(|line| line.starts_with("Calls "));
    let (_, calls) = calls
        .unwrap()
        .split_once(": 1 SynchronizeInBackground, ")
        .unwrap();
    let (progress, others) = calls.split_once(' ').unwrap();
    // More reports are made if the disk is slow.
    assert!(progress.parse::<u32>().unwrap() >= 49, "{calls}");
    assert_eq!(others, "Progress, 0 Error, 1 Done");
    // Without --keep the folder is removed, and the output says so.
    let ended = run(&[]);
    let folder = sample_folder(&ended.out);
    let removed = format!("{} is removed again; --keep keeps it", folder.display());
    ended.assert_exit(0).assert_lines(&[&removed]);
    assert!(!folder.exists());
}

#[test]
fn a_second_run_copies_nothing_and_quiet_prints_nothing() {
    let folder = Folder::new();
    let local = &folder.path("local");
    let ended = run(&[SAMPLE, local, "--quiet"]);
    ended.assert_exit(0);
    assert_eq!((&*ended.out, &*ended.err), ("", ""));
    let ended = run(&[SAMPLE, local]);
    let nothing = "Messages  0 of 0\nStore     0 messages, 0 B\n";
    ended.assert_exit(0).assert_parts(&[nothing]);
}

#[test]
fn the_exit_code_and_the_status_say_what_was_left_out() {
    let folder = Folder::new();
    let (server, local) = (folder.create("server", &["1", "2"]), folder.path("local"));
    for name in ["1;2,S", "2;2,S"] {
        fs::write(Path::new(&server).join("cur").join(name), "other mail").unwrap();
    }
    for messages in ["2 of 4", "0 of 2"] {
        let ended = run(&[&server, &local]);
        let status = "MAPI_W_PARTIAL_COMPLETION (0x00040680): finished, 2 messages left out";
        ended.assert_exit(2).assert_parts(&[", 2 left out\n"]);
        ended.assert_lines(&[
            &format!("Status    {status}"),
            &format!("Messages  {messages}"),
        ]);
        assert_eq!(ended.err.lines().count(), 2, "{ended}");
    }
}

#[test]
fn a_second_run_into_a_tree_is_refused_by_name() {
    let folder = Folder::new();
    let local = &folder.path("local");
    let tree = Maildir::open_or_create(local.as_ref()).unwrap();
    let lock = tree.lock().unwrap();
    let ended = run(&[SAMPLE, local]);
    let busy = "MAPI_E_BUSY (0x8004010B): ";
    ended.assert_exit(1).assert_error(&[busy, local]);
    assert!(ended.err.starts_with(busy), "{ended}");
    ended.assert_parts(&[&format!("{busy}another run uses the mailbox\n")]);
    // Of two stores with one local tree, one has to wait for the next time.
    drop(lock);
    let ended = run(&["--store", SAMPLE, local, "--store", SAMPLE, local]);
    let [done, refused] =
        ["S_OK (0x00000000)", busy].map(|status| ended.out.matches(status).count());
    let result = (ended.exit, done, refused);
    assert!(
        [(Some(1), 1, 1), (Some(0), 2, 0)].contains(&result),
        "{ended}"
    );
    assert_eq!(count(local), SAMPLE_FILES);
}

#[test]
fn a_closed_output_pipe_does_not_stop_the_run() {
    let folder = Folder::new();
    let local = &folder.path("local");
    let mut run = command(&[SAMPLE, local]).spawn().unwrap();
    drop(run.stdout.take());
    assert!(run.wait().unwrap().success());
    assert_eq!(count(local), SAMPLE_FILES);
}
