//! `SyncHost` with a foreign store that follows no rules. The store calls `Done` twice, early, late
//! or never, with a wrong handle or none, and calls the callback before and after its return.

use super::callback::{CheckedRecorder, Event};
use super::program::{CallbackCall, ForeignStore, RawHandle, Step};
use super::raw::{Receiver, make};
use super::world::World;
use mapisync::abi::{HANDLE, IMAPISyncProgressCallback, MAPISIB};
use mapisync::testing::reference_count;
use mapisync::{ComPtr, DoneEvent, Error, HRESULT, SyncFlags, SyncJob, SyncRun};
use std::ptr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use test_support::{HostRequest, TIMEOUT, callback_of, event_pair, foreign_sync};

/// The store's side of a run, and the expected state of the host's side.
struct Run {
    callback: ComPtr<IMAPISyncProgressCallback>,
    location: Location,
    recorder: Arc<CheckedRecorder>,
    /// Whether the user's callback keeps the event that `Done` hands over.
    keeps_event: bool,
    /// The handle that the store wrote to the event handle location.
    stored: RawHandle,
    /// The handles of the store's two events, and the jobs that signal them when dropped.
    numbers: [usize; 2],
    signals: [Option<SyncJob>; 2],
    /// The handles that `Done` handed over.
    taken: [bool; 2],
    /// The status of the first `Done`.
    done: Option<HRESULT>,
    /// The run's event.
    event: Option<usize>,
}

/// The host's event handle location, which is valid while a reference to the run's callback exists.
struct Location(*mut HANDLE);

// SAFETY: only the store uses the location after the call, on one thread at a time.
unsafe impl Send for Location {}

impl Run {
    fn new(psibpb: HostRequest<'_>, plan: &ForeignStore, recorder: Arc<CheckedRecorder>) -> Run {
        let ((first, signal), (second, other_signal)) = (event_pair(), event_pair());
        let numbers = [first, second].map(|event| event.into_raw().addr());
        let location = psibpb.phSyncDoneEvent;
        // SAFETY: the host guarantees that the event handle location is valid for the call.
        unsafe {
            assert!((*location).is_null());
            location.write(plan.stored.handle(numbers));
        }
        Run {
            callback: callback_of(psibpb),
            location: Location(location),
            recorder,
            keeps_event: plan.callback.keeps_event,
            stored: plan.stored,
            numbers,
            signals: [Some(signal), Some(other_signal)],
            taken: [false; 2],
            done: None,
            event: None,
        }
    }

    fn step(&mut self, step: &Step, after_return: bool) {
        match step {
            Step::Call(call) => self.call(call),
            Step::Signal(second) => self.signals[usize::from(*second)] = None,
            Step::OverwriteHandle(number) if after_return => {
                let handle = RawHandle::Far(*number).handle(self.numbers);
                // SAFETY: `self.callback` keeps the location valid. The host reads it only during
                // the call, which has returned.
                unsafe { self.location.0.write(handle) };
            }
            Step::OverwriteHandle(_) => {}
        }
    }

    /// Calls the callback, and checks the code and the handles.
    fn call(&mut self, call: &CallbackCall) {
        let (mut handle, mut arrives, mut refused) = (ptr::null_mut(), Event::None, false);
        let mut taken = None;
        if let CallbackCall::Done(number, status) = call {
            handle = number.handle(self.numbers);
            refused = self.done.is_some();
            taken = number.index().filter(|_| {
                // A later `Done` hands over the run's own handle if no earlier one handed over any.
                !refused || (*number == self.stored && self.taken == [false; 2])
            });
            self.done = self.done.or(Some(status.hresult()));
        }
        if let Some(index) = taken {
            self.taken[index] = true;
            if !refused {
                self.event = self.event.or(Some(index));
                arrives = match self.signals[index] {
                    Some(_) => Event::Unsignaled,
                    None => Event::Signaled,
                };
            }
        }
        // SAFETY: all calls of `Done` together take the ownership of at most one handle, which is
        // open then.
        let (call, code) = unsafe { make(call, &Receiver::Object(&self.callback), handle) };
        let expected =
            if refused { HRESULT::E_UNEXPECTED } else { self.recorder.expect(call, arrives) };
        assert_eq!(code, expected);
        if let Some(index) = taken.filter(|_| refused || !self.keeps_event) {
            // A new handle may soon get the number.
            assert!(!is_open(self.numbers[index]), "the host closes the handle");
        }
    }

    /// Checks the host's side of the run. It must wait for `Done`, and for the event if there is
    /// one.
    fn check(&self, run: &SyncRun) {
        assert_eq!(run.status(), self.done);
        let signaled = self.event.map(|index| self.signals[index].is_none());
        assert_eq!(run.event().map(DoneEvent::is_signaled), signaled);
        let done = self.done.filter(|_| signaled != Some(false));
        match run.wait(if done.is_some() { TIMEOUT } else { Duration::ZERO }) {
            Ok(status) => assert_eq!(Some(status), done),
            Err(Error::Timeout { .. }) => assert_eq!(done, None),
            Err(error) => panic!("{error}"),
        }
    }

    /// Closes the handles that the store still owns. Each must still be the same event.
    fn end(self) {
        let handles = self.numbers.into_iter().zip(self.signals).zip(self.taken);
        for ((number, signal), _) in handles.filter(|(_, taken)| !taken) {
            let handle = ptr::without_provenance_mut(number);
            // SAFETY: the store has not passed this handle on, so it owns it.
            let event = unsafe { test_support::event(handle) }.expect("the handle is open");
            assert_eq!(event.is_signaled(), signal.is_none());
            drop(signal);
            assert!(event.is_signaled(), "the handle belongs to another object");
        }
    }
}

/// Returns whether a handle is open. Its owner keeps it.
fn is_open(number: usize) -> bool {
    // SAFETY: `into_raw` gives the handle back to its owner.
    let event = unsafe { test_support::event(ptr::without_provenance_mut(number)) };
    event.map(DoneEvent::into_raw).is_some()
}

pub fn run(world: &World, plan: &ForeignStore) {
    let recorder = CheckedRecorder::new(&plan.callback, false, &world.captures);
    let run = Arc::<Mutex<Option<Run>>>::default();
    let session = if plan.session { world.session().addr() } else { 0 };
    let (kept, played, heard) = (run.clone(), plan.clone(), recorder.clone());
    let sync = foreign_sync(move |psibpb| {
        let request = *psibpb;
        let values = (request.ulSize as usize, request.ulFlags, request.psesSync.addr());
        assert_eq!(values, (size_of::<MAPISIB>(), played.flags, session));
        let mut run = Run::new(psibpb, &played, heard.clone());
        played.in_call.iter().for_each(|step| run.step(step, false));
        if run.done.is_none() {
            run.event = run.stored.index();
        }
        *kept.lock().unwrap() = Some(run);
        played.code.hresult()
    });
    let host = world.host(&recorder, plan.session);
    let mut started = match host.start(&sync, SyncFlags::from_bits_retain(plan.flags)) {
        Ok(started) => Some(started),
        Err(Error::Refused { code, .. }) => {
            assert_eq!(code, plan.code.hresult());
            None
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(started.is_some(), plan.code.hresult().is_ok());
    let run = run.lock().unwrap().take();
    let mut run = run.expect("the store was called");
    started.iter().for_each(|started| run.check(started));
    started = started.filter(|_| !plan.drops_run);
    for step in &plan.later {
        run.step(step, true);
        started.iter().for_each(|started| run.check(started));
    }
    drop((started, host));
    assert_eq!(reference_count(&run.callback), 1, "the run's callback");
    assert_eq!(reference_count(&sync), 1, "the store");
    drop(sync);
    run.end();
    recorder.check();
    assert_eq!(Arc::strong_count(&recorder), 1, "the callback is gone");
}
