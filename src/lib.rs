//! `IMAPISync` and `IMAPISyncProgressCallback` for Outlook store providers, on any platform, with no Windows dependency.
//!
//! Outlook 2010 and later look for [`IMAPISync`](abi::IMAPISync) on a message store. Where they find it they call
//! `SynchronizeInBackground`, and the store reports through
//! [`IMAPISyncProgressCallback`](abi::IMAPISyncProgressCallback) how it gets on. Microsoft documents both interfaces and
//! ships no header for them. This crate lays their vtables by hand and puts safe Rust on either side: C++, windows-rs, com
//! or Delphi can use its pointers as ordinary COM pointers, and it theirs.
//!
//! # The store's side
//!
//! Implement [`MapiSync`], start the work with [`SyncRequest::spawn`], report through [`SyncJob`]. However the work
//! ends, the host gets exactly one `Done`, and then the event.
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
//!                 job.progress(Some(mail), n, mailbox.len() as u32)?; // "cancel" comes back here: `?` ends the job
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//!
//! let store = Store { mailbox: Arc::new(vec!["one".into(), "two".into()]) };
//! let sync = ComPtr::<IMAPISync>::new(store); // for tests; Outlook asks the store's `IMsgStore` for it: see `Class`
//! # drop(sync);
//! ```
//!
//! # Outlook's side
//!
//! Implement [`MapiSyncProgressCallback`], and let [`SyncHost`] make the call: to test a store, or to use one without
//! Outlook.
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
//!         Ok(()) // an error here asks the store to stop
//!     }
//!     fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
//!         println!("{code}: {message:?}");
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
//!     run.wait(Duration::from_secs(30)) // the status given to Done
//! }
//! ```
//!
//! # Ownership
//!
//! 1. A [`ComPtr`] owns one reference. Making one from a raw pointer with `from_raw` takes that reference over,
//!    `clone` adds one, dropping gives one back, `into_raw` hands it on.
//! 2. A [`ComRef`] owns nothing. It borrows for a lifetime, as a COM *in-parameter* is borrowed for the call; whoever
//!    wants to keep the object calls [`ComRef::to_ptr`], which adds a reference.
//! 3. What comes *out* of a call (`cast`, that is `QueryInterface`) is owned by who called.
//! 4. The payload of an object lives until its last reference is given back, and is dropped on the thread that does so.
//!
//! # Threads
//!
//! COM objects may be called from any thread that has a pointer, so a payload must be `Send + Sync`. A `ComPtr<I>` may
//! leave its thread only where `I` is [`FreeThreaded`]: the MAPI interfaces are, a bare `IUnknown` is not.
//!
//! # Panics
//!
//! No unwinding crosses the boundary. [`Thunk::call`] turns a panic into `E_UNEXPECTED`; a payload whose `Drop` panics
//! is freed all the same. A panic ends the process where it would anywhere in Rust: two panics at once, a panic in the
//! destructor of a thread-local (on a run's own thread, too), `panic = "abort"`, and builds without the feature `std`.
//! After a caught panic the payload stays in use, perhaps half-changed, its mutexes poisoned: the store's logic has to cope
//! with that, memory is not at risk.
//!
//! # Where to go from here
//!
//! - **Pointers** to anybody's objects: [`ComPtr`] owns a reference, [`ComRef`] borrows one. Every method that does
//!   something to a count says what.
//! - **Objects** with several interfaces, your own hand-laid ones included: [`Class`], [`ComObject`], [`ImplementedBy`].
//! - **A part of somebody else's object**, COM's aggregation: [`InnerObject::new`]; and somebody else's object as a part
//!   of ours: [`aggregation::aggregate_foreign`].
//! - **Objects whose vtables somebody else builds**, in C++ or by another framework: [`provider::dispatch`], and
//!   [`host::dispatch_progress`] and its twins, are the bodies of their methods.
//! - **Other crates' pointers**: all of them by `into_raw` and `from_raw`; those of the crate `com` by [`interop::com`].
//! - **The bytes**, each vtable on a screen: [`abi`]. Their numbers, and proofs for your own: [`abi::layout`],
//!   [`vtable_layout!`], [`struct_layout!`]. The same for C and C++: [`abi::C_HEADER`].
//! - **Threads**: which thread runs what, and where `MAPIInitialize` belongs: [`MapiSync`].
//! - **Being stopped** by the host, which can only answer a report: [`SyncJob`]; by the store, at logoff: [`JobHandle`].
//! - **What the user reads** when a run fails, and which code goes with it: [`Error`].
//!
//! # Features
//!
//! - `std` (default) is the provider's and the host's side, which need threads and an event. Without it the crate is
//!   `no_std` + `alloc`: [`abi`] and the object model, that is [`ComPtr`], [`ComRef`], [`ComObject`], [`InnerObject`] and
//!   the traits around them.
//! - `com` (default) is [`interop::com`]: the interfaces for users of the crate `com`.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod abi;
#[cfg(feature = "std")]
mod calls;
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
