//! The functions that set the script of a [`Recorder`].

use super::state::Hook;
use super::{Call, Method, Recorder};
use crate::abi::HRESULT;
use crate::error::Result;
use alloc::string::String;
use alloc::sync::Arc;
use std::time::Duration;

/// The longest time for which a `Progress` is blocked. It is longer than the default timeout of an
/// `Outlook`, so that a forgotten release appears as a running call in the table.
const BLOCK_LIMIT: Duration = Duration::from_secs(60);

/// The script.
impl Recorder {
    /// Cancels at `Progress` number `n` of a run, counted from 0. That call and all later ones of
    /// the run return `MAPI_E_USER_CANCEL`, because a dialog stays canceled. With a
    /// [`SyncHost`](crate::SyncHost), all runs count as one.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::Recorder;
    ///
    /// let callback = Recorder::new().cancel_at(1).object();
    /// let codes = [0, 1, 2].map(|n| callback.progress(None, n, 3));
    /// let cancel = HRESULT::MAPI_E_USER_CANCEL;
    /// assert_eq!(codes, [HRESULT::S_OK, cancel, cancel]);
    /// ```
    pub fn cancel_at(self, n: usize) -> Recorder {
        self.change(|script| script.cancel_at = Some(n));
        self
    }

    /// Cancels at the first `Progress` of a run that reports this step. That call and all later
    /// ones of the run return `MAPI_E_USER_CANCEL`. With a [`SyncHost`](crate::SyncHost), all runs
    /// count as one.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::Recorder;
    ///
    /// let callback = Recorder::new().cancel_at_step("Sent").object();
    /// let codes = ["Inbox", "Sent", "Drafts"].map(|step| callback.progress(Some(step), 0, 3));
    /// let cancel = HRESULT::MAPI_E_USER_CANCEL;
    /// assert_eq!(codes, [HRESULT::S_OK, cancel, cancel]);
    /// ```
    pub fn cancel_at_step(self, step: impl Into<String>) -> Recorder {
        let step = step.into();
        self.change(|script| script.cancel_at_step = Some(step));
        self
    }

    /// Returns `code` from a method, except from a canceled `Progress`. For codes that differ from
    /// call to call, see [`returns_with`](Recorder::returns_with).
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::{Method, Recorder};
    ///
    /// let recorder = Recorder::new().returns(Method::Progress, HRESULT::E_ABORT);
    /// assert_eq!(recorder.object().progress(None, 0, 1), HRESULT::E_ABORT);
    /// ```
    pub fn returns(self, method: Method, code: HRESULT) -> Recorder {
        self.change(|script| script.codes[method as usize] = code);
        self
    }

    /// Returns the result of `decide` from each call, except from a canceled `Progress`. The codes
    /// of [`returns`](Recorder::returns) then have no effect.
    ///
    /// `decide` runs on the store's thread, after the call is recorded. The call returns the code
    /// in `Ok`, which may be a failure, or the code of the error. If `decide` panics, the call
    /// returns `E_UNEXPECTED`. If `decide` owns a clone of this recorder, the recorder is never
    /// freed.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::{Call, Recorder};
    ///
    /// let recorder = Recorder::new().returns_with(|call| match call {
    ///     Call::Progress(_, index, _) if index % 2 == 1 => Ok(HRESULT::E_ABORT),
    ///     _ => Ok(HRESULT::S_OK),
    /// });
    /// let callback = recorder.object();
    /// let codes = [0, 1, 2].map(|n| callback.progress(None, n, 3));
    /// assert_eq!(codes, [HRESULT::S_OK, HRESULT::E_ABORT, HRESULT::S_OK]);
    /// ```
    pub fn returns_with(
        self,
        decide: impl Fn(&Call) -> Result<HRESULT> + Send + Sync + 'static,
    ) -> Recorder {
        let decide: Hook<Result<HRESULT>> = Arc::new(decide);
        // The replaced hook is dropped without the lock, because its captures may use the recorder.
        let _replaced = self.lock().script.decide.replace(decide);
        self
    }

    /// Blocks every `Progress` until [`release`](Recorder::release) is called. The call is recorded
    /// before it blocks, and its result is determined after the release.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| job.position(1, 1))
    /// #     }
    /// # }
    /// use mapisync::testing::{Outlook, Recorder};
    /// use std::time::Duration;
    ///
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// let recorder = Recorder::new().blocks();
    /// let run = Outlook::new().recorder(recorder.clone()).start(&sync);
    /// assert!(recorder.wait_calls(1, Duration::from_secs(30))); // the store is in `Progress` now
    /// recorder.release();
    /// run.wait().assert_ok();
    /// ```
    ///
    /// # Panics
    ///
    /// A `Progress` that was blocked for 60 seconds panics on the store's thread, so that no test
    /// hangs. It returns `E_UNEXPECTED` to the store.
    pub fn blocks(self) -> Recorder {
        self.change(|script| script.block_limit = Some(BLOCK_LIMIT));
        self
    }

    /// Panics in a method, which returns `E_UNEXPECTED` to the store.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::{Method, Recorder};
    ///
    /// let recorder = Recorder::new().panics_in(Method::Error);
    /// assert_eq!(recorder.object().error(HRESULT::E_FAIL, "no luck"), HRESULT::E_UNEXPECTED);
    /// ```
    pub fn panics_in(self, method: Method) -> Recorder {
        self.change(|script| script.panics[method as usize] = true);
        self
    }

    /// Keeps the event that the store passes to each `Done`, for
    /// [`take_event`](Recorder::take_event). Without this, `Done` closes the event before it
    /// returns.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| job.position(1, 1))
    /// #     }
    /// # }
    /// use mapisync::testing::{Outlook, Recorder};
    ///
    /// let recorder = Recorder::new().keeps_event();
    /// let outlook = Outlook::new().recorder(recorder.clone());
    /// outlook.run(&ComPtr::<IMAPISync>::new(Store)).assert_ok();
    /// assert!(recorder.take_event().unwrap().is_signaled());
    /// ```
    pub fn keeps_event(self) -> Recorder {
        self.change(|script| script.keeps_event = true);
        self
    }

    /// Calls `hook` with each call, on the store's thread, after the call is recorded and before it
    /// returns. With it, a test checks something else at that moment.
    ///
    /// If the hook panics, the call returns `E_UNEXPECTED`. If the hook owns a clone of this
    /// recorder, the recorder is never freed.
    ///
    /// ```
    /// use mapisync::testing::Recorder;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let count = Arc::new(AtomicU32::new(0));
    /// let counted = count.clone();
    /// let recorder = Recorder::new().on_call(move |_| drop(counted.fetch_add(1, Ordering::Relaxed)));
    /// recorder.object().progress(None, 0, 1).ok()?;
    /// assert_eq!(count.load(Ordering::Relaxed), 1);
    /// # Ok::<(), mapisync::Error>(())
    /// ```
    pub fn on_call(self, hook: impl Fn(&Call) + Send + Sync + 'static) -> Recorder {
        let hook: Hook = Arc::new(hook);
        // The replaced hook is dropped without the lock, because its captures may use the recorder.
        let _replaced = self.lock().script.hook.replace(hook);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_progress_panics_at_its_limit() {
        let recorder = Recorder::new().blocks();
        recorder.change(|script| script.block_limit = Some(Duration::from_millis(5)));
        let callback = recorder.object();
        assert_eq!(callback.progress(None, 0, 1), HRESULT::E_UNEXPECTED);
        let returned = recorder.calls()[0].returned();
        assert_eq!(returned, Some(HRESULT::E_UNEXPECTED));
        recorder.release();
        assert_eq!(callback.progress(None, 1, 1), HRESULT::S_OK);
    }
}
