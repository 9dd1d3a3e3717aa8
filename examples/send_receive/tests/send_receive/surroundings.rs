//! Odd surroundings: names with control characters, a container, a umask.

use crate::program::*;
use maildir_store::SAMPLE;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use test_support::quoted;

/// A store is foreign to its host: no name may reach the terminal unchanged.
#[test]
fn control_characters_are_replaced_wherever_they_are_printed() {
    let folder = Folder::new();
    let server = folder.create("server", [1]);
    // A title, a forged line, C1 and DEL, and a changed direction of writing.
    for name in [
        ".A\u{1B}]0;x\u{7}",
        ".B\nStatus    S_OK",
        ".C\u{9B}31m\u{7F}",
        ".D\u{202E}\u{2066}x",
        ".E&AAo-Status    S_OK",
        ".F&ABs-[31m",
    ] {
        let root = folder.create(&format!("server/{name}"), [1, 2]);
        symlink("gone", Path::new(&root).join("new/3\u{1B}[2J")).unwrap();
    }
    let is_obeyed = |character: char| {
        (character.is_control() && character != '\n')
            || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let local = folder.path("local\u{1B}[2J");
    for option in [&[][..], &["-v"], &["--store", SAMPLE, &local], &["--flags=\u{1B}[2J"]] {
        let ended = run(&[&[&*server, &*local], option].concat());
        let is_safe = !ended.out.contains(is_obeyed) && !ended.err.contains(is_obeyed);
        assert!(is_safe, "{ended}");
        let mut lines = ended.out.lines();
        assert!(!lines.any(|line| line == "Status    S_OK: 2 of 2"), "{ended}");
        fs::remove_dir_all(&local).unwrap_or_default();
    }
}

#[test]
fn created_mail_is_private_whatever_the_umask_is() {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for umask in ["000", "022", "277"] {
        let folder = Folder::new();
        let local = folder.path("parent/local");
        let program = quoted(Path::new(PROGRAM));
        let script = format!("umask {umask}; exec {program} '{SAMPLE}' '{local}' -q");
        let status = Command::new("sh").args(["-c", &script]).status();
        assert!(status.unwrap().success(), "{umask}");
        for file in test_support::walk(local.as_ref()) {
            let modes = (mode(&file), mode(file.parent().unwrap()));
            assert_eq!(modes, (0o600, 0o700), "{umask} {}", file.display());
        }
        assert_eq!(mode(folder.path("parent").as_ref()), 0o700, "{umask}");
    }
}

/// In a container every run may have the same process ID.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_run_with_the_same_process_id_does_not_disturb_the_next() {
    let folder = Folder::new();
    let (server, local) = (folder.create("server", 0..3000), folder.path("local"));
    let run = || {
        let flags = ["--pid", "--fork", "--kill-child"];
        let mut run = test_support::unshare(&flags, "true")?;
        run.args(test_support::words(Path::new(PROGRAM)));
        run.args(["-q", &server, &local]);
        Some(run)
    };
    for _ in 0..3 {
        let Some(mut run) = run() else { return };
        let mut killed = run.spawn().unwrap();
        let before = arrived(&local);
        // The run may be complete already, or find the lock of the last one, which is being killed.
        while arrived(&local) < before + 50 && killed.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _has_ended = killed.kill();
        killed.wait().unwrap();
    }
    let ended = loop {
        let ended = Ended::from(run().unwrap().output().unwrap());
        if !ended.err.contains("MAPI_E_BUSY") {
            break ended;
        }
        std::thread::yield_now(); // the last run is still being killed
    };
    ended.assert_exit(0);
    assert_eq!(arrived(&local), 3000);
}
