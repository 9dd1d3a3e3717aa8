//! Doubles for tests of stores and hosts.

mod probe;
mod reference_count;
mod scripted_provider;

pub use probe::{Probe, ProbeReport, Probed};
pub use reference_count::reference_count;
pub use scripted_provider::ScriptedProvider;
