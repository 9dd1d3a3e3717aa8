//! SynchronizeInBackground, by the vtable, by `dispatch`, or by our own host.

use super::ear::{Ear, Heard};
use super::foreign::Foreign;
use super::kept::{Host, Kept, close};
use super::program::{Call, Callback, Door, EarPlan};
use super::request::Request;
use super::store::{Gate, Plan};
use super::work::Ending;
use super::world::{AGGREGATE, BOTH, LISTENER, STORE, World, drain};
use crate::alarm;
use crate::process::LONG;
use mapisync::abi::{HANDLE, IMAPISync, IUnknown};
use mapisync::{ComPtr, DoneEvent, Error, HRESULT, SyncFlags, SyncHost, SyncRun, provider};
use std::ptr;
use std::sync::Arc;

/// Who is to hear of the run.
struct Whom {
    ear: Option<Arc<Ear>>,
    object: Option<usize>,
    foreign: Option<Foreign>,
    pointer: *mut IUnknown,
}

/// What the host has after the call.
struct Called {
    answer: HRESULT,
    handle: Option<HANDLE>,
    run: Option<SyncRun>,
}

pub fn call(world: &mut World, call: &Call) {
    let sync = store(world, &call.door);
    let hosted = matches!(call.door, Door::Host) && sync.is_some();
    let whom = whom(world, &call.callback, hosted);
    let refusal = call.callback.refusal().filter(|_| !hosted);
    let unasked = call.refused_unasked().filter(|_| !hosted);
    let mark = whom.ear.as_ref().map_or(0, |ear| ear.mark());
    let gate = Arc::<Gate>::default();
    let session = if call.session {
        world.session.session()
    } else {
        ptr::null_mut()
    };
    world.stage.prepare(Plan {
        method: call.method.clone(),
        flags: call.flags,
        session: session.addr(),
        callback: (!hosted).then_some(whom.pointer.addr()),
        ear: whom.ear.clone(),
        gate: gate.clone(),
    });

    let called = match (&sync, &whom.ear) {
        (Some(sync), Some(ear)) if hosted => by_host(world, call, sync, ear),
        _ => {
            let request = Request::new(call, session, whom.pointer);
            // SAFETY: NULL, or a structure that is readable for its `ulSize` or, if that is more, longer than ours; its
            // pointers are NULL or valid, at any address, and its objects free-threaded.
            let answer = unsafe {
                match &sync {
                    Some(sync) => sync.synchronize_in_background(request.psibpb()),
                    None => provider::dispatch(&world.scripted(), request.psibpb()),
                }
            };
            Called {
                answer,
                handle: request.slot(unasked.is_some()),
                run: None,
            }
        }
    };

    let predicted = unasked.map_or_else(|| call.method.answer(refusal), Err);
    assert_eq!(called.answer, predicted.err().unwrap_or(HRESULT::S_OK));
    let played = world.stage.outcome();
    assert_eq!(played.called, unasked.is_none());
    let failure = call.method.failure();
    if let Some(handle) = played.handle.as_ref().filter(|_| call.method.cancels()) {
        handle.cancel();
    }
    gate.open(failure.is_some() || call.method.cancels());
    if predicted.is_err() {
        assert!(called.handle.is_none_or(|handle| handle.is_null()) && called.run.is_none());
        if let Some(ear) = &whom.ear {
            ear.check();
        }
        assert!(whom.foreign.is_none_or(|foreign| foreign.count() == 1));
        return;
    }
    assert!(called.run.is_some() || called.handle.is_some_and(|handle| !handle.is_null()));
    if let Some((job, mut model)) = played.kept {
        model.cancelled = failure.is_some();
        let state = Host {
            failure,
            object: whom.object,
            foreign: whom.foreign,
            handle: called.handle,
            run: called.run,
        };
        state.is_under_way();
        world.kept.push(Kept { job, model, state });
        return;
    }

    match &whom.ear {
        Some(ear) => ear.wait_for_done(mark),
        // SAFETY: without a callback the handle is the caller's.
        None => close(unsafe { DoneEvent::from_raw(called.handle.unwrap_or_default()) }),
    }
    for thread in played.threads {
        alarm::join(thread);
    }
    let status = played
        .handle
        .map(|handle| handle.join().expect("it is another thread"));
    let own = world.stage.outcome().ending.or(played.ending);
    let endings = call.method.endings(own);
    let is_one = |code: HRESULT| endings.iter().any(|ending| ending.code == code);
    assert!(status.is_none_or(is_one));
    if let Some(ear) = &whom.ear {
        let code = ended(
            ear,
            mark,
            &endings,
            call.method.is_exact() && !call.method.is_shared(),
        );
        if let Some(run) = called.run {
            assert_eq!(run.wait(LONG).unwrap(), code);
        }
        drain(ear);
    }
    world.settle();
    assert!(whom.foreign.is_none_or(|foreign| foreign.count() == 1));
}

/// Holds the end of a run against what it may be, and answers with the status that Done has brought.
fn ended(ear: &Ear, mark: usize, endings: &[Ending], exact: bool) -> HRESULT {
    if let ([ending], true) = (endings, exact) {
        ending.expect_on(ear);
        ear.check();
        return ending.code;
    }
    let heard = ear.accept_since(mark);
    let dones = heard
        .iter()
        .filter(|(heard, _)| matches!(heard, Heard::Done(..)));
    assert_eq!(dones.count(), 1, "exactly one Done");
    let last = heard.last().map(|(heard, _)| heard);
    let ending = endings.iter().find(|ending| Some(&ending.done()) == last);
    ending
        .expect("Done is the last call, and with one of the possible endings")
        .code
}

/// The store by the door that is wanted, unless that is `dispatch` or the object is gone.
fn store(world: &World, door: &Door) -> Option<ComPtr<IMAPISync>> {
    let number = match door {
        Door::Object(number) => [STORE, BOTH, AGGREGATE][usize::from(*number) % 3],
        Door::Host => STORE,
        Door::Dispatch => return None,
    };
    world.objects[number].cast()
}

fn whom(world: &World, callback: &Callback, hosted: bool) -> Whom {
    let mut whom = Whom {
        ear: None,
        object: None,
        foreign: None,
        pointer: ptr::null_mut(),
    };
    match callback {
        Callback::Object { object, through } => {
            let number = [LISTENER, BOTH, AGGREGATE][usize::from(*object) % 3];
            if let Some(pointer) = world.objects[number].through(*through) {
                whom.pointer = pointer.as_raw();
                whom.ear = world.objects[number].ear.clone();
                whom.object = Some(number).filter(|_| !hosted);
            }
        }
        Callback::Foreign { query, ear } => {
            let ear = Ear::new(ear, !hosted, &world.stage.captures);
            if !hosted {
                let foreign = Foreign::new(*query, ear.clone(), &world.alive);
                whom.pointer = foreign.unknown();
                whom.foreign = Some(foreign);
            }
            whom.ear = Some(ear);
        }
        Callback::Null => {}
    }
    if hosted {
        let plan = EarPlan {
            answers: vec![],
            keeps: false,
        };
        let deaf = || Ear::new(&plan, false, &world.stage.captures);
        whom.ear = Some(whom.ear.unwrap_or_else(deaf));
    }
    whom
}

fn by_host(world: &World, call: &Call, sync: &ComPtr<IMAPISync>, ear: &Arc<Ear>) -> Called {
    let mut host = SyncHost::new(ear.clone());
    if call.session {
        // SAFETY: a live object, whose IUnknown is all that is used of it.
        let session = unsafe { ComPtr::from_raw_borrowed(world.session.session()) };
        host = host.session(session.expect("it is there"));
    }
    match host.start(sync, SyncFlags::from_bits_retain(call.flags)) {
        Ok(run) => Called {
            answer: HRESULT::S_OK,
            handle: None,
            run: Some(run),
        },
        Err(Error::Refused { code }) => Called {
            answer: code,
            handle: None,
            run: None,
        },
        Err(error) => panic!("{error}"),
    }
}
