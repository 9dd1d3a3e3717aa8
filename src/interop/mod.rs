//! The same interfaces as types of other COM crates.
//!
//! Every COM crate can exchange raw pointers with this one, with `into_raw` and `from_raw` on
//! either side. The modules here go further: they have types of another crate for our interfaces,
//! which are proven at compile time to have the same layout.

#[cfg(feature = "com")]
pub mod com;
