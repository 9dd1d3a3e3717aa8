//! Random sequences, compared with models: the counts and the identity of one object, and runs of
//! foreign stores that break the rules. proptest reduces a failing sequence to a short one.

mod object;
mod store;

use proptest::test_runner::{Config, FailurePersistence, FileFailurePersistence};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Returns the configuration. proptest writes a failing case to a file next to the test's source
/// and tries it first in later runs. Miri has no file system.
fn config() -> Config {
    let persistence = || -> Box<dyn FailurePersistence> {
        Box::new(FileFailurePersistence::WithSource("regressions"))
    };
    Config {
        cases: test_support::fewer(500) as u32,
        failure_persistence: (!cfg!(miri)).then(persistence),
        ..Config::default()
    }
}

/// Makes the tests run one at a time. Handles belong to the whole process, and a new handle soon
/// gets the number of a closed one.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
