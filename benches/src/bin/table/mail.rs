//! The example `send_receive` compared with `cp -r` and `sync`, on 10,000 messages.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const MESSAGES: usize = 10_000;
const ROUNDS: usize = 3;

/// The median seconds of a first run, of a second one, which finds nothing new, and of the copy.
pub struct Mail {
    pub first: f64,
    pub second: f64,
    pub copy: f64,
}

pub fn measure(target: &Path) -> Mail {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    run(Command::new("cargo")
        .args([
            "build",
            "-q",
            "--release",
            "-p",
            "send_receive",
            "--target-dir",
        ])
        .arg(target)
        .current_dir(root));
    // In the build's folder: the system's temporary folder may be in memory, where `sync` is free.
    let folder = tempfile::tempdir_in(target).unwrap();
    let server = folder.path().join("server");
    fill(&server);
    let mut rounds: Vec<[f64; 3]> = (0..ROUNDS)
        .map(|round| {
            let local = folder.path().join(format!("local-{round}"));
            let mut receive = Command::new(target.join("release/send_receive"));
            receive
                .arg(&server)
                .arg(&local)
                .args(["--download", "--quiet"]);
            let first = run(&mut receive);
            let second = run(&mut receive);
            assert_eq!(messages(&local), MESSAGES);
            let copy = folder.path().join(format!("copy-{round}"));
            let copy = run(Command::new("cp").arg("-r").arg(&server).arg(copy))
                + run(&mut Command::new("sync"));
            [first, second, copy]
        })
        .collect();
    let [first, second, copy] = [0, 1, 2].map(|at| {
        rounds.sort_by(|a, b| a[at].total_cmp(&b[at]));
        rounds[ROUNDS / 2][at]
    });
    Mail {
        first,
        second,
        copy,
    }
}

/// Writes a Maildir with messages of 3 kB.
fn fill(server: &Path) {
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir_all(server.join(folder)).unwrap();
    }
    let line = "The quick brown fox jumps over the lazy dog, and back again before dinner.\n";
    for n in 0..MESSAGES {
        let head = format!(
            "From: anna@example.org\nTo: ben@example.org\nSubject: Message {n}\nMessage-ID: <{n}@example.org>\n\n"
        );
        let name = format!("cur/{}.M{n}P1.mail:2,S", 1_700_000_000 + n);
        fs::write(server.join(name), head + &line.repeat(40)).unwrap();
    }
    run(&mut Command::new("sync"));
}

fn messages(local: &Path) -> usize {
    let count = |folder| fs::read_dir(local.join(folder)).unwrap().count();
    count("cur") + count("new")
}

/// Runs a command and returns the seconds that it took.
fn run(command: &mut Command) -> f64 {
    let started = Instant::now();
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {log}");
    started.elapsed().as_secs_f64()
}
