//! `IMAPISync` and `IMAPISyncProgressCallback` for Outlook store providers, on any platform, with no
//! Windows dependency.
//!
//! Outlook 2010 and later look for [`IMAPISync`](abi::IMAPISync) on a message store. If it is there,
//! Outlook calls `SynchronizeInBackground`, and the store reports its progress through
//! [`IMAPISyncProgressCallback`](abi::IMAPISyncProgressCallback). Microsoft documents both interfaces
//! and ships no header for them.
//!
//! This crate lays their vtables by hand and wraps them in safe Rust traits, for both sides. Its
//! pointers are ordinary COM pointers to C++, windows-rs, com or Delphi, and it calls theirs.
//!
//! # The store's side
//!
//! Implement [`MapiSync`], start the work with [`SyncRequest::spawn`], and report through [`SyncJob`].
//! The host gets exactly one `Done`, and then the event, however the work ends.
//!
//! ```
//! use mapisync::abi::IMAPISync;
//! use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
//! use std::sync::Arc;
//!
//! struct Store {
//!     mailbox: Arc<Vec<String>>,
//! }
//!
//! impl MapiSync for Store {
//!     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//!         let mailbox = self.mailbox.clone(); // the thread outlives the call: give it what it needs
//!         request.spawn(move |job| {
//!             for (n, mail) in (0..).zip(mailbox.iter()) {
//!                 job.progress(Some(mail), n, mailbox.len() as u32)?; // fails if the host cancels
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//!
//! let store = Store { mailbox: Arc::new(vec!["one".into(), "two".into()]) };
//! let sync = ComPtr::<IMAPISync>::new(store); // for tests; Outlook asks your `IMsgStore`: see `Class`
//! # drop(sync);
//! ```
//!
//! # Outlook's side
//!
//! Implement [`MapiSyncProgressCallback`], and let [`SyncHost`] call the store: to test it, or to use
//! one without Outlook.
//!
//! ```
//! use mapisync::abi::IMAPISync;
//! use mapisync::{ComPtr, HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost};
//! use std::time::Duration;
//!
//! struct Dialog;
//!
//! impl MapiSyncProgressCallback for Dialog {
//!     fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
//!         println!("{} ({index} of {max})", step.unwrap_or_default());
//!         Ok(()) // an error asks the store to stop
//!     }
//!     fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
//!         println!("{code}: {}", message.unwrap_or_default());
//!         Ok(())
//!     }
//!     fn done(&self, status: HRESULT) -> Result<()> {
//!         println!("ended with {status}");
//!         Ok(())
//!     }
//! }
//!
//! fn receive(sync: &ComPtr<IMAPISync>) -> Result<HRESULT> {
//!     let run = SyncHost::new(Dialog).start(sync, SyncFlags::DOWNLOAD_CONTENTS)?;
//!     run.wait(Duration::from_secs(30)) // the status that Done passed
//! }
//! ```
//!
//! # Ownership
//!
//! 1. A [`ComPtr`] owns one reference. `from_raw` takes over the reference of a raw pointer, and
//!    `into_raw` gives it away. `clone` adds a reference, and dropping releases one.
//! 2. A [`ComRef`] owns nothing. It borrows for a lifetime, as a COM *in-parameter* is borrowed for the
//!    call. [`ComRef::to_ptr`] adds a reference, to keep the object.
//! 3. The caller owns the result of a call, for instance of `cast` (`QueryInterface`).
//! 4. An object's payload lives until the last reference is released. It is dropped on the thread that
//!    releases it.
//!
//! # Threads
//!
//! COM objects may be called on any thread that has a pointer, so a payload must be `Send + Sync`. A
//! `ComPtr<I>` may leave its thread only if `I` is [`FreeThreaded`]. The MAPI interfaces are; a bare
//! `IUnknown` is not.
//!
//! # Panics
//!
//! No unwinding crosses the boundary. [`Thunk::call`] turns a panic into `E_UNEXPECTED`, and a payload
//! whose `Drop` panics is freed all the same. A panic ends the process where it does so everywhere in
//! Rust:
//!
//! - two panics at once;
//! - a panic in the destructor of a thread-local, on a run's thread, too;
//! - `panic = "abort"`;
//! - a build without the feature `std`.
//!
//! After a caught panic the payload remains in use. It may be half-changed, with poisoned mutexes. This
//! is a matter of the store's logic; memory is not at risk.
//!
//! # Further reading
//!
//! - **Pointers** to any COM object: [`ComPtr`] owns a reference, [`ComRef`] borrows one. Every method
//!   documents its effect on the count.
//! - **Objects** with several interfaces, your own hand-laid ones included: [`Class`], [`ComObject`],
//!   [`ImplementedBy`].
//! - **Aggregation**, with a foreign object outside or inside: [`aggregation`].
//! - **Vtables that are made elsewhere**, in C++ or by another framework: [`provider::dispatch`],
//!   [`host::dispatch_progress`] and its twins are the bodies of their methods.
//! - **Other crates' pointers**: `into_raw` and `from_raw` fit all of them, [`interop::com`] those of the
//!   crate `com`.
//! - **The bytes**, each vtable on a screen: [`abi`]. Their numbers, and proofs for your own types:
//!   [`abi::layout`], [`vtable_layout!`], [`struct_layout!`]. The same for C and C++: [`abi::C_HEADER`].
//! - **Threads**, and the place of `MAPIInitialize`: [`MapiSync`].
//! - **Cancellation**, by the host through its return from a report: [`SyncJob`]; by the store at logoff:
//!   [`JobHandle`].
//! - **Errors**, their codes, and the messages that the user reads: [`Error`].
//!
//! # Features
//!
//! - `std` (default): the provider's and the host's side, which need threads and an event. Without it the
//!   crate is `no_std` + `alloc`, and has [`abi`] and the object model: [`ComPtr`], [`ComRef`],
//!   [`ComObject`], [`InnerObject`] and their traits.
//! - `com` (default): [`interop::com`], the interfaces for users of the crate `com`.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod abi;
mod error;
#[cfg(feature = "std")]
mod event;
#[cfg(feature = "std")]
pub mod host;
pub mod interop;
mod object;
mod primitive;
#[cfg(feature = "std")]
pub mod provider;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "std")]
mod utf16;

pub use abi::{GUID, HRESULT, SyncFlags};
pub use error::{Error, Result};
#[cfg(feature = "std")]
pub use event::DoneEvent;
#[cfg(feature = "std")]
pub use host::{MapiSyncProgressCallback, SyncHost, SyncRun};
pub use object::aggregation;
pub use object::{
    Class, ComObject, ComPtr, ComRef, FreeThreaded, ImplementedBy, InnerObject, Interface,
    InterfaceList, Thunk,
};
#[cfg(feature = "std")]
pub use provider::{JobHandle, MapiSync, SyncJob, SyncRequest};

/// The README's code is tested as this crate's own.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
