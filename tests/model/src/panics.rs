//! The panic hook. The crate must catch a panic that a program requests, whose payload is a
//! `PanicOnDrop`. Every other panic reports a finding and ends the process at once.
//!
//! A finding must not unwind, because the crate catches panics in callbacks and in a store's
//! threads, which contain checks.

use std::any::Any;
use std::backtrace::Backtrace;
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::JoinHandle;
use test_support::PanicOnDrop;

/// Waits for a thread and returns whether it panicked.
pub fn join(thread: JoinHandle<()>) -> bool {
    thread.join().map_err(discard).is_err()
}

/// Drops a panic's payload without a panic.
pub fn discard(mut payload: Box<dyn Any + Send>) {
    if let Some(payload) = payload.downcast_mut::<PanicOnDrop>() {
        payload.0 = 0;
    }
}

static INPUT: Mutex<String> = Mutex::new(String::new());

/// Sets the name of the input that runs, for the report.
pub fn set_input(name: String) {
    *INPUT.lock().unwrap_or_else(PoisonError::into_inner) = name;
}

/// Replaces the panic hook. libFuzzer's hook would end the process at panics that the crate
/// catches.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(report)));
}

fn report(panic: &PanicHookInfo) {
    if panic.payload().is::<PanicOnDrop>() {
        return;
    }
    let input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    let trace = Backtrace::capture();
    // Not `eprintln!`, because a test's captured output is lost when the process ends.
    let _ = writeln!(std::io::stderr(), "{input}: {panic}\n{trace}");
    std::process::abort();
}
