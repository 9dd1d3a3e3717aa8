//! Calls of `SynchronizeInBackground`: through the vtable, by `dispatch`, or by this crate's host.

use super::checked_recorder::{CheckedRecorder, Event, with_event};
use super::foreign::Foreign;
use super::kept::{HostSide, KeptJob, close};
use super::program::{Callback, CallbackPlan, EntryPoint, SyncCall};
use super::request::Request;
use super::store::{Gate, Plan};
use super::work::Outcome;
use super::world::{AGGREGATE, BOTH, LISTENER, STORE, World, check_kept_events};
use crate::panic_hook;
use crate::process::TIMEOUT;
use mapisync::abi::{HANDLE, IMAPISync, IUnknown};
use mapisync::testing::{Call, Method};
use mapisync::{ComPtr, DoneEvent, Error, HRESULT, SyncFlags, SyncHost, SyncRun, provider};
use std::ptr;
use std::sync::Arc;

/// The callback of the run, in each of its forms.
struct CallbackArgument {
    recorder: Option<Arc<CheckedRecorder>>,
    object: Option<usize>,
    foreign: Option<Foreign>,
    pointer: *mut IUnknown,
}

/// The results of the call.
struct Called {
    code: HRESULT,
    handle: Option<HANDLE>,
    run: Option<SyncRun>,
}

pub fn call(world: &mut World, call: &SyncCall) {
    let sync = store(world, &call.entry_point);
    let hosted = matches!(call.entry_point, EntryPoint::Host) && sync.is_some();
    let callback = callback_argument(world, &call.callback, hosted);
    let refusal = call.callback.refusal().filter(|_| !hosted);
    let refused_early = call.early_refusal().filter(|_| !hosted);
    let mark = callback
        .recorder
        .as_ref()
        .map_or(0, |recorder| recorder.mark());
    let gate = Arc::<Gate>::default();
    let session = if call.session {
        world.session.session()
    } else {
        ptr::null_mut()
    };
    world.script.prepare(Plan {
        method: call.method.clone(),
        flags: call.flags,
        session: session.addr(),
        callback: (!hosted).then_some(callback.pointer.addr()),
        recorder: callback.recorder.clone(),
        gate: gate.clone(),
    });

    let called = match (&sync, &callback.recorder) {
        (Some(sync), Some(recorder)) if hosted => by_host(world, call, sync, recorder),
        _ => {
            let request = Request::new(call, session, callback.pointer);
            // SAFETY: the request is NULL or readable for `ulSize` bytes, but at most for those of
            // `MAPISIB` and 8 more. Its pointers are NULL or valid, at any alignment, and its
            // objects are free-threaded.
            let code = unsafe {
                match &sync {
                    Some(sync) => sync.synchronize_in_background(request.psibpb()),
                    None => provider::dispatch(&world.scripted(), request.psibpb()),
                }
            };
            Called {
                code,
                handle: request.event_handle(refused_early.is_some()),
                run: None,
            }
        }
    };

    let predicted = refused_early.map_or_else(|| call.method.result(refusal), Err);
    assert_eq!(called.code, predicted.err().unwrap_or(HRESULT::S_OK));
    let record = world.script.take_record();
    assert_eq!(record.called, refused_early.is_none());
    let failure = call.method.failure();
    if let Some(handle) = record.handle.as_ref().filter(|_| call.method.cancels()) {
        handle.cancel();
    }
    gate.open(failure.is_some() || call.method.cancels());
    if predicted.is_err() {
        assert!(called.handle.is_none_or(|handle| handle.is_null()) && called.run.is_none());
        if let Some(recorder) = &callback.recorder {
            recorder.check();
        }
        assert!(callback.foreign.is_none_or(|foreign| foreign.count() == 1));
        return;
    }
    assert!(called.run.is_some() || called.handle.is_some_and(|handle| !handle.is_null()));
    if let Some((job, mut model)) = record.kept {
        model.canceled = failure.is_some();
        let state = HostSide {
            failure,
            object: callback.object,
            foreign: callback.foreign,
            handle: called.handle,
            run: called.run,
        };
        state.check_running();
        world.kept.push(KeptJob { job, model, state });
        return;
    }

    match &callback.recorder {
        Some(recorder) => recorder.wait_for_done(mark),
        // SAFETY: without a callback the caller owns the handle.
        None => close(unsafe { DoneEvent::from_raw(called.handle.unwrap_or_default()) }),
    }
    for thread in record.threads {
        panic_hook::join(thread);
    }
    let status = record
        .handle
        .map(|handle| handle.join().expect("it is another thread"));
    let own = world.script.take_record().outcome.or(record.outcome);
    let outcomes = call.method.outcomes(own);
    let is_one = |code: HRESULT| outcomes.iter().any(|outcome| outcome.code == code);
    assert!(status.is_none_or(is_one));
    if let Some(recorder) = &callback.recorder {
        let code = ended(
            recorder,
            mark,
            &outcomes,
            call.method.is_exact() && !call.method.is_shared(),
        );
        if let Some(run) = called.run {
            assert_eq!(run.wait(TIMEOUT).unwrap(), code);
        }
        check_kept_events(recorder);
    }
    world.wait_for_threads();
    assert!(callback.foreign.is_none_or(|foreign| foreign.count() == 1));
}

/// Checks that the run ended with one of the possible outcomes, and returns its status.
fn ended(recorder: &CheckedRecorder, mark: usize, outcomes: &[Outcome], exact: bool) -> HRESULT {
    if let ([outcome], true) = (outcomes, exact) {
        outcome.expect_on(recorder);
        recorder.check();
        return outcome.code;
    }
    let calls = recorder.accept_since(mark);
    let dones = calls.iter().filter(|call| call.method() == Method::Done);
    assert_eq!(dones.count(), 1, "exactly one Done");
    let last = calls.last().map(with_event);
    let done = |outcome: &&Outcome| Some((Call::done(outcome.code), Event::Unsignaled)) == last;
    let outcome = outcomes.iter().find(done);
    outcome
        .expect("Done is the last call, and with one of the possible outcomes")
        .code
}

/// Returns the store of the entry point, unless that is `dispatch` or the object is freed.
fn store(world: &World, entry_point: &EntryPoint) -> Option<ComPtr<IMAPISync>> {
    let number = match entry_point {
        EntryPoint::Object(number) => [STORE, BOTH, AGGREGATE][usize::from(*number) % 3],
        EntryPoint::Host => STORE,
        EntryPoint::Dispatch => return None,
    };
    world.objects[number].cast()
}

fn callback_argument(world: &World, plan: &Callback, hosted: bool) -> CallbackArgument {
    let mut callback = CallbackArgument {
        recorder: None,
        object: None,
        foreign: None,
        pointer: ptr::null_mut(),
    };
    match plan {
        Callback::Object { object, through } => {
            let number = [LISTENER, BOTH, AGGREGATE][usize::from(*object) % 3];
            if let Some(pointer) = world.objects[number].through(*through) {
                callback.pointer = pointer.as_raw();
                callback.recorder = world.objects[number].recorder.clone();
                callback.object = Some(number).filter(|_| !hosted);
            }
        }
        Callback::Foreign {
            query,
            callback: plan,
        } => {
            let recorder = CheckedRecorder::new(plan, !hosted, &world.script.captures);
            if !hosted {
                let foreign = Foreign::new(*query, &recorder, &world.alive);
                callback.pointer = foreign.unknown();
                callback.foreign = Some(foreign);
            }
            callback.recorder = Some(recorder);
        }
        Callback::Null => {}
    }
    if hosted {
        let silent = CallbackPlan {
            returns: vec![],
            keeps_event: false,
        };
        let silent = || CheckedRecorder::new(&silent, false, &world.script.captures);
        callback.recorder = Some(callback.recorder.unwrap_or_else(silent));
    }
    callback
}

fn by_host(
    world: &World,
    call: &SyncCall,
    sync: &ComPtr<IMAPISync>,
    recorder: &Arc<CheckedRecorder>,
) -> Called {
    let mut host = SyncHost::new(recorder.clone());
    if call.session {
        // SAFETY: `world` keeps the session alive. The crate calls only its `IUnknown` methods,
        // which it has.
        let session = unsafe { ComPtr::from_raw_borrowed(world.session.session()) };
        host = host.session(session.expect("it is there"));
    }
    match host.start(sync, SyncFlags::from_bits_retain(call.flags)) {
        Ok(run) => Called {
            code: HRESULT::S_OK,
            handle: None,
            run: Some(run),
        },
        Err(Error::Refused { code, .. }) => Called {
            code,
            handle: None,
            run: None,
        },
        Err(error) => panic!("{error}"),
    }
}
