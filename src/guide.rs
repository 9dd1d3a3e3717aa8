//! The guide: how to write a store provider, a host and their tests with this crate.
//!
//! The rest of this documentation describes one item at a time. The chapters show how the items work
//! together. Every code block in Rust is a test of this crate.
//!
//! 1. [From Outlook's call to your first Progress](first_progress): a complete provider library.
//!    Threads, `MAPIInitialize`, logoff, unloading.
//! 2. [Testing a store](testing_a_store): a normal run, a cancellation, a failure, a logoff.
//! 3. [Being Outlook](being_outlook): a host, its timeouts, `await`, and a library that it loads.
//! 4. [A store that exists](existing_store): `IMAPISync` for a store in Rust, in C++ or in another
//!    framework.
//! 5. [A store in Outlook](store_in_outlook): a library that MAPI loads, around a store that exists.
//! 6. [Interfaces of your own](own_interfaces): a declaration, and its comparison with a header.
//! 7. [Strings, handles, HRESULTs](strings_handles_hresults): what crosses the boundary.
//! 8. [What Microsoft's pages leave open, and what we do](open_questions).
//! 9. [Errors](errors): every variant and every code, when you see it, and what to do.

// Links in the chapters are resolved here.
#[cfg(doc)]
#[allow(unused_imports)] // which of them a chapter uses depends on the features
use crate::*;

#[allow(clippy::needless_doctest_main)] // a build script has a `main`
#[doc = include_str!("../docs/guide/first_progress.md")]
pub mod first_progress {}

#[cfg_attr(feature = "testing", doc = include_str!("../docs/guide/testing_a_store.md"))]
#[cfg_attr(feature = "testing", doc = include_str!("testing/conformance/rules.md"))]
#[cfg_attr(
    not(feature = "testing"),
    doc = "# Testing a store\n\nThis chapter is about the module `testing`, and needs the feature of that name:\n`cargo doc --features mapisync/testing` in your package."
)]
pub mod testing_a_store {}

#[doc = include_str!("../docs/guide/being_outlook.md")]
pub mod being_outlook {}

#[doc = include_str!("../docs/guide/existing_store.md")]
pub mod existing_store {}

#[doc = include_str!("../docs/guide/store_in_outlook.md")]
pub mod store_in_outlook {}

#[doc = include_str!("../docs/guide/own_interfaces.md")]
pub mod own_interfaces {}

#[doc = include_str!("../docs/guide/strings_handles_hresults.md")]
pub mod strings_handles_hresults {}

#[doc = include_str!("../docs/guide/open_questions.md")]
pub mod open_questions {}

#[doc = include_str!("../docs/guide/errors.md")]
pub mod errors {}
