//! The ways in which a `ScriptedProvider` breaks the rules.

use crate::testing::ScriptedProvider;
use crate::testing::scripted_provider::script::Event;

/// # Misbehavior
///
/// These functions do not panic, and have no effect on the counts.
impl ScriptedProvider {
    /// Continues after a failing `Progress`, as a store does that does not look at its return.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().position(0, 2).position(1, 2).ignores_cancel();
    /// ```
    pub fn ignores_cancel(mut self) -> ScriptedProvider {
        self.script.ignores_cancel = true;
        self
    }

    /// Makes the reports and calls `Done` on the host's thread, before `SynchronizeInBackground`
    /// returns.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().done_early();
    /// ```
    pub fn done_early(mut self) -> ScriptedProvider {
        self.script.done_early = true;
        self
    }

    /// Calls `Done` a second time, with the same status and a NULL handle.
    ///
    /// This breaks the contract of [`ComPtr::done`](crate::ComPtr::done). Do not use it with a
    /// foreign host that cannot survive a second `Done`.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().done_twice();
    /// ```
    pub fn done_twice(mut self) -> ScriptedProvider {
        self.script.done_twice = true;
        self
    }

    /// Does not call `Done`. The event occurs nevertheless, unless the script has
    /// [`never_signaled`](ScriptedProvider::never_signaled), too. The handle is withheld.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().step("Receiving", 0, 2).never_done();
    /// ```
    pub fn never_done(mut self) -> ScriptedProvider {
        self.script.never_done = true;
        self
    }

    /// Returns no event, and passes none to `Done`: the handle is NULL. This overrides
    /// [`never_signaled`](ScriptedProvider::never_signaled).
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().null_event();
    /// ```
    pub fn null_event(mut self) -> ScriptedProvider {
        self.script.event = Event::Null;
        self
    }

    /// Returns an event that does not occur, and passes it to `Done`. The end that would signal it
    /// is withheld.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().never_signaled();
    /// ```
    pub fn never_signaled(mut self) -> ScriptedProvider {
        self.script.event = match self.script.event {
            Event::Null => Event::Null,
            Event::Signaled | Event::Withheld => Event::Withheld,
        };
        self
    }

    /// Keeps the calls of `SynchronizeInBackground` from returning until the `ScriptedProvider` is
    /// dropped. The run proceeds. A call after that returns at once.
    ///
    /// ```
    /// # use mapisync::testing::ScriptedProvider;
    /// let store = ScriptedProvider::new().never_returns();
    /// ```
    pub fn never_returns(mut self) -> ScriptedProvider {
        self.script.never_returns = true;
        self
    }
}
