//! Models that predict the result of any program: `entry` for the raw entry points, with any
//! arguments that a foreign caller can pass and any results that a foreign object can return, and
//! `maildir` for the example's store, with any names, trees and flags.
//!
//! A program is decoded from bytes, which come from two drivers:
//!
//! - libFuzzer searches for new programs, with the targets in `fuzz/`.
//! - `cargo test` replays the committed corpus of `fuzz/`, and runs random programs.
//!
//! The models detect more than crashes. A wrong count, a second `Done` or an open descriptor ends
//! the process as a crash does.

#![allow(clippy::not_unsafe_ptr_arg_deref)] // the models pass valid pointers alone

mod block;
mod entry;
#[cfg(all(target_os = "linux", feature = "maildir"))]
mod maildir;
mod panics;
mod process;

use arbitrary::{Arbitrary, Unstructured};
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Runs the bytes as a program for the raw entry points.
pub fn entry(data: &[u8]) {
    run(data, entry::run);
}

/// Runs the bytes as a program for the example's store.
#[cfg(all(target_os = "linux", feature = "maildir"))]
pub fn maildir(data: &[u8]) {
    run(data, maildir::run);
}

/// Decodes the bytes into a program and runs it. Missing bytes count as zeros.
fn run<'a, P: Arbitrary<'a> + Debug>(data: &'a [u8], code: impl Fn(&P)) {
    panics::install();
    let Ok(program) = P::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    if env::var_os("MAPISYNC_FUZZ_SHOW").is_some() {
        eprintln!("{program:#?}");
    }
    code(&program);
}

/// Runs every file of a target's corpus.
pub fn replay(target: &str, code: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let files = fs::read_dir(folder.join(target)).expect("there is a corpus");
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "the corpus is empty");
    files.sort();
    for file in files {
        run_file(&file, code).expect("the file can be read");
    }
}

/// Runs the files in the program's arguments.
pub fn run_files(code: fn(&[u8])) -> io::Result<()> {
    let mut files = env::args_os().skip(1).map(PathBuf::from);
    files.try_for_each(|file| run_file(&file, code))
}

fn run_file(file: &Path, code: fn(&[u8])) -> io::Result<()> {
    let data = fs::read(file)?;
    panics::set_input(file.display().to_string());
    code(&data);
    Ok(())
}

/// Runs random programs, whose first seed is random, too. `MAPISYNC_SEED` sets it instead.
///
/// The bytes do not come from the crate `arbtest`, because it prints the seed of a failure only
/// while a panic unwinds, and a failure here ends the process.
pub fn random(programs: usize, code: fn(&[u8])) {
    let first = match env::var("MAPISYNC_SEED") {
        Ok(seed) => seed.parse().expect("MAPISYNC_SEED is a number"),
        Err(_) => RandomState::new().hash_one(programs),
    };
    // A signal may end the process without a report. Only the test's captured output is lost then.
    let _ = writeln!(io::stderr(), "random programs from MAPISYNC_SEED={first}");
    for seed in (0..programs as u64).map(|number| first.wrapping_add(number)) {
        panics::set_input(format!("MAPISYNC_SEED={seed}"));
        code(&bytes(seed));
    }
}

/// Returns up to 2,048 random bytes, by the generator SplitMix64.
fn bytes(mut seed: u64) -> Vec<u8> {
    let mut next = || {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    };
    let words = next() % 256;
    (0..=words).flat_map(|_| next().to_le_bytes()).collect()
}
