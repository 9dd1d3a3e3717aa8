//! Dovecot serves both trees after every kind of run, without an error in its log, and with the
//! same messages, flags and dates of receipt on both sides.

use crate::{command, make};
use maildir_store::SAMPLE;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, SystemTime};

/// The user `nobody`: Dovecot does not read mail as root.
const USER: &str = "65534";

#[test]
#[ignore = "it needs Dovecot: `.ci/run soak`"]
fn dovecot_serves_both_trees_after_every_kind_of_run() {
    let dir = tempfile::tempdir().unwrap();
    let server = dir.path().join("server");
    create_server(&server);
    let dovecot = Dovecot::start(dir.path());
    let all = "BODY.PEEK[]";
    let header = "BODY.PEEK[HEADER]";
    let mut kinds = 0;
    let mut compare = |kind: &str, part: &str| {
        dovecot.compare(kind, part);
        kinds += 1;
    };
    run(dir.path(), &["--headers-only"]);
    compare("headers only", header);
    run(dir.path(), &["--headers-only"]);
    compare("headers only, again", header);
    run(dir.path(), &["--download"]);
    compare("completion", all);
    run(dir.path(), &["--download"]);
    compare("nothing to do", all);
    fs::remove_dir_all(dir.path().join("local")).unwrap();
    run(dir.path(), &["--download"]);
    compare("download", all);
    // New mail on both sides, which Dovecot and the store deliver in turn.
    deliver(&server, "11.Mnew.host:2,RS");
    deliver(&dir.path().join("local"), "12.Mnew.host:2,F");
    deliver(
        &dir.path().join("local").join(".Sent"),
        "13.Mnew.host,S=*:2,S",
    );
    own(dir.path());
    run(dir.path(), &["--download", "--upload"]);
    compare("both directions", all);
    // A run that is killed, and one that is canceled.
    for (name, signal) in [
        ("a killed run", Signal::KILL),
        ("a canceled run", Signal::INT),
    ] {
        for n in 0..2_000 {
            deliver(
                &server.join(".Archiv"),
                &format!("{n}.M{}.host:2,S", signal.as_raw()),
            );
        }
        let mut run_to_end = command(dir.path(), &["--download"]).spawn().unwrap();
        let arrived = dir.path().join("local/.Archiv/cur");
        let before = fs::read_dir(&arrived).unwrap().count();
        while fs::read_dir(&arrived).unwrap().count() < before + 100 {
            thread::yield_now();
        }
        kill_process(Pid::from_child(&run_to_end), signal).unwrap();
        assert!(!run_to_end.wait().unwrap().success());
        own(dir.path());
        dovecot.read("local", all); // without an error, too
        run(dir.path(), &["--download"]);
        compare(name, all);
    }
    println!("Dovecot compared both trees after {kinds} kinds of runs");
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
        if let Some(folder) = copy.parent().filter(|_| name.starts_with('.')) {
            let is_sub = folder.ends_with("cur") || folder.ends_with("new");
            make(if is_sub {
                folder.parent().unwrap()
            } else {
                folder
            });
        }
        fs::copy(file, copy).unwrap();
    }
    for n in 0..30_u64 {
        deliver(
            server,
            &format!("{n}.Mold.host:2,{}", ["", "S", "FS", "RS"][n as usize % 4]),
        );
    }
    let names = test_support::walk(server);
    for (n, path) in names.iter().enumerate() {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_200_000_000 + n as u64 * 86_400);
        fs::File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(date)
            .unwrap();
    }
}

/// Delivers a message. In its name, `*` stands for its size.
fn deliver(folder: &Path, name: &str) {
    let content = format!("Subject: {name}\n\nbody of {name}\n");
    let name = name.replace('*', &content.len().to_string());
    fs::write(folder.join("cur").join(name), content).unwrap();
}

/// Runs the program, and gives the files to Dovecot's user.
fn run(dir: &Path, options: &[&str]) {
    let status = command(dir, options).status().unwrap();
    assert!(status.success(), "{options:?}: {status}");
    own(dir);
}

fn own(dir: &Path) {
    for side in ["server", "local"] {
        let mut chown = Command::new("chown");
        chown
            .args(["-R", &format!("{USER}:{USER}")])
            .arg(dir.join(side));
        assert!(chown.status().unwrap().success());
    }
}

/// A Dovecot on a port of the loopback interface, which ends when it is dropped.
struct Dovecot {
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Dovecot {
    fn start(dir: &Path) -> Dovecot {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let (base, log, configuration) = (dir.join("run"), dir.join("log"), dir.join("conf"));
        let root = dir.display();
        Command::new("chmod")
            .args(["a+rx"])
            .arg(dir)
            .status()
            .unwrap();
        let lines = format!(
            "base_dir = {}\nlog_path = {}\nprotocols = imap\nlisten = 127.0.0.1\nssl = no\n\
             disable_plaintext_auth = no\nauth_mechanisms = plain\nfirst_valid_uid = {USER}\n\
             first_valid_gid = 1\nmail_location = maildir:{root}/%u\n\
             passdb {{\n driver = static\n args = nopassword=y\n}}\n\
             userdb {{\n driver = static\n args = uid={USER} gid={USER} home={root}\n}}\n\
             service imap-login {{\n inet_listener imap {{\n port = {port}\n }}\n inet_listener imaps {{\n port = 0\n }}\n}}\n\
             namespace inbox {{\n inbox = yes\n}}\n",
            base.display(),
            log.display()
        );
        fs::write(&configuration, lines).unwrap();
        fs::create_dir_all(dir.join("local")).unwrap();
        own(dir);
        let process = Command::new("dovecot")
            .args(["-F", "-c"])
            .arg(configuration)
            .spawn()
            .unwrap();
        let dovecot = Dovecot { process, port, log };
        let connects = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        for _ in 0..600 {
            if connects() {
                return dovecot;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("Dovecot does not start: {}", dovecot.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Checks that both sides have the same folders and messages.
    fn compare(&self, kind: &str, part: &str) {
        let [server, local] = ["server", "local"].map(|side| self.read(side, part));
        assert!(server.values().map(Vec::len).sum::<usize>() > 50, "{kind}");
        let names = |folders: &Folders| folders.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&server), names(&local), "{kind}");
        for (folder, messages) in &server {
            let others = &local[folder];
            assert_eq!(messages.len(), others.len(), "{kind}: {folder}");
            for (message, other) in messages.iter().zip(others) {
                assert_eq!(message, other, "{kind}: {folder}");
            }
        }
    }

    /// Returns the messages of a side, with their flags and dates, and checks Dovecot's log.
    fn read(&self, side: &str, part: &str) -> Folders {
        let mut session = Session::open(self.port, side, &self.log);
        let list = session.command("LIST \"\" \"*\"");
        let name = |line: &String| {
            line.trim_end()
                .rsplit_once("\".\" ")
                .map(|(_, name)| name.to_owned())
        };
        let mut folders = Folders::new();
        for folder in list.iter().filter_map(name) {
            let selected = session.command(&format!("SELECT {folder}"));
            if selected.iter().any(|line| line.trim_end() == "* 0 EXISTS") {
                folders.insert(folder, vec![]);
                continue;
            }
            let fetched = session.command(&format!("FETCH 1:* (FLAGS INTERNALDATE {part})"));
            let message = |line: &String| {
                let (_, message) = line.split_once(" FETCH ")?;
                Some(
                    message
                        .replace("\\Recent", "")
                        .replace(" )", ")")
                        .replace("( ", "("),
                )
            };
            let mut messages: Vec<_> = fetched.iter().filter_map(message).collect();
            messages.sort();
            folders.insert(folder, messages);
        }
        session.command("LOGOUT");
        let log = self.log();
        for word in ["Error:", "Warning:", "Panic:", "Fatal:"] {
            assert!(!log.contains(word), "{log}");
        }
        folders
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ended = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _status = self.process.wait();
    }
}

/// The messages of each folder.
type Folders = BTreeMap<String, Vec<String>>;

/// An IMAP session.
struct Session {
    reader: BufReader<TcpStream>,
    /// Dovecot's log, for a failure.
    log: PathBuf,
}

impl Session {
    fn open(port: u16, user: &str, log: &Path) -> Session {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut reader = BufReader::new(stream);
        let mut greeting = String::new();
        reader.read_line(&mut greeting).unwrap();
        let mut session = Session {
            reader,
            log: log.into(),
        };
        session.command(&format!("LOGIN {user} password"));
        session
    }

    /// Returns the untagged responses. Panics if the command fails.
    fn command(&mut self, command: &str) -> Vec<String> {
        write!(self.reader.get_mut(), "a {command}\r\n").unwrap();
        let mut responses = vec![];
        loop {
            let response = self.response();
            if let Some(result) = response.strip_prefix("a ") {
                assert!(result.starts_with("OK "), "{command}: {result}");
                return responses;
            }
            assert!(response.starts_with("* "), "{command}: {response}");
            responses.push(response);
        }
    }

    /// Reads a response with its literals.
    fn response(&mut self) -> String {
        let mut response = vec![];
        loop {
            let length = self.reader.read_until(b'\n', &mut response).unwrap();
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert_ne!(length, 0, "{}", log());
            let line = String::from_utf8_lossy(&response);
            let literal = line.trim_end().strip_suffix('}').and_then(|line| {
                let (_, length) = line.rsplit_once('{')?;
                length.parse::<u64>().ok()
            });
            let Some(length) = literal else {
                return line.into_owned();
            };
            let taken = self.reader.by_ref().take(length).read_to_end(&mut response);
            assert_eq!(taken.unwrap() as u64, length);
        }
    }
}
