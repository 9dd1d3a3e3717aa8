//! Ctrl-C.

use crate::program::*;
use rustix::process::{Pid, Signal, kill_process};
use std::process::Child;
use std::thread;

fn interrupt(program: &Child) {
    kill_process(Pid::from_child(program), Signal::INT).unwrap();
}

/// Asserts that the last line says what has arrived, in words that no other line repeats, and that
/// the dialog counts the same messages.
#[track_caller]
fn assert_canceled(ended: &Ended) -> &str {
    ended.assert_exit(130);
    let last = ended.out.lines().last().unwrap();
    assert!(last.ends_with("; the next run goes on from there"), "{ended}");
    let account = last.strip_prefix("Canceled: ").unwrap();
    let arrived = account.split(' ').next().unwrap();
    ended.assert_out(&[
        "Status    MAPI_E_USER_CANCEL (0x80040113): canceled\n",
        &format!("Messages  {arrived} of "),
    ]);
    let account = format!("{arrived} messages, ");
    assert_eq!((ended.out.matches(&account).count(), &*ended.err), (1, ""), "{ended}");
    arrived
}

#[test]
fn ctrl_c_cancels_at_the_next_progress() {
    let folder = Folder::new();
    let messages = test_support::fewer(20_000);
    let (server, local) = (folder.create("server", 0..messages), folder.path("local"));
    let program = command(&[&server, &local]).spawn().unwrap();
    while arrived(&local) == 0 {
        thread::yield_now();
    }
    interrupt(&program);
    let ended = Ended::from(program.wait_with_output().unwrap());
    let arrived = arrived(&local);
    assert!((1..messages).contains(&arrived), "{ended}");
    assert_eq!(assert_canceled(&ended), arrived.to_string(), "{ended}");
    ended.assert_out(&[&format!("\nMessages  {arrived} of {messages}\n")]);
    // The next run removes what is left in `tmp`, and completes the work.
    run(&[&server, &local, "-q"]).assert_exit(0);
    assert_eq!(count(&local), messages);
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use std::fs::{self, File};
    use std::io::{BufRead, BufReader};
    use std::os::fd::AsRawFd;
    use std::path::Path;
    use std::time::{Duration, Instant};

    #[test]
    fn ctrl_c_in_the_slow_sample_is_said_once_and_keeps_the_folder() {
        let mut program = command(&["--slow"]).spawn().unwrap();
        let mut reader = BufReader::new(program.stdout.take().unwrap());
        let mut out = String::new();
        for _ in 0..2 {
            reader.read_line(&mut out).unwrap();
        }
        assert!(out.ends_with("\nReceiving Inbox: 10 of 10\n"), "{out}");
        interrupt(&program);
        std::io::Read::read_to_string(&mut reader, &mut out).unwrap();
        let mut ended = Ended::from(program.wait_with_output().unwrap());
        ended.out = out;
        assert_canceled(&ended);
        let folder = sample_folder(&ended.out);
        ended.assert_out(&[&format!("\n{} is kept\n", folder.display())]);
        fs::remove_dir_all(folder).unwrap();
    }

    /// Creates a file with a lease, which lasts as long as the file is open here. Another process
    /// that opens the file waits until then, or for 45 seconds.
    fn lease(path: &Path) -> Option<File> {
        use std::ffi::c_int;
        unsafe extern "C" {
            fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
        }
        const F_SETSIG: c_int = 10;
        const F_SETLEASE: c_int = 1024;
        const F_WRLCK: c_int = 1;
        // The signal when another process waits. Unlike the usual SIGIO, it does nothing by
        // default.
        const SIGURG: c_int = 23;
        let file = File::create_new(path).unwrap();
        // SAFETY: the descriptor is open, and both Linux commands take a number.
        let results = unsafe {
            [(F_SETSIG, SIGURG), (F_SETLEASE, F_WRLCK)]
                .map(|(command, number)| fcntl(file.as_raw_fd(), command, number))
        };
        (results == [0, 0]).then_some(file)
    }

    #[test]
    fn a_second_ctrl_c_ends_a_program_whose_store_hangs() {
        let folder = Folder::new();
        let (server, local) = (folder.create("server", []), folder.path("local"));
        let Some(_lease) = lease(&Path::new(&server).join("new/1")) else {
            return test_support::skip("this system grants no lease on a file");
        };
        let mut program = command(&[&server, &local, "-v"]).spawn().unwrap();
        // The step is reported twice: when it is announced, and when it begins. Then the message is
        // opened.
        let step = "Progress(step: \"Receiving Inbox\", index: 0, max: 1)";
        let lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let steps = lines.filter(|line| line.as_ref().unwrap().starts_with(step));
        assert_eq!(steps.take(2).count(), 2);
        let since = Instant::now();
        interrupt(&program);
        thread::sleep(Duration::from_millis(200));
        assert!(program.try_wait().unwrap().is_none(), "it hangs");
        interrupt(&program);
        assert_eq!(program.wait().unwrap().code(), Some(130));
        assert!(since.elapsed() < Duration::from_secs(30), "it waited for the file");
    }
}
