//! COM in Rust: counted pointers to any object, and objects with Rust payloads.
//!
//! Apart from the names of the crate's interfaces, this module does not depend on MAPI. The store's
//! side and the host's side share it, so the rules of COM are implemented once.
//!
//! # Objects
//!
//! An object is one allocation:
//!
//! ```text
//! ┌─ InnerBox, of an aggregated object only ──────────┐┌─ ObjectBox ────────────────────┐
//!  vtable pointer of the non-delegating IUnknown │ outer   vtable pointers │ count │ payload
//!                                                         ▲
//!                                 address of vtable pointer n = pointer to interface n
//! ```
//!
//! A method gets the address of a vtable pointer as `this`. It subtracts a constant offset, which
//! [`Thunk`] knows, to find the object. In an inner, the count is that of its non-delegating
//! `IUnknown`; the outer counts all other references. [`aggregation`] explains this.
//!
//! # Imports
//!
//! Each module imports only modules to its left: `interface`, `query_interface`, `ref_count`,
//! `unwind` ← `ptr`, `class`, `wrapped` ← `com_ref`, `create_instance`, `object_box` ← `thunk`,
//! `com_object` ← `aggregation`, `com_interface`.

pub mod aggregation;
mod class;
mod com_interface;
mod com_object;
mod com_ref;
mod create_instance;
mod interface;
#[cfg(all(test, mapisync_loom))]
mod loom_tests;
mod object_box;
mod ptr;
mod query_interface;
mod ref_count;
mod thunk;
pub(crate) mod unwind;
mod wrapped;

pub use aggregation::InnerObject;
pub use class::{Class, InterfaceList};
#[doc(hidden)]
pub use com_interface::private as com_interface_private;
pub use com_interface::{Extends, PlainArgument};
pub use com_object::ComObject;
pub use com_ref::ComRef;
pub use create_instance::create_instance;
pub use interface::{FreeThreaded, ImplementedBy, Interface};
pub use ptr::ComPtr;
pub use thunk::Thunk;
pub use wrapped::Wrapped;
