//! Long runs, which only `.ci/run soak` starts: Dovecot reads the trees after every kind of run,
//! and random trees are synchronized while a mail reader renames their messages and runs are
//! killed.

#![cfg(target_os = "linux")]

mod dovecot;
mod random_trees;

use std::fs;
use std::path::Path;
use std::process::Command;

/// Creates the three directories of a Maildir.
fn make(folder: &Path) {
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(sub)).unwrap();
    }
}

/// Returns a command that runs the program on the trees in a folder.
fn command(dir: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_send_receive"));
    command.args([dir.join("server"), dir.join("local")]);
    command.args(options).arg("-q");
    command
}
