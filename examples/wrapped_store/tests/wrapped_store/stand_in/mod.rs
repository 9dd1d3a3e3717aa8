//! The surroundings of the provider in these tests, in Rust: the inner provider, and the host, which
//! plays MAPI and Outlook.

#![allow(non_snake_case)] // the documented names of the methods

pub mod host;
pub mod memory;
pub mod provider;
pub mod store;
