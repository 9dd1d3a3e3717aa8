//! Tools for the tests of a store, and for the tests of a host.
//!
//! - [`Outlook`] stands in for Outlook: it calls a store, waits until the run ends, and returns an
//!   [`Outcome`] with assertions.
//! - [`Recorder`] is the callback: it records every [`Call`] of the store, and cancels, fails,
//!   blocks or panics as its script says.
//! - [`ScriptedProvider`] is a store for the tests of a host: it follows a script, and breaks the
//!   protocol if the script says so.
//! - [`Probe`] wraps a pointer: it forwards every call, counts the references, and reports leaks
//!   and calls after the last `Release`. [`reference_count`] returns the count of any object.
//! - [`conformance`] checks whether a store, a callback or any other object keeps the rules of COM
//!   and of MAPI's documentation, and returns a report.
//!
//! They work on every platform, and with foreign stores and hosts. They need the feature `testing`:
//!
//! ```toml
//! [dev-dependencies]
//! mapisync = { version = "0.1", features = ["testing"] }
//! ```
//!
//! # The store under test
//!
//! The tests on this page are for the following store. They need these imports, and each of the
//! next blocks is the body of one `#[test]` function.
//!
//! ```
//! use mapisync::abi::IMAPISync;
//! use mapisync::testing::{Call, Outlook, Recorder};
//! use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncRequest};
//! use std::io;
//! use std::time::Duration;
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
//!             for mail in job.track("Receiving", 0..server()?) {
//!                 mail?;
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//! # let _ = Store { server: || Ok(2) };
//! ```
//!
//! # A normal run
//!
//! [`Outlook::run`] calls the store and waits. [`Outcome::assert_ok`] asserts that the run ended
//! with `S_OK`, and that the store followed the protocol: one `Done`, no call after it, and then
//! the event. The calls compare with an array.
//!
//! ```
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::testing::{Call, Outlook, Recorder};
//! # use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncRequest};
//! # use std::io;
//! # use std::time::Duration;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             for mail in job.track("Receiving", 0..server()?) {
//! #                 mail?;
//! #             }
//! #             Ok(())
//! #         })
//! #     }
//! # }
//! let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
//! let outcome = Outlook::new().run(&sync);
//! let step = |n| Call::progress("Receiving", n, 2);
//! let expected = [step(0), step(1), step(2), Call::done(HRESULT::S_OK)];
//! assert_eq!(outcome.assert_ok().calls(), expected);
//! ```
//!
//! # The user cancels
//!
//! A [`Recorder`] can cancel at a certain `Progress` or at a certain step, and return any code from
//! any method.
//!
//! ```
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::testing::{Call, Outlook, Recorder};
//! # use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncRequest};
//! # use std::io;
//! # use std::time::Duration;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             for mail in job.track("Receiving", 0..server()?) {
//! #                 mail?;
//! #             }
//! #             Ok(())
//! #         })
//! #     }
//! # }
//! let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
//! let recorder = Recorder::new().cancel_at(1); // at the second Progress
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
//! # use mapisync::testing::{Call, Outlook, Recorder};
//! # use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncRequest};
//! # use std::io;
//! # use std::time::Duration;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             for mail in job.track("Receiving", 0..server()?) {
//! #                 mail?;
//! #             }
//! #             Ok(())
//! #         })
//! #     }
//! # }
//! let offline = || Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the server is down"));
//! let sync = ComPtr::<IMAPISync>::new(Store { server: offline });
//! let outcome = Outlook::new().run(&sync);
//! outcome.assert_failed(HRESULT::MAPI_E_NETWORK_ERROR, "the server is down");
//! ```
//!
//! # The store never finishes
//!
//! A store that does not return, or does not end its run, cannot hang the test. The assertion fails
//! when the timeout expires. It is 10 seconds unless the test sets another one. This test fails:
//!
//! ```should_panic
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::testing::{Call, Outlook, Recorder};
//! # use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncRequest};
//! # use std::io;
//! # use std::time::Duration;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             for mail in job.track("Receiving", 0..server()?) {
//! #                 mail?;
//! #             }
//! #             Ok(())
//! #         })
//! #     }
//! # }
//! let hangs = || loop { std::thread::park() };
//! let sync = ComPtr::<IMAPISync>::new(Store { server: hangs });
//! let outcome = Outlook::new().timeout(Duration::from_secs(1)).run(&sync);
//! outcome.assert_ok(); // panics: the store did not call Done within 1s
//! ```
//!
//! # No leaks
//!
//! [`Outcome::assert_no_leaks`] compares the reference counts of the store, the callback and the
//! session with those before the run.
//!
//! ```
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::testing::{Call, Outlook, Recorder};
//! # use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncRequest};
//! # use std::io;
//! # use std::time::Duration;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             for mail in job.track("Receiving", 0..server()?) {
//! #                 mail?;
//! #             }
//! #             Ok(())
//! #         })
//! #     }
//! # }
//! let sync = ComPtr::<IMAPISync>::new(Store { server: || Ok(2) });
//! Outlook::new().run(&sync).assert_ok().assert_no_leaks();
//! ```
//!
//! # Counts of references
//!
//! A [`Probe`] detects more than a leak: it counts the calls of each method, and reports calls
//! after the last `Release`.
//!
//! ```
//! # use mapisync::abi::IMAPISync;
//! # use mapisync::testing::{Call, Outlook, Recorder};
//! # use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncRequest};
//! # use std::io;
//! # use std::time::Duration;
//! #
//! # struct Store {
//! #     server: fn() -> io::Result<u32>,
//! # }
//! #
//! # impl MapiSync for Store {
//! #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//! #         let server = self.server;
//! #         request.spawn(move |job| {
//! #             for mail in job.track("Receiving", 0..server()?) {
//! #                 mail?;
//! #             }
//! #             Ok(())
//! #         })
//! #     }
//! # }
//! use mapisync::testing::{Probe, reference_count};
//!
//! let probe = Probe::new(ComPtr::<IMAPISync>::new(Store { server: || Ok(2) }));
//! let sync = probe.pointer();
//! Outlook::new().run(&sync).assert_ok();
//! assert_eq!(probe.report().calls("SynchronizeInBackground"), 1);
//! assert_eq!(reference_count(&sync), 1);
//! drop(sync);
//! probe.assert_no_leaks();
//! ```
//!
//! # During a run
//!
//! [`Outlook::start`] does not wait. With [`Recorder::blocks`], a test stops the store inside a
//! `Progress`, does something, and lets the store continue. [`Recorder::on_call`] runs the test's
//! code at each call, and [`Recorder::returns_with`] lets the test choose the result of each call.
//!
//! # The tests of a host
//!
//! A host is tested with a [`ScriptedProvider`], whose calls the test knows, including the wrong
//! ones. The host here is a dialog behind a [`SyncHost`](crate::SyncHost):
//!
//! ```
//! use mapisync::testing::ScriptedProvider;
//! use mapisync::{HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost};
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//!
//! /// The dialog under test. It shows the last error.
//! #[derive(Clone, Default)]
//! struct Dialog {
//!     shown: Arc<Mutex<String>>,
//! }
//!
//! impl MapiSyncProgressCallback for Dialog {
//!     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
//!         Ok(())
//!     }
//!     fn error(&self, _: HRESULT, message: Option<&str>) -> Result<()> {
//!         *self.shown.lock().unwrap() = message.unwrap_or_default().into();
//!         Ok(())
//!     }
//!     fn done(&self, _: HRESULT) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! let dialog = Dialog::default();
//! let store = ScriptedProvider::new().fail(HRESULT::MAPI_E_LOGON_FAILED, "wrong password");
//! let run = SyncHost::new(dialog.clone()).start(&store.to_com(), SyncFlags::default())?;
//! assert_eq!(run.wait(Duration::from_secs(10))?, HRESULT::MAPI_E_LOGON_FAILED);
//! assert_eq!(*dialog.shown.lock().unwrap(), "wrong password");
//!
//! let store = ScriptedProvider::new().never_done();
//! let run = SyncHost::new(dialog).start(&store.to_com(), SyncFlags::default())?;
//! assert!(run.wait(Duration::from_millis(100)).is_err()); // the host does not hang
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
//! SynchronizeInBackground returned S_OK on thread 3; the event was signaled after Done
//! ```

// Imports run one way. This module uses the rest of the crate, and nothing in the crate uses it.
// Inside it:
//
// - `call`, `thread_number` ← `recorded_call` ← `state` ← `recorder` ← `script`, `receive`
// - `recorded_call`, `counts` ← `outcome` ← `assertions`
// - `recorder` ← `outlook`, `call_to_store`; `call_to_store`, `receive` ← `callback_object`
// - all of these ← `outlook_run`
// - `thread_number` ← `scripted_provider`; `probe` needs none of them
// - `outlook_run`, `recorder`, `assertions` ← `conformance`

mod assertions;
mod call;
mod call_to_store;
mod callback_object;
pub mod conformance;
mod counts;
mod outcome;
mod outlook;
mod outlook_run;
mod probe;
mod receive;
mod recorded_call;
mod recorder;
mod script;
mod scripted_provider;
mod state;
mod thread_number;

pub use crate::error::CallbackMethod as Method;
pub use call::Call;
pub use counts::{Counts, reference_count};
pub use outcome::{EventState, Outcome};
pub use outlook::Outlook;
pub use outlook_run::OutlookRun;
pub use probe::{Probe, ProbeReport, Probed};
pub use recorded_call::RecordedCall;
pub use recorder::Recorder;
pub use scripted_provider::ScriptedProvider;
pub use thread_number::ThreadNumber;
