//! Aggregation: two objects that look like one to every caller.
//!
//! The *outer* owns the *inner*. The outer's `IUnknown` is the *controlling unknown*: the
//! `IUnknown` methods of all interfaces, those of the inner included, go to it. The inner also has
//! its own `IUnknown`, which only the outer knows. The outer asks it for the inner's interfaces,
//! and ends the inner by releasing it.
//!
//! Either part may be foreign:
//!
//! - [`InnerObject::new`] makes an object inside a foreign outer. A store in C++ or in another
//!   framework gets `IMAPISync` this way, and needs no more than a call in its `QueryInterface`.
//! - [`aggregate_foreign`] makes an object around a foreign inner. A store that can be aggregated
//!   gets `IMAPISync` this way without being changed.

// Imports run one way: inner_box ← delegating ← inner ← outer.
mod delegating;
mod inner;
mod inner_box;
mod outer;

pub use inner::InnerObject;
pub use outer::aggregate_foreign;
