//! What a store does with a job, and in step with it what a job has to answer and a host to hear.

use super::ear::{Ear, Event, Heard, sent};
use super::program::{Act, Code, End, Failure, Work};
use mapisync::{Error, HRESULT, Result, SyncJob};
use std::sync::Arc;

/// How a run ends: what Error is told, if anything, and Done.
#[derive(Clone, Debug)]
pub struct Ending {
    pub code: HRESULT,
    text: Option<String>,
}

impl Ending {
    pub const ABORTED: Ending = Ending::status(HRESULT::E_ABORT);

    pub const fn status(code: HRESULT) -> Ending {
        Ending { code, text: None }
    }

    pub fn failure(failure: &Failure) -> Ending {
        let error = failure.error();
        let text = (!matches!(failure, Failure::Host(_))).then(|| error.to_string());
        Ending {
            code: failure.code(),
            text,
        }
    }

    pub fn panic() -> Ending {
        Ending {
            code: HRESULT::E_UNEXPECTED,
            text: Some("the synchronization was ended by an internal error".into()),
        }
    }

    /// Of an error that a job has answered.
    pub fn stopped(error: &Error) -> Ending {
        let text = (!matches!(error, Error::Host { .. })).then(|| error.to_string());
        Ending {
            code: error.hresult(),
            text,
        }
    }

    /// Says what a callback has to hear of it.
    pub fn expect_on(&self, ear: &Ear) {
        if let Some(text) = &self.text {
            // What is answered makes no difference any more, here and below.
            let _ = ear.expect(Heard::Error(self.code.0, Some(sent(text))));
        }
        let _ = ear.expect(self.done());
    }

    pub fn done(&self) -> Heard {
        Heard::Done(self.code.0, Event::Waiting)
    }
}

impl Failure {
    /// The code that has to come of it.
    pub fn code(&self) -> HRESULT {
        match self {
            Failure::Code(code) | Failure::Text(code, _) | Failure::Host(code) => {
                let code = code.hresult();
                if code.is_ok() { HRESULT::E_FAIL } else { code }
            }
            Failure::NotFound => HRESULT::MAPI_E_CALL_FAILED,
            Failure::Cancelled => HRESULT::MAPI_E_USER_CANCEL,
        }
    }
}

impl End {
    /// The result to end a job with, and what has to come of it. A panic has to be raised by who can.
    pub fn result(&self) -> (Result<HRESULT>, Ending) {
        match self {
            End::Ok => (Ok(HRESULT::S_OK), Ending::status(HRESULT::S_OK)),
            End::Status(code) => (Ok(code.hresult()), Ending::status(code.hresult())),
            End::Err(failure) => (Err(failure.error()), Ending::failure(failure)),
            End::Panic(panic) => {
                let code = HRESULT::E_UNEXPECTED;
                (Ok(code), Ending::panic())
            }
        }
    }
}

impl End {
    /// As `result`, for a job that is finished rather than run: what would be a panic is its code alone.
    pub fn to_finish(&self) -> (Result<HRESULT>, Ending) {
        match self {
            End::Panic(_) => End::Status(Code::Any(HRESULT::E_UNEXPECTED.0)).result(),
            end => end.result(),
        }
    }
}

/// What is known of a job.
#[derive(Clone)]
pub struct Model {
    /// Who hears of it; `None` where the host has given no callback.
    pub ear: Option<Arc<Ear>>,
    pub cancelled: bool,
    stopped: Option<HRESULT>,
    /// Whether nothing else happens at the same time, so that all can be foretold.
    pub exact: bool,
}

impl Model {
    pub fn new(ear: Option<Arc<Ear>>, exact: bool) -> Model {
        Model {
            ear,
            cancelled: false,
            stopped: None,
            exact,
        }
    }

    pub fn act(&mut self, job: &SyncJob, act: &Act) -> Result<()> {
        match act {
            Act::Position(index, max) => {
                let result = job.position(*index, *max);
                self.progressed(result, Heard::Progress(None, *index, *max))
            }
            Act::Progress(text, index, max) => {
                let text = text.text();
                let result = job.progress(Some(&text), *index, *max);
                self.progressed(result, Heard::Progress(Some(sent(&text)), *index, *max))
            }
            Act::Wide(units, index, max) => {
                let text = String::from_utf16_lossy(units);
                let result = job.progress(Some(&text), *index, *max);
                let heard = Heard::Progress(Some(sent(&text)), *index, *max);
                self.progressed(result, heard)
            }
            Act::Error(code, text) => {
                let (code, text) = (code.hresult(), text.text());
                let result = job.error(code, &text);
                self.told(result, Heard::Error(code.0, Some(sent(&text))))
            }
            Act::IsCancelled => {
                let asked = job.is_canceled();
                assert!(!self.exact || asked == (self.cancelled || self.stopped.is_some()));
                Ok(())
            }
        }
    }

    fn progressed(&mut self, result: Result<()>, heard: Heard) -> Result<()> {
        if !self.exact {
            return result;
        }
        if !self.cancelled && self.stopped.is_none() {
            self.stopped = self.answer(heard).filter(|answer| answer.is_err());
        }
        match &result {
            Ok(()) => assert!(!self.cancelled && self.stopped.is_none()),
            Err(Error::Canceled) => assert!(self.cancelled),
            Err(Error::Host { method, code }) => {
                assert!(!self.cancelled);
                assert_eq!((*method, Some(*code)), ("Progress", self.stopped));
            }
            Err(error) => panic!("{error:?}"),
        }
        assert!(result.as_ref().err().is_none_or(Error::is_canceled));
        result
    }

    fn told(&mut self, result: Result<()>, heard: Heard) -> Result<()> {
        if self.exact {
            let refusal = self.answer(heard).filter(|answer| answer.is_err());
            match &result {
                Ok(()) => assert_eq!(refusal, None),
                Err(
                    error @ Error::Host {
                        method: "Error",
                        code,
                    },
                ) => {
                    assert_eq!((refusal, error.is_canceled()), (Some(*code), false));
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        result
    }

    /// What the callback has to hear now, and what it answers.
    fn answer(&self, heard: Heard) -> Option<HRESULT> {
        self.ear.as_ref().map(|ear| ear.expect(heard))
    }
}

impl Work {
    /// Does it, and answers with the error that has ended it.
    pub fn run(&self, job: &SyncJob, model: &mut Model) -> Result<()> {
        for act in &self.acts {
            let result = model.act(job, act);
            if self.heeds {
                result?;
            }
        }
        Ok(())
    }

    /// Does it, then ends with `end` if nothing has ended it before. A panic is still to be raised.
    pub fn run_to(&self, end: &End, job: &SyncJob, model: &mut Model) -> (Result<HRESULT>, Ending) {
        match self.run(job, model) {
            Ok(()) => end.result(),
            Err(error) => {
                let ending = Ending::stopped(&error);
                (Err(error), ending)
            }
        }
    }
}
