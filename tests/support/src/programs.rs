//! Programs that tests run as a user runs them, and the systems that run them: some need an
//! emulator, and some run fewer cases or skip a test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns every file below a folder.
pub fn walk(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Returns the path of an example of the package, which `cargo test` builds together with the tests.
pub fn example(name: &str) -> PathBuf {
    built(&format!("examples/{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Returns the path of an example that is a library.
pub fn example_library(name: &str) -> PathBuf {
    built(&format!("examples/{}", library_file(name)))
}

/// Returns the file name of a library on this system.
pub fn library_file(name: &str) -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}{name}{DLL_SUFFIX}")
}

/// Returns the path of a file in cargo's build folder for this target.
pub fn target_file(path: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(Path::parent).unwrap();
    folder.join(path)
}

/// Returns the path of a file in cargo's build folder that `command` builds, because it is of
/// another package than the tests. If the file is missing, it calls [`skip`] and returns `None`.
pub fn built_by(command: &str, path: &str) -> Option<PathBuf> {
    let file = target_file(path);
    if file.exists() {
        return Some(file);
    }
    skip(&format!("{path} is missing: `{command}` builds it"));
    None
}

fn built(path: &str) -> PathBuf {
    let file = target_file(path);
    assert!(file.exists(), "run `cargo build --examples` first: `cargo test --test …` does not");
    file
}

/// Returns the emulator that runs programs of this target, with its arguments. `.ci/run` sets it
/// for targets of other processors.
pub fn emulator() -> Option<String> {
    std::env::var("MAPISYNC_EMULATOR").ok()
}

/// Returns the words of a command that runs a program of this target.
pub fn words(program: &Path) -> Vec<OsString> {
    let emulator = emulator().unwrap_or_default();
    let words = emulator.split_whitespace().map(OsString::from);
    words.chain([program.into()]).collect()
}

/// Returns a command that runs a program of this target.
pub fn run(program: &Path) -> Command {
    let words = words(program);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// Returns the words of that command, quoted for a shell.
pub fn quoted(program: &Path) -> String {
    let words = words(program);
    let words = words.iter().map(|word| format!("'{}'", word.to_str().unwrap()));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns `cases`, a tenth of it where `.ci/run` runs the tests under an emulator or Wine, or a
/// hundredth of it under Miri.
pub fn fewer(cases: usize) -> usize {
    if cfg!(miri) {
        (cases / 100).max(1)
    } else if std::env::var_os("MAPISYNC_FEWER_CASES").is_some() {
        cases / 10
    } else {
        cases
    }
}

/// Prints that this system cannot run a test. It panics if every test is required, as in `.ci/run`.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("MAPISYNC_EVERY_TEST").is_none(),
        "every test is required here, but {why}"
    );
    eprintln!("skipped: {why}");
}

/// Returns the program `unshare` with flags for new namespaces in which `probe` works, or `None` if
/// this system does not allow such namespaces. Other users than root become root of a user
/// namespace first.
#[cfg(target_os = "linux")]
pub fn unshare(flags: &[&str], probe: &str) -> Option<Command> {
    let root = rustix::process::geteuid().is_root();
    let command = || {
        let mut command = Command::new("unshare");
        command.args(flags).args((!root).then_some("--map-root-user"));
        command
    };
    let works = command().args(["sh", "-c", probe]).stderr(std::process::Stdio::null()).status();
    if works.is_ok_and(|status| status.success()) {
        return Some(command());
    }
    skip(&format!("this system does not allow `unshare {} {probe}`", flags.join(" ")));
    None
}
