//! `ProbeReport`: the counts of a probe, and their table.

use alloc::vec::Vec;
use core::fmt;

/// The counts of a [`Probe`](crate::testing::Probe). `Display` prints them as a table.
///
/// The references outstanding are those handed out, plus the calls of `AddRef`, plus the calls of
/// `QueryInterface` that returned the probe, minus the calls of `Release`.
///
/// ```
/// # use mapisync::{ComPtr, MapiSync, Result, SyncRequest, abi::IMAPISync};
/// # use mapisync::testing::Probe;
/// # struct Store;
/// # impl MapiSync for Store {
/// #     fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> { Ok(()) }
/// # }
/// let probe = Probe::new(ComPtr::<IMAPISync>::new(Store));
/// let sync = probe.pointer();
/// let report = probe.report();
/// assert_eq!((report.handed_out, report.outstanding), (1, 1));
/// assert_eq!(report.to_string(), "\
/// probe of IMAPISync                  calls  after the last Release
///   pointers handed out                   1
///   QueryInterface                        0                       0
///   AddRef                                0                       0
///   Release                               0                       0
///   SynchronizeInBackground               0                       0
///   references outstanding                1
/// ");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProbeReport {
    /// The name of the interface.
    pub interface: &'static str,
    /// The number of pointers that [`Probe::pointer`](crate::testing::Probe::pointer) returned.
    pub handed_out: u32,
    /// The number of calls of each method, in the order of the vtable slots.
    pub calls: Vec<(&'static str, u32)>,
    /// The number of references that were not released.
    pub outstanding: u32,
    /// The number of calls of each method after the last `Release`. The list has only methods with
    /// such a call.
    pub used_after_release: Vec<(&'static str, u32)>,
}

impl ProbeReport {
    /// Returns the number of calls of a method, such as `"AddRef"` or `"Done"`.
    ///
    /// ```
    /// # fn f(report: &mapisync::testing::ProbeReport) {
    /// assert_eq!(report.calls("Release"), report.calls("AddRef") + 1);
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the interface has no such method.
    #[track_caller]
    pub fn calls(&self, method: &str) -> u32 {
        count(&self.calls, method)
            .unwrap_or_else(|| panic!("{} has no method {method}", self.interface))
    }

    /// Returns whether every reference was released, and no method was called after the last
    /// `Release`.
    ///
    /// ```
    /// # fn f(report: &mapisync::testing::ProbeReport) {
    /// assert!(report.is_clean(), "{report}");
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Never.
    pub fn is_clean(&self) -> bool {
        self.outstanding == 0 && self.used_after_release.is_empty()
    }
}

fn count(counts: &[(&'static str, u32)], method: &str) -> Option<u32> {
    let found = counts.iter().find(|(name, _)| *name == method);
    found.map(|(_, count)| *count)
}

impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = format_args!("probe of {}", self.interface).to_string();
        writeln!(f, "{heading:<34}  calls  after the last Release")?;
        let handed_out = self.handed_out;
        writeln!(f, "  {:<32} {handed_out:>6}", "pointers handed out")?;
        for (method, calls) in &self.calls {
            let late = count(&self.used_after_release, method).unwrap_or(0);
            writeln!(f, "  {method:<32} {calls:>6} {late:>23}")?;
        }
        let outstanding = self.outstanding;
        writeln!(f, "  {:<32} {outstanding:>6}", "references outstanding")
    }
}
