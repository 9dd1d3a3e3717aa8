//! The objects around those of the wrapped provider. They pass everything on, except for what the
//! methods in these files do.
//!
//! # Identity
//!
//! `QueryInterface` on the wrapped store returns the wrapper for `IUnknown`, `IMAPIProp`, `IMsgStore`
//! and `IMAPISync`. These four are one object. It passes every other IID on to the inner store. A
//! pointer to such an interface therefore belongs to the inner store, and its `QueryInterface` leads
//! to the inner store and not back to the wrapper. Microsoft's sample accepts the same. The provider
//! and the support object do likewise.

mod provider;
mod store;
mod support;

pub use provider::Provider;
pub use store::Store;
pub use support::{NST_SECTION, Support};
