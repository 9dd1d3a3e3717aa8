//! The helpers that report a store's progress: `SyncJob::track`, `SyncJob::bar`, and the integers
//! that a report accepts.

use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Outlook, Recorder};
use mapisync::{ComPtr, Error, MapiSync, ProgressBar, Result, SyncJob, SyncRequest};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

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

/// An iterator of `left` items whose size hint may be wrong.
#[derive(Clone)]
struct Items {
    left: usize,
    hint: (usize, Option<usize>),
}

impl Iterator for Items {
    type Item = usize;
    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        Some(self.left)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.hint
    }
}

#[test]
fn a_tracked_loop_makes_one_report_an_item_and_one_after_the_last() {
    let exact = |n| (n, Some(n));
    for (left, hint, expected) in [
        (0, exact(0), vec![]),
        (1, exact(1), vec![step("In", 0, 1), step("In", 1, 1)]),
        (3, exact(3), vec![step("In", 0, 3), step("In", 1, 3), step("In", 2, 3), step("In", 3, 3)]),
        // The length is unknown: the step has the count, and the maximum is never 0.
        (0, (0, None), vec![step("In (0)", 0, 1), step("In (0)", 1, 1)]),
        (
            2,
            (0, Some(9)),
            vec![
                step("In (0)", 0, 1),
                step("In (1)", 0, 1),
                step("In (2)", 0, 1),
                step("In (2)", 1, 1),
            ],
        ),
        // The hint is wrong: the index stays within the maximum, which is never 0.
        (2, exact(1), vec![step("In", 0, 1), step("In", 1, 1), step("In", 2, 2)]),
        (2, exact(0), vec![step("In", 1, 1), step("In", 2, 2)]),
        (0, exact(2), vec![step("In", 0, 2)]),
        (1, (usize::MAX, Some(usize::MAX)), {
            let max = u32::MAX;
            vec![step("In", 0, max), step("In", 1, max)]
        }),
    ] {
        let case = format!("{left} items, {hint:?}");
        let made = reports(move |job| {
            let mut tracked = job.track("In", Items { left, hint });
            let items: Vec<usize> = tracked.by_ref().collect::<Result<_>>()?;
            assert_eq!(items, (0..left).rev().collect::<Vec<_>>());
            assert!(tracked.next().is_none());
            Ok(())
        });
        assert_eq!(made, expected, "{case}");
    }
}

#[test]
fn a_tracked_loop_that_ends_early_is_not_reported_as_complete() {
    let made = reports(|job| {
        for n in job.track("In", 0..9) {
            if n? == 1 {
                job.progress(Some("Another step"), 1, 2)?;
                break;
            }
        }
        Ok(())
    });
    let expected = [step("In", 0, 9), step("In", 1, 9), step("Another step", 1, 2)];
    assert_eq!(made, expected);
}

#[test]
fn cancellation_is_the_last_item_of_a_tracked_loop_and_loses_none() {
    for (hint, cancel_at, taken) in [
        ((3, Some(3)), 0, 0),
        ((3, Some(3)), 2, 2),
        ((3, Some(3)), 3, 3), // the report after the last item
        ((0, None), 0, 0),
        ((0, None), 3, 3),
        ((0, None), 4, 3),
    ] {
        let work = move |job: &SyncJob| {
            let mut items = Items { left: 3, hint };
            let mut tracked = job.track("In", &mut items);
            let mut results = vec![];
            results.extend(tracked.by_ref());
            assert!(tracked.next().is_none());
            let error = results.pop().unwrap().unwrap_err();
            assert_eq!(results.len(), taken);
            assert!(results.iter().all(Result::is_ok));
            assert_eq!(items.left, 3 - taken);
            Err(error)
        };
        let recorder = Recorder::new().cancel_at(cancel_at);
        let outcome = Outlook::new().recorder(recorder).run(&store(work));
        outcome.assert_canceled().assert_no_leaks();
        assert_eq!(outcome.calls().len(), cancel_at + 2, "{outcome}"); // and Done
    }
}

#[test]
fn a_request_of_the_store_to_stop_is_noticed_without_a_report() {
    let made = reports(|job| {
        let bar = job.bar(9).interval(Duration::MAX);
        bar.advance(1)?;
        job.cancel_handle().cancel();
        let empty: [u8; 0] = [];
        for canceled in [
            bar.advance(1),
            bar.advance(0),
            bar.step("In"),
            job.track("In", empty).next().unwrap().map(drop),
            job.track("In", [1]).next().unwrap().map(drop),
        ] {
            assert!(matches!(canceled, Err(Error::Canceled)), "{canceled:?}");
        }
        Ok(())
    });
    assert_eq!(made, [position(1, 9)]);
}

/// The calls that a store makes on a bar.
enum Act {
    Step(&'static str),
    Advance(u64),
}
use Act::{Advance, Step};

#[test]
fn a_bar_reports_its_first_and_last_position_and_every_step() {
    const BIG: u64 = 1 << 40;
    let (never, always) = (Duration::MAX, Duration::ZERO);
    let max = u32::MAX;
    for (total, interval, acts, expected) in [
        (9, never, vec![], vec![]),
        (
            9,
            never,
            vec![Advance(1), Advance(1), Advance(6), Advance(1)],
            vec![position(1, 9), position(9, 9)],
        ),
        (
            9,
            never,
            vec![Step("A"), Advance(1), Advance(4), Step("B"), Advance(3)],
            vec![step("A", 0, 9), step("B", 5, 9)],
        ),
        (
            2,
            always,
            vec![Advance(0), Advance(1), Step("A"), Advance(1)],
            vec![position(0, 2), position(1, 2), step("A", 1, 2), position(2, 2)],
        ),
        // Beyond the total, the position stays. It reaches the total once.
        (
            3,
            never,
            vec![Step("A"), Advance(5), Advance(u64::MAX), Advance(0), Step("B")],
            vec![step("A", 0, 3), position(3, 3), step("B", 3, 3)],
        ),
        // The maximum is never 0.
        (0, never, vec![Advance(1), Advance(1), Step("A")], vec![position(1, 1), step("A", 1, 1)]),
        // Totals above 32 bits are scaled. Only the total itself becomes the maximum.
        (
            u64::from(max),
            always,
            vec![Advance(7), Advance(u64::from(max) - 7)],
            vec![position(7, max), position(max, max)],
        ),
        (
            BIG,
            always,
            vec![Advance(BIG / 4), Advance(BIG / 4), Advance(BIG / 2 - 1), Advance(1)],
            vec![
                position(max / 4, max),
                position(max / 2, max),
                position(max - 1, max),
                position(max, max),
            ],
        ),
        (
            u64::MAX,
            always,
            vec![Advance(u64::MAX - 1), Advance(u64::MAX)],
            vec![position(max - 1, max), position(max, max)],
        ),
    ] {
        let acts = std::sync::Arc::new(acts);
        let made = reports(move |job| {
            let bar = job.bar(total).interval(interval);
            acts.iter().try_for_each(|act| match *act {
                Step(step) => bar.step(step),
                Advance(n) => bar.advance(n),
            })
        });
        assert_eq!(made, expected, "total {total}");
    }
}

#[test]
fn a_host_cancels_a_bar_by_its_next_report() {
    let sync = store(|job| {
        let bar = job.bar(100).interval(Duration::MAX);
        bar.step("In")?;
        bar.advance(1)?; // is not reported
        let host = bar.step("In").unwrap_err();
        assert!(matches!(host, Error::Host { .. }), "{host:?}");
        let later = bar.advance(1).unwrap_err();
        assert!(matches!(later, Error::Host { .. }), "{later:?}");
        bar.advance(1)
    });
    let recorder = Recorder::new().cancel_at(1);
    let outcome = Outlook::new().recorder(recorder).run(&sync);
    outcome.assert_canceled().assert_no_leaks();
    assert_eq!(outcome.calls().len(), 3);
}

#[test]
fn one_bar_serves_nested_folders() {
    struct Folder(&'static str, u64, Vec<Folder>);
    fn receive(Folder(name, mails, subfolders): &Folder, bar: &ProgressBar<'_>) -> Result<()> {
        bar.step(name)?;
        (0..*mails).try_for_each(|_| bar.advance(1))?;
        subfolders.iter().try_for_each(|folder| receive(folder, bar))
    }
    let made = reports(|job| {
        let inner = vec![Folder("Inbox/A", 0, vec![]), Folder("Inbox/B", 3, vec![])];
        let bar = job.bar(5).interval(Duration::MAX);
        receive(&Folder("Inbox", 2, inner), &bar)
    });
    let expected =
        [step("Inbox", 0, 5), step("Inbox/A", 2, 5), step("Inbox/B", 2, 5), position(5, 5)];
    assert_eq!(made, expected);
}

#[test]
fn several_threads_advance_one_bar_and_its_position_never_moves_back() {
    const THREADS: u64 = 4;
    const EACH: u64 = if cfg!(miri) { 20 } else { 500 };
    for interval in [Duration::ZERO, Duration::MAX] {
        let made = reports(move |job| {
            let bar = &job.bar(THREADS * EACH).interval(interval);
            let failure = &Mutex::new(Ok(()));
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(move || {
                        let result = (0..EACH).try_for_each(|_| bar.advance(1));
                        if result.is_err() {
                            *failure.lock().unwrap() = result;
                        }
                    });
                }
            });
            std::mem::replace(&mut *failure.lock().unwrap(), Ok(()))
        });
        let total = (THREADS * EACH) as u32;
        let indices: Vec<u32> = made.iter().map(|(_, index, _)| *index).collect();
        assert!(indices.is_sorted(), "{indices:?}");
        assert_eq!(made.last(), Some(&position(total, total)));
        assert!(made.iter().all(|(_, _, max)| *max == total));
        assert!(interval == Duration::ZERO || made.len() <= 2, "{made:?}");
    }
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

#[test]
fn the_debug_output_shows_the_position() {
    reports(|job| {
        let bar = job.bar(9);
        bar.advance(4)?;
        let debug = "ProgressBar { position: 4, total: 9, interval: 100ms, .. }";
        assert_eq!(format!("{bar:?}"), debug);
        let mut track = job.track("In", 0..9);
        track.next();
        let debug = "Track { step: \"In\", len: Some(9), taken: 1, .. }";
        assert_eq!(format!("{track:?}"), debug);
        Ok(())
    });
}

#[test]
fn a_job_without_a_callback_needs_no_reports() {
    let sync = store(|job| {
        let bar = job.bar(9);
        bar.step("In")?;
        job.track("In", 0..9).try_for_each(|n| bar.advance(n?))
    });
    Outlook::new().without_callback().run(&sync).assert_ok();
}
