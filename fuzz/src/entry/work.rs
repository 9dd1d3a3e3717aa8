//! A store's operations on a job, and for each the predicted result and the expected calls of the
//! callback.

use super::checked_recorder::{CheckedRecorder, Event, sent};
use super::program::{Act, Code, End, Failure, Work};
use mapisync::testing::Call;
use mapisync::{CallbackMethod, Error, HRESULT, Result, SyncJob};
use std::sync::Arc;

/// The outcome of a run: the status of `Done`, and the message of `Error` if it is called.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub code: HRESULT,
    message: Option<String>,
}

impl Outcome {
    pub const ABORTED: Outcome = Outcome::status(HRESULT::E_ABORT);

    pub const fn status(code: HRESULT) -> Outcome {
        Outcome {
            code,
            message: None,
        }
    }

    pub fn failure(failure: &Failure) -> Outcome {
        let error = failure.error();
        let message = (!error.is_canceled()).then(|| error.to_string());
        Outcome {
            code: failure.code(),
            message,
        }
    }

    pub fn panic() -> Outcome {
        Outcome {
            code: HRESULT::E_UNEXPECTED,
            message: Some("the synchronization was ended by an internal error".into()),
        }
    }

    /// Returns the outcome of a run that ends with this error of a job's method.
    pub fn stopped(error: &Error) -> Outcome {
        let message = (!error.is_canceled()).then(|| error.to_string());
        Outcome {
            code: error.hresult(),
            message,
        }
    }

    /// Expects the calls of this outcome.
    pub fn expect_on(&self, recorder: &CheckedRecorder) {
        if let Some(message) = &self.message {
            // The codes of these calls have no effect.
            let _ = recorder.expect(Call::error(self.code, sent(message)));
        }
        let _ = recorder.expect_done(self.code, Event::Unsignaled);
    }
}

impl Failure {
    /// Returns the code that the run must end with.
    pub fn code(&self) -> HRESULT {
        match self {
            Failure::Code(code) | Failure::Message(code, _) | Failure::Host(code) => {
                let code = code.hresult();
                if code.is_ok() { HRESULT::E_FAIL } else { code }
            }
            Failure::NotFound => HRESULT::MAPI_E_NOT_FOUND,
            Failure::Canceled => HRESULT::MAPI_E_USER_CANCEL,
        }
    }
}

impl End {
    /// Returns the result that ends a job, and its outcome. The caller must raise a panic itself.
    pub fn result(&self) -> (Result<HRESULT>, Outcome) {
        match self {
            End::Ok => (Ok(HRESULT::S_OK), Outcome::status(HRESULT::S_OK)),
            End::Status(code) => (Ok(code.hresult()), Outcome::status(code.hresult())),
            End::Err(failure) => (Err(failure.error()), Outcome::failure(failure)),
            End::Panic(_) => {
                let code = HRESULT::E_UNEXPECTED;
                (Ok(code), Outcome::panic())
            }
        }
    }
}

impl End {
    /// Returns the result for `SyncJob::finish`, and its outcome. A panic becomes its code without
    /// a message.
    pub fn to_finish(&self) -> (Result<HRESULT>, Outcome) {
        match self {
            End::Panic(_) => End::Status(Code::Any(HRESULT::E_UNEXPECTED.0)).result(),
            end => end.result(),
        }
    }
}

/// The expected state of a job.
#[derive(Clone)]
pub struct Model {
    /// The recorder of the run, or `None` if the host passed no callback.
    pub recorder: Option<Arc<CheckedRecorder>>,
    pub canceled: bool,
    stopped: Option<(CallbackMethod, HRESULT)>,
    /// Whether no other thread acts on the job, so that every result is predictable.
    pub exact: bool,
}

impl Model {
    pub fn new(recorder: Option<Arc<CheckedRecorder>>, exact: bool) -> Model {
        Model {
            recorder,
            canceled: false,
            stopped: None,
            exact,
        }
    }

    pub fn act(&mut self, job: &SyncJob, act: &Act) -> Result<()> {
        match act {
            Act::Position(index, max) => {
                let result = job.position(*index, *max);
                self.check_progress(result, Call::position(*index, *max))
            }
            Act::Progress(step, index, max) => {
                let step = step.build();
                let result = job.progress(Some(&step), *index, *max);
                self.check_progress(result, Call::progress(sent(&step), *index, *max))
            }
            Act::Units(units, index, max) => {
                let step = String::from_utf16_lossy(units);
                let result = job.progress(Some(&step), *index, *max);
                self.check_progress(result, Call::progress(sent(&step), *index, *max))
            }
            Act::Error(code, message) => {
                let (code, message) = (code.hresult(), message.build());
                job.error(code, &message);
                self.check_error(Call::error(code, sent(&message)));
                Ok(())
            }
            Act::IsCanceled => {
                let canceled = job.is_canceled();
                assert!(!self.exact || canceled == (self.canceled || self.stopped.is_some()));
                Ok(())
            }
        }
    }

    fn check_progress(&mut self, result: Result<()>, call: Call) -> Result<()> {
        if !self.exact {
            return result;
        }
        if !self.canceled && self.stopped.is_none() {
            let stopped = self.expect(call).filter(|code| code.is_err());
            self.stopped = stopped.map(|code| (CallbackMethod::Progress, code));
        }
        match &result {
            Ok(()) => assert!(!self.canceled && self.stopped.is_none()),
            Err(Error::Canceled) => assert!(self.canceled),
            Err(Error::Host { method, code, .. }) => {
                assert!(!self.canceled);
                assert_eq!(Some((*method, *code)), self.stopped);
            }
            Err(error) => panic!("{error:?}"),
        }
        assert!(result.as_ref().err().is_none_or(Error::is_canceled));
        result
    }

    fn check_error(&mut self, call: Call) {
        if !self.exact {
            return;
        }
        let code = self.expect(call);
        let cancels = [HRESULT::MAPI_E_USER_CANCEL, HRESULT::MAPI_E_CANCEL];
        let cancel = code.filter(|code| cancels.contains(code));
        let request = cancel.map(|code| (CallbackMethod::Error, code));
        self.stopped = self.stopped.or(request);
    }

    /// Expects a call of the callback, and returns the code that it returns.
    fn expect(&self, call: Call) -> Option<HRESULT> {
        self.recorder.as_ref().map(|recorder| recorder.expect(call))
    }
}

impl Work {
    /// Does the work, and returns the error that ended it early.
    pub fn run(&self, job: &SyncJob, model: &mut Model) -> Result<()> {
        for act in &self.acts {
            let result = model.act(job, act);
            if self.propagates {
                result?;
            }
        }
        Ok(())
    }

    /// Does the work, and returns the result of `end` unless an error ended the work early. The
    /// caller must raise a panic itself.
    pub fn run_to(
        &self,
        end: &End,
        job: &SyncJob,
        model: &mut Model,
    ) -> (Result<HRESULT>, Outcome) {
        match self.run(job, model) {
            Ok(()) => end.result(),
            Err(error) => {
                let outcome = Outcome::stopped(&error);
                (Err(error), outcome)
            }
        }
    }
}
