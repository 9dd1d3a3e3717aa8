//! One object, standalone or aggregated: its counts, the results of `QueryInterface`, and the drop
//! of its payload.

use mapisync::abi::{HANDLE, IMAPISync, IMAPISyncProgressCallback, IUnknown, IUnknownVtbl};
use mapisync::testing::{Call, Recorder};
use mapisync::{
    Class, ComObject, GUID, HRESULT, Interface, MapiSync, MapiSyncProgressCallback, Result,
    SyncJob, SyncRequest,
};
use proptest::prelude::*;
use std::ptr;
use std::sync::{Arc, Mutex};
use test_support::outer::IOuter;
use test_support::{DropCounter, DropToken, event, garbage, request};

/// An index into a list, modulo the list's length.
type At = usize;

/// An operation of the object's users, through the pointers that they hold.
#[derive(Clone, Debug)]
enum Step {
    Query {
        through: At,
        iid: Iid,
    },
    QueryWithoutIid {
        through: At,
    },
    QueryWithoutOut {
        through: At,
    },
    AddRef(At),
    Release(At),
    /// The callback is the object itself, through this pointer, or none.
    Start {
        callback: Option<At>,
    },
    Report(At),
    Finish(At),
    Abandon(At),
    /// This and the next two operations are the outer's, on the inner's non-delegating `IUnknown`.
    OwnQuery(Iid),
    OwnAddRef,
    OwnRelease,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Iid {
    Unknown,
    Sync,
    Callback,
    Outer,
    Unlisted,
}

impl Iid {
    fn guid(self) -> GUID {
        match self {
            Iid::Unknown => IUnknown::IID,
            Iid::Sync => IMAPISync::IID,
            Iid::Callback => IMAPISyncProgressCallback::IID,
            Iid::Outer => IOuter::IID,
            Iid::Unlisted => GUID::from_u128(7),
        }
    }
}

fn iid() -> impl Strategy<Value = Iid> {
    use Iid::*;
    prop::sample::select(vec![Unknown, Sync, Callback, Outer, Unlisted])
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0..6_usize;
    prop_oneof![
        6 => (at(), iid()).prop_map(|(through, iid)| Step::Query { through, iid }),
        1 => at().prop_map(|through| Step::QueryWithoutIid { through }),
        1 => at().prop_map(|through| Step::QueryWithoutOut { through }),
        4 => at().prop_map(Step::AddRef),
        8 => at().prop_map(Step::Release),
        3 => prop::option::of(at()).prop_map(|callback| Step::Start { callback }),
        2 => at().prop_map(Step::Report),
        2 => at().prop_map(Step::Finish),
        1 => at().prop_map(Step::Abandon),
        2 => iid().prop_map(Step::OwnQuery),
        1 => Just(Step::OwnAddRef),
        1 => Just(Step::OwnRelease),
    ]
}

/// A payload that records its calls as a callback, and passes its jobs as a store to the test.
struct Part {
    recorder: Recorder,
    jobs: Arc<Mutex<Vec<SyncJob>>>,
    _token: DropToken,
}

impl Class for Part {
    type Interfaces = (IMAPISync, IMAPISyncProgressCallback);
}

impl MapiSync for Part {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        self.jobs.lock().unwrap().push(request.start()?);
        Ok(())
    }
}

impl MapiSyncProgressCallback for Part {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.recorder.progress(step, index, max)
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.recorder.error(code, message)
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.recorder.done(status)
    }
}

/// The expected state of the object.
struct Model {
    /// Whether the object is an inner.
    inner: bool,
    /// The interface of each pointer that is held.
    held: Vec<Iid>,
    /// For each run in progress: whether it holds a reference to the object, as its callback.
    runs: Vec<bool>,
    /// The references to the inner's non-delegating `IUnknown`, including the outer's.
    own: u32,
    /// The address of each interface that was queried.
    addresses: Vec<(Iid, usize)>,
    calls: Vec<Call>,
}

impl Model {
    fn count(&self) -> u32 {
        (self.held.len() + self.runs.iter().filter(|holds| **holds).count()) as u32
    }

    fn offers(&self, iid: Iid) -> bool {
        match iid {
            Iid::Unknown | Iid::Sync | Iid::Callback => true,
            Iid::Outer => self.inner,
            Iid::Unlisted => false,
        }
    }

    /// Returns whether a reference may be released. An outer must not end while another reference
    /// to its inner's non-delegating `IUnknown` than its own is held.
    fn may_release(&self) -> bool {
        self.count() > 1 || self.own <= 1
    }
}

/// The object, the pointers and jobs of its users, and the model.
struct Machine {
    model: Model,
    held: Vec<*mut IUnknown>,
    /// The inner's non-delegating `IUnknown`.
    own: *mut IUnknown,
    /// The event handle of each run in progress.
    event_handles: Vec<HANDLE>,
    jobs: Arc<Mutex<Vec<SyncJob>>>,
    recorder: Recorder,
    payload: DropCounter,
    outer: DropCounter,
}

type Checked<R = ()> = std::result::Result<R, TestCaseError>;

impl Machine {
    fn new(inner: bool) -> Machine {
        let (payload, outer_counter) = (DropCounter::default(), DropCounter::default());
        let (jobs, recorder) = (Arc::default(), Recorder::new());
        let part = Part {
            recorder: recorder.clone(),
            jobs: Arc::clone(&jobs),
            _token: payload.token(),
        };
        let (first, own, iid) = if inner {
            let outer = test_support::outer::aggregate(&outer_counter, part);
            let own = test_support::outer::inner(&outer);
            (outer.into_raw().cast(), own, Iid::Outer)
        } else {
            let unknown = ComObject::new(part).cast::<IUnknown>().unwrap();
            (unknown.into_raw(), ptr::null_mut(), Iid::Unknown)
        };
        let model = Model {
            inner,
            held: vec![iid],
            runs: vec![],
            own: inner.into(),
            addresses: vec![],
            calls: vec![],
        };
        Machine {
            model,
            held: vec![first],
            own,
            event_handles: vec![],
            jobs,
            recorder,
            payload,
            outer: outer_counter,
        }
    }

    /// Returns whether the object is freed.
    fn ended(&self) -> bool {
        self.model.count() == 0
    }

    fn step(&mut self, step: &Step) -> Checked {
        match *step {
            // Only runs hold references to the object.
            Step::Query { .. }
            | Step::QueryWithoutIid { .. }
            | Step::QueryWithoutOut { .. }
            | Step::AddRef(_)
            | Step::Release(_)
            | Step::Start { .. }
                if self.held.is_empty() => {}
            Step::Query { through, iid } => {
                self.query(self.held[through % self.held.len()], iid)?
            }
            Step::QueryWithoutIid { through } => {
                let (mut out, through) = (garbage(), self.held[through % self.held.len()]);
                // SAFETY: `through` is held, so it is alive. `QueryInterface` checks the IID for
                // NULL.
                let code =
                    unsafe { (vtbl(through).QueryInterface)(through, ptr::null(), &mut out) };
                prop_assert_eq!((code, out.is_null()), (HRESULT::E_POINTER, true));
            }
            Step::QueryWithoutOut { through } => {
                let through = self.held[through % self.held.len()];
                let iid = IUnknown::IID;
                // SAFETY: `through` is held, so it is alive. `QueryInterface` checks the out
                // parameter for NULL.
                let code =
                    unsafe { (vtbl(through).QueryInterface)(through, &iid, ptr::null_mut()) };
                prop_assert_eq!(code, HRESULT::E_POINTER);
            }
            Step::AddRef(at) => {
                let at = at % self.held.len();
                self.held.push(self.held[at]);
                self.model.held.push(self.model.held[at]);
                prop_assert_eq!(add_ref(self.held[at]), self.model.count());
            }
            Step::Release(at) if self.model.may_release() => {
                let at = at % self.held.len();
                self.model.held.swap_remove(at);
                prop_assert_eq!(release(self.held.swap_remove(at)), self.model.count());
            }
            Step::Start { callback } => self.start(callback)?,
            Step::Report(run) if !self.model.runs.is_empty() => {
                let run = run % self.model.runs.len();
                let result = self.jobs.lock().unwrap()[run].progress(Some("step"), 1, 2);
                prop_assert!(result.is_ok());
                self.expect_call(run, Call::progress("step", 1, 2));
            }
            Step::Finish(run) => self.end(run, HRESULT::S_FALSE, |job| {
                job.finish(Ok(HRESULT::S_FALSE))
            })?,
            Step::Abandon(run) => self.end(run, HRESULT::E_ABORT, drop)?,
            Step::OwnQuery(iid) if self.model.inner && !self.ended() => self.query_own(iid)?,
            Step::OwnAddRef if self.model.inner && !self.ended() => {
                self.model.own += 1;
                prop_assert_eq!(add_ref(self.own), self.model.own);
            }
            Step::OwnRelease if self.model.own > 1 => {
                self.model.own -= 1;
                prop_assert_eq!(release(self.own), self.model.own);
            }
            Step::Release(_)
            | Step::Report(_)
            | Step::OwnQuery(_)
            | Step::OwnAddRef
            | Step::OwnRelease => {}
        }
        self.check()
    }

    /// Compares the object with the model.
    fn check(&self) -> Checked {
        if let Some(&any) = self.held.last() {
            let count = self.model.count();
            prop_assert_eq!((add_ref(any), release(any)), (count + 1, count));
        }
        prop_assert_eq!(self.payload.drops(), usize::from(self.ended()));
        prop_assert_eq!(
            self.outer.drops(),
            usize::from(self.ended() && self.model.inner)
        );
        prop_assert_eq!(self.recorder.calls(), self.model.calls.clone());
        Ok(())
    }

    fn query(&mut self, through: *mut IUnknown, iid: Iid) -> Checked {
        let mut out = garbage();
        // SAFETY: `through` is held, so it is alive. The IID and the out parameter are valid.
        let code = unsafe { (vtbl(through).QueryInterface)(through, &iid.guid(), &mut out) };
        if !self.model.offers(iid) {
            prop_assert_eq!((code, out.is_null()), (HRESULT::E_NOINTERFACE, true));
            return Ok(());
        }
        self.found(iid, code, out.cast())
    }

    fn query_own(&mut self, iid: Iid) -> Checked {
        let mut out = garbage();
        // SAFETY: the outer is alive and keeps the inner alive. The IID and the out parameter are
        // valid.
        let code = unsafe { (vtbl(self.own).QueryInterface)(self.own, &iid.guid(), &mut out) };
        match iid {
            Iid::Unknown => {
                self.model.own += 1;
                prop_assert_eq!((code, out.cast()), (HRESULT::S_OK, self.own));
            }
            Iid::Sync | Iid::Callback => self.found(iid, code, out.cast())?,
            Iid::Outer | Iid::Unlisted => {
                prop_assert_eq!((code, out.is_null()), (HRESULT::E_NOINTERFACE, true));
            }
        }
        Ok(())
    }

    /// Checks a successful query, whose pointer must always be the same, and keeps its reference.
    fn found(&mut self, iid: Iid, code: HRESULT, out: *mut IUnknown) -> Checked {
        prop_assert_eq!(code, HRESULT::S_OK);
        let known = self.model.addresses.iter().find(|(known, _)| *known == iid);
        match known {
            Some((_, address)) => prop_assert_eq!(out.addr(), *address),
            None => self.model.addresses.push((iid, out.addr())),
        }
        self.held.push(out);
        self.model.held.push(iid);
        Ok(())
    }

    /// Starts a run through the first held pointer to `IMAPISync`, if there is one.
    fn start(&mut self, callback: Option<At>) -> Checked {
        let Some(sync) = self.model.held.iter().position(|iid| *iid == Iid::Sync) else {
            return Ok(());
        };
        let sync: *mut IMAPISync = self.held[sync].cast();
        let lent = callback.map(|at| self.held[at % self.held.len()]);
        let mut event_handle = garbage();
        let mut request = request(lent.unwrap_or(ptr::null_mut()), &mut event_handle);
        // SAFETY: `sync` is held, so it is alive. The request is valid for the call.
        let code = unsafe { ((*(*sync).lpVtbl).SynchronizeInBackground)(sync, &mut request) };
        prop_assert_eq!((code, event_handle.is_null()), (HRESULT::S_OK, false));
        self.event_handles.push(event_handle);
        self.model.runs.push(lent.is_some());
        Ok(())
    }

    fn end(&mut self, run: At, status: HRESULT, end: fn(SyncJob)) -> Checked {
        if self.model.runs.is_empty() || !self.model.may_release() {
            return Ok(());
        }
        let run = run % self.model.runs.len();
        let job = self.jobs.lock().unwrap().swap_remove(run);
        self.expect_call(run, Call::Done(status));
        end(job);
        // Without a callback the caller still has the open event, which is signaled. Otherwise
        // `Done` handed the event to the callback, which closed it.
        let (holds, event_handle) = (
            self.model.runs.swap_remove(run),
            self.event_handles.swap_remove(run),
        );
        let signaled = event(event_handle).map(|event| event.is_signaled());
        prop_assert_eq!(signaled, (!holds).then_some(true));
        Ok(())
    }

    fn expect_call(&mut self, run: At, call: Call) {
        if self.model.runs[run] {
            self.model.calls.push(call);
        }
    }
}

fn vtbl(pointer: *mut IUnknown) -> IUnknownVtbl {
    // SAFETY: every caller passes a held pointer, whose object is alive. Every interface begins
    // with the vtable slots of `IUnknown`.
    unsafe { *(*pointer).lpVtbl }
}

fn add_ref(pointer: *mut IUnknown) -> u32 {
    // SAFETY: every caller passes a held pointer, whose object is alive.
    unsafe { (vtbl(pointer).AddRef)(pointer) }
}

fn release(pointer: *mut IUnknown) -> u32 {
    // SAFETY: every caller passes a held pointer, whose object is alive, and does not use this
    // reference again.
    unsafe { (vtbl(pointer).Release)(pointer) }
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn the_counts_and_results_of_an_object_are_those_of_the_model(
        inner: bool,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let _alone = crate::alone();
        let mut machine = Machine::new(inner);
        machine.check()?;
        // At the end every reference is released, those to the inner's own `IUnknown` first.
        let rest = [Step::OwnRelease, Step::Finish(0), Step::Release(0)];
        for step in steps.iter().chain(rest.iter().cycle()) {
            if machine.ended() && machine.model.runs.is_empty() {
                break;
            }
            machine.step(step).map_err(|error| match error {
                TestCaseError::Fail(why) => TestCaseError::fail(format!("at {step:?}: {why}")),
                reject => reject,
            })?;
        }
    }
}
