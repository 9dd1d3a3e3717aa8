//! The store's method, which follows the program and records its actions.

use super::checked_recorder::CheckedRecorder;
use super::program::{End, Fate, Handle, Method, Return, Spawn, Start, ThreadFate, When, Work};
use super::work::{Model, Outcome};
use crate::panic_hook::{self, SCRIPTED};
use crate::process::TIMEOUT;
use mapisync::{HRESULT, JobHandle, Result, SyncJob, SyncRequest};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

/// The store of every object of a program: the plan of the next call and the record of the last
/// one.
#[derive(Default)]
pub struct StoreScript {
    plan: Mutex<Option<Plan>>,
    record: Mutex<Record>,
    pub captures: Arc<AtomicUsize>,
}

/// The behavior of the next call, and the arguments that it must get.
pub struct Plan {
    pub method: Method,
    pub flags: u32,
    pub session: usize,
    /// `None` if this crate's host creates the callback object.
    pub callback: Option<usize>,
    /// The recorder of the run.
    pub recorder: Option<Arc<CheckedRecorder>>,
    /// The gate for threads that work after the call.
    pub gate: Arc<Gate>,
}

/// The results of a call.
#[derive(Default)]
pub struct Record {
    pub called: bool,
    pub kept: Option<(SyncJob, Model)>,
    pub handle: Option<JobHandle>,
    pub threads: Vec<JoinHandle<()>>,
    /// The outcome that the store gave the job.
    pub outcome: Option<Outcome>,
}

/// A gate that opens after the call has returned. `wait` returns whether the job is canceled by
/// then.
#[derive(Default)]
pub struct Gate(Mutex<Option<bool>>, Condvar);

impl Gate {
    pub fn open(&self, canceled: bool) {
        *self.0.lock().unwrap() = Some(canceled);
        self.1.notify_all();
    }

    pub fn wait(&self) -> bool {
        let closed = |open: &mut Option<bool>| open.is_none();
        let waited = self
            .1
            .wait_timeout_while(self.0.lock().unwrap(), TIMEOUT, closed);
        waited.unwrap().0.expect("the gate is opened")
    }
}

impl StoreScript {
    pub fn prepare(&self, plan: Plan) {
        *self.plan.lock().unwrap() = Some(plan);
        *self.record() = Record::default();
    }

    /// Takes the record of the call. No further call is expected.
    pub fn take_record(&self) -> Record {
        self.plan.lock().unwrap().take();
        std::mem::take(&mut self.record())
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }

    pub fn run(self: &Arc<StoreScript>, request: SyncRequest<'_>) -> Result<()> {
        let plan = self.plan.lock().unwrap().take();
        let plan = plan.expect("the call was prepared, and comes once");
        self.record().called = true;
        let (session, callback) = (request.session(), request.callback());
        assert_eq!(request.flags().bits(), plan.flags);
        assert_eq!(
            session.map_or(0, |session| session.as_raw().addr()),
            plan.session
        );
        if let Some(expected) = plan.callback {
            assert_eq!(
                callback.map_or(0, |callback| callback.as_raw().addr()),
                expected
            );
        }
        let started = match &plan.method.start {
            Start::Nothing => Ok(()),
            Start::Spawn(spawn) => self.spawn(request, spawn, &plan),
            Start::Job { acts, fate } => request.start().map(|job| {
                let mut model = Model::new(plan.recorder.clone(), true);
                for act in acts {
                    let _ = model.act(&job, act);
                }
                self.apply_fate(job, model, fate, &plan);
            }),
        };
        if plan.method.propagates {
            started?;
        }
        match &plan.method.returns {
            Return::Ok => Ok(()),
            Return::Err(failure) => Err(failure.error()),
            Return::Panic(panic) => panic.raise(),
        }
    }

    fn spawn(
        self: &Arc<StoreScript>,
        request: SyncRequest<'_>,
        spawn: &Spawn,
        plan: &Plan,
    ) -> Result<()> {
        let exact = plan.method.is_exact();
        let mut model = Model::new(plan.recorder.clone(), exact);
        let capture = Capture::new(&self.captures, spawn.capture_panics);
        let session = request.session().map(|session| session.to_ptr());
        let gate = (spawn.when == When::AfterReturn).then(|| plan.gate.clone());
        let (script, capture_panics) = (self.clone(), spawn.capture_panics);
        let (work, end) = (spawn.work.clone(), spawn.end.clone());
        let closure = move |job: &SyncJob| {
            let (_capture, _session) = (&capture, &session);
            model.canceled = gate.is_some_and(|gate| gate.wait());
            let (result, mut outcome) = work.run_to(&end, job, &mut model);
            let panic = match &end {
                End::Panic(panic) if result.is_ok() => Some(panic),
                _ => None,
            };
            if capture_panics && panic.is_none() {
                outcome = Outcome::panic();
            }
            script.record().outcome = Some(outcome);
            if let Some(panic) = panic {
                panic.raise();
            }
            // rustc leaks a function's return value if a drop at its end panics
            // (rust-lang/rust#47949).
            if capture_panics {
                Ok(HRESULT::S_OK)
            } else {
                result
            }
        };
        if spawn.when != When::InCall && spawn.handle == Handle::Drop {
            return request.spawn(closure);
        }
        let handle = request.spawn_with_handle(closure)?;
        if spawn.when == When::InCall {
            let status = handle.join().expect("it is another thread");
            assert_eq!(
                Some(status),
                self.record().outcome.as_ref().map(|outcome| outcome.code)
            );
        } else {
            self.record().handle = Some(handle);
        }
        Ok(())
    }

    fn apply_fate(
        self: &Arc<StoreScript>,
        job: SyncJob,
        mut model: Model,
        fate: &Fate,
        plan: &Plan,
    ) {
        match fate {
            Fate::Keep => self.record().kept = Some((job, model)),
            Fate::Finish(end) => {
                let (result, outcome) = end.to_finish();
                self.finish(job, result, outcome);
            }
            Fate::Drop => drop(job),
            Fate::Panic(panic) => panic.raise(),
            Fate::Shared(threads) => {
                thread::scope(|scope| {
                    for acts in threads.iter().take(3) {
                        let (job, mut model) = (&job, Model::new(None, false));
                        scope.spawn(move || {
                            for act in acts {
                                let _ = model.act(job, act);
                            }
                        });
                    }
                });
                self.finish(job, Ok(HRESULT::S_OK), Outcome::status(HRESULT::S_OK));
            }
            Fate::Thread { work, fate, when } => {
                model.exact = plan.method.is_exact();
                let gate = (*when == When::AfterReturn).then(|| plan.gate.clone());
                let (script, work, fate) = (self.clone(), work.clone(), fate.clone());
                let thread = thread::spawn(move || {
                    model.canceled = gate.is_some_and(|gate| gate.wait());
                    script.end_elsewhere(job, model, &work, &fate);
                });
                if *when == When::InCall {
                    panic_hook::join(thread);
                } else {
                    self.record().threads.push(thread);
                }
            }
        }
    }

    /// Does the work of a job on the store's own thread, and ends the job.
    fn end_elsewhere(&self, job: SyncJob, mut model: Model, work: &Work, fate: &ThreadFate) {
        match fate {
            ThreadFate::Finish(end) => {
                let (result, outcome) = match work.run(&job, &mut model) {
                    Ok(()) => end.to_finish(),
                    Err(error) => {
                        let outcome = Outcome::stopped(&error);
                        (Err(error), outcome)
                    }
                };
                self.finish(job, result, outcome);
            }
            ThreadFate::Drop => {
                let _ = work.run(&job, &mut model);
                self.record().outcome = Some(Outcome::ABORTED);
            }
            ThreadFate::Panic(panic) => {
                let _ = work.run(&job, &mut model);
                self.record().outcome = Some(Outcome::panic());
                panic.raise();
            }
        }
    }

    fn finish(&self, job: SyncJob, result: Result<HRESULT>, outcome: Outcome) {
        self.record().outcome = Some(outcome);
        job.finish(result);
    }
}

const CAPTURED: &str = "scripted: in the drop of a capture";

/// A closure's capture. It must be dropped before `Done`, and may panic in its drop.
struct Capture {
    alive: Arc<AtomicUsize>,
    capture_panics: bool,
}

impl Capture {
    fn new(alive: &Arc<AtomicUsize>, capture_panics: bool) -> Capture {
        alive.fetch_add(1, SeqCst);
        Capture {
            alive: alive.clone(),
            capture_panics,
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        debug_assert!(CAPTURED.starts_with(SCRIPTED));
        self.alive.fetch_sub(1, SeqCst);
        // A panic during another panic would end the process, as the crate's documentation says.
        if self.capture_panics && !thread::panicking() {
            panic!("{CAPTURED}");
        }
    }
}
