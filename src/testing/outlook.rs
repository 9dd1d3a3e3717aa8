//! `Outlook`: the request that the stand-in makes.

use super::Recorder;
use crate::abi::{IMAPISession, MAPISIB, SyncFlags};
use crate::object::ComPtr;
use core::fmt;
use std::time::Duration;

/// A stand-in for Outlook. It calls a store as Outlook does, on a new thread, and waits until the
/// run ends or the timeout expires. The store may be foreign.
///
/// By default the request has the flag `DOWNLOAD_CONTENTS`, no session, and a callback that records
/// every call and returns `S_OK`. The timeout is 10 seconds.
///
/// ```
/// use mapisync::abi::IMAPISync;
/// use mapisync::testing::{Call, Outlook};
/// use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncRequest};
///
/// struct Store;
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         request.spawn(|job| job.position(1, 1))
///     }
/// }
///
/// let outcome = Outlook::new().run(&ComPtr::<IMAPISync>::new(Store));
/// outcome.assert_ok().assert_no_leaks();
/// assert_eq!(outcome.calls(), [Call::position(1, 1), Call::done(HRESULT::S_OK)]);
/// ```
#[derive(Clone)]
pub struct Outlook {
    pub(super) flags: SyncFlags,
    pub(super) session: Option<ComPtr<IMAPISession>>,
    pub(super) struct_size: u32,
    pub(super) has_callback: bool,
    pub(super) has_event_location: bool,
    pub(super) recorder: Recorder,
    pub(super) timeout: Duration,
}

/// The largest `ulSize`.
const MAX_STRUCT_SIZE: u32 = 0x1_0000;

impl Outlook {
    /// Creates a stand-in with the default values that [`Outlook`] lists.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| (0..9).try_for_each(|n| job.position(n, 9)))
    /// #     }
    /// # }
    /// use mapisync::testing::Outlook;
    /// Outlook::new().run(&ComPtr::<IMAPISync>::new(Store)).assert_ok();
    /// ```
    pub fn new() -> Outlook {
        Outlook {
            flags: SyncFlags::DOWNLOAD_CONTENTS,
            session: None,
            struct_size: size_of::<MAPISIB>() as u32,
            has_callback: true,
            has_event_location: true,
            recorder: Recorder::new(),
            timeout: Duration::from_secs(10),
        }
    }

    /// Sets the flags of the request.
    ///
    /// ```
    /// use mapisync::SyncFlags;
    /// use mapisync::testing::Outlook;
    /// let outlook = Outlook::new().flags(SyncFlags::UPLOAD_CONTENTS | SyncFlags::ON_DEMAND);
    /// ```
    #[must_use]
    pub fn flags(self, flags: SyncFlags) -> Outlook {
        Outlook { flags, ..self }
    }

    /// Sets the session of the request.
    ///
    /// Effect on the session's count: none. The stand-in owns the reference until it is dropped,
    /// and each run adds its own references.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISession, testing::Outlook};
    /// fn with_session(session: ComPtr<IMAPISession>) -> Outlook {
    ///     Outlook::new().session(session)
    /// }
    /// ```
    #[must_use]
    pub fn session(self, session: ComPtr<IMAPISession>) -> Outlook {
        Outlook { session: Some(session), ..self }
    }

    /// Sets `ulSize`, as an older or a newer Outlook does. The whole structure is always readable.
    /// If `ulSize` states more bytes, these are readable, too, and are zero.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| (0..9).try_for_each(|n| job.position(n, 9)))
    /// #     }
    /// # }
    /// use mapisync::HRESULT;
    /// use mapisync::testing::Outlook;
    ///
    /// let sync = ComPtr::<IMAPISync>::new(Store);
    /// Outlook::new().struct_size(64).run(&sync).assert_ok(); // a newer Outlook
    /// Outlook::new().struct_size(8).run(&sync).assert_refused(HRESULT::E_INVALIDARG);
    /// ```
    ///
    /// # Panics
    ///
    /// If the size is more than 64 KiB.
    #[must_use]
    pub fn struct_size(self, struct_size: u32) -> Outlook {
        assert!(struct_size <= MAX_STRUCT_SIZE, "a ulSize of {struct_size} exceeds 64 KiB");
        Outlook { struct_size, ..self }
    }

    /// Passes no callback. Such a run ends with its event, and has no status.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| (0..9).try_for_each(|n| job.position(n, 9)))
    /// #     }
    /// # }
    /// use mapisync::testing::Outlook;
    /// let outcome = Outlook::new().without_callback().run(&ComPtr::<IMAPISync>::new(Store));
    /// assert_eq!(outcome.assert_ok().status(), None);
    /// ```
    #[must_use]
    pub fn without_callback(self) -> Outlook {
        Outlook { has_callback: false, ..self }
    }

    /// Passes no event handle location: `phSyncDoneEvent` is NULL.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> { Ok(()) }
    /// # }
    /// use mapisync::HRESULT;
    /// use mapisync::testing::Outlook;
    ///
    /// // SAFETY: a store of this crate refuses a request without a location.
    /// let outlook = unsafe { Outlook::new().without_event_location() };
    /// outlook.run(&ComPtr::<IMAPISync>::new(Store)).assert_refused(HRESULT::E_INVALIDARG);
    /// ```
    ///
    /// # Safety
    ///
    /// Every store that the result calls must accept that `phSyncDoneEvent` is NULL. A store of
    /// this crate does. A foreign one may write to it without a check.
    #[must_use]
    pub unsafe fn without_event_location(self) -> Outlook {
        Outlook { has_event_location: false, ..self }
    }

    /// Sets the callback.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| (0..9).try_for_each(|n| job.position(n, 9)))
    /// #     }
    /// # }
    /// use mapisync::testing::{Outlook, Recorder};
    /// let outlook = Outlook::new().recorder(Recorder::new().cancel_at(1));
    /// let outcome = outlook.run(&ComPtr::<IMAPISync>::new(Store));
    /// assert_eq!(outcome.assert_canceled().calls().len(), 3); // two calls of Progress, then Done
    /// ```
    #[must_use]
    pub fn recorder(self, recorder: Recorder) -> Outlook {
        Outlook { recorder, ..self }
    }

    /// Sets the timeout. Within this time, the store must return from the call, call `Done` and
    /// signal the event.
    ///
    /// ```
    /// use mapisync::testing::Outlook;
    /// use std::time::Duration;
    /// let outlook = Outlook::new().timeout(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Outlook {
        Outlook { timeout, ..self }
    }
}

impl Default for Outlook {
    fn default() -> Outlook {
        Outlook::new()
    }
}

impl fmt::Debug for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlook")
            .field("flags", &self.flags)
            .field("session", &self.session)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
