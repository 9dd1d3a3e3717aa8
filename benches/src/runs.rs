//! Whole runs: a host starts a store, whose worker reports so many times, and waits for the end.
//!
//! In each pair the worker reports by this crate, or by a bare loop in C++ over the very same callback.

use crate::peers::ours::noting;
use crate::{Callback, Subject, callers, texts};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncJob, SyncRequest};
use std::time::Duration;

/// Long enough for anything that ends by itself, under an emulator too.
const LONG: Duration = Duration::from_secs(600);

/// A store whose worker does this with its job and the host's callback.
struct Store<W>(W);

impl<W: Fn(&SyncJob, &Callback) -> Result<()> + Clone + Send + Sync + 'static> MapiSync
    for Store<W>
{
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let work = self.0.clone();
        let callback = request.callback().unwrap();
        let callback = callback.cast::<IMAPISyncProgressCallback>()?;
        request.spawn(move |job| work(job, &callback))
    }
}

/// Runs a store with this worker, from start to end.
pub fn run(work: impl Fn(&SyncJob, &Callback) -> Result<()> + Clone + Send + Sync + 'static) {
    let sync = ComPtr::<IMAPISync>::new(Store(work));
    let host = SyncHost::new(noting());
    let run = host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
    assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK);
}

/// The same with one that does not use the job.
fn bare(work: impl Fn(&Callback) + Clone + Send + Sync + 'static) {
    run(move |_, callback| {
        work(callback);
        Ok(())
    });
}

/// The cases: a position, a text in UTF-16, a text in UTF-8, `n` times in one run.
pub fn subjects() -> Vec<Subject> {
    let ours = crate::peers::ours::NAME;
    let cpp = crate::peers::cpp::NAME;
    let text = texts::NARROW[0].1;
    let whole = [("run_1", 1), ("run_1000", 1000), ("run_100000", 100_000)];
    let whole = whole.into_iter().flat_map(|(case, reports)| {
        [
            Subject::new(case, cpp, move |n| callers::run(reports, n)),
            Subject::new(case, ours, move |n| {
                for _ in 0..n {
                    run(move |job, _| (0..reports).try_for_each(|at| job.position(at, reports)));
                }
            }),
        ]
    });
    let reports = [
        Subject::new("report", ours, |n| {
            run(move |job, _| (0..n as u32).try_for_each(|at| job.position(at, n as u32)));
        }),
        Subject::new("report", cpp, |n| {
            bare(move |callback| callers::report(callback, n));
        }),
        Subject::new("report_wide", ours, |n| {
            let text = Some(texts::wide());
            run(move |job, _| {
                (0..n as u32).try_for_each(|at| job.progress_wide(text, at, n as u32))
            });
        }),
        Subject::new("report_wide", cpp, |n| {
            bare(move |callback| callers::report_wide(callback, texts::wide(), n));
        }),
        Subject::new("report_text", ours, move |n| {
            run(move |job, _| {
                (0..n as u32).try_for_each(|at| job.progress(Some(text), at, n as u32))
            });
        }),
        Subject::new("report_text", cpp, move |n| {
            bare(move |callback| callers::report_text(callback, text, n));
        }),
    ];
    whole.chain(reports).collect()
}
