//! Runs of one host and one store of this crate, in which the store's worker reports often. Ours
//! reports by `SyncJob`, C++ by a bare loop over the same callback.

use crate::cases::{CPP, OURS};
use crate::peers::{cpp, ours::last_position};
use crate::strings::ASCII;
use crate::{Callback, Subject};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{ComPtr, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncJob, SyncRequest};
use std::time::Duration;

/// Longer than the longest run takes, also under valgrind.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Does a run whose worker calls a function with its job and the host's callback.
pub fn run(work: impl Fn(&SyncJob, &Callback) -> Result<()> + Copy + Send + Sync + 'static) {
    struct Store<F>(F);
    impl<F: Fn(&SyncJob, &Callback) -> Result<()> + Copy + Send + Sync + 'static> MapiSync
        for Store<F>
    {
        fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
            let callback = request.callback().unwrap();
            let callback = callback.cast::<IMAPISyncProgressCallback>()?;
            let work = self.0;
            request.spawn(move |job| work(job, &callback))
        }
    }
    let sync = ComPtr::<IMAPISync>::new(Store(work));
    let host = SyncHost::new(last_position());
    let run = host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
}

/// Returns the cases. Each repetition is a report.
pub fn subjects() -> [Subject; 4] {
    [
        Subject::new("report", OURS, |n| {
            let max = n as u32;
            run(move |job, _| (0..max).try_for_each(|index| job.position(index, max)));
        }),
        Subject::new("report", CPP, |n| {
            run(move |_, callback| {
                cpp::report(callback, n);
                Ok(())
            });
        }),
        Subject::new("report_string", OURS, |n| {
            let max = n as u32;
            let report = move |job: &SyncJob, index| job.progress(Some(ASCII), index, max);
            run(move |job, _| (0..max).try_for_each(|index| report(job, index)));
        }),
        Subject::new("report_string", CPP, |n| {
            run(move |_, callback| {
                cpp::report_with_utf8(callback, ASCII, n);
                Ok(())
            });
        }),
    ]
}
