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
    ended.assert_out(&[
        &format!("\n{} is kept\n", folder.display()),
        "\nReceiving Inbox: 10 of 10\n",
        "\nReceiving Входящие задачи: 2 of 2\n",
        "\nReceiving 仕事/会議: 1 of 1\n",
        "\nReceiving Archiv/2025/Rechnungen & Belege: 2 of 2\n",
        "\nReceiving Urlaub 🏖: 1 of 1\n",
        "\nStatus    S_OK (0x00000000): finished\nMessages  25 of 25\n",
        "\nStore     25 messages, 27.4 kB\n",
    ]);
    let calls = ended.out.lines().find(|line| line.starts_with("Calls "));
    let (_, calls) = calls.unwrap().split_once(": 1 SynchronizeInBackground, ").unwrap();
    let (progress, others) = calls.split_once(' ').unwrap();
    // More reports are made if the disk is slow.
    assert!(progress.parse::<u32>().unwrap() >= 49, "{calls}");
    assert_eq!(others, "Progress, 0 Error, 1 Done");
    // Without --keep the folder is removed, and the output says so.
    let ended = run(&[]);
    let folder = sample_folder(&ended.out);
    let removed = format!("\n{} is removed again; --keep keeps it\n", folder.display());
    ended.assert_exit(0).assert_out(&[&removed]);
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
    ended.assert_exit(0).assert_out(&[nothing]);
}

#[test]
fn the_exit_code_and_the_status_say_what_was_left_out() {
    let folder = Folder::new();
    let (server, local) = (folder.create("server", [1, 2]), folder.path("local"));
    for name in ["1;2,S", "2;2,S"] {
        fs::write(Path::new(&server).join("cur").join(name), "other mail").unwrap();
    }
    for messages in ["2 of 4", "0 of 2"] {
        let ended = run(&[&server, &local]);
        let status = "MAPI_W_PARTIAL_COMPLETION (0x00040680): finished, 2 messages left out";
        let lines = format!("\nStatus    {status}\nMessages  {messages}\n");
        ended.assert_exit(2).assert_out(&[&lines, ", 2 left out\n"]);
        assert_eq!(ended.err.lines().count(), 2, "{ended}");
    }
}

#[test]
fn a_second_run_into_a_tree_is_refused_by_name() {
    let folder = Folder::new();
    let local = &folder.path("local");
    let tree = Maildir::open_or_create(local.as_ref()).unwrap();
    let lock = tree.lock().unwrap();
    let busy = "MAPI_E_BUSY (0x8004010B): ";
    let said = format!("\nStatus    {busy}another run uses the mailbox\n");
    for (option, printed) in [("--download", &*said), ("--quiet", "")] {
        let ended = run(&[SAMPLE, local, option]);
        ended.assert_exit(1).assert_error(&[busy, local]).assert_out(&[printed]);
        assert!(ended.err.starts_with(busy), "{ended}");
        assert_eq!(ended.out.is_empty(), option == "--quiet", "{ended}");
    }
    // Of two stores with one local tree, one has to wait for the next time.
    drop(lock);
    let ended = run(&["--store", SAMPLE, local, "--store", SAMPLE, local]);
    let [done, refused] =
        ["S_OK (0x00000000)", busy].map(|status| ended.out.matches(status).count());
    let result = (ended.exit, done, refused);
    assert!([(Some(1), 1, 1), (Some(0), 2, 0)].contains(&result), "{ended}");
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
