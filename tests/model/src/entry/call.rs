//! Calls of `SynchronizeInBackground`, through the vtable or by `dispatch`.

use super::callback::CheckedRecorder;
use super::method::{Gate, Plan, Record};
use super::objects::{CALLBACKS, STORES, unknown};
use super::program::{Callback, Path, Start, SyncCall};
use super::request::Request;
use super::run::{HostSide, KeptRun};
use super::world::World;
use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::{ComPtr, HRESULT, provider};
use std::ptr;
use std::sync::{Arc, Mutex};
use test_support::{misbehaving_object, wait_until};

/// The callback of a run.
#[derive(Default)]
struct CallbackArgument {
    recorder: Option<Arc<CheckedRecorder>>,
    /// The object, or the callback that is none of the objects.
    object: Option<usize>,
    foreign: Option<ComPtr<IUnknown>>,
    pointer: Option<*mut IUnknown>,
    /// The code with which a start fails, if the callback makes it fail.
    refusal: Option<HRESULT>,
}

pub fn call(world: &mut World, call: &SyncCall) {
    let store = &world.objects[STORES[usize::from(call.object) % STORES.len()]];
    let sync = store.cast::<IMAPISync>();
    let callback = callback_argument(world, &call.callback);
    let pointer = callback.pointer.unwrap_or(ptr::null_mut());
    let session = if call.session {
        world.session()
    } else {
        ptr::null_mut()
    };
    let (gate, record) = (Arc::<Gate>::default(), Arc::<Mutex<Record>>::default());
    let plan = Plan {
        method: call.method.clone(),
        flags: call.flags,
        session: session.addr(),
        callback: pointer.addr(),
        recorder: callback.recorder.clone(),
        captures: world.captures.clone(),
        gate: gate.clone(),
        record: record.clone(),
    };
    *world.script.lock().unwrap() = Some(Box::new(move |request| plan.run(request)));

    let request = Request::new(call, session, pointer);
    // SAFETY: the request is NULL or readable for `ulSize` bytes, but at most for those of
    // `MAPISIB` and 8 more. Its pointers are NULL or valid, at any alignment, and its objects are
    // free-threaded.
    let code = unsafe {
        match (&sync, call.path) {
            (Some(sync), Path::Vtable) => sync.synchronize_in_background(request.psibpb()),
            _ => provider::dispatch(&world.part(&store.recorder), request.psibpb()),
        }
    };
    drop(sync);

    let was_called = world.script.lock().unwrap().take().is_none();
    assert_eq!(was_called, request.refusal.is_none());
    let refusal = callback.refusal;
    let predicted = request
        .refusal
        .map_or_else(|| call.method.result(refusal), Err);
    assert_eq!(code, predicted.err().unwrap_or(HRESULT::S_OK));
    let handle = request.event_handle();
    assert_eq!(handle.is_null(), predicted.is_err());
    let (kept, job_handle) = {
        let mut record = record.lock().unwrap();
        (record.kept.take(), record.handle.take())
    };
    if let Some(job_handle) = job_handle.as_ref().filter(|_| call.method.cancels()) {
        job_handle.cancel();
    }
    let failure = call.method.failure();
    gate.open(failure.is_some() || call.method.cancels());
    let host = HostSide {
        failure: failure.clone(),
        recorder: callback.recorder,
        object: callback.object,
        foreign: callback.foreign,
        handle,
    };
    if predicted.is_err() {
        return host.check_released();
    }
    if let Some(mut job) = kept {
        job.state.canceled = failure.is_some();
        host.check_running();
        return world.kept.push(KeptRun { job, host });
    }

    if matches!(call.method.start, Start::Spawn(_)) {
        wait_until(|| record.lock().unwrap().outcome.is_some());
    }
    let status = job_handle.map(|handle| handle.join().expect("it is another thread"));
    let outcome = call.method.outcome(record.lock().unwrap().outcome.take());
    assert!(status.is_none_or(|status| status == outcome.code));
    world.before.wait_for_threads();
    host.check_ended(&outcome);
}

/// Returns the callback that the program passes in the request.
fn callback_argument(world: &World, plan: &Callback) -> CallbackArgument {
    let mut argument = CallbackArgument::default();
    match plan {
        Callback::Null => {}
        Callback::Object(object, which) => {
            let number = CALLBACKS[usize::from(*object) % CALLBACKS.len()];
            let object = &world.objects[number];
            argument.pointer = object.through(*which).map(ComPtr::as_raw);
            argument.recorder = argument.pointer.map(|_| object.recorder.clone());
            argument.object = argument.pointer.map(|_| number);
        }
        Callback::Foreign(plan) => {
            let recorder = CheckedRecorder::new(plan, true, &world.captures);
            argument.foreign = Some(unknown(recorder.recorder.object()));
            argument.recorder = Some(recorder);
        }
        Callback::Misbehaving(failure) => {
            let (code, out) = failure.result();
            argument.foreign = Some(misbehaving_object(code, out));
            argument.refusal = Some(failure.code());
        }
    }
    let foreign = argument.foreign.as_ref().map(ComPtr::as_raw);
    argument.pointer = argument.pointer.or(foreign);
    argument
}
