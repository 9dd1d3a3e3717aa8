//! Properties under random sequences, held against models: one object's counts and identity, and runs of foreign stores
//! that keep no rule. What fails is reduced to the shortest sequence that does.

#[path = "../common/mod.rs"]
mod common;
mod object;
mod store;

use proptest::test_runner::{Config, FailurePersistence, FileFailurePersistence};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A failing case is written to a file beside the test's source and tried first from then on. Miri has no file system.
fn config() -> Config {
    let persistence = || -> Box<dyn FailurePersistence> {
        Box::new(FileFailurePersistence::WithSource("regressions"))
    };
    Config {
        cases: common::fewer(500) as u32,
        failure_persistence: (!cfg!(miri)).then(persistence),
        ..Config::default()
    }
}

/// Handles belong to the whole process, and the number of one that was closed is soon another's.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
