//! What is fuzzed: two functions that take bytes, make a program of them, run it, and hold what came of it against what
//! should have.
//!
//! `entry` goes for the raw entry points: what a caller from outside can pass to an object of this crate's, and what such an
//! object can be answered. `maildir` goes for the example's store: names, trees and flags.
//!
//! Each function has two users. `fuzz_targets/` hands it to libFuzzer, which looks for new programs; `tests/` runs it on the
//! committed corpus, under any compiler and without libFuzzer. Neither waits for crashes only: every program's outcome is
//! predicted, and a wrong count, a second Done or a descriptor left open ends the process as a crash would.

#![allow(
    clippy::duplicate_mod,
    reason = "the example's store belongs to the factory as well, which keeps it to itself"
)]

mod alarm;
mod entry;
mod maildir;
#[path = "../../examples/maildir_store/mod.rs"]
mod maildir_store;
mod memory;
mod place;
mod process;
// The exported function that makes a store, with the store.
#[path = "../../examples/provider_dll/src/lib.rs"]
mod provider_dll;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Runs the bytes as a program for the raw entry points.
pub fn entry(data: &[u8]) {
    run(data, entry::run);
}

/// Runs the bytes as two mail trees, and what is done with them.
pub fn maildir(data: &[u8]) {
    run(data, maildir::run);
}

/// Makes a program of the bytes; too few of them go on as zeros.
fn run<'a, P: arbitrary::Arbitrary<'a> + std::fmt::Debug>(data: &'a [u8], code: impl Fn(P)) {
    alarm::arm();
    let Ok(program) = P::arbitrary_take_rest(arbitrary::Unstructured::new(data)) else {
        return;
    };
    if env::var_os("MAPISYNC_FUZZ_SHOW").is_some() {
        eprintln!("{program:#?}");
    }
    code(program);
}

/// Runs every file of a target's corpus.
pub fn replay(target: &str, code: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let files = fs::read_dir(&folder).expect("there is a corpus");
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    assert!(
        !files.is_empty(),
        "the corpus is empty: {}",
        folder.display()
    );
    files.sort();
    for file in files {
        run_file(&file, code).expect("the file can be read");
    }
}

/// Runs the files that the program was started with.
pub fn run_files(code: fn(&[u8])) -> io::Result<()> {
    let mut files = env::args_os().skip(1).map(PathBuf::from);
    files.try_for_each(|file| run_file(&file, code))
}

fn run_file(file: &Path, code: fn(&[u8])) -> io::Result<()> {
    let data = fs::read(file)?;
    alarm::name(file);
    code(&data);
    Ok(())
}
