//! The fuzz targets: two functions that decode bytes into a program, run it, and compare the
//! results with a prediction.
//!
//! `entry` tests the raw entry points, with any arguments that a foreign caller can pass and any
//! results that a foreign object can return. `maildir` tests the example's store, with any names,
//! trees and flags.
//!
//! Each function has two users:
//!
//! - `fuzz_targets/` passes it to libFuzzer, which searches for new programs.
//! - `tests/` runs it on the committed corpus, with any compiler and without libFuzzer.
//!
//! Both detect more than crashes. A wrong count, a second `Done` or an open descriptor ends the
//! process as a crash does.

mod entry;
mod maildir;
mod memory;
mod panic_hook;
mod process;
mod work_folder;
// The exported function that creates a store. A `cdylib` cannot be a dependency.
#[path = "../../examples/provider_dll/src/lib.rs"]
mod provider_dll;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Runs the bytes as a program for the raw entry points.
pub fn entry(data: &[u8]) {
    run(data, entry::run);
}

/// Runs the bytes as a program for the example's store.
pub fn maildir(data: &[u8]) {
    run(data, maildir::run);
}

/// Decodes the bytes into a program and runs it. Missing bytes count as zeros.
fn run<'a, P: arbitrary::Arbitrary<'a> + std::fmt::Debug>(data: &'a [u8], code: impl Fn(P)) {
    panic_hook::install();
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

/// Runs the files in the program's arguments.
pub fn run_files(code: fn(&[u8])) -> io::Result<()> {
    let mut files = env::args_os().skip(1).map(PathBuf::from);
    files.try_for_each(|file| run_file(&file, code))
}

fn run_file(file: &Path, code: fn(&[u8])) -> io::Result<()> {
    let data = fs::read(file)?;
    panic_hook::set_file(file);
    code(&data);
    Ok(())
}
