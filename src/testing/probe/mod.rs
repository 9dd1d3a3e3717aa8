//! `Probe`: an object that wraps a pointer and counts the calls of its users.

mod object;
mod report;

use crate::abi::{IMAPISync, IMAPISyncProgressCallback};
use crate::object::ComPtr;
use alloc::boxed::Box;
use core::fmt;
use core::ptr::NonNull;
use object::{ProbeObject, Probeable};
pub use report::ProbeReport;

/// Wraps a pointer to an interface and counts the calls that its users make.
///
/// [`pointer`](Probe::pointer) returns pointers to the probe. The probe forwards every method of
/// the interface unchanged to the wrapped object. It has its own reference count, and so detects
/// references that are never released, and calls after the last `Release`.
///
/// ```
/// # use mapisync::{HRESULT, MapiSyncProgressCallback, Result};
/// use mapisync::ComPtr;
/// use mapisync::abi::IMAPISyncProgressCallback;
/// use mapisync::testing::Probe;
///
/// # struct Dialog;
/// # impl MapiSyncProgressCallback for Dialog {
/// #     fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> { Ok(()) }
/// #     fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> { Ok(()) }
/// #     fn done(&self, _: HRESULT) -> Result<()> { Ok(()) }
/// # }
/// let probe = Probe::new(ComPtr::<IMAPISyncProgressCallback>::new(Dialog));
/// let callback = probe.pointer();
/// assert!(callback.progress(Some("Receiving"), 0, 1).is_ok()); // code under test
/// drop(callback);
/// assert_eq!(probe.report().calls("Progress"), 1);
/// probe.assert_no_leaks();
/// ```
///
/// # Identity
///
/// `QueryInterface` for `I` or `IUnknown` returns the probe. For any other interface the probe
/// forwards the call to the wrapped object, so that the object's users behave as they do without a
/// probe. Such a pointer is the wrapped object's. The probe does not count its references, and
/// COM's rules of identity do not hold between it and the probe.
///
/// # Lifetime
///
/// The probe's memory lives at least as long as the `Probe`. A call after the last `Release` is
/// therefore counted and forwarded, without undefined behavior. Keep the `Probe` until the code
/// under test has ended: a late call after that is a use after free.
///
/// If references are outstanding when the `Probe` is dropped, the probe's memory and its reference
/// to the wrapped object are leaked deliberately. The holders may still use their pointers.
pub struct Probe<I: Probed> {
    /// Invariant: a box that `new` leaked. Only `drop` frees it, and only if no reference is
    /// outstanding.
    object: NonNull<ProbeObject<I>>,
}

/// An interface that a [`Probe`] can wrap: `IMAPISync` or `IMAPISyncProgressCallback`. Only this
/// crate implements it.
///
/// ```
/// use mapisync::ComPtr;
/// use mapisync::testing::{Probe, Probed};
///
/// fn users_of<I: Probed>(pointer: ComPtr<I>) -> Probe<I> {
///     Probe::new(pointer)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a `Probe` cannot wrap `{Self}`",
    note = "it can wrap `IMAPISync` and `IMAPISyncProgressCallback`"
)]
pub trait Probed: Probeable {}

impl Probed for IMAPISync {}
impl Probed for IMAPISyncProgressCallback {}

impl<I: Probed> Probe<I> {
    /// Wraps a pointer.
    ///
    /// Effect on the count of the wrapped object: none. The probe owns the reference, and releases
    /// it when the `Probe` is dropped.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| (0..9).try_for_each(|n| job.position(n, 9)))
    /// #     }
    /// # }
    /// use mapisync::testing::{Outlook, Probe};
    ///
    /// let probe = Probe::new(ComPtr::<IMAPISync>::new(Store));
    /// Outlook::new().run(&probe.pointer()).assert_ok();
    /// probe.assert_no_leaks(); // every reference to the store was released
    /// ```
    ///
    /// # Panics
    ///
    /// Never.
    pub fn new(wrapped: ComPtr<I>) -> Probe<I> {
        let object = Box::new(ProbeObject::new(wrapped));
        Probe { object: NonNull::from(Box::leak(object)) }
    }

    /// Returns a new pointer to the probe.
    ///
    /// Effect on the count of the probe: + 1, owned by the result. The report counts it as handed
    /// out, not as an `AddRef`. Effect on the count of the wrapped object: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| (0..9).try_for_each(|n| job.position(n, 9)))
    /// #     }
    /// # }
    /// # use mapisync::testing::Probe;
    /// use mapisync::testing::reference_count;
    ///
    /// let probe = Probe::new(ComPtr::<IMAPISync>::new(Store));
    /// let sync = probe.pointer();
    /// assert_eq!(reference_count(&sync), 1);
    /// ```
    ///
    /// # Panics
    ///
    /// Never.
    pub fn pointer(&self) -> ComPtr<I> {
        self.object().hand_out();
        // SAFETY: the object begins with its vtable pointer. The result owns the reference added
        // here, and the object is not freed while references are outstanding. Its counts are
        // atomic, and the wrapped object is free-threaded (`Probed`), so any thread may call it.
        // Its methods only count and call those of the wrapped object, which do not unwind
        // (`ComPtr::from_raw`). QueryInterface returns an interface of this object, or one of the
        // wrapped object, which meets the same contract.
        unsafe { ComPtr::from_non_null(self.object.cast()) }
    }

    /// Returns the present counts.
    ///
    /// They are exact if no other thread is calling the probe.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
    /// #         request.spawn(|job| (0..9).try_for_each(|n| job.position(n, 9)))
    /// #     }
    /// # }
    /// # use mapisync::testing::{Outlook, Probe};
    /// let probe = Probe::new(ComPtr::<IMAPISync>::new(Store));
    /// Outlook::new().run(&probe.pointer()).assert_ok();
    /// let report = probe.report();
    /// assert_eq!(report.calls("SynchronizeInBackground"), 1, "{report}");
    /// ```
    ///
    /// # Panics
    ///
    /// Never.
    pub fn report(&self) -> ProbeReport {
        self.object().report()
    }

    /// Asserts that every reference was released, and that no method was called after the last
    /// `Release`.
    ///
    /// Effect on the counts: none.
    ///
    /// ```should_panic
    /// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
    /// # use mapisync::testing::Probe;
    /// # struct Store;
    /// # impl MapiSync for Store {
    /// #     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> { Ok(()) }
    /// # }
    /// let probe = Probe::new(ComPtr::<IMAPISync>::new(Store));
    /// let sync = probe.pointer();
    /// probe.assert_no_leaks(); // `sync` still owns its reference
    /// ```
    ///
    /// # Panics
    ///
    /// If a reference is outstanding, or if there was a call after the last `Release`. The message
    /// is the report as a table.
    #[track_caller]
    pub fn assert_no_leaks(&self) {
        let report = self.report();
        assert!(
            report.is_clean(),
            "a reference was leaked, or used after the last Release\n{report}"
        );
    }

    fn object(&self) -> &ProbeObject<I> {
        // SAFETY: only `drop` frees the object, by the invariant of the field. No unique reference
        // to it exists before that.
        unsafe { self.object.as_ref() }
    }
}

impl<I: Probed> Drop for Probe<I> {
    /// Effect on the count of the wrapped object: - 1, unless references to the probe are
    /// outstanding. See [`Probe`].
    fn drop(&mut self) {
        if self.object().outstanding() == 0 {
            // SAFETY: `new` leaked this box, by the invariant of the field. No reference to the
            // object is outstanding, and COM requires a caller to hold one, so nothing uses the
            // object.
            drop(unsafe { Box::from_raw(self.object.as_ptr()) });
        }
    }
}

impl<I: Probed> fmt::Debug for Probe<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Probe").field(&self.report()).finish()
    }
}

// SAFETY: the counts are atomic, and the wrapped pointer is `Send + Sync`, because its interface is
// `FreeThreaded` (`Probed`).
unsafe impl<I: Probed> Send for Probe<I> {}
// SAFETY: the counts are atomic, and the wrapped pointer is `Send + Sync`, because its interface is
// `FreeThreaded` (`Probed`).
unsafe impl<I: Probed> Sync for Probe<I> {}
