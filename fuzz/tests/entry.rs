//! The corpus of the target `entry`, file by file. Alone in its program, since it counts the process's threads and
//! descriptors.

#[test]
fn the_corpus_is_clean() {
    mapisync_fuzz::replay("entry", mapisync_fuzz::entry);
}
