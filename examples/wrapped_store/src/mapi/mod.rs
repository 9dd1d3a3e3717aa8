//! The part of MAPI that a store provider needs: interfaces, structures, constants.
//!
//! The names are Microsoft's. The slots, the offsets and the IIDs are compared with those of mingw's
//! headers, by `tests/interop_cpp/tests/mapi_slots.rs` in this repository.
//!
//! Nothing here knows what the provider does.

// The documented names of types, fields and arguments.
#![allow(non_snake_case, clippy::upper_case_acronyms)]

mod buffer;
mod constants;
pub mod layouts;
mod malloc;
mod memory;
mod properties;
mod provider;
mod returned;
mod store;
mod structs;

pub use buffer::MapiBuffer;
pub use constants::*;
pub use malloc::*;
pub use memory::{AllocateBuffer, AllocateMore, FreeBuffer, MapiMemory};
pub use properties::Properties;
pub use provider::*;
pub use returned::returned;
pub use store::*;
pub use structs::*;

use std::ffi::c_void;

/// A pointer to an object or a structure of MAPI that this provider only passes on.
pub type P = *mut c_void;

/// `LPTSTR`: a string of 8-bit or of UTF-16 units, as the flag `MAPI_UNICODE` says.
pub type LPTSTR = *mut c_void;

/// The type of every `ulUIParam`, a `ULONG_PTR`: a window handle.
pub type UIPARAM = usize;
