//! The peers, each written as its own users write it.

pub mod com_rs;
pub mod cpp;
pub mod ours;
pub mod scrape;
pub mod windows;
