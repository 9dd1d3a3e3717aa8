//! Replays the corpus of the target `entry`. The test is alone in its program, because it counts
//! the process's threads and descriptors.

#[test]
fn the_corpus_is_clean() {
    mapisync_fuzz::replay("entry", mapisync_fuzz::entry);
}
