//! The ways in which a `ScriptedProvider` breaks the protocol.

use crate::testing::ScriptedProvider;
use crate::testing::scripted_provider::script::Event;

/// # Misbehavior
///
/// These functions do not panic and have no effect on the counts.
impl ScriptedProvider {
    /// Continues after a failing `Progress`, as a store does that ignores the result.
    ///
    /// ```
    /// # use mapisync::testing::{Outlook, Recorder, ScriptedProvider};
    /// let store = ScriptedProvider::new().position(0, 2).position(1, 2).ignores_cancel();
    /// let outcome = Outlook::new().recorder(Recorder::new().cancel_at(0)).run(&store.to_com());
    /// assert_eq!(outcome.calls().len(), 3); // both calls of Progress, and Done
    /// ```
    pub fn ignores_cancel(mut self) -> ScriptedProvider {
        self.script.ignores_cancel = true;
        self
    }

    /// Makes the reports and calls `Done` on the host's thread, before `SynchronizeInBackground`
    /// returns.
    ///
    /// ```
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new().done_early();
    /// let outcome = Outlook::new().run(&store.to_com());
    /// assert_eq!(outcome.threads(), [outcome.outlook_thread()]);
    /// ```
    pub fn done_early(mut self) -> ScriptedProvider {
        self.script.done_early = true;
        self
    }

    /// Calls `Done` a second time, with the same status and a NULL handle.
    ///
    /// ```
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// // SAFETY: the host is an `Outlook`, which survives a second `Done`.
    /// let store = unsafe { ScriptedProvider::new().done_twice() };
    /// let outcome = Outlook::new().run(&store.to_com());
    /// assert_eq!(outcome.calls().len(), 2); // `outcome.assert_ok()` would fail
    /// ```
    ///
    /// # Safety
    ///
    /// Every host that calls the store must survive a second `Done`. A
    /// [`SyncHost`](crate::SyncHost) and an [`Outlook`](crate::testing::Outlook) do. A foreign host
    /// may free the callback's resources in the first one.
    pub unsafe fn done_twice(mut self) -> ScriptedProvider {
        self.script.done_twice = true;
        self
    }

    /// Does not call `Done`. The event is signaled nevertheless, unless the script also has
    /// [`never_signaled`](ScriptedProvider::never_signaled). The handle is withheld.
    ///
    /// ```
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// # use std::time::Duration;
    /// let store = ScriptedProvider::new().step("Receiving", 0, 2).never_done();
    /// let outcome = Outlook::new().timeout(Duration::from_millis(100)).run(&store.to_com());
    /// assert_eq!(outcome.status(), None);
    /// ```
    pub fn never_done(mut self) -> ScriptedProvider {
        self.script.never_done = true;
        self
    }

    /// Returns no event, and passes none to `Done`: the handle is NULL. This overrides
    /// [`never_signaled`](ScriptedProvider::never_signaled).
    ///
    /// ```
    /// # use mapisync::testing::{EventState, Outlook, ScriptedProvider};
    /// let store = ScriptedProvider::new().null_event();
    /// let outcome = Outlook::new().run(&store.to_com());
    /// assert_eq!(outcome.assert_ok().event(), EventState::None);
    /// ```
    pub fn null_event(mut self) -> ScriptedProvider {
        self.script.event = Event::Null;
        self
    }

    /// Returns an event that is never signaled, and passes it to `Done`. The signal is withheld
    /// until the provider, its objects and its runs are dropped.
    ///
    /// ```
    /// # use mapisync::testing::{EventState, Outlook, ScriptedProvider};
    /// # use std::time::Duration;
    /// let store = ScriptedProvider::new().never_signaled();
    /// let outcome = Outlook::new().timeout(Duration::from_millis(100)).run(&store.to_com());
    /// assert_eq!(outcome.event(), EventState::Pending);
    /// ```
    pub fn never_signaled(mut self) -> ScriptedProvider {
        self.script.event = match self.script.event {
            Event::Null => Event::Null,
            Event::Signaled | Event::Withheld => Event::Withheld,
        };
        self
    }

    /// Blocks each call of `SynchronizeInBackground` until the `ScriptedProvider` is dropped. The
    /// run itself continues. A call after the drop returns immediately.
    ///
    /// ```
    /// # use mapisync::testing::{Outlook, ScriptedProvider};
    /// # use std::time::Duration;
    /// let store = ScriptedProvider::new().never_returns();
    /// let outcome = Outlook::new().timeout(Duration::from_millis(100)).run(&store.to_com());
    /// assert_eq!(outcome.returned(), None);
    /// ```
    pub fn never_returns(mut self) -> ScriptedProvider {
        self.script.never_returns = true;
        self
    }
}
