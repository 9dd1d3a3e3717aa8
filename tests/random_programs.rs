//! The model of the raw entry points: every program of the fuzz target's corpus, and random ones.
//! The test is alone in its program, because the model counts the process's threads and
//! descriptors.

#[test]
fn every_program_has_the_results_that_the_model_predicts() {
    // Miri has no file system.
    if !cfg!(miri) {
        test_model::replay("entry", test_model::entry);
    }
    test_model::random(test_support::fewer(500), test_model::entry);
}
