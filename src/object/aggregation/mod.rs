//! Aggregation: two objects that look like one to everybody who has a pointer to either.
//!
//! The *outer* owns the *inner* and is the controlling unknown: the `IUnknown` methods of all interfaces are the outer's. Either
//! part may be foreign.
//!
//! - [`inner`]: an object of ours inside a foreign one. [`delegating`] makes the vtables that this takes.
//! - [`outer`]: an object of ours around a foreign one.

pub(super) mod delegating;
mod inner;
mod outer;

pub use inner::InnerObject;
