//! The store's method, which does what the program says, and notes what it did.

use super::ear::Ear;
use super::program::{End, Fate, Handle, Method, Return, Spawn, Start, ThreadFate, When, Work};
use super::work::{Ending, Model};
use crate::alarm::{self, SCRIPTED};
use crate::process::LONG;
use mapisync::{HRESULT, JobHandle, Result, SyncJob, SyncRequest};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

/// The store of every object of a program.
#[derive(Default)]
pub struct Stage {
    plan: Mutex<Option<Plan>>,
    played: Mutex<Played>,
    pub captures: Arc<AtomicUsize>,
}

/// What the next call is to do, and what it has to be given.
pub struct Plan {
    pub method: Method,
    pub flags: u32,
    pub session: usize,
    /// `None` where the host has an object of its own.
    pub callback: Option<usize>,
    /// Who hears of the run.
    pub ear: Option<Arc<Ear>>,
    /// Threads wait for it that work after the call.
    pub gate: Arc<Gate>,
}

/// What came of it.
#[derive(Default)]
pub struct Played {
    pub called: bool,
    pub kept: Option<(SyncJob, Model)>,
    pub handle: Option<JobHandle>,
    pub threads: Vec<JoinHandle<()>>,
    /// How the store has ended the job.
    pub ending: Option<Ending>,
}

/// Opened when the call has returned; says whether the job has been cancelled by then.
#[derive(Default)]
pub struct Gate(Mutex<Option<bool>>, Condvar);

impl Gate {
    pub fn open(&self, cancelled: bool) {
        *self.0.lock().unwrap() = Some(cancelled);
        self.1.notify_all();
    }

    pub fn wait(&self) -> bool {
        let closed = |open: &mut Option<bool>| open.is_none();
        let waited = self
            .1
            .wait_timeout_while(self.0.lock().unwrap(), LONG, closed);
        waited.unwrap().0.expect("the gate is opened")
    }
}

impl Stage {
    pub fn prepare(&self, plan: Plan) {
        *self.plan.lock().unwrap() = Some(plan);
        *self.played() = Played::default();
    }

    /// What the call came to, after which none is expected.
    pub fn outcome(&self) -> Played {
        self.plan.lock().unwrap().take();
        std::mem::take(&mut self.played())
    }

    fn played(&self) -> MutexGuard<'_, Played> {
        self.played.lock().unwrap()
    }

    pub fn play(self: &Arc<Stage>, request: SyncRequest<'_>) -> Result<()> {
        let plan = self.plan.lock().unwrap().take();
        let plan = plan.expect("a call that was made, and once");
        self.played().called = true;
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
                let mut model = Model::new(plan.ear.clone(), true);
                for act in acts {
                    let _ = model.act(&job, act);
                }
                self.deal_with(job, model, fate, &plan);
            }),
        };
        if plan.method.heeds {
            started?;
        }
        match &plan.method.returns {
            Return::Ok => Ok(()),
            Return::Err(failure) => Err(failure.error()),
            Return::Panic(panic) => panic.raise(),
        }
    }

    fn spawn(
        self: &Arc<Stage>,
        request: SyncRequest<'_>,
        spawn: &Spawn,
        plan: &Plan,
    ) -> Result<()> {
        let exact = plan.method.is_exact();
        let mut model = Model::new(plan.ear.clone(), exact);
        let capture = Capture::new(&self.captures, spawn.bomb);
        let session = request.session().map(|session| session.to_ptr());
        let gate = (spawn.when == When::AfterReturn).then(|| plan.gate.clone());
        let (stage, bomb) = (self.clone(), spawn.bomb);
        let (work, end) = (spawn.work.clone(), spawn.end.clone());
        let closure = move |job: &SyncJob| {
            let (_capture, _session) = (&capture, &session);
            model.cancelled = gate.is_some_and(|gate| gate.wait());
            let (result, mut ending) = work.run_to(&end, job, &mut model);
            let panic = match &end {
                End::Panic(panic) if result.is_ok() => Some(panic),
                _ => None,
            };
            if bomb && panic.is_none() {
                ending = Ending::panic();
            }
            stage.played().ending = Some(ending);
            if let Some(panic) = panic {
                panic.raise();
            }
            // rustc leaks what a function is about to return when a drop at its end panics (rust-lang/rust#47949).
            if bomb { Ok(HRESULT::S_OK) } else { result }
        };
        if spawn.when != When::InCall && spawn.handle == Handle::Drop {
            return request.spawn(closure);
        }
        let handle = request.spawn_with_handle(closure)?;
        if spawn.when == When::InCall {
            let status = handle.join().expect("it is another thread");
            assert_eq!(
                Some(status),
                self.played().ending.as_ref().map(|ending| ending.code)
            );
        } else {
            self.played().handle = Some(handle);
        }
        Ok(())
    }

    fn deal_with(self: &Arc<Stage>, job: SyncJob, mut model: Model, fate: &Fate, plan: &Plan) {
        match fate {
            Fate::Keep => self.played().kept = Some((job, model)),
            Fate::Finish(end) => {
                let (result, ending) = end.to_finish();
                self.finish(job, result, ending);
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
                self.finish(job, Ok(HRESULT::S_OK), Ending::status(HRESULT::S_OK));
            }
            Fate::Thread { work, fate, when } => {
                model.exact = plan.method.is_exact();
                let gate = (*when == When::AfterReturn).then(|| plan.gate.clone());
                let (stage, work, fate) = (self.clone(), work.clone(), fate.clone());
                let thread = thread::spawn(move || {
                    model.cancelled = gate.is_some_and(|gate| gate.wait());
                    stage.end_elsewhere(job, model, &work, &fate);
                });
                if *when == When::InCall {
                    alarm::join(thread);
                } else {
                    self.played().threads.push(thread);
                }
            }
        }
    }

    /// Works a job off on a thread of the store's own.
    fn end_elsewhere(&self, job: SyncJob, mut model: Model, work: &Work, fate: &ThreadFate) {
        match fate {
            ThreadFate::Finish(end) => {
                let (result, ending) = match work.run(&job, &mut model) {
                    Ok(()) => end.to_finish(),
                    Err(error) => {
                        let ending = Ending::stopped(&error);
                        (Err(error), ending)
                    }
                };
                self.finish(job, result, ending);
            }
            ThreadFate::Drop => {
                let _ = work.run(&job, &mut model);
                self.played().ending = Some(Ending::ABORTED);
            }
            ThreadFate::Panic(panic) => {
                let _ = work.run(&job, &mut model);
                self.played().ending = Some(Ending::panic());
                panic.raise();
            }
        }
    }

    fn finish(&self, job: SyncJob, result: Result<HRESULT>, ending: Ending) {
        self.played().ending = Some(ending);
        job.finish(result);
    }
}

const CAPTURED: &str = "scripted: what was captured";

/// Something that a closure has captured. It has to go before Done, and may panic as it goes.
struct Capture {
    alive: Arc<AtomicUsize>,
    bomb: bool,
}

impl Capture {
    fn new(alive: &Arc<AtomicUsize>, bomb: bool) -> Capture {
        alive.fetch_add(1, SeqCst);
        Capture {
            alive: alive.clone(),
            bomb,
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        debug_assert!(CAPTURED.starts_with(SCRIPTED));
        self.alive.fetch_sub(1, SeqCst);
        // Two panics at once would end the process, as the crate's documentation says.
        if self.bomb && !thread::panicking() {
            panic!("{CAPTURED}");
        }
    }
}
