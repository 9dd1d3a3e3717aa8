//! A store provider that MAPI can load.
//!
//! It wraps another provider, by default that of Outlook's PST files, and adds
//! [`IMAPISync`](mapisync::abi::IMAPISync) to its store. Outlook's Send/Receive then delivers the new
//! mail of a Maildir. This is the way that Microsoft documents for third parties, under the title
//! *Sample Wrapped PST Store Provider*. The README of this package walks through it.
//!
//! - `entry_points` and `service_entry`: the two functions that MAPI calls.
//! - [`wrapped`]: the objects around those of the other provider.
//! - [`sync`]: the work of a run. **Replace this with your server.**
//! - [`inner`] and [`library`]: the other provider's library.
//! - [`settings`]: the settings from the profile and from the environment.
//! - [`mapi`]: MAPI's interfaces and structures.

mod entry_points;
pub mod inner;
pub mod library;
pub mod mapi;
mod service_entry;
pub mod settings;
pub mod sync;
pub mod wrapped;

pub use entry_points::{MSProviderInit, provider_init};
pub use service_entry::{ServiceEntry, service_entry};

use mapisync::{HRESULT, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of an exported function and returns its code, or `E_UNEXPECTED` after a panic.
fn hresult_of(body: impl FnOnce() -> Result<HRESULT>) -> HRESULT {
    let body = || body().unwrap_or_else(|error| error.hresult());
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        // The drop of a panic's payload may panic, too. The payload of that panic is leaked.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        let _ = dropped.map_err(std::mem::forget);
        HRESULT::E_UNEXPECTED
    })
}
