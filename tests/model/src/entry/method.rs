//! The store's method, which follows the program and records its actions.

use super::callback::{Captures, CheckedRecorder};
use super::job::{CheckedJob, JobState, Outcome};
use super::program::{Handle, JobOp, JobOpKind, Method, Return, Spawn, Start};
use mapisync::{HRESULT, JobHandle, Result, SyncJob, SyncRequest};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::{panic, thread};
use test_support::{PanicOnDrop, wait_until};

/// The behavior of a call, and the arguments that it must get.
pub struct Plan {
    pub method: Method,
    pub flags: u32,
    pub session: usize,
    pub callback: usize,
    /// The recorder of the run.
    pub recorder: Option<Arc<CheckedRecorder>>,
    pub captures: Captures,
    /// Whether the job is canceled when the call has returned, for a thread that works then.
    pub canceled: Arc<OnceLock<bool>>,
    pub record: Arc<Mutex<Record>>,
}

/// The results of a call.
#[derive(Default)]
pub struct Record {
    pub kept: Option<CheckedJob>,
    pub handle: Option<JobHandle>,
    /// The outcome that the store gave the job.
    pub outcome: Option<Outcome>,
}

impl Plan {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }

    pub fn run(self, request: SyncRequest<'_>) -> Result<()> {
        let (session, callback) = (request.session(), request.callback());
        let session = session.map_or(0, |session| session.as_raw().addr());
        let callback = callback.map_or(0, |callback| callback.as_raw().addr());
        let arguments = (request.flags().bits(), session, callback);
        assert_eq!(arguments, (self.flags, self.session, self.callback));
        let mut _dropped_at_the_end = None;
        let started = match &self.method.start {
            Start::Nothing => Ok(()),
            Start::Spawn(spawn) => self.spawn(request, spawn),
            Start::Kept(ops) => request.start().map(|job| {
                let job = self.apply(job, ops);
                self.record().kept = job;
            }),
            Start::Dropped(ops) => request.start().map(|job| {
                _dropped_at_the_end = self.apply(job, ops);
            }),
        };
        if self.method.propagates {
            started?;
        }
        self.method.returns.result()
    }

    /// Applies operations to a job in the call. Returns the job unless one of them ended it.
    fn apply(&self, job: SyncJob, ops: &[JobOp]) -> Option<CheckedJob> {
        let state = JobState::new(self.recorder.clone());
        let mut job = CheckedJob { job, state };
        for op in ops {
            match job.apply(op) {
                Ok(left) => job = left,
                Err(outcome) => {
                    // A drop on the calling thread leaves the end of the run to the call.
                    let deferred = matches!(op.kind, JobOpKind::Drop) && !op.elsewhere;
                    self.record().outcome = Some(outcome).filter(|_| !deferred);
                    return None;
                }
            }
        }
        Some(job)
    }

    fn spawn(&self, request: SyncRequest<'_>, spawn: &Spawn) -> Result<()> {
        let mut state = JobState::new(self.recorder.clone());
        let capture = Capture::new(&self.captures, spawn.capture_panics);
        let session = request.session().map(|session| session.to_ptr());
        let is_in_call = spawn.handle == Handle::JoinInCall;
        let canceled = self.canceled.clone();
        let (record, planned) = (self.record.clone(), spawn.clone());
        let closure = move |job: &SyncJob| {
            let (_capture, _session) = (&capture, &session);
            if !is_in_call {
                wait_until(|| canceled.get().is_some());
                state.canceled = canceled.get() == Some(&true);
            }
            let (mut result, mut outcome) = planned.end.result();
            let mut panic = planned.panic;
            if let Err(error) = state.work(job, &planned.acts, planned.propagates) {
                outcome = Outcome::stopped(&error);
                (result, panic) = (Err(error), None);
            }
            if planned.capture_panics || panic.is_some() {
                outcome = Outcome::panic();
            }
            record.lock().unwrap().outcome = Some(outcome);
            if let Some(panic) = panic {
                panic.raise();
            }
            // rustc leaks a function's return value if a drop at its end panics
            // (rust-lang/rust#47949).
            if planned.capture_panics {
                result = Ok(HRESULT::S_OK);
            }
            result
        };
        if spawn.handle == Handle::None {
            return request.spawn(closure);
        }
        let handle = request.spawn_with_handle(closure)?;
        if is_in_call {
            let status = handle.join().expect("it is another thread");
            let outcome = self.record().outcome.clone();
            assert_eq!(Some(status), outcome.map(|outcome| outcome.code));
        } else {
            self.record().handle = Some(handle);
        }
        Ok(())
    }
}

/// A closure's capture. It must be dropped before `Done`, and may panic in its drop.
struct Capture {
    alive: Captures,
    panics: bool,
}

impl Capture {
    fn new(alive: &Captures, panics: bool) -> Capture {
        alive.fetch_add(1, SeqCst);
        Capture { alive: alive.clone(), panics }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
        // A panic during another panic would end the process, as the crate's documentation says.
        if self.panics && !thread::panicking() {
            panic::panic_any(PanicOnDrop(0));
        }
    }
}

/// The predictions.
impl Method {
    /// Returns `Ok` if the call succeeds and a run is started, otherwise the code of the failure.
    /// `refusal` is the code with which a start fails.
    pub fn result(&self, refusal: Option<HRESULT>) -> Result<(), HRESULT> {
        let tries = !matches!(self.start, Start::Nothing);
        match (refusal, &self.start) {
            (None, _) if tries => return Ok(()),
            // The method drops the closure, which has not run.
            (Some(_), Start::Spawn(spawn)) if spawn.capture_panics => {
                return Err(HRESULT::E_UNEXPECTED);
            }
            (Some(refusal), _) if tries && self.propagates => return Err(refusal),
            _ => {}
        }
        match &self.returns {
            // The thunk then starts the run.
            Return::Ok => refusal.map_or(Ok(()), Err),
            failed => Err(failed.code()),
        }
    }

    /// Returns the failure of the method after a successful start, if it fails.
    pub fn failure(&self) -> Option<Outcome> {
        match &self.returns {
            Return::Ok => None,
            Return::Err(failure) => Some(Outcome::failure(failure)),
            Return::Panic(_) => Some(Outcome::panic()),
        }
    }

    /// Returns whether the store cancels the run after the call.
    pub fn cancels(&self) -> bool {
        matches!(&self.start, Start::Spawn(spawn) if spawn.handle == Handle::CancelAndJoin)
    }

    /// Returns the outcome of a run that has ended. `own` is the outcome by the store.
    pub fn outcome(&self, own: Option<Outcome>) -> Outcome {
        let is_first = match &self.start {
            Start::Spawn(spawn) => spawn.handle == Handle::JoinInCall,
            _ => own.is_some(),
        };
        let default = match self.start {
            Start::Nothing => Outcome::status(HRESULT::S_OK),
            _ => Outcome::ABORTED,
        };
        // The store's outcome counts if it came before the method's.
        let failure = self.failure().filter(|_| !is_first);
        failure.or(own).unwrap_or(default)
    }
}
