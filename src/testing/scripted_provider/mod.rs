//! `ScriptedProvider`: a store for tests of hosts, which follows a script.

mod misbehavior;
mod results;
mod script;
mod store;

use crate::abi::{HRESULT, IMAPISync};
use crate::object::{ComObject, ComPtr};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use results::Results;
use script::{End, Report, Script};
use std::thread::ThreadId;
use std::time::Duration;
use store::ScriptedStore;

/// A store that follows a script, to test a host: an implementation of
/// [`MapiSyncProgressCallback`](crate::MapiSyncProgressCallback), or Outlook's side in another
/// language.
///
/// The script consists of reports and an end. Each run starts a thread, makes the reports in their
/// order, and ends as the crate's own stores do. If the host's `Progress` fails, the run stops and
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
/// [`never_returns`](ScriptedProvider::never_returns) make the store break the rules. They can be
/// combined. A host must survive all of them.
///
/// # Ownership
///
/// Every handle is closed once, and the host's callback is released once, before the event occurs.
/// A script that withholds something keeps it until the provider, its objects and its runs are
/// dropped: the handle that `Done` would have passed, and the end that would have signaled.
#[must_use]
pub struct ScriptedProvider {
    script: Script,
    results: Arc<Results>,
}

impl ScriptedProvider {
    /// Creates a script without reports, whose runs end with `S_OK`.
    ///
    /// Effect on the counts: none, and none in the functions below, except
    /// [`to_com`](ScriptedProvider::to_com).
    ///
    /// ```
    /// use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new();
    /// ```
    ///
    /// # Panics
    ///
    /// Never. The functions below do not panic either.
    pub fn new() -> ScriptedProvider {
        ScriptedProvider {
            script: Script::default(),
            results: Arc::default(),
        }
    }

    /// Adds a report: `Progress` with a step and a position.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().step("Receiving «Inbox»", 3, 120);
    /// ```
    pub fn step(self, step: &str, index: u32, max: u32) -> ScriptedProvider {
        let step = Some(step.into());
        self.report(Report::Progress { step, index, max })
    }

    /// Adds a report: `Progress` with a NULL string, for the position only.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().step("Receiving", 0, 2).position(1, 2);
    /// ```
    pub fn position(self, index: u32, max: u32) -> ScriptedProvider {
        let step = None;
        self.report(Report::Progress { step, index, max })
    }

    /// Adds a report: `Error` with a code and a message. The run continues, whatever the host
    /// returns.
    ///
    /// ```
    /// # use mapisync::{HRESULT, testing::ScriptedProvider};
    /// let store = ScriptedProvider::new()
    ///     .warning(HRESULT::MAPI_W_PARTIAL_COMPLETION, "«Drafts» cannot be read")
    ///     .finish(HRESULT::MAPI_W_PARTIAL_COMPLETION);
    /// ```
    pub fn warning(self, code: HRESULT, message: &str) -> ScriptedProvider {
        let message = message.into();
        self.report(Report::Warning { code, message })
    }

    /// Adds a pause, during which the store calls nothing.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// # use std::time::Duration;
    /// let store = ScriptedProvider::new().pause(Duration::from_millis(20)).position(1, 1);
    /// ```
    pub fn pause(self, pause: Duration) -> ScriptedProvider {
        self.report(Report::Pause(pause))
    }

    fn report(mut self, report: Report) -> ScriptedProvider {
        self.script.reports.push(report);
        self
    }

    /// Ends the runs with `Done` and this status. The last of several ends counts.
    ///
    /// ```
    /// # use mapisync::{HRESULT, testing::ScriptedProvider};
    /// let store = ScriptedProvider::new().finish(HRESULT::S_FALSE);
    /// ```
    pub fn finish(self, status: HRESULT) -> ScriptedProvider {
        self.end(End::Finish(status))
    }

    /// Ends the runs with an error: `Error` with the code and the message, then `Done` with the
    /// code. A success code becomes `E_FAIL`.
    ///
    /// ```
    /// # use mapisync::{HRESULT, testing::ScriptedProvider};
    /// let store = ScriptedProvider::new().fail(HRESULT::MAPI_E_LOGON_FAILED, "wrong password");
    /// ```
    pub fn fail(self, code: HRESULT, message: &str) -> ScriptedProvider {
        self.end(End::Fail(code, message.into()))
    }

    /// Ends the runs with a panic. The host gets `E_UNEXPECTED` and the crate's message for a
    /// panic. The panic hook prints this one.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().step("Receiving", 0, 2).panic("index out of bounds");
    /// ```
    pub fn panic(self, message: &str) -> ScriptedProvider {
        self.end(End::Panic(message.into()))
    }

    /// Fails the calls of `SynchronizeInBackground` with this code, and starts no run.
    ///
    /// With a success code the store misbehaves: the host waits for a run that does not exist.
    ///
    /// ```
    /// # use mapisync::{HRESULT, testing::ScriptedProvider};
    /// let store = ScriptedProvider::new().refuse(HRESULT::MAPI_E_BUSY);
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
    /// Effect on the counts: the new object has a count of 1, which the result owns. During a run
    /// the object owns one reference to the host's callback.
    ///
    /// ```
    /// # use mapisync::{HRESULT, SyncFlags, SyncHost, testing::ScriptedProvider};
    /// # fn f(host: SyncHost) {
    /// let store = ScriptedProvider::new().refuse(HRESULT::MAPI_E_BUSY);
    /// assert!(host.start(&store.to_com(), SyncFlags::DOWNLOAD_CONTENTS).is_err());
    /// # }
    /// ```
    pub fn to_com(&self) -> ComPtr<IMAPISync> {
        let store = ScriptedStore::new(self.script.clone(), self.results.clone());
        let object = ComObject::new(store);
        object.cast().expect("IMAPISync is in the list")
    }

    /// Returns the method and the host's `HRESULT` of each call that the store has made, of all
    /// runs, in the order in which they returned.
    ///
    /// A call is in it from its return on, so all calls of a run are in it when the run's event
    /// occurs. [`wait_ended`](ScriptedProvider::wait_ended) waits for them without an event.
    ///
    /// ```
    /// # use mapisync::{HRESULT, testing::ScriptedProvider};
    /// # fn f(store: ScriptedProvider) {
    /// let cancel = HRESULT::MAPI_E_USER_CANCEL;
    /// assert_eq!(store.returned(), [("Progress", cancel), ("Done", HRESULT::S_OK)]);
    /// # }
    /// ```
    pub fn returned(&self) -> Vec<(&'static str, HRESULT)> {
        self.results.returned()
    }

    /// Returns the thread of each call, in the order of [`returned`](ScriptedProvider::returned).
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// # fn f(store: ScriptedProvider) {
    /// let here = std::thread::current().id();
    /// assert!(store.threads().iter().all(|thread| *thread != here));
    /// # }
    /// ```
    pub fn threads(&self) -> Vec<ThreadId> {
        self.results.threads()
    }

    /// Waits until every run has made its last call and has released the host's callback. Returns
    /// whether this happened within `timeout`.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// # use std::time::Duration;
    /// # fn f(store: ScriptedProvider) {
    /// assert!(store.wait_ended(Duration::from_secs(30)));
    /// # }
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
    /// Lets the calls return that [`never_returns`](ScriptedProvider::never_returns) has kept.
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
