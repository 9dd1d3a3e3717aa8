//! Our host under a foreign store that breaks the rules: Done twice, early, late or never, with another's handle or with
//! none, and calls of the callback before, after and beside the answer.

use super::ear::{Ear, Event, Heard, sent};
use super::foreign_store::{Script, foreign_store};
use super::program::{Foreign, Number, Step};
use super::raw::{event, no_handle};
use super::store::Gate;
use super::world::{World, drain};
use mapisync::abi::{HANDLE, IMAPISyncProgressCallback, MAPISIB};
use mapisync::{ComPtr, DoneEvent, Error, HRESULT, SyncFlags, SyncHost, SyncRun};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What the store has of a run.
struct Run {
    callback: ComPtr<IMAPISyncProgressCallback>,
    slot: Slot,
    ear: Arc<Ear>,
    /// The event in the slot, for as long as it is the store's.
    own: Option<DoneEvent>,
    number: usize,
    signal: Option<UnixStream>,
    /// Of events that Done has been given besides.
    signals: Vec<UnixStream>,
    /// The status of the first Done.
    done: Option<HRESULT>,
    /// Whether the first Done handed over an event.
    first_had_event: bool,
    /// Whether any Done has handed over an event, which the host closes.
    handed_over: bool,
}

/// The host's slot, which lives as long as somebody has a reference to the run's callback.
struct Slot(*mut HANDLE);

// SAFETY: the store is the only one who uses it, on one thread after the other.
unsafe impl Send for Slot {}

impl Run {
    fn step(&mut self, step: &Step, late: bool) {
        match step {
            Step::Progress(text, index, max) => {
                let text = text.text();
                let expected = self
                    .ear
                    .expect(Heard::Progress(Some(sent(&text)), *index, *max));
                assert_eq!(self.callback.progress(Some(&text), *index, *max), expected);
            }
            Step::Error(code, text) => {
                let (code, text) = (code.hresult(), text.text());
                let expected = self.ear.expect(Heard::Error(code.0, Some(sent(&text))));
                assert_eq!(self.callback.error(code, &text), expected);
            }
            Step::Done(number, status) => self.done(*number, status.hresult()),
            Step::Signal => self.signal = None,
            Step::WriteSlot(number) if late => {
                // SAFETY: the slot lives as long as the callback, and the host has read it.
                unsafe { self.slot.0.write(no_handle(Number::Far(*number))) };
            }
            Step::WriteSlot(_) => {}
        }
    }

    fn done(&mut self, number: Number, status: HRESULT) {
        let (mut handle, mut arrives) = (no_handle(number), Event::None);
        let mut given = None;
        match number {
            Number::Event => {
                let (event, signal) = event();
                self.signals.push(signal);
                (handle, arrives) = (event.as_raw(), Event::Waiting);
                given = Some(event);
            }
            Number::Slots => {
                handle = ptr::without_provenance_mut(self.number);
                given = self.own.take();
                if given.is_some() {
                    let occurred = self.signal.is_none();
                    arrives = if occurred {
                        Event::Occurred
                    } else {
                        Event::Waiting
                    };
                }
            }
            _ => {}
        }
        let first = self.done.is_none();
        // A later Done hands over the run's handle if no other has handed over one.
        let late = !self.handed_over;
        let taken = given.is_some() && (first || late && matches!(number, Number::Slots));
        self.handed_over |= taken;
        if first {
            self.first_had_event = taken;
        }
        let expected = if first {
            self.done = Some(status);
            self.ear.expect(Heard::Done(status.0, arrives))
        } else {
            HRESULT::E_UNEXPECTED
        };
        // SAFETY: a live callback. The handle is handed over, or the host leaves it alone.
        let answer =
            unsafe { ((*self.callback.vtbl()).Done)(self.callback.as_raw(), handle, status) };
        assert_eq!(answer, expected);
        match given {
            Some(event) if taken => {
                let _theirs = event.into_raw();
            }
            // It stays the store's.
            Some(event) if matches!(number, Number::Slots) => self.own = Some(event),
            _ => {}
        }
    }
}

/// What comes back of the call.
#[derive(Default)]
struct Called {
    run: Option<Run>,
    thread: Option<JoinHandle<Run>>,
    /// Whether Done had come by the time the store returned, so that the event in the slot is not the run's.
    done: bool,
}

pub fn host(world: &World, plan: &Foreign) {
    let ear = Ear::new(&plan.ear, false, &world.stage.captures);
    let (gate, called) = (Arc::<Gate>::default(), Arc::<Mutex<Called>>::default());
    let session = if plan.session {
        world.session.session()
    } else {
        ptr::null_mut()
    };
    let script = script(plan, session.addr(), &ear, &gate, &called);
    let sync = foreign_store(script, &world.alive);
    let mut host = SyncHost::new(ear.clone());
    if plan.session {
        // SAFETY: a live object, whose IUnknown is all that is used of it.
        host = host.session(unsafe { ComPtr::from_raw_borrowed(session) }.expect("it is there"));
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
            assert!(plan.answer.hresult().is_ok());
            if !free {
                let in_slot = matches!(plan.slot, Number::Event | Number::Slots) && !done;
                assert_eq!(started.event().is_some(), in_slot || run.first_had_event);
            }
            outcome(&started, &run);
        }
        Err(Error::Refused { code }) => {
            assert!(code.is_err());
            assert_eq!(code, plan.answer.hresult());
        }
        Err(error) => panic!("{error}"),
    }
    drop(run);
    ear.check();
    drain(&ear);
    assert_eq!(Arc::strong_count(&ear), 1, "the run's callback is gone");
}

/// What the host makes of it: Done and the event, if there is one, are what it waits for.
fn outcome(started: &SyncRun, run: &Run) {
    assert_eq!(started.status(), run.done);
    let waiting = started.event().is_some_and(|event| !event.is_signaled());
    let waited = started.wait(Duration::ZERO);
    match (run.done, waiting) {
        (Some(status), false) => assert_eq!(waited.unwrap(), status),
        _ => assert!(matches!(waited, Err(Error::Timeout { .. }))),
    }
    let own = run.own.as_ref().map(DoneEvent::is_signaled);
    assert!(
        own.is_none_or(|occurred| occurred == run.signal.is_none()),
        "it is still open"
    );
}

/// The store's method.
fn script(
    plan: &Foreign,
    session: usize,
    ear: &Arc<Ear>,
    gate: &Arc<Gate>,
    called: &Arc<Mutex<Called>>,
) -> Script {
    let (in_call, later) = (plan.in_call.clone(), plan.later.clone());
    let (answer, flags, number, free) = (plan.answer.hresult(), plan.flags, plan.slot, plan.free);
    let (ear, gate, called) = (ear.clone(), gate.clone(), called.clone());
    Box::new(move |psibpb| {
        // SAFETY: the host's structure and what it points to, alive for the call.
        let (request, callback) = unsafe {
            let request: MAPISIB = *psibpb;
            (request, ComPtr::from_raw_borrowed(request.punkCallBack))
        };
        assert_eq!(request.ulSize as usize, size_of::<MAPISIB>());
        assert_eq!((request.ulFlags, request.psesSync.addr()), (flags, session));
        let (mut own, mut signal, mut handle) = (None, None, no_handle(number));
        if let Number::Event | Number::Slots = number {
            let (event, occur) = event();
            handle = event.as_raw();
            (own, signal) = (Some(event), Some(occur));
        }
        // SAFETY: the host's slot.
        unsafe {
            assert!((*request.phSyncDoneEvent).is_null());
            *request.phSyncDoneEvent = handle;
        }
        let mut run = Run {
            callback: callback
                .and_then(|callback| callback.cast().ok())
                .expect("our callback"),
            slot: Slot(request.phSyncDoneEvent),
            ear: ear.clone(),
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
        answer
    })
}
