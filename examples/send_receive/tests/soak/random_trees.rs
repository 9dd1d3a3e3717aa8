//! Random trees, kills, resumes, renames by a reader, and both directions: nothing is lost or
//! doubled.

use crate::{Random, command, make};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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

#[test]
#[ignore = "it takes minutes: `.ci/run soak`"]
fn nothing_is_lost_or_doubled() {
    let seconds = std::env::var("MAPISYNC_SOAK_SECONDS");
    let seconds = seconds.map_or(600, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let seed = std::env::var("MAPISYNC_SOAK_SEED");
    let seed = seed.map_or_else(
        |_| u64::from(std::process::id()),
        |seed| seed.parse().unwrap(),
    );
    println!("MAPISYNC_SOAK_SEED={seed}");
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut trees, mut runs, mut kills, mut messages) = (0, 0, 0, 0);
    while Instant::now() < end {
        let round = Round::new(&mut random);
        let (started, killed) = round.run(&mut random);
        messages += round.check();
        trees += 1;
        runs += started;
        kills += killed;
    }
    println!(
        "{trees} pairs of trees, {messages} messages, {runs} runs, of which {kills} were killed or canceled"
    );
}

/// A pair of trees.
struct Round {
    dir: tempfile::TempDir,
    /// The content of every message by its folder and number.
    messages: BTreeMap<(&'static str, u64), String>,
}

impl Round {
    fn new(random: &mut Random) -> Round {
        // Most trees are in memory, where more runs fit into the time.
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() && !random.one_in(4) {
            memory
        } else {
            env!("CARGO_TARGET_TMPDIR").as_ref()
        };
        let dir = tempfile::tempdir_in(parent).unwrap();
        let mut messages = BTreeMap::new();
        for side in ["server", "local"] {
            if side == "local" && random.one_in(2) {
                continue;
            }
            let root = dir.path().join(side);
            make(&root);
            for folder in FOLDERS {
                if !folder.is_empty() && random.one_in(3) {
                    continue;
                }
                make(&root.join(folder));
                let most = [3, 40, 600][random.below(3) as usize];
                for _ in 0..random.below(most) {
                    let number = messages.len() as u64;
                    let body = "line\n".repeat(random.below(400) as usize);
                    let content = format!("Subject: {number}\n\nbody {number}\n{body}");
                    let sizes = if random.one_in(2) {
                        format!(",S={}", content.len())
                    } else {
                        String::new()
                    };
                    let name = match random.below(3) {
                        0 => format!("new/{number}.M{side}{sizes}"),
                        1 => format!("cur/{number}.M{side}{sizes}:2,"),
                        _ => format!("cur/{number}.M{side}{sizes}:2,FS"),
                    };
                    fs::write(root.join(folder).join(name), &content).unwrap();
                    messages.insert((folder, number), content);
                }
            }
        }
        Round { dir, messages }
    }

    /// Runs the program some times. Most runs are killed or canceled at any moment. Returns the
    /// number of runs, and of those that were ended.
    fn run(&self, random: &mut Random) -> (u32, u32) {
        use rustix::process::{Pid, Signal, kill_process};
        let (mut runs, mut ended) = (0, 0);
        for _ in 0..random.below(6) {
            let reader = Reader::start(self.dir.path(), random.below(u64::MAX));
            let options = OPTIONS[random.below(OPTIONS.len() as u64) as usize];
            let mut run = command(self.dir.path(), options)
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            runs += 1;
            if !random.one_in(4) {
                thread::sleep(Duration::from_micros(random.below(60_000)));
                let signal = if random.one_in(3) {
                    Signal::INT
                } else {
                    Signal::KILL
                };
                let _has_ended = kill_process(Pid::from_child(&run), signal);
            }
            let status = run.wait().unwrap();
            // A signal, a cancellation, a success, or a message that the reader renamed too often.
            let code = status.code();
            assert!(
                matches!(code, None | Some(0 | 2 | 130)),
                "{options:?}: {status}"
            );
            ended += u32::from(matches!(code, None | Some(130)));
            reader.stop();
        }
        // At last, without a reader: headers become messages, and both trees become equal.
        for _ in 0..2 {
            let output = command(self.dir.path(), &["--download", "--upload"])
                .output()
                .unwrap();
            let log = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{}: {log}",
                self.dir.path().display()
            );
            runs += 1;
        }
        (runs, ended)
    }

    /// Checks that both trees have each message once, and nothing else. Returns their number.
    fn check(&self) -> usize {
        for side in ["server", "local"] {
            let root = self.dir.path().join(side);
            let mut found = BTreeMap::<_, Vec<PathBuf>>::new();
            for folder in FOLDERS {
                for sub in ["cur", "new", "tmp"] {
                    let path = root.join(folder).join(sub);
                    for path in path.is_dir().then(|| walk(&path)).into_iter().flatten() {
                        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                        let number = name.split('.').next().unwrap().parse();
                        let number = number.unwrap_or_else(|_| panic!("{}", path.display()));
                        found.entry((folder, number)).or_default().push(path);
                    }
                }
            }
            for (key, content) in &self.messages {
                let paths = found.remove(key).unwrap_or_default();
                let keep = || self.keep(side);
                assert_eq!(paths.len(), 1, "{key:?} {paths:?} {}", keep().display());
                let is_same = fs::read_to_string(&paths[0]).unwrap() == *content;
                assert!(is_same, "{} {}", paths[0].display(), keep().display());
                let is_stub = paths[0].to_str().unwrap().contains("mapisync");
                assert!(!is_stub, "{} {}", paths[0].display(), keep().display());
            }
            assert!(found.is_empty(), "{found:?}");
        }
        self.messages.len()
    }

    /// Keeps the trees of a failure.
    fn keep(&self, side: &str) -> PathBuf {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak-failure");
        let _copy = std::process::Command::new("cp")
            .arg("-a")
            .args([self.dir.path(), &kept])
            .status();
        kept.join(side)
    }
}

/// A mail reader, which moves messages from `new` to `cur` and changes flags all the time.
struct Reader {
    stops: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Reader {
    fn start(dir: &Path, seed: u64) -> Reader {
        let stops = Arc::new(AtomicBool::new(false));
        let (stop, dir) = (stops.clone(), dir.to_owned());
        let mut random = Random(seed | 1);
        let thread = thread::spawn(move || {
            while !stop.load(Relaxed) {
                for side in ["server", "local"] {
                    let folder = FOLDERS[random.below(FOLDERS.len() as u64) as usize];
                    rename_some(&dir.join(side).join(folder), &mut random);
                }
                thread::sleep(Duration::from_micros(random.below(3_000)));
            }
        });
        Reader { stops, thread }
    }

    fn stop(self) {
        self.stops.store(true, Relaxed);
        self.thread.join().unwrap();
    }
}

/// Renames some messages of a folder, as readers do: the file never exists twice.
fn rename_some(folder: &Path, random: &mut Random) {
    for sub in ["new", "cur"] {
        let Ok(entries) = fs::read_dir(folder.join(sub)) else {
            continue;
        };
        for entry in entries.flatten() {
            if !random.one_in(30) {
                continue;
            }
            let name = entry.file_name().into_string().unwrap();
            let unique = name.split(":2,").next().unwrap();
            let flags = ["", "S", "FS", "RS", "FRS"][random.below(5) as usize];
            let renamed = folder.join("cur").join(format!("{unique}:2,{flags}"));
            if !renamed.exists() {
                let _gone = fs::rename(entry.path(), renamed);
            }
        }
    }
}
