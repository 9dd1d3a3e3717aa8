//! `Conformance`: what a check assumes about the object, and what it calls.

use super::{Row, Rule};
use crate::abi::{GUID, IMAPISession, SyncFlags};
use crate::object::ComPtr;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::time::Duration;

/// The options of a check.
///
/// By default the interfaces are `IUnknown` and the one of the pointer, the timeout is 10 seconds, a
/// canceled store may call `Progress` 10 more times, a run has the flag `DOWNLOAD_CONTENTS` and no
/// session, no argument is NULL where no page allows it, and threads and handles are not counted.
///
/// ```
/// use mapisync::abi::IMAPISync;
/// use mapisync::testing::conformance::Conformance;
/// use mapisync::{ComPtr, MapiSync, Result, SyncRequest};
/// use std::time::Duration;
///
/// struct Store;
/// impl MapiSync for Store {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         request.spawn(|job| job.position(1, 1))
///     }
/// }
///
/// let conformance = Conformance::new().timeout(Duration::from_secs(60)).cancel_within(0);
/// // SAFETY: the store is one of this crate, which checks its arguments.
/// let conformance = unsafe { conformance.null_arguments() };
/// let report = conformance.check_provider(&ComPtr::<IMAPISync>::new(Store));
/// assert!(report.broken().is_empty(), "{report}");
/// ```
#[derive(Clone)]
#[must_use = "the options check nothing"]
pub struct Conformance {
    pub(super) iids: Vec<GUID>,
    pub(super) timeout: Duration,
    pub(super) cancel_within: usize,
    pub(super) flags: SyncFlags,
    pub(super) session: Option<ComPtr<IMAPISession>>,
    pub(super) null_arguments: bool,
    pub(super) is_alone: bool,
    pub(super) skipped: Vec<String>,
    pub(super) on_start: Option<Hook<[&'static Rule]>>,
    pub(super) on_row: Option<Hook<Row>>,
}

type Hook<T> = Arc<dyn Fn(&T) + Send + Sync>;

impl Conformance {
    /// Creates the default options, which [`Conformance`] lists.
    ///
    /// ```
    /// use mapisync::testing::conformance::Conformance;
    /// let conformance = Conformance::new();
    /// ```
    pub fn new() -> Conformance {
        Conformance {
            iids: Vec::new(),
            timeout: Duration::from_secs(10),
            cancel_within: 10,
            flags: SyncFlags::DOWNLOAD_CONTENTS,
            session: None,
            null_arguments: false,
            is_alone: false,
            skipped: Vec::new(),
            on_start: None,
            on_row: None,
        }
    }

    /// Adds an interface to those among which COM's rules are checked. The object need not have it.
    ///
    /// ```
    /// use mapisync::GUID;
    /// use mapisync::testing::conformance::Conformance;
    /// let msg_store = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);
    /// let conformance = Conformance::new().iid(msg_store);
    /// ```
    pub fn iid(mut self, iid: GUID) -> Conformance {
        self.iids.push(iid);
        self
    }

    /// Sets the timeout of each call and of each run. An object that exceeds it breaks the rule that
    /// is checked at that moment, and is not called again.
    ///
    /// ```
    /// use mapisync::testing::conformance::Conformance;
    /// use std::time::Duration;
    /// let conformance = Conformance::new().timeout(Duration::from_secs(60));
    /// ```
    pub fn timeout(self, timeout: Duration) -> Conformance {
        Conformance { timeout, ..self }
    }

    /// Sets how often a store may call `Progress` after a `Progress` has failed.
    ///
    /// ```
    /// use mapisync::testing::conformance::Conformance;
    /// let conformance = Conformance::new().cancel_within(0); // it must stop at once
    /// ```
    pub fn cancel_within(self, calls: usize) -> Conformance {
        Conformance { cancel_within: calls, ..self }
    }

    /// Sets the flags of the runs.
    ///
    /// ```
    /// use mapisync::SyncFlags;
    /// use mapisync::testing::conformance::Conformance;
    /// let conformance = Conformance::new().flags(SyncFlags::UPLOAD_CONTENTS);
    /// ```
    pub fn flags(self, flags: SyncFlags) -> Conformance {
        Conformance { flags, ..self }
    }

    /// Sets the session of the runs.
    ///
    /// Effect on the session's count: none. The options own the reference, and each run adds its
    /// own references.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISession, testing::conformance::Conformance};
    /// fn with_session(session: ComPtr<IMAPISession>) -> Conformance {
    ///     Conformance::new().session(session)
    /// }
    /// ```
    pub fn session(self, session: ComPtr<IMAPISession>) -> Conformance {
        Conformance { session: Some(session), ..self }
    }

    /// Also passes NULL where no page of MAPI's says that it is allowed, and as `ppvObject` of
    /// `QueryInterface`. A NULL `riid` is never passed, because in C++ it is a reference.
    ///
    /// ```
    /// use mapisync::testing::conformance::Conformance;
    /// // SAFETY: the objects under test are in Rust, and made by this crate.
    /// let conformance = unsafe { Conformance::new().null_arguments() };
    /// ```
    ///
    /// # Safety
    ///
    /// The methods of every object that the result checks must have a defined behavior for a NULL
    /// argument. A crash of the process is one. Undefined behavior that has no visible effect is
    /// not.
    ///
    /// The methods of this crate's objects check their arguments. For a foreign object, use the
    /// program `conform`, which makes the calls in a process of their own.
    pub unsafe fn null_arguments(self) -> Conformance {
        Conformance { null_arguments: true, ..self }
    }

    /// Also counts the threads and handles of the process before and after some runs. Nothing else
    /// in the process may start threads or open handles during the check, or the counts are wrong.
    ///
    /// ```
    /// use mapisync::testing::conformance::Conformance;
    /// let conformance = Conformance::new().alone_in_process();
    /// ```
    pub fn alone_in_process(self) -> Conformance {
        Conformance { is_alone: true, ..self }
    }

    /// Leaves out a rule, and the rules that the same calls decide. The report has no row for them.
    ///
    /// ```
    /// use mapisync::testing::conformance::Conformance;
    /// let conformance = Conformance::new().skip("short-size");
    /// ```
    pub fn skip(mut self, id: impl Into<String>) -> Conformance {
        self.skipped.push(id.into());
        self
    }

    /// Calls `hook` before the calls that decide some rules, with these rules. If the process
    /// crashes, the last of these calls tells where.
    ///
    /// ```
    /// use mapisync::testing::conformance::Conformance;
    /// let conformance = Conformance::new().on_start(|rules| eprintln!("{}…", rules[0].id));
    /// ```
    pub fn on_start(mut self, hook: impl Fn(&[&'static Rule]) + Send + Sync + 'static) -> Self {
        self.on_start = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` with each row when it is decided.
    ///
    /// ```
    /// use mapisync::testing::conformance::Conformance;
    /// let conformance = Conformance::new().on_row(|row| eprintln!("{}", row.to_json()));
    /// ```
    pub fn on_row(mut self, hook: impl Fn(&Row) + Send + Sync + 'static) -> Conformance {
        self.on_row = Some(Arc::new(hook));
        self
    }
}

impl Default for Conformance {
    /// The same as [`new`](Conformance::new).
    fn default() -> Conformance {
        Conformance::new()
    }
}

impl fmt::Debug for Conformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance")
            .field("iids", &self.iids)
            .field("timeout", &self.timeout)
            .field("cancel_within", &self.cancel_within)
            .field("flags", &self.flags)
            .field("session", &self.session)
            .field("null_arguments", &self.null_arguments)
            .field("is_alone", &self.is_alone)
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}
