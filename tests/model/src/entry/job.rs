//! A store's operations on a job, and for each the predicted result and the expected calls of the
//! callback.

use super::callback::{CheckedRecorder, Event, sent};
use super::program::{Act, End, Failure, JobOp, JobOpKind};
use crate::panics;
use mapisync::testing::Call;
use mapisync::{CallbackMethod, Error, HRESULT, Result, SyncJob};
use std::sync::Arc;
use std::thread;

/// The outcome of a run: the status of `Done`, and the message of `Error` if it is called.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub code: HRESULT,
    message: Option<String>,
}

impl Outcome {
    pub const ABORTED: Outcome = Outcome::status(HRESULT::E_ABORT);

    pub const fn status(code: HRESULT) -> Outcome {
        Outcome { code, message: None }
    }

    pub fn panic() -> Outcome {
        Outcome {
            code: HRESULT::E_UNEXPECTED,
            message: Some("the synchronization was ended by an internal error".into()),
        }
    }

    pub fn failure(failure: &Failure) -> Outcome {
        Outcome { code: failure.code(), ..Outcome::stopped(&failure.error()) }
    }

    /// Returns the outcome of a run that ends with this error.
    pub fn stopped(error: &Error) -> Outcome {
        Outcome {
            code: error.hresult(),
            message: (!error.is_canceled()).then(|| error.to_string()),
        }
    }

    /// Expects the calls of this outcome. The codes that they return have no effect.
    pub fn expect_on(&self, recorder: &CheckedRecorder) {
        if let Some(message) = &self.message {
            let error = Call::error(self.code, sent(message));
            let _ = recorder.expect(error, Event::None);
        }
        let _ = recorder.expect(Call::done(self.code), Event::Unsignaled);
    }
}

impl End {
    /// Returns the result that ends a job, and its outcome.
    pub fn result(&self) -> (Result<HRESULT>, Outcome) {
        match self {
            End::Ok => (Ok(HRESULT::S_OK), Outcome::status(HRESULT::S_OK)),
            End::Status(code) => (Ok(code.hresult()), Outcome::status(code.hresult())),
            End::Err(failure) => (Err(failure.error()), Outcome::failure(failure)),
        }
    }
}

/// A job that the store keeps, with its expected state.
pub struct CheckedJob {
    pub job: SyncJob,
    pub state: JobState,
}

impl CheckedJob {
    /// Applies an operation. Returns the job, or its outcome if the operation ended it.
    pub fn apply(mut self, op: &JobOp) -> Result<CheckedJob, Outcome> {
        let on = |code: &mut (dyn FnMut() + Send)| {
            if op.elsewhere {
                thread::scope(|scope| scope.spawn(code).join().expect("it does not panic"));
            } else {
                code();
            }
        };
        let mut job = Some(self.job);
        let outcome = match &op.kind {
            JobOpKind::Act(act) => {
                on(&mut || drop(self.state.act(job.as_ref().unwrap(), act)));
                self.job = job.unwrap();
                return Ok(self);
            }
            JobOpKind::Drop => {
                on(&mut || drop(job.take()));
                Outcome::ABORTED
            }
            JobOpKind::Finish(end) => {
                let (result, outcome) = end.result();
                let mut result = Some(result);
                on(&mut || job.take().unwrap().finish(result.take().unwrap()));
                outcome
            }
            JobOpKind::Panic(panic) => {
                let panic = *panic;
                let thread = thread::spawn(move || {
                    let _job = job;
                    panic.raise()
                });
                assert!(panics::join(thread));
                Outcome::panic()
            }
        };
        Err(outcome)
    }
}

/// The expected state of a job.
#[derive(Clone)]
pub struct JobState {
    /// The recorder of the run, or `None` if the host passed no callback.
    pub recorder: Option<Arc<CheckedRecorder>>,
    pub canceled: bool,
    /// The failed call that stopped the job.
    stopped: Option<(CallbackMethod, HRESULT)>,
}

impl JobState {
    pub fn new(recorder: Option<Arc<CheckedRecorder>>) -> JobState {
        JobState { recorder, canceled: false, stopped: None }
    }

    /// Performs the acts. If `propagates`, it returns the first error.
    pub fn work(&mut self, job: &SyncJob, acts: &[Act], propagates: bool) -> Result<()> {
        for act in acts {
            let result = self.act(job, act);
            if propagates {
                result?;
            }
        }
        Ok(())
    }

    /// Performs an act, and checks its calls and whether the job is canceled then.
    pub fn act(&mut self, job: &SyncJob, act: &Act) -> Result<()> {
        let mut result = Ok(());
        match act {
            Act::Position(index, max) => {
                result = job.position(*index, *max);
                self.check_progress(&result, Call::position(*index, *max));
            }
            Act::Progress(step, index, max) => {
                let step = step.build();
                result = job.progress(Some(&step), *index, *max);
                self.check_progress(&result, Call::progress(sent(&step), *index, *max));
            }
            Act::Error(code, message) => {
                let (code, message) = (code.hresult(), message.build());
                job.error(code, &message);
                let returned = self.expect(Call::error(code, sent(&message)));
                let cancels = [HRESULT::MAPI_E_USER_CANCEL, HRESULT::MAPI_E_CANCEL];
                let request = returned.filter(|code| cancels.contains(code));
                let request = request.map(|code| (CallbackMethod::Error, code));
                self.stopped = self.stopped.or(request);
            }
            Act::Nothing => {}
        }
        let is_canceled = self.canceled || self.stopped.is_some();
        assert_eq!(job.is_canceled(), is_canceled);
        result
    }

    fn check_progress(&mut self, result: &Result<()>, call: Call) {
        if !self.canceled && self.stopped.is_none() {
            let stopped = self.expect(call).filter(|code| code.is_err());
            self.stopped = stopped.map(|code| (CallbackMethod::Progress, code));
        }
        match result {
            Ok(()) => assert!(!self.canceled && self.stopped.is_none()),
            Err(Error::Canceled) => assert!(self.canceled),
            Err(error @ Error::Host { method, code, .. }) => {
                assert!(!self.canceled && error.is_canceled());
                assert_eq!(Some((*method, *code)), self.stopped);
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Expects a call of the callback, and returns the code that it returns.
    fn expect(&self, call: Call) -> Option<HRESULT> {
        let recorder = self.recorder.as_ref();
        recorder.map(|recorder| recorder.expect(call, Event::None))
    }
}
