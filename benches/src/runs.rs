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

/// A store that starts its runs so.
struct Store<S>(S);

impl<S: Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static> MapiSync for Store<S> {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        (self.0)(request)
    }
}

/// So many runs of one store under one host, one after the other.
fn runs(start: impl Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static, n: u64) {
    let sync = ComPtr::<IMAPISync>::new(Store(start));
    let host = SyncHost::new(noting());
    for _ in 0..n {
        let run = host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
        assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK);
    }
}

/// Runs whose worker does this with its job.
fn reporting(work: impl Fn(&SyncJob) -> Result<()> + Copy + Send + Sync + 'static, n: u64) {
    runs(move |request| request.spawn(move |job| work(job)), n);
}

/// One run whose worker does this with the host's callback.
fn bare(work: impl Fn(&Callback) + Copy + Send + Sync + 'static) {
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
                reporting(
                    move |job| (0..reports).try_for_each(|at| job.position(at, reports)),
                    n,
                );
            }),
        ]
    });
    let reports = [
        Subject::new("report", ours, |n| {
            let all = n as u32;
            reporting(
                move |job| (0..all).try_for_each(|at| job.position(at, all)),
                1,
            );
        }),
        Subject::new("report", cpp, |n| {
            bare(move |callback| callers::report(callback, n));
        }),
        Subject::new("report_text", ours, move |n| {
            let all = n as u32;
            reporting(
                move |job| (0..all).try_for_each(|at| job.progress(Some(text), at, all)),
                1,
            );
        }),
        Subject::new("report_text", cpp, move |n| {
            bare(move |callback| callers::report_text(callback, text, n));
        }),
    ];
    whole.chain(reports).collect()
}
