//! The same interfaces as types of other COM crates.
//!
//! Every COM crate can exchange raw pointers with this one, with `into_raw` and `from_raw` on
//! either side. The modules here go further: they declare our interfaces as types of another crate,
//! and prove at compile time that both layouts are the same.

#[cfg(feature = "com")]
pub mod com;
