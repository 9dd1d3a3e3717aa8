//! The store on real trees: what a run copies, what it leaves unchanged, and the state after a
//! run that was killed, canceled, or disturbed by other programs.

#![cfg(not(miri))] // Miri has no file system

mod changes;
mod copies;
#[cfg(target_os = "linux")]
mod file_systems;
mod incomplete;
mod kills;
mod names;
mod odd_entries;
mod queue;
mod responsive;
mod stubs;
mod trees;

/// Not a test: other tests run this function in a process that they kill, or that has its own
/// namespaces or user.
#[test]
fn child() {
    match trees::Trees::inherited() {
        None => {}
        Some((job, trees)) if job == "both" => _ = trees.run(trees::BOTH).assert_ok(),
        #[cfg(target_os = "linux")]
        Some((job, trees)) => file_systems::child(&job, &trees),
        #[cfg(not(target_os = "linux"))]
        Some((job, _)) => panic!("{job}"),
    }
}
