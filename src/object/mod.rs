//! COM in Rust: counted pointers to anybody's objects, and objects of our own. Of mail there is nothing here but the names of
//! the crate's interfaces.
//!
//! It exists apart from the two sides so that what is true of every COM object, ours or foreign, is proven once.
//!
//! # Objects
//!
//! An object is one allocation: the vtable pointers (one for each interface of its [`Class`]), the count, the payload.
//! A pointer to the n-th vtable pointer is the object's n-th interface. A caller reaches the object from there by
//! subtracting a constant, which [`Thunk`] knows; nothing is looked up. An object that lives inside another, an [`InnerObject`],
//! has something before all that, and other vtables. Around somebody else's object ours is such an inner itself, of an
//! outer that is no more than a vtable pointer, a count and two pointers.

mod aggregation;
mod asked;
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
pub use class::{Class, Implements, InterfaceList};
pub use com_object::ComObject;
pub use interface::{FreeThreaded, Interface};
pub use ptr::{ComPtr, ComRef};
pub use thunk::Thunk;
