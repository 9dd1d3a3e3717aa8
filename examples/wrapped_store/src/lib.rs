//! A store provider that MAPI can load.

pub mod mapi;
