//! Dovecot reads both trees after every kind of run, without an error or a warning, and finds the
//! same messages, flags and dates of receipt on both sides.

use crate::{command, make};
use maildir_store::SAMPLE;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

/// The user `nobody`: Dovecot does not read mail as root.
const USER: u32 = 65534;

const ALL: &str = "text";
const HEADER: &str = "hdr";

#[test]
#[ignore = "it needs Dovecot: `.ci/run soak`"]
fn dovecot_reads_both_trees_after_every_kind_of_run() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let [server, local] = ["server", "local"].map(|side| dir.join(side));
    create_server(&server);
    let configuration = format!(
        "log_path = /dev/stderr\nmail_location = maildir:{}/%u\nfirst_valid_uid = {USER}\n\
         first_valid_gid = 1\nnamespace inbox {{\n inbox = yes\n}}\n",
        dir.display()
    );
    fs::write(dir.join("conf"), configuration).unwrap();
    for options in [
        &["--headers-only"][..],
        &["--headers-only"], // again
        &["--download"],     // completes the headers
        &["--download"],     // has nothing to do
    ] {
        run(dir, options);
    }
    fs::remove_dir_all(&local).unwrap();
    run(dir, &["--download"]);
    // New mail on both sides, which Dovecot and the store deliver in turn.
    deliver(&server, "11.Mnew.host:2,RS");
    deliver(&local, "12.Mnew.host:2,F");
    deliver(&local.join(".Sent"), "13.Mnew.host,S=*:2,S");
    run(dir, &["--download", "--upload"]);
    // A run that is killed, and one that is canceled.
    for signal in [Signal::KILL, Signal::INT] {
        for n in 0..2_000 {
            let name = format!("{n}.M{}.host:2,S", signal.as_raw());
            deliver(&server.join(".Archiv"), &name);
        }
        let mut ended = command(dir, &["--download"]).spawn().unwrap();
        let arrived = || fs::read_dir(local.join(".Archiv/cur")).unwrap().count();
        let before = arrived();
        while arrived() < before + 100 {
            thread::yield_now();
        }
        kill_process(Pid::from_child(&ended), signal).unwrap();
        assert!(!ended.wait().unwrap().success());
        messages(dir, "local", ALL); // without an error, too
        run(dir, &["--download"]);
    }
}

/// Copies the sample, with the separator and the folder names that Dovecot understands, and with
/// old dates of receipt.
fn create_server(server: &Path) {
    make(server);
    for file in test_support::walk(SAMPLE.as_ref()) {
        let name = file.strip_prefix(SAMPLE).unwrap().to_str().unwrap();
        if name.starts_with(".S\u{F8}") || name.ends_with(".gitkeep") {
            continue;
        }
        let copy = server.join(name.replace(";2,", ":2,"));
        let parent = copy.parent().unwrap();
        let is_message = parent.ends_with("cur") || parent.ends_with("new");
        make(if is_message { parent.parent().unwrap() } else { parent });
        fs::copy(file, copy).unwrap();
    }
    for n in 0..30 {
        let flags = ["", "S", "FS", "RS"][n % 4];
        deliver(server, &format!("{n}.Mold.host:2,{flags}"));
    }
    for (n, path) in test_support::walk(server).iter().enumerate() {
        let seconds = 1_200_000_000 + n as u64 * 86_400;
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let file = fs::File::options().append(true).open(path).unwrap();
        file.set_modified(date).unwrap();
    }
}

/// Delivers a message. In its name, `*` stands for its size.
fn deliver(folder: &Path, name: &str) {
    let content = format!("Subject: {name}\n\nbody of {name}\n");
    let name = name.replace('*', &content.len().to_string());
    fs::write(folder.join("cur").join(name), content).unwrap();
}

/// Runs the program, and compares both sides.
fn run(dir: &Path, options: &[&str]) {
    let status = command(dir, options).status().unwrap();
    assert!(status.success(), "{options:?}: {status}");
    let part = if options == ["--headers-only"] { HEADER } else { ALL };
    let [server, local] = ["server", "local"].map(|side| messages(dir, side, part));
    assert!(server.len() > 50, "{options:?}");
    assert_eq!(server.len(), local.len(), "{options:?}");
    for (message, copy) in server.iter().zip(&local) {
        assert_eq!(message, copy, "{options:?}");
    }
}

/// Returns the messages of a side: the folder, the flags, the date of receipt, and a part.
fn messages(dir: &Path, side: &str, part: &str) -> Vec<String> {
    let mut chown = Command::new("chown");
    let chown = chown.args(["-R", &format!("{USER}:{USER}")]).arg(dir);
    assert!(chown.status().unwrap().success());
    let fields = format!("mailbox flags date.received {part}");
    let output = Command::new("doveadm")
        .args(["-f", "pager", "-c", "conf", "fetch", &fields, "mailbox", "*", "all"])
        .envs([("USER", side.as_ref()), ("HOME", dir)])
        .current_dir(dir)
        .uid(USER)
        .gid(USER)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let found = String::from_utf8_lossy(&output.stdout).replace(" \\Recent", "");
    let found = found.replace("\\Recent", "");
    let mut messages: Vec<_> = found.split('\u{C}').map(str::to_owned).collect();
    messages.sort();
    messages
}
