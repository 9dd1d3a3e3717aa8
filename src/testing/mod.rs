//! Doubles for the tests of a store, and for the tests of a host.
//!
//! - [`Outlook`] stands in for Outlook: it calls a store, waits for the end of the run, and returns its
//!   [`Outcome`].
//! - [`Recorder`] stands in for the progress dialog: it records every [`Call`] of the store, and cancels,
//!   fails, blocks or panics as its script says.
//!
//! - [`ScriptedProvider`] stands in for a store, to test a host: it follows a script, and breaks the rules
//!   if the script says so.
//! - [`Probe`] stands between a caller and an object: it forwards every call, counts references, and
//!   reports leaks and calls after the last Release. [`reference_count`] returns the count of any object.
//!
//! They work on every platform, and with foreign stores and hosts. The feature `testing` has them, for
//! `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! mapisync = { version = "0.1", features = ["testing"] }
//! ```
//!
//! # The store under test
//!
//! The tests on this page are of this store:
//!
//! ```
//! use mapisync::abi::IMAPISync;
//! use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
//! use std::io;
//!
//! /// The store under test. Its server returns the number of new messages.
//! struct Store {
//!     server: fn() -> io::Result<u32>,
//! }
//!
//! impl MapiSync for Store {
//!     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//!         let server = self.server;
//!         request.spawn(move |job| {
//!             let max = server()?;
//!             job.progress(Some("Receiving"), 0, max)?;
//!             (1..=max).try_for_each(|n| job.position(n, max))
//!         })
//!     }
//! }
//! # let _ = Store { server: || Ok(2) };
//! ```
//!
//! # A normal run
//!
//! [`Outlook::run`] makes a run. [`Outcome::assert_ok`] asserts that it ended with `S_OK`, and that the
//! store has kept the protocol: one `Done`, no call after it, and then the event. The calls compare with
//! an array:
//!
//! ```
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
//! # use std::io;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             let max = server()?;
//! #             job.progress(Some("Receiving"), 0, max)?;
//! #             (1..=max).try_for_each(|n| job.position(n, max))
//! #         })
//! #     }
//! # }
//! # use mapisync::HRESULT;
//! # use mapisync::testing::{Call, Outlook};
//! let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
//! let outcome = Outlook::new().run(&sync);
//! let first = Call::progress("Receiving", 0, 2);
//! let done = Call::done(HRESULT::S_OK);
//! let expected = [first, Call::position(1, 2), Call::position(2, 2), done];
//! assert_eq!(outcome.assert_ok().calls(), expected);
//! ```
//!
//! # The user cancels
//!
//! A [`Recorder`] can cancel at a certain `Progress` or at a certain step, and return any code from any
//! method.
//!
//! ```
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
//! # use std::io;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             let max = server()?;
//! #             job.progress(Some("Receiving"), 0, max)?;
//! #             (1..=max).try_for_each(|n| job.position(n, max))
//! #         })
//! #     }
//! # }
//! # use mapisync::testing::{Outlook, Recorder};
//! let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
//! let recorder = Recorder::new().cancel_at(1);
//! let outcome = Outlook::new().recorder(recorder).run(&sync);
//! outcome.assert_canceled();
//! assert_eq!(outcome.calls().len(), 3); // two calls of Progress, then Done
//! ```
//!
//! # The network fails
//!
//! [`Outcome::assert_failed`] asserts the code, and the message that the user sees.
//!
//! ```
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
//! # use std::io;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             let max = server()?;
//! #             job.progress(Some("Receiving"), 0, max)?;
//! #             (1..=max).try_for_each(|n| job.position(n, max))
//! #         })
//! #     }
//! # }
//! # use mapisync::HRESULT;
//! # use mapisync::testing::Outlook;
//! # use std::io::ErrorKind::ConnectionRefused;
//! let offline = || Err(io::Error::new(ConnectionRefused, "the server is down"));
//! let sync = ComPtr::<IMAPISync>::new(Store { server: offline });
//! let outcome = Outlook::new().run(&sync);
//! outcome.assert_failed(HRESULT::MAPI_E_NETWORK_ERROR, "the server is down");
//! ```
//!
//! # The store never finishes
//!
//! A store that does not return, or does not end its run, fails the test at the timeout instead of
//! hanging it. This test fails:
//!
//! ```should_panic
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
//! # use std::io;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             let max = server()?;
//! #             job.progress(Some("Receiving"), 0, max)?;
//! #             (1..=max).try_for_each(|n| job.position(n, max))
//! #         })
//! #     }
//! # }
//! # use mapisync::testing::Outlook;
//! # use std::time::Duration;
//! let hangs = || loop { std::thread::park() };
//! let sync = ComPtr::<IMAPISync>::new(Store { server: hangs });
//! let outcome = Outlook::new().timeout(Duration::from_secs(1)).run(&sync);
//! outcome.assert_ok(); // panics: the store did not call Done within 1s
//! ```
//!
//! # No leaks
//!
//! [`Outcome::assert_no_leaks`] compares the reference counts of the store, the callback and the session
//! with those before the run.
//!
//! ```
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
//! # use std::io;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             let max = server()?;
//! #             job.progress(Some("Receiving"), 0, max)?;
//! #             (1..=max).try_for_each(|n| job.position(n, max))
//! #         })
//! #     }
//! # }
//! # use mapisync::testing::Outlook;
//! let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
//! Outlook::new().run(&sync).assert_ok().assert_no_leaks();
//! ```
//!
//! # Acting during a run
//!
//! [`Outlook::start`] does not wait. Together with [`Recorder::blocks`], a test stops the store within a
//! `Progress`, acts, and lets it continue. [`Recorder::on_call`] runs code of the test at each call,
//! and [`Recorder::returns_with`] lets the test choose the result of each call.
//!
//! # The tests of a host
//!
//! [`ScriptedProvider`] is a store whose calls the test knows, the wrong ones included:
//!
//! ```
//! use mapisync::testing::{Call, Recorder, ScriptedProvider};
//! use mapisync::{HRESULT, SyncFlags, SyncHost};
//! use std::time::Duration;
//!
//! let sync = ScriptedProvider::new().step("Receiving", 0, 1).done_twice().to_com();
//! let recorder = Recorder::new();
//! let run = SyncHost::new(recorder.clone()).start(&sync, SyncFlags::default())?;
//! assert_eq!(run.wait(Duration::from_secs(10))?, HRESULT::S_OK);
//! // The host has refused the second Done.
//! assert_eq!(recorder.calls(), [Call::progress("Receiving", 0, 1), Call::done(HRESULT::S_OK)]);
//! # Ok::<(), mapisync::Error>(())
//! ```
//!
//! # When an assertion fails
//!
//! It panics with one sentence, and with the calls as a table:
//!
//! ```text
//! the run ended with MAPI_E_BUSY (0x8004010B), not with S_OK (0x00000000)
//!
//!       time  thread  call                                   returned
//!    0.000 s       4  Progress("Receiving", 0, 2)            S_OK
//!    0.002 s       4  Error(MAPI_E_BUSY, "try again later")  S_OK
//!    0.002 s       4  Done(MAPI_E_BUSY)                      S_OK
//! SynchronizeInBackground returned S_OK on thread 3; the event occurred after Done
//! ```

// Imports run one way. This module uses the rest of the crate, and nothing in the crate uses it.
// Inside it:
//
// - `call`, `thread_number` ← `recorded_call` ← `state` ← `recorder` ← `script`, `receive`
// - `receive`, `request` ← `callback_object`, `call_to_store`
// - `recorded_call` ← `outcome` ← `assertions`, `references`
// - `outlook`, `callback_object`, `call_to_store`, `references` ← `outlook_run`

mod assertions;
mod call;
mod call_to_store;
mod callback_object;
mod outcome;
mod outlook;
mod outlook_run;
mod probe;
mod receive;
mod recorded_call;
mod recorder;
mod reference_count;
mod references;
mod request;
mod script;
mod scripted_provider;
mod state;
mod thread_number;

pub use crate::error::CallbackMethod as Method;
pub use call::Call;
pub use outcome::{Counts, EventState, Outcome};
pub use outlook::Outlook;
pub use outlook_run::OutlookRun;
pub use probe::{Probe, ProbeReport, Probed};
pub use recorded_call::RecordedCall;
pub use recorder::Recorder;
pub use reference_count::reference_count;
pub use scripted_provider::ScriptedProvider;
pub use thread_number::ThreadNumber;
