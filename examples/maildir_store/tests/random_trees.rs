//! The model of the store: every program of the fuzz target's corpus, and random ones. The test is
//! alone in its program, because the model counts the process's threads and descriptors.

#![cfg(target_os = "linux")] // the model makes pipes by a system call that macOS lacks

#[test]
fn every_run_does_what_the_model_predicts() {
    test_model::replay("maildir", test_model::maildir);
    test_model::random(test_support::fewer(200), test_model::maildir);
}
