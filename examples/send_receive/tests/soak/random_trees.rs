//! Random trees, kills, resumes, renames by a reader, and both directions: nothing is lost or
//! doubled.

use crate::{command, make};
use fastrand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use test_support::walk;

const FOLDERS: [&str; 5] = ["", ".A", ".A.B", ".Entw&APw-rfe", ".Inbox"];

/// The options of the runs that are killed, canceled or completed.
const OPTIONS: [&[&str]; 5] = [
    &["--download"],
    &["--headers-only"],
    &["--upload"],
    &["--download", "--upload"],
    &["--headers-only", "--upload"],
];

/// The content of every message by its folder and number.
type Messages = BTreeMap<(&'static str, u64), String>;

#[test]
#[ignore = "it takes minutes: `.ci/run soak`"]
fn nothing_is_lost_or_doubled() {
    let number = |name| env::var(name).ok().map(|value| value.parse().unwrap());
    let seconds = number("MAPISYNC_SOAK_SECONDS").unwrap_or(600);
    let seed = number("MAPISYNC_SOAK_SEED").unwrap_or(u64::from(std::process::id()));
    println!("MAPISYNC_SOAK_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut trees, mut messages, mut runs, mut ended) = (0, 0, 0, 0);
    while Instant::now() < end {
        let dir = folder(&mut random);
        let created = create_trees(dir.path(), &mut random);
        for _ in 0..random.u32(..6) {
            ended += u32::from(run_and_end(dir.path(), &mut random));
            runs += 1;
        }
        // At last, without a reader: headers become messages, and both trees become equal.
        for _ in 0..2 {
            let output = command(dir.path(), &["--download", "--upload"]).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{output:?} {}", keep(dir.path()));
            runs += 1;
        }
        for side in ["server", "local"] {
            check(dir.path(), side, &created);
        }
        trees += 1;
        messages += created.len();
    }
    println!("{trees} pairs of trees, {messages} messages");
    println!("{runs} runs, of which {ended} were killed or canceled");
}

/// Creates a folder for the trees. Most are in memory, where more runs fit into the time.
fn folder(random: &mut Rng) -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() && random.u32(..4) != 0 {
        memory
    } else {
        env!("CARGO_TARGET_TMPDIR").as_ref()
    };
    tempfile::tempdir_in(parent).unwrap()
}

fn create_trees(dir: &Path, random: &mut Rng) -> Messages {
    let mut messages = Messages::new();
    let sides = if random.bool() { &["server", "local"][..] } else { &["server"] };
    for side in sides {
        let root = dir.join(side);
        make(&root);
        for folder in FOLDERS {
            if !folder.is_empty() && random.u32(..3) == 0 {
                continue;
            }
            make(&root.join(folder));
            let most = [3, 40, 600][random.usize(..3)];
            for _ in 0..random.u32(..most) {
                let number = messages.len() as u64;
                let body = "line\n".repeat(random.usize(..400));
                let content = format!("Subject: {number}\n\nbody {number}\n{body}");
                let mut name = format!("{number}.M{side}");
                if random.bool() {
                    name += &format!(",S={}", content.len());
                }
                let (sub, flags) =
                    [("new", ""), ("cur", ":2,"), ("cur", ":2,FS")][random.usize(..3)];
                let path = root.join(folder).join(sub).join(name + flags);
                fs::write(path, &content).unwrap();
                messages.insert((folder, number), content);
            }
        }
    }
    messages
}

/// Runs the program while a mail reader is active. Most runs are killed or canceled at any moment.
/// Returns whether the run was ended.
fn run_and_end(dir: &Path, random: &mut Rng) -> bool {
    let (options, mut reader) = (OPTIONS[random.usize(..OPTIONS.len())], random.fork());
    let is_over = AtomicBool::new(false);
    let status = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                for side in ["server", "local"] {
                    let folder = FOLDERS[reader.usize(..FOLDERS.len())];
                    rename_some(&dir.join(side).join(folder), &mut reader);
                }
                thread::sleep(Duration::from_micros(reader.u64(..3_000)));
            }
        });
        let mut program = command(dir, options).stderr(Stdio::null()).spawn().unwrap();
        if random.u32(..4) != 0 {
            thread::sleep(Duration::from_micros(random.u64(..60_000)));
            let signals = [Signal::INT, Signal::KILL, Signal::KILL];
            let signal = signals[random.usize(..3)];
            let _has_ended = kill_process(Pid::from_child(&program), signal);
        }
        let status = program.wait().unwrap();
        is_over.store(true, Relaxed);
        status
    });
    // A signal, a cancellation, a success, or a message that the reader renamed too often.
    let is_expected = matches!(status.code(), None | Some(0 | 2 | 130));
    assert!(is_expected, "{options:?}: {status}");
    matches!(status.code(), None | Some(130))
}

/// Moves some messages from `new` to `cur` and changes flags, as readers do: a file never exists
/// twice.
fn rename_some(folder: &Path, random: &mut Rng) {
    let entries = ["new", "cur"].map(|sub| fs::read_dir(folder.join(sub)));
    for entry in entries.into_iter().flatten().flatten().flatten() {
        if random.u32(..30) == 0 {
            let name = entry.file_name().into_string().unwrap();
            let unique = name.split(":2,").next().unwrap();
            let flags = ["", "S", "FS", "RS", "FRS"][random.usize(..5)];
            let renamed = folder.join("cur").join(format!("{unique}:2,{flags}"));
            if !renamed.exists() {
                let _gone = fs::rename(entry.path(), renamed);
            }
        }
    }
}

/// Checks that a tree has each message once, and nothing else.
fn check(dir: &Path, side: &str, messages: &Messages) {
    let mut found = BTreeMap::<_, Vec<PathBuf>>::new();
    for folder in FOLDERS {
        let subs = ["cur", "new", "tmp"].map(|sub| dir.join(side).join(folder).join(sub));
        for path in subs.iter().filter(|sub| sub.is_dir()).flat_map(|sub| walk(sub)) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let number = name.split('.').next().unwrap().parse();
            let number = number.unwrap_or_else(|_| panic!("{}", path.display()));
            found.entry((folder, number)).or_default().push(path);
        }
    }
    for (key, content) in messages {
        let paths = found.remove(key).unwrap_or_default();
        let is_once = matches!(&paths[..], [path] if fs::read_to_string(path).unwrap() == *content);
        let is_stub = paths.iter().any(|path| path.to_str().unwrap().contains("mapisync="));
        assert!(is_once && !is_stub, "{key:?} {paths:?} {}", keep(dir));
    }
    assert!(found.is_empty(), "{found:?} {}", keep(dir));
}

/// Keeps the trees of a failure. Returns their path.
fn keep(dir: &Path) -> String {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak-failure");
    let _copy = Command::new("cp").arg("-a").args([dir, &kept]).status();
    kept.display().to_string()
}
