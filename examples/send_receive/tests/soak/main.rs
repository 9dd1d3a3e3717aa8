//! Long runs, which only `.ci/run soak` starts: Dovecot serves the trees after every kind of run,
//! and random trees are synchronized while a mail reader renames their messages and runs are
//! killed.

#![cfg(target_os = "linux")]

mod dovecot;
mod random_trees;

use std::fs;
use std::path::Path;
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_send_receive");

/// Creates the three directories of a Maildir.
fn make(folder: &Path) {
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(sub)).unwrap();
    }
}

/// Returns a command that runs the program on the trees in a folder.
fn command(dir: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args([dir.join("server"), dir.join("local")])
        .args(options)
        .arg("-q");
    command
}

/// Numbers that look random: the generator `xorshift64*`.
struct Random(u64);

impl Random {
    /// Returns a number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    fn one_in(&mut self, end: u64) -> bool {
        self.below(end) == 0
    }
}
