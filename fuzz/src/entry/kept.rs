//! A job that the store keeps after the call, and a program's later operations on it.

use super::foreign::Foreign;
use super::program::JobOp;
use super::work::{Model, Outcome};
use super::world::check_kept_events;
use crate::panic_hook;
use crate::process::TIMEOUT;
use mapisync::abi::HANDLE;
use mapisync::{DoneEvent, SyncJob, SyncRun};
use std::mem::ManuallyDrop;
use std::thread;

pub struct KeptJob {
    pub job: SyncJob,
    pub model: Model,
    pub state: HostSide,
}

/// The host's side of the run.
pub struct HostSide {
    /// The failure of the store's method. If there is one, the run ends with it.
    pub failure: Option<Outcome>,
    /// The object to which the job owns a reference, as its callback.
    pub object: Option<usize>,
    pub foreign: Option<Foreign>,
    /// The event handle, if the host is not this crate's.
    pub handle: Option<HANDLE>,
    pub run: Option<SyncRun>,
}

impl KeptJob {
    /// Applies an operation on this or another thread. Returns the job unless the operation ended
    /// it.
    pub fn apply(self, op: &JobOp, elsewhere: bool) -> Option<KeptJob> {
        let KeptJob {
            job,
            mut model,
            state,
        } = self;
        let own = match op {
            JobOp::Work(work) => {
                on(elsewhere, || drop(work.run(&job, &mut model)));
                state.check_running();
                return Some(KeptJob { job, model, state });
            }
            JobOp::Finish(end) => {
                let (result, outcome) = end.to_finish();
                on(elsewhere, || job.finish(result));
                outcome
            }
            JobOp::Drop => {
                on(elsewhere, || drop(job));
                Outcome::ABORTED
            }
            JobOp::Panic(panic) => {
                let panic = panic.clone();
                let thread = thread::spawn(move || {
                    let _job = job;
                    panic.raise()
                });
                assert!(panic_hook::join(thread));
                Outcome::panic()
            }
        };
        state.ended(model, own);
        None
    }

    pub fn drop_job(self) {
        self.apply(&JobOp::Drop, false);
    }
}

/// Runs the code on this thread or on another.
fn on(elsewhere: bool, code: impl FnOnce() + Send) {
    if elsewhere {
        thread::scope(|scope| scope.spawn(code).join().expect("it does not panic"));
    } else {
        code();
    }
}

impl HostSide {
    /// Checks that neither `Done` nor the event has come.
    pub fn check_running(&self) {
        if let Some(run) = &self.run {
            assert_eq!(run.status(), None);
            assert!(run.event().is_some_and(|event| !event.is_signaled()));
        }
        if let Some(handle) = self.handle {
            // SAFETY: the handle is open until `Done`, or until the caller closes it if there is no
            // callback. `ManuallyDrop` keeps it open here.
            let event = unsafe { DoneEvent::from_raw(handle) }.map(ManuallyDrop::new);
            assert!(event.is_some_and(|event| !event.is_signaled()));
        }
    }

    /// Checks the end of the run. `own` is its outcome unless the method failed.
    fn ended(self, model: Model, own: Outcome) {
        let outcome = self.failure.unwrap_or(own);
        match &model.recorder {
            Some(recorder) => {
                outcome.expect_on(recorder);
                recorder.check();
                check_kept_events(recorder);
            }
            // SAFETY: without a callback the caller owns the handle.
            None => close(unsafe { DoneEvent::from_raw(self.handle.unwrap_or_default()) }),
        }
        if let Some(run) = &self.run {
            assert_eq!(run.wait(TIMEOUT).unwrap(), outcome.code);
        }
        assert!(self.foreign.is_none_or(|foreign| foreign.count() == 1));
    }
}

/// Waits for the event of a run without a callback, and closes it.
pub fn close(event: Option<DoneEvent>) {
    event.expect("an event").wait(Some(TIMEOUT)).unwrap();
}
