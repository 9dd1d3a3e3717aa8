//! COM in Rust: counted pointers to any object, and objects with Rust payloads.
//!
//! Apart from the names of the crate's interfaces, nothing here knows about mail. The rules of COM
//! objects, ours or foreign, are therefore proven once, for both sides of the crate.
//!
//! # Objects
//!
//! An object is one allocation:
//!
//! ```text
//!                  ┌─ InnerBox, of an aggregated object only ─┐┌─ ObjectBox ─────────────────────┐
//!                   own IUnknown's vtable pointer │ outer       vtable pointers │ count │ payload
//!                                                               ▲
//!                                          address of vtable pointer n = interface number n
//! ```
//!
//! A method gets the address of a vtable pointer as `this`. It subtracts a constant, which
//! [`Thunk`] knows, and so reaches the count and the payload. Nothing is looked up.
//!
//! # Imports
//!
//! They run one way: `interface`, `query_interface`, `ref_count`, `unwind` ← `ptr`, `class` ←
//! `object_box` ← `thunk`, `com_object` ← `aggregation`.

pub mod aggregation;
mod class;
mod com_object;
mod interface;
#[cfg(all(test, mapisync_loom))]
mod loom_tests;
mod object_box;
mod ptr;
mod query_interface;
mod ref_count;
mod thunk;
pub(crate) mod unwind;

pub use aggregation::InnerObject;
pub use class::{Class, InterfaceList};
pub use com_object::ComObject;
pub use interface::{FreeThreaded, ImplementedBy, Interface};
pub use ptr::{ComPtr, ComRef};
pub use thunk::Thunk;
