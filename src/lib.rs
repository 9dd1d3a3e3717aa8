//! `IMAPISync` and `IMAPISyncProgressCallback` in safe Rust, on any platform: for the authors of
//! Outlook store providers, and of programs that call such a store in Outlook's place.
//!
//! Classic Outlook for Windows, from 2010 on, looks for [`IMAPISync`](abi::IMAPISync) on a message
//! store. If it is there, Outlook calls `SynchronizeInBackground`, and the store reports its
//! progress through [`IMAPISyncProgressCallback`](abi::IMAPISyncProgressCallback). Microsoft
//! documents both interfaces and ships no header for them. This crate declares their vtables by hand and wraps
//! them in safe Rust traits, for the store and for its host. Nothing in it depends on Windows. C++,
//! windows-rs and the crate `com` can call its objects, and it can call theirs.
//!
//! **The [`guide`] begins with a complete provider library**, and explains tests, hosts, existing
//! stores and errors. [The tour](#the-tour) lists the items of this page by task.
//!
//! # The store's side
//!
//! Implement [`MapiSync`], start the work with [`ExclusiveRun::spawn`], and report through
//! [`SyncJob`]. However the work ends, the job calls `Done` once, if the host passed a
//! callback, and then signals the event.
//!
//! ```
//! use mapisync::abi::IMAPISync;
//! use mapisync::{ComPtr, ExclusiveRun, MapiSync, Result, SyncRequest};
//! use std::sync::Arc;
//!
//! struct Store {
//!     mailbox: Arc<Vec<String>>,
//!     run: ExclusiveRun, // one at a time; `stop` cancels it at logoff
//! }
//!
//! impl MapiSync for Store {
//!     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//!         let mailbox = self.mailbox.clone(); // the thread outlives this call
//!         self.run.spawn(request, move |job| {
//!             for mail in job.track("Receiving", &*mailbox) {
//!                 println!("{}", mail?); // fails if the host cancels
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//!
//! let mailbox = Arc::new(vec!["one".into(), "two".into()]);
//! let store = Store { mailbox, run: ExclusiveRun::default() };
//! let sync = ComPtr::<IMAPISync>::new(store); // for tests; in Outlook, see `Class`
//! # drop(sync);
//! ```
//!
//! # Outlook's side
//!
//! Implement [`MapiSyncProgressCallback`], and let [`SyncHost`] call a store: to test it, or to use
//! it without Outlook.
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
//!         println!("{} {index} of {max}", step.unwrap_or("…"));
//!         Ok(()) // an error asks the store to stop
//!     }
//!     fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
//!         println!("{}", message.map_or(code.to_string(), String::from));
//!         Ok(())
//!     }
//!     fn done(&self, status: HRESULT) -> Result<()> {
//!         println!("{}", if status.is_ok() { "Done".into() } else { status.to_string() });
//!         Ok(())
//!     }
//! }
//!
//! fn receive(sync: &ComPtr<IMAPISync>) -> Result<()> {
//!     let run = SyncHost::new(Dialog).start(sync, SyncFlags::DOWNLOAD_CONTENTS)?;
//!     run.wait(Duration::from_secs(30))?.ok() // the status that Done passed may be a failure
//! }
//! ```
//!
//! # The tour
//!
//! ## Write a store
//!
//! - [`MapiSync`] is its trait. Its page says which of your code runs on which thread, and where to
//!   call `MAPIInitialize`.
//! - [`ExclusiveRun`] starts one run at a time, and stops it at logoff. A store with several runs
//!   starts each by [`SyncRequest::spawn`], and an async store by [`SyncRequest::start`].
//! - [`SyncJob::track`] reports the progress of a loop, [`SyncJob::bar`] that of nested folders, and
//!   [`SyncJob::progress`] anything else. A report fails if the host cancels. [`SyncJob::canceled`]
//!   is a future.
//! - [`Error`] has the code for Outlook and the message for its dialog. [`ResultExt`] adds either to
//!   another error.
//! - [`create_instance`] is the body of a library's exported function.
//! - The guide: [From Outlook's call to your first Progress][guide::first_progress], [A store in
//!   Outlook][guide::store_in_outlook] and [Errors][guide::errors].
//!
//! ## Test it
//!
//! - [`testing`] has a stand-in for Outlook, a recording callback, a scripted store, a probe that
//!   counts references, and a conformance kit. It needs the [feature](#features) of that name.
//! - The guide: [Testing a store][guide::testing_a_store].
//!
//! ## Be the host
//!
//! - [`SyncHost`] starts a run on any store, and [`MapiSyncProgressCallback`] receives its reports.
//! - [`SyncRun`] is the run: wait for it, cancel it, or await it. [`DoneEvent`] is its event.
//! - The guide: [Being Outlook][guide::being_outlook].
//!
//! ## Add the interface to a store that exists
//!
//! - [`Class`] and [`ComObject`] make one object with several interfaces.
//! - [`InnerObject`] is an object inside a foreign outer, such as a store in C++.
//!   [`aggregation`] explains it, and makes an object around a foreign inner.
//! - [`provider::dispatch`] and [`host::dispatch_progress`] are for vtables that C++ or another
//!   framework lays out.
//! - The guide: [A store that exists][guide::existing_store].
//!
//! ## Check a layout
//!
//! - [`abi`] is the binary contract, with the documented spelling. [`abi::layout`] has its numbers.
//! - [`vtable_layout!`] and [`struct_layout!`] prove the layout of your own types.
//!
//! ## Declare interfaces of your own
//!
//! - [`com_interface!`] declares one, with a trait that implements it and its calls.
//! - [`Interface`], [`ImplementedBy`] and [`Thunk`] are for a vtable that you lay out by hand.
//! - The guide: [Interfaces of your own][guide::own_interfaces].
//!
//! ## Call C and C++, and be called
//!
//! - [`ComPtr`] owns a reference to any COM object, and [`ComRef`] borrows one. `into_raw` and
//!   `from_raw` exchange them with every language and crate. [`interop::com`] has the interfaces
//!   for the crate `com`.
//! - [`abi::C_HEADER`] is the header that Microsoft does not ship.
//! - The guide: [Strings, handles, HRESULTs][guide::strings_handles_hresults].
//!
//! # Ownership
//!
//! 1. A [`ComPtr`] owns one reference. `from_raw` takes over the reference of a raw pointer, and
//!    `into_raw` gives it away. `clone` adds a reference, and dropping releases one.
//! 2. A [`ComRef`] owns nothing. It borrows for a lifetime, as a COM *in-parameter* is borrowed for
//!    the call. [`ComRef::to_ptr`] adds a reference, to keep the object.
//! 3. The caller owns every interface pointer that a call returns, for instance `cast`
//!    (`QueryInterface`).
//! 4. An object's payload lives until the last reference is released. It is dropped on the thread
//!    that releases it.
//!
//! # Threads
//!
//! COM objects may be called on any thread that has a pointer, so a payload must be `Send + Sync`.
//! A `ComPtr<I>` may leave its thread only if `I` is [`FreeThreaded`]. The MAPI interfaces are
//! `FreeThreaded`; a bare `IUnknown` is not.
//!
//! # Panics
//!
//! No panic unwinds into foreign code. [`Thunk::call`] turns a panic into `E_UNEXPECTED`. A payload
//! is freed even if its `Drop` panics. A panic still ends the process in these cases:
//!
//! - a second panic while the first one unwinds;
//! - a panic in the destructor of a thread-local, even on a run's thread;
//! - `panic = "abort"`;
//! - a build without the feature `std`.
//!
//! After a caught panic the payload remains in use. Its state may be inconsistent and its mutexes
//! may be poisoned, which the store must handle. Memory stays safe.
//!
//! # Features
//!
//! - `std` (default): the store's side and the host's side, which need threads and events. Without
//!   it the crate is `no_std` + `alloc`, and has [`abi`] and the object model: [`ComPtr`],
//!   [`ComRef`], [`ComObject`], [`InnerObject`] and their traits.
//! - `com` (default): [`interop::com`], the interfaces for users of the crate `com`.
//! - `testing`: [`testing`], for the tests of stores and hosts. The feature belongs in
//!   `[dev-dependencies]`: `mapisync = { version = "0.1", features = ["testing"] }`.
//! - `tracing`: a span for each run, and an event for each call. See the next section. Without the
//!   feature, none of it is compiled.
//!
//! # Tracing
//!
//! With the feature `tracing`, a subscriber of the crate `tracing` receives a span for
//! each run and an event for each call between the two sides.
#![cfg_attr(feature = "tracing", doc = "```")]
#![cfg_attr(not(feature = "tracing"), doc = "```ignore")]
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::{ComPtr, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncFlags, SyncHost, SyncRequest};
//! # use std::time::Duration;
//! # struct Dialog;
//! # impl MapiSyncProgressCallback for Dialog {
//! #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
//! #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
//! #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
//! # }
//! struct Store;
//!
//! impl MapiSync for Store {
//!     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//!         request.spawn(|job| {
//!             tracing::info!("connected"); // in the span of the run, too
//!             job.progress(Some("Receiving"), 1, 3)?;
//!             job.error(HRESULT::S_FALSE, "«Drafts» is left out");
//!             Ok(())
//!         })
//!     }
//! }
//!
//! // In the program, or in the provider's first exported function:
//! tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).init();
//! # let sync = ComPtr::<IMAPISync>::new(Store);
//! # let run = SyncHost::new(Dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)?;
//! # run.wait(Duration::from_secs(30))?;
//! # Ok::<(), mapisync::Error>(())
//! ```
//!
//! prints these lines, among others, when Outlook calls the store:
//!
//! ```text
//! DEBUG run{flags=SyncFlags(DOWNLOAD_CONTENTS)}: mapisync::provider: method="SynchronizeInBackground" flags=SyncFlags(DOWNLOAD_CONTENTS) direction="incoming" result=S_OK (0x00000000) duration=115µs
//!  INFO run{flags=SyncFlags(DOWNLOAD_CONTENTS)}: provider: connected
//! TRACE run{flags=SyncFlags(DOWNLOAD_CONTENTS)}: mapisync::provider: method="Progress" step="Receiving" index=1 max=3 direction="outgoing" result=S_OK (0x00000000) duration=25.6µs
//! DEBUG run{flags=SyncFlags(DOWNLOAD_CONTENTS)}: mapisync::provider: «Drafts» is left out method="Error" code=S_FALSE (0x00000001) direction="outgoing" result=S_OK (0x00000000) duration=12.4µs
//! DEBUG run{flags=SyncFlags(DOWNLOAD_CONTENTS)}: mapisync::provider: method="Done" status=S_OK (0x00000000) direction="outgoing" result=S_OK (0x00000000) duration=23.7µs
//! ```
//!
//! - **Spans.** Each run has a span `run` of level `INFO`, with its `flags`. The target is
//!   `mapisync::provider` on the store's side, and `mapisync::host` for a run of [`SyncHost`]. The
//!   span is entered during the store's method, the closure of [`SyncRequest::spawn`], and every
//!   call between the two sides. A store with its own threads gets the span by
//!   `tracing::Span::current()` in its method.
//! - **Events.** Each call has one event, when it returns, with the target of its side. Its level is
//!   `TRACE` for `Progress` and `DEBUG` for `SynchronizeInBackground`, `Error` and `Done`.
//! - **Fields of an event.** `method`, and the arguments: `flags`; `step`, `index` and `max`; `code`
//!   and `message`; `status`. Then `direction`, which is `incoming` if foreign code calls an object
//!   of this crate and `outgoing` if this crate calls a foreign object; `result`, which names the
//!   `HRESULT`; and `duration`. Steps and messages may contain names from the mailbox.
//! - **No events** exist for `QueryInterface`, `AddRef` and `Release`, because these calls are too
//!   frequent, or for calls that bypass this crate, for instance through [`ComPtr::vtbl`].
//! - **Panics.** A subscriber that panics loses its span or event. The run continues.
//!
// Links to items that this build lacks lead to the published documentation.
#![cfg_attr(
    not(feature = "com"),
    doc = "[`interop::com`]: https://docs.rs/mapisync/latest/mapisync/interop/com/"
)]
#![cfg_attr(
    not(feature = "testing"),
    doc = "[`testing`]: https://docs.rs/mapisync/latest/mapisync/testing/"
)]
#![cfg_attr(not(feature = "std"), doc = include_str!("../docs/published_links.md"))]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

#[macro_use]
mod links;

pub mod abi;
mod error;
#[cfg(feature = "std")]
mod event;
#[cfg(feature = "std")]
pub mod guide;
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
mod trace;
#[cfg(feature = "std")]
mod utf16;
#[cfg(feature = "std")]
mod wakers;

#[doc(inline)]
pub use abi::{GUID, HRESULT, SyncFlags};
pub use error::{CallbackMethod, CustomError, Error, Result, ResultExt};
#[cfg(feature = "std")]
pub use event::DoneEvent;
#[cfg(feature = "std")]
#[doc(inline)]
pub use host::{MapiSyncProgressCallback, RunFuture, SyncHost, SyncRun};
#[doc(hidden)]
pub use object::com_interface_private;
pub use object::{
    Class, ComObject, ComPtr, ComRef, Extends, FreeThreaded, ImplementedBy, InnerObject, Interface,
    InterfaceList, PlainArgument, Thunk, Wrapped, aggregation, create_instance,
};
#[cfg(feature = "std")]
#[doc(inline)]
pub use provider::{
    CancelHandle, Canceled, ExclusiveRun, JobHandle, MapiSync, ProgressBar, ProgressValue, SyncJob,
    SyncRequest, Track,
};

/// Runs the README's code as doctests of this crate. One block is a test with the testing kit.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
