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
