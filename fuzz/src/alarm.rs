//! Panics: those that a program asks for, which the crate has to catch, and all others, which end the process at once.
//!
//! The second kind is how a target reports what it found. It can't just unwind, since the crate would catch it where the
//! check is in a callback or in a store's thread.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::JoinHandle;

/// How the texts of panics begin that a program asks for.
pub const SCRIPTED: &str = "scripted";

/// A panic's payload that panics in turn when it is dropped on the same thread, and so on. It has no size: after the
/// sixteenth the crate forgets what is thrown, and there is to be no memory in that for LeakSanitizer to find.
pub struct Bomb;

thread_local! {
    static FUSE: Cell<u8> = const { Cell::new(0) };
}

impl Bomb {
    /// Panics, and a few times more when what was thrown is dropped.
    pub fn raise(depth: u8) -> ! {
        FUSE.set(depth);
        panic::panic_any(Bomb)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(left) = FUSE.get().checked_sub(1) {
            Bomb::raise(left);
        }
    }
}

/// Waits for a thread, and answers whether it panicked.
pub fn join(thread: JoinHandle<()>) -> bool {
    let joined = thread.join();
    // What this thread's own panics have left is not for the other's payload.
    FUSE.set(0);
    joined.is_err()
}

static FILE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Notes which file is being run, for the report.
pub fn name(file: &Path) {
    *FILE.lock().unwrap_or_else(PoisonError::into_inner) = Some(file.into());
}

/// Replaces the panic hook, libFuzzer's as well, which would end the process at panics that are caught.
pub fn arm() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(ring)));
}

fn ring(panic: &PanicHookInfo) {
    if is_scripted(panic.payload()) {
        return;
    }
    let file = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let file = file.as_deref().unwrap_or(Path::new("this input"));
    let trace = Backtrace::force_capture();
    // Not `eprintln!`: what a test prints is lost when the process ends.
    let _ = writeln!(std::io::stderr(), "{}: {panic}\n{trace}", file.display());
    std::process::abort();
}

fn is_scripted(payload: &(dyn Any + Send)) -> bool {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(|text| &**text));
    payload.is::<Bomb>() || text.is_some_and(|text| text.starts_with(SCRIPTED))
}
