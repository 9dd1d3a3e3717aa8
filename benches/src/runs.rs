//! Whole runs: a host starts a store, whose worker reports progress, and waits for the end.
//!
//! In the `report` cases both peers use this crate's host and store. Ours reports by `SyncJob`, C++
//! by a bare loop over the same callback.

use crate::peers::ours::last_position;
use crate::strings::ASCII;
use crate::{Callback, Subject, callers};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncJob, SyncRequest};
use std::time::Duration;

/// Longer than the longest run takes, also under valgrind.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A store that passes each request to a function.
struct Store<S>(S);

impl<S: Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static> MapiSync for Store<S> {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        (self.0)(request)
    }
}

/// Does runs of one store under one host, one after the other.
fn runs(start: impl Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static, n: u64) {
    let sync = ComPtr::<IMAPISync>::new(Store(start));
    let host = SyncHost::new(last_position());
    for _ in 0..n {
        let run = host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    }
}

/// Does runs whose worker calls `work` with its job.
fn by_job(work: impl Fn(&SyncJob) -> Result<()> + Copy + Send + Sync + 'static, n: u64) {
    runs(move |request| request.spawn(move |job| work(job)), n);
}

/// Does one run whose worker calls `work` with the host's callback.
fn by_callback(work: impl Fn(&Callback) + Copy + Send + Sync + 'static) {
    let start = move |request: SyncRequest<'_>| {
        let callback = request.callback().unwrap();
        let callback = callback.cast::<IMAPISyncProgressCallback>()?;
        request.spawn(move |_| {
            work(&callback);
            Ok(())
        })
    };
    runs(start, 1);
}

/// Returns the cases: single reports of a long run, and whole runs.
pub fn subjects() -> Vec<Subject> {
    let ours = crate::peers::ours::NAME;
    let cpp = crate::peers::cpp::NAME;
    let whole = [("run_1", 1), ("run_1000", 1000), ("run_100000", 100_000)];
    let whole = whole.into_iter().flat_map(|(case, reports)| {
        [
            Subject::new(case, cpp, move |n| callers::run(reports, n)),
            Subject::new(case, ours, move |n| {
                by_job(
                    move |job| (0..reports).try_for_each(|index| job.position(index, reports)),
                    n,
                );
            }),
        ]
    });
    let reports = [
        Subject::new("report", ours, |n| {
            let max = n as u32;
            by_job(
                move |job| (0..max).try_for_each(|index| job.position(index, max)),
                1,
            );
        }),
        Subject::new("report", cpp, |n| {
            by_callback(move |callback| callers::report(callback, n));
        }),
        Subject::new("report_string", ours, |n| {
            let max = n as u32;
            by_job(
                move |job| (0..max).try_for_each(|index| job.progress(Some(ASCII), index, max)),
                1,
            );
        }),
        Subject::new("report_string", cpp, |n| {
            by_callback(move |callback| callers::report_with_utf8(callback, ASCII, n));
        }),
    ];
    whole.chain(reports).collect()
}
