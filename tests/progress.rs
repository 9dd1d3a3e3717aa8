//! The helpers that report a store's progress: the integers that a report accepts.

use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Outlook};
use mapisync::{ComPtr, MapiSync, Result, SyncJob, SyncRequest};

/// A store whose job runs a closure.
struct Store<W>(W);

impl<W: Fn(&SyncJob) -> Result<()> + Clone + Send + Sync + 'static> MapiSync for Store<W> {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let work = self.0.clone();
        request.spawn(move |job| work(job))
    }
}

fn store(
    work: impl Fn(&SyncJob) -> Result<()> + Clone + Send + Sync + 'static,
) -> ComPtr<IMAPISync> {
    ComPtr::<IMAPISync>::new(Store(work))
}

/// Returns the reports of a closure that ends its run with `S_OK`.
#[track_caller]
fn reports(
    work: impl Fn(&SyncJob) -> Result<()> + Clone + Send + Sync + 'static,
) -> Vec<(Option<String>, u32, u32)> {
    let outcome = Outlook::new().run(&store(work));
    outcome.assert_ok().assert_no_leaks();
    let calls = outcome.calls().iter().map(|call| call.call());
    let progress = calls.filter_map(|call| match call {
        Call::Progress(step, index, max) => Some((step.clone(), *index, *max)),
        _ => None,
    });
    progress.collect()
}

fn step(step: &str, index: u32, max: u32) -> (Option<String>, u32, u32) {
    (Some(step.into()), index, max)
}

fn position(index: u32, max: u32) -> (Option<String>, u32, u32) {
    (None, index, max)
}

#[test]
fn a_report_accepts_every_integer_and_saturates() {
    let made = reports(|job| {
        job.progress(Some("literals"), 0, 1)?;
        for (n, mail) in (0..).zip(["a", "b"]) {
            job.progress(Some(mail), n, ["a", "b"].len())?;
        }
        job.position(u32::MAX, u32::MAX - 1)?;
        job.position(7_usize, 8_u64)?;
        job.position(u64::from(u32::MAX) + 7, u64::MAX)?;
        job.position(u128::MAX, usize::MAX)?;
        job.position(-1, i64::MIN)?;
        job.position(i64::MAX, i32::MAX)?;
        job.position(3_u8, 4_i16)
    });
    let (max, half) = (u32::MAX, i32::MAX as u32);
    let expected = [
        step("literals", 0, 1),
        step("a", 0, 2),
        step("b", 1, 2),
        position(max, max - 1),
        position(7, 8),
        position(max, max),
        position(max, max),
        position(0, 0),
        position(max, half),
        position(3, 4),
    ];
    assert_eq!(made, expected);
}
