//! A job that the store keeps beyond the call, and what a program does with it later.

use super::foreign::Foreign;
use super::program::JobOp;
use super::work::{Ending, Model};
use super::world::drain;
use crate::alarm;
use crate::process::LONG;
use mapisync::abi::HANDLE;
use mapisync::{DoneEvent, SyncJob, SyncRun};
use std::mem::ManuallyDrop;
use std::thread;

pub struct Kept {
    pub job: SyncJob,
    pub model: Model,
    pub state: Host,
}

/// What the host has of the run.
pub struct Host {
    /// How the method has failed, which is then what the run ends with.
    pub failure: Option<Ending>,
    /// Of which object the job has a reference.
    pub object: Option<usize>,
    pub foreign: Option<Foreign>,
    /// What is in the slot, where the host is not ours.
    pub handle: Option<HANDLE>,
    pub run: Option<SyncRun>,
}

impl Kept {
    /// Does something with the job, on another thread or on this, and answers with it if it is still there.
    pub fn apply(self, op: &JobOp, elsewhere: bool) -> Option<Kept> {
        let Kept {
            job,
            mut model,
            state,
        } = self;
        let own = match op {
            JobOp::Work(work) => {
                on(elsewhere, || drop(work.run(&job, &mut model)));
                state.is_under_way();
                return Some(Kept { job, model, state });
            }
            JobOp::Finish(end) => {
                let (result, ending) = end.to_finish();
                on(elsewhere, || job.finish(result));
                ending
            }
            JobOp::Drop => {
                on(elsewhere, || drop(job));
                Ending::ABORTED
            }
            JobOp::Panic(panic) => {
                let panic = panic.clone();
                let thread = thread::spawn(move || {
                    let _job = job;
                    panic.raise()
                });
                assert!(alarm::join(thread));
                Ending::panic()
            }
        };
        state.ended(model, own);
        None
    }

    pub fn drop_it(self) {
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

impl Host {
    /// Neither Done nor the event has come.
    pub fn is_under_way(&self) {
        if let Some(run) = &self.run {
            assert_eq!(run.status(), None);
            assert!(run.event().is_some_and(|event| !event.is_signaled()));
        }
        if let Some(handle) = self.handle {
            // SAFETY: the handle stays open until Done, or is ours where there is no callback; it is only lent here.
            let event = unsafe { DoneEvent::from_raw(handle) }.map(ManuallyDrop::new);
            assert!(event.is_some_and(|event| !event.is_signaled()));
        }
    }

    /// The job has been ended; `own` is how, if the method has not failed.
    fn ended(self, model: Model, own: Ending) {
        let ending = self.failure.unwrap_or(own);
        match &model.ear {
            Some(ear) => {
                ending.expect_on(ear);
                ear.check();
                drain(ear);
            }
            // SAFETY: without a callback nobody else has been given the handle.
            None => close(unsafe { DoneEvent::from_raw(self.handle.unwrap_or_default()) }),
        }
        if let Some(run) = &self.run {
            assert_eq!(run.wait(LONG).unwrap(), ending.code);
        }
        assert!(self.foreign.is_none_or(|foreign| foreign.count() == 1));
    }
}

/// The event of a run that nobody heard of, which has ended or is about to.
pub fn close(event: Option<DoneEvent>) {
    assert!(event.expect("an event").wait(Some(LONG)).unwrap());
}
