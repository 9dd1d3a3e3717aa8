//! The panic hook. The crate must catch a panic that a program requests. Every other panic ends the
//! process at once.
//!
//! A target reports a finding by such a panic. It must not unwind, because the crate catches panics
//! in callbacks and in a store's threads, which contain checks.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::JoinHandle;

/// The prefix of the message of every panic that a program requests.
pub const SCRIPTED: &str = "scripted";

/// A panic payload that panics when it is dropped on the same thread, with a payload of the same
/// type, and so on. The crate drops sixteen payloads and forgets the next. The type has no size, so
/// that LeakSanitizer finds no leak there.
pub struct PanicOnDrop;

thread_local! {
    static REMAINING: Cell<u8> = const { Cell::new(0) };
}

impl PanicOnDrop {
    /// Panics, and panics `depth` more times when the payloads are dropped.
    pub fn raise(depth: u8) -> ! {
        REMAINING.set(depth);
        panic::panic_any(PanicOnDrop)
    }
}

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        if let Some(left) = REMAINING.get().checked_sub(1) {
            PanicOnDrop::raise(left);
        }
    }
}

/// Waits for a thread and returns whether it panicked.
pub fn join(thread: JoinHandle<()>) -> bool {
    let joined = thread.join();
    // The remaining depth of this thread's own panics must not affect the other thread's payload.
    REMAINING.set(0);
    joined.is_err()
}

static FILE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Sets the file that runs, for the report.
pub fn set_file(file: &Path) {
    *FILE.lock().unwrap_or_else(PoisonError::into_inner) = Some(file.into());
}

/// Replaces the panic hook. libFuzzer's hook would end the process at panics that the crate
/// catches.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(report)));
}

fn report(panic: &PanicHookInfo) {
    if is_scripted(panic.payload()) {
        return;
    }
    let file = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let file = file.as_deref().unwrap_or(Path::new("this input"));
    let trace = Backtrace::force_capture();
    // Not `eprintln!`, because a test's captured output is lost when the process ends.
    let _ = writeln!(std::io::stderr(), "{}: {panic}\n{trace}", file.display());
    std::process::abort();
}

fn is_scripted(payload: &(dyn Any + Send)) -> bool {
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(|message| &**message));
    payload.is::<PanicOnDrop>() || message.is_some_and(|message| message.starts_with(SCRIPTED))
}
