//! Other crates' views of the same interfaces.
//!
//! Every COM crate exchanges pointers with this one as raw pointers, by `into_raw` and `from_raw` on either side. Here is
//! what goes beyond that: types of theirs for our interfaces, proven to be the same while they compile.

#[cfg(feature = "com")]
pub mod com;
