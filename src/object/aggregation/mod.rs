//! Aggregation: two objects that look like one to every caller.
//!
//! The *outer* owns the *inner*. The outer's `IUnknown` is the *controlling unknown*: the
//! `IUnknown` methods of all interfaces, including the inner's, delegate to it. The inner also has
//! a *non-delegating* `IUnknown`, which only the outer holds. Through it, the outer queries the
//! inner's interfaces. By releasing it, the outer destroys the inner.
//!
//! Either part may be foreign:
//!
//! - [`InnerObject::new`] makes an object inside a foreign outer. A store in C++ or in another
//!   framework gets `IMAPISync` this way, and needs no more than a call in its `QueryInterface`.
//! - [`aggregate_foreign`] makes an object around a foreign inner. A store that can be aggregated
//!   gets `IMAPISync` this way without being changed.
//!
//! Here both parts are objects of this crate. [`guide::existing_store`] has stores in C++ and in
//! other libraries.
//!
//! ```
//! use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
//! use mapisync::{Class, InnerObject, Result, aggregation};
//! # use mapisync::{HRESULT, MapiSync, MapiSyncProgressCallback, SyncRequest};
//!
//! struct Outer;
//! struct Inner;
//!
//! impl Class for Outer {
//!     type Interfaces = (IMAPISync,);
//! }
//! impl Class for Inner {
//!     type Interfaces = (IMAPISyncProgressCallback,);
//! }
//! # impl MapiSync for Outer {
//! #     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> { Ok(()) }
//! # }
//! # impl MapiSyncProgressCallback for Inner {
//! #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
//! #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
//! #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
//! # }
//!
//! // SAFETY: the inner is one of this crate, which keeps the rules of aggregation.
//! let aggregate = unsafe {
//!     aggregation::aggregate_foreign(Outer, |outer| Ok(InnerObject::new(outer, Inner).into_raw()))
//! }?;
//! let sync = aggregate.cast::<IMAPISync>()?; // the outer's
//! let callback = sync.cast::<IMAPISyncProgressCallback>()?; // the inner's
//! assert!(callback.is_same_object(&sync));
//! # Ok::<(), mapisync::Error>(())
//! ```
#![doc = std_links!()]

// An `AddRef` or `Release` on an inner's interface passes through `delegating`, which finds the
// outer by `inner_box`, and the outer's vtable. For an outer of this crate that is `outer`, which
// destroys both inners when its count becomes 0. The non-delegating `Release` in `inner_box` then
// drops the payload and frees the inner.
//
// Imports run one way: inner_box ← delegating ← inner ← outer.
mod delegating;
mod inner;
mod inner_box;
mod outer;

pub use inner::InnerObject;
pub use outer::aggregate_foreign;
