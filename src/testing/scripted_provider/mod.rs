//! `ScriptedProvider`: a store that follows a script, for tests of hosts.

mod misbehavior;
mod results;
mod script;
mod store;

use crate::abi::{HRESULT, IMAPISync};
use crate::object::{ComObject, ComPtr};
use crate::testing::ThreadNumber;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use results::Results;
use script::{End, Report, Script};
use std::time::Duration;
use store::ScriptedStore;

/// A store that follows a script, to test a host: an implementation of
/// [`MapiSyncProgressCallback`](crate::MapiSyncProgressCallback), or Outlook's side in another
/// language.
///
/// The script consists of reports and an end. Each run starts a thread, makes the reports in order,
/// and ends as every store of this crate does. If the host's `Progress` fails, the run stops and
/// ends with the host's code.
///
/// ```
/// # use mapisync::MapiSyncProgressCallback;
/// use mapisync::testing::ScriptedProvider;
/// use mapisync::{HRESULT, Result, SyncFlags, SyncHost};
/// use std::time::Duration;
///
/// # struct Dialog;
/// # impl MapiSyncProgressCallback for Dialog {
/// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
/// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
/// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
/// # }
/// let store = ScriptedProvider::new()
///     .step("Receiving", 0, 2)
///     .position(1, 2)
///     .fail(HRESULT::MAPI_E_NETWORK_ERROR, "the server closed the connection");
/// let run = SyncHost::new(Dialog).start(&store.to_com(), SyncFlags::DOWNLOAD_CONTENTS)?;
/// assert_eq!(run.wait(Duration::from_secs(30))?, HRESULT::MAPI_E_NETWORK_ERROR);
/// let ok = HRESULT::S_OK;
/// assert_eq!(store.returned(), [("Progress", ok), ("Progress", ok), ("Error", ok), ("Done", ok)]);
/// # Ok::<(), mapisync::Error>(())
/// ```
///
/// # Misbehavior
///
/// [`ignores_cancel`](ScriptedProvider::ignores_cancel),
/// [`done_early`](ScriptedProvider::done_early), [`done_twice`](ScriptedProvider::done_twice),
/// [`never_done`](ScriptedProvider::never_done), [`null_event`](ScriptedProvider::null_event),
/// [`never_signaled`](ScriptedProvider::never_signaled) and
/// [`never_returns`](ScriptedProvider::never_returns) make the store break the protocol. They can
/// be combined. A robust host survives all of them.
///
/// # Ownership
///
/// Every handle is closed once. The host's callback is released before the event is signaled.
///
/// A script can withhold the handle from `Done`, or withhold the signal. It keeps them until the
/// provider, its objects and its runs are dropped.
#[must_use]
pub struct ScriptedProvider {
    script: Script,
    results: Arc<Results>,
}

impl ScriptedProvider {
    /// Creates a script without reports, whose runs end with `S_OK`.
    ///
    /// Of the functions of this type, only [`to_com`](ScriptedProvider::to_com) has an effect on
    /// the counts.
    ///
    /// ```
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new();
    /// Outlook::new().run(&store.to_com()).assert_ok();
    /// ```
    ///
    /// # Panics
    ///
    /// Never, and neither do the other functions of this type.
    pub fn new() -> ScriptedProvider {
        ScriptedProvider { script: Script::default(), results: Arc::default() }
    }

    /// Adds a report: `Progress` with a step and a position.
    ///
    /// ```
    /// # use mapisync::testing::{Call, Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new().step("Receiving «Inbox»", 3, 120);
    /// let outcome = Outlook::new().run(&store.to_com());
    /// assert_eq!(outcome.calls()[0], Call::progress("Receiving «Inbox»", 3, 120));
    /// ```
    pub fn step(self, step: &str, index: u32, max: u32) -> ScriptedProvider {
        let step = Some(step.into());
        self.report(Report::Progress { step, index, max })
    }

    /// Adds a report: `Progress` with a NULL string, for the position only.
    ///
    /// ```
    /// # use mapisync::testing::{Call, Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new().step("Receiving", 0, 2).position(1, 2);
    /// let outcome = Outlook::new().run(&store.to_com());
    /// assert_eq!(outcome.calls()[1], Call::position(1, 2));
    /// ```
    pub fn position(self, index: u32, max: u32) -> ScriptedProvider {
        let step = None;
        self.report(Report::Progress { step, index, max })
    }

    /// Adds a report: `Error` with a code and a message. The run continues, whatever the host
    /// returns.
    ///
    /// ```
    /// # use mapisync::HRESULT;
    /// # use mapisync::testing::{Call, Outlook, ScriptedProvider};
    /// let (code, message) = (HRESULT::MAPI_W_PARTIAL_COMPLETION, "«Drafts» cannot be read");
    /// let store = ScriptedProvider::new().warning(code, message).finish(code);
    /// let outcome = Outlook::new().run(&store.to_com());
    /// assert_eq!(outcome.assert_status(code).calls()[0], Call::error(code, message));
    /// ```
    pub fn warning(self, code: HRESULT, message: &str) -> ScriptedProvider {
        let message = message.into();
        self.report(Report::Warning { code, message })
    }

    /// Adds a pause, during which the store calls nothing.
    ///
    /// ```
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// # use std::time::{Duration, Instant};
    /// let (started, pause) = (Instant::now(), Duration::from_millis(20));
    /// let store = ScriptedProvider::new().pause(pause).position(1, 1);
    /// Outlook::new().run(&store.to_com()).assert_ok();
    /// assert!(started.elapsed() >= pause);
    /// ```
    pub fn pause(self, pause: Duration) -> ScriptedProvider {
        self.report(Report::Pause(pause))
    }

    fn report(mut self, report: Report) -> ScriptedProvider {
        self.script.reports.push(report);
        self
    }

    /// Ends the runs with `Done` and this status. If the script gets several ends, the last one
    /// counts.
    ///
    /// ```
    /// # use mapisync::HRESULT;
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new().finish(HRESULT::S_FALSE);
    /// Outlook::new().run(&store.to_com()).assert_status(HRESULT::S_FALSE);
    /// ```
    pub fn finish(self, status: HRESULT) -> ScriptedProvider {
        self.end(End::Finish(status))
    }

    /// Ends the runs with an error: `Error` with the code and the message, then `Done` with the
    /// code. A success code becomes `E_FAIL`.
    ///
    /// ```
    /// # use mapisync::HRESULT;
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new().fail(HRESULT::MAPI_E_LOGON_FAILED, "wrong password");
    /// let outcome = Outlook::new().run(&store.to_com());
    /// outcome.assert_failed(HRESULT::MAPI_E_LOGON_FAILED, "wrong password");
    /// ```
    pub fn fail(self, code: HRESULT, message: &str) -> ScriptedProvider {
        self.end(End::Fail(code, message.into()))
    }

    /// Ends the runs with a panic. The host receives `E_UNEXPECTED`, and the message that the crate
    /// has for every panic. The panic hook prints `message`.
    ///
    /// ```
    /// # use mapisync::HRESULT;
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new().step("Receiving", 0, 2).panic("index out of bounds");
    /// Outlook::new().run(&store.to_com()).assert_status(HRESULT::E_UNEXPECTED);
    /// ```
    pub fn panic(self, message: &str) -> ScriptedProvider {
        self.end(End::Panic(message.into()))
    }

    /// Fails the calls of `SynchronizeInBackground` with this code, and starts no run.
    ///
    /// With a success code the store misbehaves: a host then waits for a run that does not exist.
    ///
    /// ```
    /// # use mapisync::HRESULT;
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new().refuse(HRESULT::MAPI_E_BUSY);
    /// Outlook::new().run(&store.to_com()).assert_refused(HRESULT::MAPI_E_BUSY);
    /// ```
    pub fn refuse(self, code: HRESULT) -> ScriptedProvider {
        self.end(End::Refuse(code))
    }

    fn end(mut self, end: End) -> ScriptedProvider {
        self.script.end = end;
        self
    }

    /// Creates a COM object that follows the script. All objects of a provider share its results.
    ///
    /// Effect on the counts: the new object has a count of 1, which the result owns. Each run owns
    /// one reference to the host's callback until the run ends.
    ///
    /// ```
    /// # use mapisync::{HRESULT, SyncFlags, SyncHost};
    /// # use mapisync::testing::{Recorder, ScriptedProvider};
    /// let store = ScriptedProvider::new().refuse(HRESULT::MAPI_E_BUSY);
    /// let host = SyncHost::new(Recorder::new()); // the host under test
    /// let error = host.start(&store.to_com(), SyncFlags::DOWNLOAD_CONTENTS).unwrap_err();
    /// assert_eq!(error.hresult(), HRESULT::MAPI_E_BUSY);
    /// ```
    pub fn to_com(&self) -> ComPtr<IMAPISync> {
        let store = ScriptedStore::new(self.script.clone(), self.results.clone());
        let object = ComObject::new(store);
        object.cast().expect("IMAPISync is in the list")
    }

    /// Returns the method and the host's `HRESULT` of each call that the store has made in all
    /// runs, in the order in which the calls returned.
    ///
    /// A call is added when it has returned. When a run's event is signaled, all its calls are in
    /// the list. [`wait_ended`](ScriptedProvider::wait_ended) waits for them without an event.
    ///
    /// ```
    /// # use mapisync::{HRESULT, SyncFlags, SyncHost};
    /// # use mapisync::testing::{Recorder, ScriptedProvider};
    /// # use std::time::Duration;
    /// let store = ScriptedProvider::new().position(0, 2).position(1, 2);
    /// let host = SyncHost::new(Recorder::new().cancel_at(0)); // the host under test
    /// host.start(&store.to_com(), SyncFlags::DOWNLOAD_CONTENTS)?.wait(Duration::from_secs(30))?;
    /// let cancel = HRESULT::MAPI_E_USER_CANCEL;
    /// assert_eq!(store.returned(), [("Progress", cancel), ("Done", HRESULT::S_OK)]);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    pub fn returned(&self) -> Vec<(&'static str, HRESULT)> {
        self.results.returned()
    }

    /// Returns the thread of each call, in the order of [`returned`](ScriptedProvider::returned).
    ///
    /// ```
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new().position(0, 2).position(1, 2);
    /// let outcome = Outlook::new().run(&store.to_com());
    /// assert_eq!(store.threads().len(), 3); // two calls of Progress, then Done
    /// assert!(!store.threads().contains(&outcome.outlook_thread()));
    /// ```
    pub fn threads(&self) -> Vec<ThreadNumber> {
        self.results.threads()
    }

    /// Waits until every run has made its last call and has released the host's callback. Returns
    /// whether this happened within `timeout`.
    ///
    /// ```
    /// # use mapisync::{HRESULT, SyncFlags, SyncHost};
    /// # use mapisync::testing::{Recorder, ScriptedProvider};
    /// # use std::time::Duration;
    /// let store = ScriptedProvider::new().null_event();
    /// let host = SyncHost::new(Recorder::new()); // the host under test
    /// let run = host.start(&store.to_com(), SyncFlags::DOWNLOAD_CONTENTS)?;
    /// assert!(store.wait_ended(Duration::from_secs(30)));
    /// assert_eq!(run.status(), Some(HRESULT::S_OK));
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    #[must_use = "the runs may not have ended"]
    pub fn wait_ended(&self, timeout: Duration) -> bool {
        self.results.wait_ended(timeout)
    }
}

impl Default for ScriptedProvider {
    /// The same as [`new`](ScriptedProvider::new).
    fn default() -> ScriptedProvider {
        ScriptedProvider::new()
    }
}

impl Drop for ScriptedProvider {
    /// Unblocks the calls that [`never_returns`](ScriptedProvider::never_returns) has blocked.
    fn drop(&mut self) {
        self.results.provider_dropped();
    }
}

impl fmt::Debug for ScriptedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedProvider")
            .field("script", &self.script)
            .field("returned", &self.returned())
            .finish()
    }
}
