//! A conformance kit: does an object keep the rules of COM and of MAPI's documentation?
//!
//! [`check_provider`], [`check_callback`] and [`check_unknown`] call an object and return a
//! [`Report`], with one row for each rule. The object may be foreign. [`Conformance`] has the
//! options.
//!
//! ```
//! use mapisync::abi::IMAPISync;
//! use mapisync::testing::conformance;
//! use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
//!
//! /// The store under test.
//! struct Store;
//! impl MapiSync for Store {
//!     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//!         request.spawn(|job| {
//!             for mail in job.track("Receiving", 0..2_u32) {
//!                 mail?;
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//!
//! let report = conformance::check_provider(&ComPtr::<IMAPISync>::new(Store));
//! assert!(report.passed(), "{report}");
//! ```
//!
//! A library that exports `CreateMapiSync`, in any language, is checked by the program `conform`, an
//! example of this crate. It runs in a process of its own, so that it survives a crash of the library:
//!
//! ```console
//! cargo install mapisync --example conform --features testing
//! conform path/to/provider.so
//! ```
//!
//! # Verdicts
//!
//! - An object that breaks a rule marked **F** *fails*. COM's rules or a page of Microsoft's
//!   documentation state the rule.
//! - An object that breaks a rule marked **W** is *warned* of. The rule is inferred from a page, or is
//!   this crate's recommendation. The object may be right.
//! - A rule that could not be checked is *not applicable*, and the row says why. For instance, no
//!   call can make a foreign store fail, so the event after a failure is checked only if the run
//!   fails by itself.
//! - A call or a run that exceeds the timeout breaks the rule that it was made for. The object is
//!   not called again, and the remaining rules are not applicable. The crash of a library breaks its
//!   rule in the same way.
//!
//! # Rules
//!
//! The crate's tests have an object that breaks each rule. The last column says how. An object that
//! breaks a rule may also break the rules that are named there.
//!
#![doc = include_str!("rules.md")]
//!
//! # Objects that were checked
//!
//! The tests of the repository check these objects.
//!
//! | objects | rules that they break |
//! |---|---|
//! | of this crate: stores, callbacks, the callback of a [`SyncHost`](crate::SyncHost), aggregates with C++, the Maildir store as a library | none |
//! | a provider in C++ as a library (`tests/interop_cpp/foreign/provider.cpp`) | none |
//! | stores and callbacks in C and C++ that pass each call on to an object in Rust, and one in C++ that is both by multiple inheritance | none |
//! | of windows-core 0.100: a store that dispatches, one that aggregates, a callback | none |
//! | of `com` 0.6 and com-scrape-types 0.1: a store that dispatches, a callback | none, without NULL arguments. With them `QueryInterface` crashes (`com-null-ppv`), because it stores the result without a check |
//!
//! The code for com-scrape-types is written by hand, as its generator would emit it.

mod callback;
mod check;
mod concurrent_runs;
mod lasting;
mod options;
mod provider;
mod refused_calls;
mod report;
mod rule;
mod single_run;
mod unknown;

use crate::abi::{IMAPISync, IMAPISyncProgressCallback};
use crate::object::{ComPtr, Interface};
use check::Check;
pub use options::Conformance;
pub use report::{Report, Row, Verdict};
pub use rule::{RULES, Rule, Severity, Source, Subject};

/// Checks COM's rules on any object, with the default options.
///
/// Effect on the object's count: none, unless the object breaks the rules of counting.
///
/// ```
/// # use mapisync::{ComPtr, abi::IUnknown, testing::conformance};
/// fn test(object: &ComPtr<IUnknown>) {
///     let report = conformance::check_unknown(object);
///     assert!(report.passed(), "{report}");
/// }
/// ```
pub fn check_unknown<I: Interface>(object: &ComPtr<I>) -> Report {
    Conformance::new().check_unknown(object)
}

/// Checks COM's rules and those of a callback, with the default options. It ends the callback's run.
///
/// Effect on the callback's count: none, unless it breaks the rules of counting.
///
/// ```
/// # use mapisync::{ComPtr, abi::IMAPISyncProgressCallback, testing::conformance};
/// /// # Safety
/// ///
/// /// No store may have been given the callback.
/// unsafe fn test(callback: &ComPtr<IMAPISyncProgressCallback>) {
///     // SAFETY: the check acts as the store of the callback's only run.
///     let report = unsafe { conformance::check_callback(callback) };
///     assert!(report.passed(), "{report}");
/// }
/// ```
///
/// # Panics
///
/// If the system cannot start a thread.
///
/// # Safety
///
/// The contract is that of [`Conformance::check_callback`].
pub unsafe fn check_callback(callback: &ComPtr<IMAPISyncProgressCallback>) -> Report {
    // SAFETY: the contract is this function's.
    unsafe { Conformance::new().check_callback(callback) }
}

/// Checks COM's rules and those of a store, with the default options. It makes about 15 runs.
///
/// Effect on the store's count: none after runs that have ended, unless the store leaks.
///
/// ```
/// # use mapisync::{ComPtr, abi::IMAPISync, testing::conformance};
/// fn test(sync: &ComPtr<IMAPISync>) {
///     let report = conformance::check_provider(sync);
///     assert!(report.passed(), "{report}");
/// }
/// ```
///
/// # Panics
///
/// If the system cannot start a thread.
pub fn check_provider(store: &ComPtr<IMAPISync>) -> Report {
    Conformance::new().check_provider(store)
}

/// # Checks
///
/// No other code may use the object during a check. Otherwise its reference count changes, and the
/// check reports a leak.
impl Conformance {
    /// Checks COM's rules on any object. All calls are made on this thread and without a timeout,
    /// because the object may belong to the thread.
    ///
    /// Effect on the object's count: none, unless the object breaks the rules of counting.
    ///
    /// ```
    /// # use mapisync::{ComPtr, GUID, abi::IUnknown, testing::conformance::Conformance};
    /// fn test(object: &ComPtr<IUnknown>, iids: &[GUID]) {
    ///     let conformance = iids.iter().fold(Conformance::new(), |all, iid| all.iid(*iid));
    ///     let report = conformance.check_unknown(object);
    ///     assert!(report.passed(), "{report}");
    /// }
    /// ```
    pub fn check_unknown<I: Interface>(&self, object: &ComPtr<I>) -> Report {
        let mut check = Check::new(self);
        unknown::check(&mut check, object);
        check.report()
    }

    /// Checks COM's rules and those of a callback. The calls are made on other threads. The last one
    /// is `Done`. The callback must not cancel, or the check takes this for a fault.
    ///
    /// Effect on the callback's count: none, unless it breaks the rules of counting.
    ///
    /// ```
    /// use mapisync::testing::Recorder;
    /// use mapisync::testing::conformance::Conformance;
    ///
    /// let callback = Recorder::new().object();
    /// // SAFETY: the recorder's object accepts calls of any store. It checks its arguments.
    /// let report = unsafe { Conformance::new().null_arguments().check_callback(&callback) };
    /// assert!(report.broken().is_empty(), "{report}");
    /// ```
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread.
    ///
    /// # Safety
    ///
    /// The caller must be the store of a run that was started with this callback, or no store may
    /// have been given the callback. No store may call it during the check or afterward, because the
    /// host may free the run's resources in `Done`.
    pub unsafe fn check_callback(&self, callback: &ComPtr<IMAPISyncProgressCallback>) -> Report {
        let mut check = Check::new(self);
        unknown::check_free_threaded(&mut check, callback);
        // SAFETY: the contract of `done` is this function's.
        unsafe { callback::check(&mut check, callback) };
        check.report()
    }

    /// Checks COM's rules and those of a store. It makes about 15 runs, on other threads.
    ///
    /// If a call or a run exceeds the timeout, its thread and everything that the store may still
    /// use stay until the process ends.
    ///
    /// Effect on the store's count: none after runs that have ended, unless the store leaks.
    ///
    /// ```
    /// use mapisync::testing::ScriptedProvider;
    /// use mapisync::testing::conformance::Conformance;
    ///
    /// // This store continues after a cancellation.
    /// let store = ScriptedProvider::new().position(1, 3).position(2, 3).position(3, 3);
    /// let store = store.ignores_cancel();
    /// let report = Conformance::new().cancel_within(1).check_provider(&store.to_com());
    /// assert!(report.passed(), "the rules of cancellation are inferred");
    /// assert_eq!(report.broken(), ["cancel-honored", "cancel-status"]);
    /// ```
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread.
    pub fn check_provider(&self, store: &ComPtr<IMAPISync>) -> Report {
        let mut check = Check::new(self);
        unknown::check_free_threaded(&mut check, store);
        provider::check(&mut check, store);
        check.report()
    }
}
