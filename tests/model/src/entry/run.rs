//! The host's side of a run.

use super::callback::CheckedRecorder;
use super::job::{CheckedJob, Outcome};
use super::objects::Object;
use super::program::{JobOp, JobOpKind};
use crate::process::check_settled;
use mapisync::abi::{HANDLE, IUnknown};
use mapisync::testing::reference_count;
use mapisync::{ComPtr, DoneEvent};
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::Arc;
use test_support::{TIMEOUT, event};

/// The callback is none, one of the objects, or `foreign`.
#[derive(Default)]
pub struct HostSide {
    /// The failure of the store's method. If there is one, the run ends with it.
    pub failure: Option<Outcome>,
    /// The recorder of the run, or `None` if the host passed no callback.
    pub recorder: Option<Arc<CheckedRecorder>>,
    /// The object to which the job owns a reference, as its callback.
    pub object: Option<usize>,
    pub foreign: Option<ComPtr<IUnknown>>,
    /// The handle in the event handle location after the call.
    pub handle: usize,
}

impl HostSide {
    fn handle(&self) -> HANDLE {
        ptr::without_provenance_mut(self.handle)
    }

    /// Checks that neither `Done` nor the event has come.
    pub fn check_running(&self) {
        // SAFETY: the handle is open until `Done`, or until the caller closes it if there is no
        // callback. `ManuallyDrop` keeps it open here.
        let event = unsafe { DoneEvent::from_raw(self.handle()) }.map(ManuallyDrop::new);
        assert!(event.is_some_and(|event| !event.is_signaled()));
    }

    /// Checks that the run has ended with this outcome.
    pub fn check_ended(self, outcome: &Outcome) {
        match &self.recorder {
            Some(recorder) => outcome.expect_on(recorder),
            None => {
                // SAFETY: the request had no callback, so the caller owns the handle.
                let event = unsafe { event(self.handle()) }.expect("the caller owns the event");
                event.wait(Some(TIMEOUT)).unwrap();
            }
        }
        self.check_released();
    }

    /// Checks that the callback was called as expected and is released.
    pub fn check_released(self) {
        self.recorder.iter().for_each(|recorder| recorder.check());
        if let Some(callback) = self.foreign {
            check_settled(|| reference_count(&callback), 1);
        }
    }
}

/// A run whose job the store has kept after the call.
pub struct KeptRun {
    pub job: CheckedJob,
    pub host: HostSide,
}

impl KeptRun {
    /// Applies an operation. Returns the run unless the operation ended it.
    pub fn apply(self, op: &JobOp, objects: &mut [Object]) -> Option<KeptRun> {
        let KeptRun { job, host } = self;
        if let (Some(number), false) = (host.object, matches!(op.kind, JobOpKind::Act(_))) {
            // The end of the run may release the last reference to the object.
            let object = &mut objects[number];
            if object.held.is_empty() {
                object.own.clear();
            }
        }
        match job.apply(op) {
            Ok(job) => {
                host.check_running();
                return Some(KeptRun { job, host });
            }
            Err(own) => {
                let outcome = host.failure.clone().unwrap_or(own);
                host.check_ended(&outcome);
            }
        }
        None
    }
}
