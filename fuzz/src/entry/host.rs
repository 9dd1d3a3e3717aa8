//! This crate's host with a foreign store that breaks the rules. The store calls `Done` twice,
//! early, late or never, with a wrong handle or none, and calls the callback before, during and
//! after its return.

use super::checked_recorder::{CheckedRecorder, Event, sent};
use super::foreign_store::{Script, foreign_store};
use super::program::{Foreign, RawHandle, Step};
use super::raw::{event, invalid_handle};
use super::store::Gate;
use super::world::{World, check_kept_events};
use mapisync::abi::{HANDLE, IMAPISyncProgressCallback, MAPISIB};
use mapisync::testing::Call;
use mapisync::{ComPtr, DoneEvent, Error, HRESULT, SyncFlags, SyncHost, SyncRun};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The store's side of a run.
struct Run {
    callback: ComPtr<IMAPISyncProgressCallback>,
    location: Location,
    recorder: Arc<CheckedRecorder>,
    /// The event in the event handle location, while the store owns it.
    own: Option<DoneEvent>,
    number: usize,
    signal: Option<UnixStream>,
    /// The signals of other events that `Done` handed over.
    signals: Vec<UnixStream>,
    /// The status of the first `Done`.
    done: Option<HRESULT>,
    /// Whether the first `Done` handed over an event.
    first_had_event: bool,
    /// Whether any `Done` handed over an event, which the host closes.
    handed_over: bool,
}

/// The host's event handle location, which is valid while a reference to the run's callback exists.
struct Location(*mut HANDLE);

// SAFETY: only the store uses the location after the call, on one thread at a time.
unsafe impl Send for Location {}

impl Run {
    fn step(&mut self, step: &Step, late: bool) {
        match step {
            Step::Progress(step, index, max) => {
                let step = step.build();
                let expected = self
                    .recorder
                    .expect(Call::progress(sent(&step), *index, *max));
                assert_eq!(self.callback.progress(Some(&step), *index, *max), expected);
            }
            Step::Error(code, message) => {
                let (code, message) = (code.hresult(), message.build());
                let expected = self.recorder.expect(Call::error(code, sent(&message)));
                assert_eq!(self.callback.error(code, &message), expected);
            }
            Step::Done(number, status) => self.done(*number, status.hresult()),
            Step::Signal => self.signal = None,
            Step::OverwriteHandle(number) if late => {
                // SAFETY: `self.callback` keeps the location valid. The host reads it only during
                // the call, which has returned.
                unsafe {
                    self.location
                        .0
                        .write(invalid_handle(RawHandle::Far(*number)))
                };
            }
            Step::OverwriteHandle(_) => {}
        }
    }

    fn done(&mut self, number: RawHandle, status: HRESULT) {
        let (mut handle, mut arrives) = (invalid_handle(number), Event::None);
        let mut given = None;
        match number {
            RawHandle::Event => {
                let (event, signal) = event();
                self.signals.push(signal);
                (handle, arrives) = (event.as_raw(), Event::Unsignaled);
                given = Some(event);
            }
            RawHandle::Stored => {
                handle = ptr::without_provenance_mut(self.number);
                given = self.own.take();
                if given.is_some() {
                    let signaled = self.signal.is_none();
                    arrives = if signaled {
                        Event::Signaled
                    } else {
                        Event::Unsignaled
                    };
                }
            }
            _ => {}
        }
        let first = self.done.is_none();
        // A later `Done` hands over the run's handle if no earlier one handed over any.
        let late = !self.handed_over;
        let taken = given.is_some() && (first || late && matches!(number, RawHandle::Stored));
        self.handed_over |= taken;
        if first {
            self.first_had_event = taken;
        }
        let expected = if first {
            self.done = Some(status);
            self.recorder.expect_done(status, arrives)
        } else {
            HRESULT::E_UNEXPECTED
        };
        // SAFETY: `self.callback` is alive. If the host takes the handle, `into_raw` below gives up
        // this function's ownership; otherwise the host does not use the handle.
        let code =
            unsafe { ((*self.callback.vtbl()).Done)(self.callback.as_raw(), handle, status) };
        assert_eq!(code, expected);
        match given {
            Some(event) if taken => {
                let _theirs = event.into_raw();
            }
            // The store keeps the event.
            Some(event) if matches!(number, RawHandle::Stored) => self.own = Some(event),
            _ => {}
        }
    }
}

/// The results of the store's method.
#[derive(Default)]
struct Called {
    run: Option<Run>,
    thread: Option<JoinHandle<Run>>,
    /// Whether `Done` came before the method returned. The event in the location is then not the
    /// run's.
    done: bool,
}

pub fn host(world: &World, plan: &Foreign) {
    let recorder = CheckedRecorder::new(&plan.callback, false, &world.script.captures);
    let (gate, called) = (Arc::<Gate>::default(), Arc::<Mutex<Called>>::default());
    let session = if plan.session {
        world.session.session()
    } else {
        ptr::null_mut()
    };
    let script = script(plan, session.addr(), &recorder, &gate, &called);
    let sync = foreign_store(script, &world.alive);
    let mut host = SyncHost::new(recorder.clone());
    if plan.session {
        // SAFETY: `world` keeps the session alive. The crate calls only its `IUnknown` methods,
        // which it has.
        let session = unsafe { ComPtr::from_raw_borrowed(session) };
        host = host.session(session.expect("it is not NULL"));
    }
    let started = host.start(&sync, SyncFlags::from_bits_retain(plan.flags));
    drop((host, sync));
    gate.open(false);
    let Called { run, thread, done } = std::mem::take(&mut *called.lock().unwrap());
    let free = plan.free && thread.is_some();
    let run = match thread {
        Some(thread) => thread.join().expect("it does not panic"),
        None => run.expect("the store was called"),
    };
    match started {
        Ok(started) => {
            assert!(plan.code.hresult().is_ok());
            if !free {
                let stored = matches!(plan.location, RawHandle::Event | RawHandle::Stored) && !done;
                assert_eq!(started.event().is_some(), stored || run.first_had_event);
            }
            check_run(&started, &run);
        }
        Err(Error::Refused { code, .. }) => {
            assert!(code.is_err());
            assert_eq!(code, plan.code.hresult());
        }
        Err(error) => panic!("{error}"),
    }
    drop(run);
    recorder.check();
    check_kept_events(&recorder);
    assert_eq!(
        Arc::strong_count(&recorder),
        1,
        "the run's callback is gone"
    );
}

/// Checks the run against the store's side. The host must wait for `Done`, and for the event if
/// there is one.
fn check_run(started: &SyncRun, run: &Run) {
    assert_eq!(started.status(), run.done);
    let waiting = started.event().is_some_and(|event| !event.is_signaled());
    let waited = started.wait(Duration::ZERO);
    match (run.done, waiting) {
        (Some(status), false) => assert_eq!(waited.unwrap(), status),
        _ => assert!(matches!(waited, Err(Error::Timeout { .. }))),
    }
    let own = run.own.as_ref().map(DoneEvent::is_signaled);
    assert!(
        own.is_none_or(|signaled| signaled == run.signal.is_none()),
        "it is still open"
    );
}

/// Returns the store's method.
fn script(
    plan: &Foreign,
    session: usize,
    recorder: &Arc<CheckedRecorder>,
    gate: &Arc<Gate>,
    called: &Arc<Mutex<Called>>,
) -> Script {
    let (in_call, later) = (plan.in_call.clone(), plan.later.clone());
    let (code, flags, number, free) = (plan.code.hresult(), plan.flags, plan.location, plan.free);
    let (recorder, gate, called) = (recorder.clone(), gate.clone(), called.clone());
    Box::new(move |psibpb| {
        // SAFETY: the host guarantees that the structure and its pointers are valid for the call.
        let (request, callback) = unsafe {
            let request: MAPISIB = *psibpb;
            (request, ComPtr::from_raw_borrowed(request.punkCallBack))
        };
        assert_eq!(request.ulSize as usize, size_of::<MAPISIB>());
        assert_eq!((request.ulFlags, request.psesSync.addr()), (flags, session));
        let (mut own, mut signal, mut handle) = (None, None, invalid_handle(number));
        if let RawHandle::Event | RawHandle::Stored = number {
            let (event, event_signal) = event();
            handle = event.as_raw();
            (own, signal) = (Some(event), Some(event_signal));
        }
        // SAFETY: the host guarantees that the event handle location is valid for the call.
        unsafe {
            assert!((*request.phSyncDoneEvent).is_null());
            *request.phSyncDoneEvent = handle;
        }
        let mut run = Run {
            callback: callback
                .and_then(|callback| callback.cast().ok())
                .expect("our callback"),
            location: Location(request.phSyncDoneEvent),
            recorder: recorder.clone(),
            own,
            number: handle.addr(),
            signal,
            signals: vec![],
            done: None,
            first_had_event: false,
            handed_over: false,
        };
        in_call.iter().for_each(|step| run.step(step, false));
        let mut called = called.lock().unwrap();
        called.done = run.done.is_some();
        if later.is_empty() {
            called.run = Some(run);
        } else {
            let (later, gate) = (later.clone(), gate.clone());
            called.thread = Some(thread::spawn(move || {
                let mut run = run;
                if !free {
                    gate.wait();
                }
                later.iter().for_each(|step| run.step(step, !free));
                run
            }));
        }
        code
    })
}
