//! The program, run as a user runs it: arguments, output, exit codes, Ctrl-C.

#![cfg(not(miri))] // Miri cannot start a program

use maildir_store::SAMPLE;
use std::fs;
use std::path::Path;
use std::process::Output;

const PROGRAM: &str = env!("CARGO_BIN_EXE_send_receive");

/// Runs the program and returns its exit code, standard output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = test_support::run(Path::new(PROGRAM))
        .args(arguments)
        .output()
        .unwrap();
    let string = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), string(stdout), string(stderr))
}

/// Returns the folder that the first line of a run of the sample names.
fn sample_folder(line: &str) -> &Path {
    let folder = line.strip_prefix("Synchronizing the sample mailbox into ");
    Path::new(folder.unwrap())
}

/// Returns the number of messages and markers of folders in a tree.
fn count(root: &Path) -> usize {
    let files = test_support::walk(root).into_iter();
    files
        .filter(|path| !path.ends_with("mapisync.lock"))
        .count()
}

/// Creates a Maildir with these files in `new`.
fn create(root: &Path, messages: &[&str]) {
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(root.join(sub)).unwrap();
    }
    for message in messages {
        fs::write(root.join("new").join(message), "mail").unwrap();
    }
}

#[test]
fn without_arguments_the_sample_mailbox_is_synchronized_into_a_temporary_folder() {
    let (exit, out, err) = run(&["--keep"]);
    assert_eq!((exit, err.as_str()), (0, ""), "{out}");
    let folder = sample_folder(out.lines().next().unwrap());
    // 25 messages, and a marker in each of the 11 subfolders.
    assert_eq!(count(folder), 25 + 11);
    fs::remove_dir_all(folder).unwrap();
    let kept = format!("{} is kept", folder.display());
    for line in [
        &*kept,
        "Receiving Inbox: 10 of 10",
        "Receiving Входящие задачи: 2 of 2",
        "Receiving 仕事/会議: 1 of 1",
        "Receiving Archiv/2025/Rechnungen & Belege: 2 of 2",
        "Receiving Urlaub 🏖: 1 of 1",
        "Status    S_OK (0x00000000): finished",
        "Messages  25 of 25",
        "Store     25 messages, 27.4 kB",
    ] {
        assert!(out.lines().any(|found| found == line), "{line}:\n{out}");
    }
    let calls = out.lines().find(|line| line.starts_with("Calls ")).unwrap();
    let (_, calls) = calls.split_once(": 1 SynchronizeInBackground, ").unwrap();
    let (progress, others) = calls.split_once(' ').unwrap();
    // More reports are made if the disk is slow.
    assert!(progress.parse::<u32>().unwrap() >= 49, "{calls}");
    assert_eq!(others, "Progress, 0 Error, 1 Done");
    // Without --keep the folder is removed, and the output says so.
    let (exit, out, _) = run(&[]);
    let folder = sample_folder(out.lines().next().unwrap());
    assert_eq!((exit, folder.exists()), (0, false), "{out}");
    let removed = format!("\n{} is removed again; --keep keeps it\n", folder.display());
    assert!(out.contains(&removed), "{out}");
}

#[test]
fn a_second_run_copies_nothing_and_quiet_prints_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let local = dir.path().join("local");
    let local = local.to_str().unwrap();
    assert_eq!(
        run(&[SAMPLE, local, "--quiet"]),
        (0, String::new(), String::new())
    );
    let (exit, out, _) = run(&[SAMPLE, local]);
    assert_eq!(exit, 0);
    assert!(
        out.contains("Messages  0 of 0\nStore     0 messages, 0 B\n"),
        "{out}"
    );
}

#[test]
fn flags_select_the_parts_that_are_synchronized() {
    let dir = tempfile::tempdir().unwrap();
    let local = dir.path().join("local");
    let path = local.to_str().unwrap();
    assert_eq!(run(&[SAMPLE, path, "--flags", "download-hierarchy"]).0, 0);
    assert_eq!(count(&local), 11, "the markers of the subfolders");
    assert_eq!(
        run(&[SAMPLE, path, "--flags", "download-contents,on-demand"]).0,
        0
    );
    assert_eq!(count(&local), 25 + 11);
}

#[test]
fn an_error_is_one_line_and_an_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("file"), "").unwrap();
    for (arguments, exit, words) in [
        (vec![path("gone"), path("local")], 1, "SERVER_MAILDIR: "),
        (vec![path("gone"), path("local")], 1, "gone: "),
        (vec![path(""), path("local")], 1, "not a Maildir"),
        (vec![SAMPLE.into(), path("file")], 1, "LOCAL_MAILDIR: "),
        (vec![SAMPLE.into(), SAMPLE.into()], 1, "LOCAL_MAILDIR: "),
        (
            vec!["--store".into(), path("gone"), path("local")],
            1,
            "--store SERVER_MAILDIR: ",
        ),
        (
            vec![SAMPLE.into(), path("local"), "--flags=these-folders".into()],
            1,
            "MAPI_E_NO_SUPPORT (0x80040102)",
        ),
        (vec![SAMPLE.into()], 64, "LOCAL_MAILDIR"),
        (
            vec!["--flags=everything".into()],
            64,
            "the flags are upload-hierarchy, download-hierarchy",
        ),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, out, err) = run(&arguments);
        assert_eq!((code, out.as_str()), (exit, ""), "{err}");
        assert!(err.contains(words), "{err}");
        assert!(exit == 64 || err.lines().count() == 1, "{err}");
    }
    let (exit, out, _) = run(&["--help"]);
    assert!(
        exit == 0 && out.contains("SERVER_MAILDIR") && out.contains("Ctrl-C"),
        "{out}"
    );
}

#[test]
fn switches_stand_for_flags_and_several_stores_run_concurrently() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (anna, bert, copy) = (path("anna"), path("bert"), path("copy"));
    let (exit, out, err) = run(&[
        "--store",
        SAMPLE,
        &anna,
        "--store",
        SAMPLE,
        &bert,
        "--headers-only",
    ]);
    assert_eq!((exit, &*err), (0, ""), "{out}");
    for name in ["anna", "bert"] {
        assert!(
            out.contains(&format!("{name}: Receiving Inbox: 10 of 10\n")),
            "{out}"
        );
        assert!(
            out.contains(&format!(
                "\n{name}\nStatus    S_OK (0x00000000): finished\nMessages  25 of 25\n"
            )),
            "{out}"
        );
        let stubs = test_support::walk(Path::new(&path(name))).into_iter();
        let stubs = stubs.filter(|path| path.to_string_lossy().contains(",mapisync=header"));
        assert_eq!(stubs.count(), 24, "all but the empty message");
    }
    assert_eq!(run(&[SAMPLE, &anna, "--download", "-q"]).0, 0);
    assert_eq!(count(Path::new(&anna)), 25 + 11);
    // An upload copies all messages to an empty server.
    create(Path::new(&copy), &[]);
    let (exit, out, _) = run(&[&copy, &anna, "--upload"]);
    assert!(
        exit == 0 && out.contains("Sending Inbox: 10 of 10\n"),
        "{out}"
    );
    assert_eq!(count(Path::new(&copy)), 25 + 11);
    // A failing run prints its code.
    let (exit, out, err) = run(&["--store", &copy, &bert, "--flags", "these-folders"]);
    assert_eq!((exit, &*out), (1, ""));
    assert!(err.contains("MAPI_E_NO_SUPPORT"), "{err}");
}

#[test]
fn verbose_prints_every_call_with_its_result() {
    let dir = tempfile::tempdir().unwrap();
    let [anna, bert] = ["Anna", "Bert"].map(|name| dir.path().join(name));
    let [anna, bert] = [&anna, &bert].map(|path| path.to_str().unwrap());
    let (exit, out, _) = run(&[SAMPLE, anna, "-v"]);
    assert_eq!(exit, 0);
    let calls: Vec<_> = out.lines().filter(|line| line.contains(" → ")).collect();
    for call in [
        "SynchronizeInBackground(flags: SyncFlags(DOWNLOAD_HIERARCHY | DOWNLOAD_CONTENTS)) → S_OK (0x00000000) in ",
        "Progress(step: \"Receiving Inbox\", index: 0, max: 10) → S_OK (0x00000000) in ",
        "Progress(step: \"Receiving Inbox\", index: 10, max: 10) → S_OK (0x00000000) in ",
        "Done(status: S_OK (0x00000000)) → S_OK (0x00000000) in ",
    ] {
        assert!(
            calls.iter().any(|line| line.starts_with(call)),
            "{call}:\n{out}"
        );
    }
    assert!(
        out.contains(&format!("\nCalls     {}: 1 Sync", calls.len())),
        "{out}"
    );
    // Of several stores, each line has the name.
    let (exit, out, _) = run(&[SAMPLE, anna, "--store", SAMPLE, bert, "-v"]);
    assert_eq!(exit, 0);
    for name in ["Anna", "Bert"] {
        for method in ["SynchronizeInBackground", "Progress", "Done"] {
            let start = format!("{name}: {method}(");
            assert!(out.lines().any(|line| line.starts_with(&start)), "{out}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn in_a_terminal_the_program_shows_bars() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = format!("'{SAMPLE}' '{}'", dir.path().join("local").display());
    let Some((is_success, out)) = in_terminal(&arguments, &[]) else {
        return;
    };
    assert!(is_success, "{out}");
    for part in [
        "Receiving Inbox",
        "█",
        "10 of 10",
        "Total",
        "/s",
        "Status    S_OK",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

/// Runs on a small disk in a new mount namespace.
#[cfg(target_os = "linux")]
#[test]
fn a_failing_run_exits_with_1_and_prints_the_reason_even_if_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    create(&server, &[]);
    fs::create_dir(&local).unwrap();
    fs::write(server.join("new/1"), vec![b'x'; 3_000_000]).unwrap();
    let mount = format!("mount -t tmpfs -o size=1m tmpfs '{}'", local.display());
    let Some(mut run) = test_support::unshare(&["--mount"], &mount) else {
        return;
    };
    let program = test_support::quoted(Path::new(PROGRAM));
    let [server, local] = [&server, &local].map(|path| path.display());
    let script = format!("{mount} && exec {program} -q '{server}' '{local}'");
    let run = run.args(["sh", "-c", &script]).output().unwrap();
    let (out, err) = (
        String::from_utf8(run.stdout).unwrap(),
        String::from_utf8(run.stderr).unwrap(),
    );
    assert_eq!((run.status.code(), &*out), (Some(1), ""), "{err}");
    assert!(
        err.contains("MAPI_E_NOT_ENOUGH_DISK (0x8004010D): ") && err.contains("new/1: "),
        "{err}"
    );
}

/// In a container every run may have the same process ID.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_run_with_the_same_process_id_does_not_disturb_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    create(&server, &[]);
    for n in 0..3000 {
        fs::write(server.join("new").join(n.to_string()), "mail").unwrap();
    }
    let run = || {
        let mut run = test_support::unshare(&["--pid", "--fork", "--kill-child"], "true")?;
        run.args(test_support::words(Path::new(PROGRAM)))
            .arg("-q")
            .args([&server, &local]);
        Some(run)
    };
    for _ in 0..3 {
        let Some(mut killed) = run().map(|mut run| run.spawn().unwrap()) else {
            return;
        };
        let arrived = || fs::read_dir(local.join("new")).map_or(0, Iterator::count);
        let before = arrived();
        // The run may be complete already, or find the lock of the last one, which is being killed.
        while arrived() < before + 50 && killed.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _has_ended = killed.kill();
        killed.wait().unwrap();
    }
    let last = loop {
        let last = run().unwrap().output().unwrap();
        if !String::from_utf8_lossy(&last.stderr).contains("MAPI_E_BUSY") {
            break last;
        }
        std::thread::yield_now(); // the last run is still being killed
    };
    assert!(last.status.success(), "{last:?}");
    assert_eq!(fs::read_dir(local.join("new")).unwrap().count(), 3000);
}

#[test]
fn a_closed_output_pipe_does_not_stop_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let local = dir.path().join("local");
    let mut run = test_support::run(Path::new(PROGRAM))
        .args([Path::new(SAMPLE), &local])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(run.stdout.take());
    assert!(run.wait().unwrap().success());
    assert_eq!(count(&local), 25 + 11);
}

/// Creates a file with a lease, which lasts as long as the file is open here.
#[cfg(target_os = "linux")]
fn lease(path: &Path) -> Option<fs::File> {
    use std::ffi::c_int;
    use std::os::fd::AsRawFd;
    unsafe extern "C" {
        fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    }
    const F_SETSIG: c_int = 10;
    const F_SETLEASE: c_int = 1024;
    const F_WRLCK: c_int = 1;
    // The signal for a process that waits for the file. Unlike the usual SIGIO, it does nothing by
    // default.
    const SIGURG: c_int = 23;
    let file = fs::File::create_new(path).unwrap();
    // SAFETY: the descriptor is open, and both Linux commands take a number.
    let results = unsafe {
        [(F_SETSIG, SIGURG), (F_SETLEASE, F_WRLCK)]
            .map(|(command, number)| fcntl(file.as_raw_fd(), command, number))
    };
    (results == [0, 0]).then_some(file)
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_ctrl_c_ends_a_program_whose_store_hangs() {
    use rustix::process::{Pid, Signal, kill_process};
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    create(&server, &[]);
    // To open a file with another process's lease takes until that process gives it up, or 45
    // seconds.
    let Some(_lease) = lease(&server.join("new/1")) else {
        return test_support::skip("this system grants no lease on a file");
    };
    let mut run = test_support::run(Path::new(PROGRAM))
        .args([&server, &local])
        .arg("-v")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The step is reported twice: when it is announced, and when it begins. Then the message is
    // opened.
    let lines = std::io::BufRead::lines(std::io::BufReader::new(run.stdout.take().unwrap()));
    let steps = lines.filter(|line| {
        line.as_ref()
            .unwrap()
            .starts_with("Progress(step: \"Receiving Inbox\", index: 0, max: 1)")
    });
    assert_eq!(steps.take(2).count(), 2);
    let pid = Pid::from_child(&run);
    let interrupt = || kill_process(pid, Signal::INT).unwrap();
    interrupt();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(run.try_wait().unwrap().is_none(), "it hangs");
    interrupt();
    assert_eq!(run.wait().unwrap().code(), Some(130));
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_at_the_next_progress() {
    use rustix::process::{Pid, Signal, kill_process};
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    create(&server, &[]);
    let messages = test_support::fewer(20_000);
    for n in 0..messages {
        fs::write(server.join("new").join(n.to_string()), "mail").unwrap();
    }
    let program = test_support::run(Path::new(PROGRAM))
        .args([&server, &local])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let arrived = || fs::read_dir(local.join("new")).map_or(0, Iterator::count);
    while arrived() == 0 {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&program), Signal::INT).unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = program.wait_with_output().unwrap();
    let (out, err) = (
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    );
    assert_eq!(status.code(), Some(130), "{out}{err}");
    let arrived = arrived();
    assert!((1..messages).contains(&arrived));
    assert!(
        out.contains("Status    MAPI_E_USER_CANCEL (0x80040113): canceled\n"),
        "{out}"
    );
    let account = format!("{arrived} messages, ");
    assert!(
        out.contains(&format!("Messages  {arrived} of {messages}")),
        "the dialog and the store agree: {out}"
    );
    // The last line says it in words, and nothing else repeats it.
    let last = out.lines().last().unwrap();
    assert!(last.starts_with(&format!("Canceled: {account}")), "{out}");
    assert!(last.ends_with("; the next run goes on from there"), "{out}");
    assert_eq!((out.matches(&account).count(), &*err), (1, ""), "{out}");
    // The next run removes what is left in `tmp`, and completes the work.
    let paths = [&server, &local].map(|path| path.to_str().unwrap());
    assert_eq!(run(&[paths[0], paths[1], "-q"]).0, 0);
    assert_eq!(count(&local), messages);
}

#[test]
fn the_exit_code_and_the_status_say_what_was_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    create(&server, &["1", "2"]);
    for name in ["1;2,S", "2;2,S"] {
        fs::write(server.join("cur").join(name), "other mail").unwrap();
    }
    let paths = [&server, &local].map(|path| path.to_str().unwrap());
    for received in [2, 0] {
        let (exit, out, err) = run(&paths);
        assert_eq!((exit, err.lines().count()), (2, 2), "{err}");
        for line in [
            "Status    MAPI_W_PARTIAL_COMPLETION (0x00040680): finished, 2 messages left out",
            &format!("Messages  {received} of {}", received + 2),
        ] {
            assert!(out.lines().any(|found| found == line), "{line}: {out}");
        }
        assert!(out.contains(", 2 left out\n"), "{out}");
    }
}

#[test]
fn a_second_run_into_a_tree_is_refused_by_name() {
    use maildir_store::maildir::Maildir;
    let dir = tempfile::tempdir().unwrap();
    let local = dir.path().join("local");
    let lock = Maildir::open_or_create(&local).unwrap().lock().unwrap();
    let path = local.to_str().unwrap();
    let (exit, out, err) = run(&[SAMPLE, path]);
    assert_eq!((exit, err.lines().count()), (1, 1), "{err}");
    assert!(
        err.starts_with("MAPI_E_BUSY (0x8004010B): ") && err.contains(path),
        "{err}"
    );
    assert!(
        out.contains("MAPI_E_BUSY (0x8004010B): another run uses the mailbox\n"),
        "{out}"
    );
    // Of two stores with one local tree, one has to wait for the next time.
    drop(lock);
    let both = ["--store", SAMPLE, path, "--store", SAMPLE, path];
    let (exit, out, _) = run(&both);
    let [done, busy] =
        ["S_OK (0x00000000)", "MAPI_E_BUSY"].map(|status| out.matches(status).count());
    assert!(
        (exit, done, busy) == (1, 1, 1) || (exit, done, busy) == (0, 2, 0),
        "{out}"
    );
    assert_eq!(count(&local), 25 + 11);
}

/// A store is foreign to its host: no name may reach the terminal unchanged.
#[cfg(unix)]
#[test]
fn control_characters_are_replaced_wherever_they_are_printed() {
    let dir = tempfile::tempdir().unwrap();
    let server = dir.path().join("server");
    create(&server, &["1"]);
    // A title, a forged line, C1 and DEL, and a changed direction of writing.
    let names = [
        ".A\u{1B}]0;x\u{7}",
        ".B\nStatus    S_OK",
        ".C\u{9B}31m\u{7F}",
        ".D\u{202E}\u{2066}x",
        ".E&AAo-Status    S_OK",
        ".F&ABs-[31m",
    ];
    for name in names {
        create(&server.join(name), &["1", "2"]);
        std::os::unix::fs::symlink("gone", server.join(name).join("new/3\u{1B}[2J")).unwrap();
    }
    let local = dir.path().join("local\u{1B}[2J");
    let paths = [&server, &local].map(|path| path.to_str().unwrap());
    for option in [
        &[][..],
        &["-v"],
        &["--store", SAMPLE, paths[1]],
        &["--flags=\u{1B}[2J"],
    ] {
        let (_, out, err) = run(&[&paths[..], option].concat());
        let is_obeyed = |character: char| {
            (character.is_control() && character != '\n')
                || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        };
        assert!(
            !out.contains(is_obeyed) && !err.contains(is_obeyed),
            "{out:?} {err:?}"
        );
        assert!(
            !out.lines().any(|line| line == "Status    S_OK: 2 of 2"),
            "{out}"
        );
        fs::remove_dir_all(&local).unwrap_or_default();
    }
}

/// Runs the program in a terminal of 60 columns that the program `script` emulates.
#[cfg(target_os = "linux")]
fn in_terminal(arguments: &str, environment: &[(&str, Option<&str>)]) -> Option<(bool, String)> {
    let program = test_support::quoted(Path::new(PROGRAM));
    let mut script = std::process::Command::new("script");
    script.args([
        "-qec",
        &format!("stty cols 60 rows 24; {program} {arguments}"),
        "/dev/null",
    ]);
    script.env("TERM", "xterm");
    for (name, value) in environment {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let Ok(Output { status, stdout, .. }) = script.output() else {
        test_support::skip("the program `script` is missing (Debian package bsdutils)");
        return None;
    };
    let out = String::from_utf8_lossy(&stdout).into_owned();
    Some((status.success(), out))
}

#[cfg(target_os = "linux")]
#[test]
fn no_warning_vanishes_in_any_terminal() {
    for environment in [
        &[("TERM", Some("dumb"))][..],
        &[("TERM", None)],
        &[("TERM", Some("xterm"))],
        &[("TERM", Some("xterm")), ("NO_COLOR", Some("1"))],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (server, local) = (dir.path().join("server"), dir.path().join("local"));
        create(&server, &["1", "2"]);
        fs::create_dir(server.join(".Broken")).unwrap();
        let arguments = format!("'{}' '{}'", server.display(), local.display());
        let Some((_, out)) = in_terminal(&arguments, environment) else {
            return;
        };
        for part in [
            "left out: ",
            "Broken: not a Maildir",
            "Receiving Inbox: 2 of 2",
        ] {
            assert!(out.contains(part), "{part} {environment:?}: {out:?}");
        }
        let is_plain = environment[0].1 != Some("xterm");
        assert_eq!(
            !out.contains('\u{1B}'),
            is_plain,
            "{environment:?}: {out:?}"
        );
        assert!(!out.contains("\u{1B}[3"), "no color: {out:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_help_wraps_at_the_width_of_the_terminal() {
    let Some((is_success, out)) = in_terminal("--help", &[]) else {
        return;
    };
    assert!(is_success && out.contains("--headers-only"), "{out}");
    let width = out
        .lines()
        .map(|line| line.trim_end().chars().count())
        .max();
    assert!((50..=60).contains(&width.unwrap()), "{width:?}: {out}");
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_in_the_slow_sample_is_said_once_and_keeps_the_folder() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::{BufRead, BufReader};
    let mut run = test_support::run(Path::new(PROGRAM))
        .arg("--slow")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let first = lines.next().unwrap();
    let folder = sample_folder(&first);
    let inbox = lines.next().unwrap();
    assert_eq!(inbox, "Receiving Inbox: 10 of 10");
    kill_process(Pid::from_child(&run), Signal::INT).unwrap();
    let rest: Vec<_> = lines.collect();
    assert_eq!(run.wait().unwrap().code(), Some(130), "{rest:?}");
    let last = rest.last().unwrap();
    assert!(
        last.starts_with("Canceled: ") && last.ends_with("; the next run goes on from there"),
        "{rest:?}"
    );
    let kept = format!("{} is kept", folder.display());
    assert!(rest.contains(&kept), "{rest:?}");
    let arrived = last
        .strip_prefix("Canceled: ")
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let messages = format!("Messages  {arrived} of ");
    assert!(
        rest.iter().any(|line| line.starts_with(&messages)),
        "{rest:?}"
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn verbose_prints_no_stray_comma() {
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    create(&server, &["1"]);
    fs::create_dir(server.join("new/folder")).unwrap();
    let paths = [&server, &local].map(|path| path.to_str().unwrap());
    let (_, out, _) = run(&[paths[0], paths[1], "-v"]);
    assert!(out.contains("Error(message: \"left out: "), "{out}");
    for line in out.lines().filter(|line| line.contains(" → ")) {
        for stray in ["(,", ", )", ", ,", ",,"] {
            assert!(!line.contains(stray), "{line}");
        }
    }
}

#[cfg(unix)]
#[test]
fn created_mail_is_private_whatever_the_umask_is() {
    use std::os::unix::fs::PermissionsExt;
    for umask in ["000", "022", "277"] {
        let dir = tempfile::tempdir().unwrap();
        let local = dir.path().join("parent/local");
        let program = test_support::quoted(Path::new(PROGRAM));
        let script = format!(
            "umask {umask}; exec {program} '{SAMPLE}' '{}' -q",
            local.display()
        );
        let status = std::process::Command::new("sh")
            .args(["-c", &script])
            .status()
            .unwrap();
        assert!(status.success(), "{umask}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for file in test_support::walk(&local) {
            assert_eq!(mode(&file), 0o600, "{umask} {}", file.display());
            let parent = file.parent().unwrap();
            assert_eq!(mode(parent), 0o700, "{umask} {}", parent.display());
        }
        assert_eq!(mode(local.parent().unwrap()), 0o700, "{umask}");
    }
}
