//! Calls of `SynchronizeInBackground`, through the vtable or by `dispatch`.

use super::callback::CheckedRecorder;
use super::method::{Plan, Record};
use super::objects::{CALLBACKS, STORES, unknown};
use super::program::{Callback, Path, Start, SyncCall};
use super::request::Request;
use super::run::{HostSide, KeptRun};
use super::world::World;
use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::{HRESULT, provider};
use std::ptr;
use std::sync::{Arc, Mutex};
use test_support::{misbehaving_object, wait_until};

pub fn call(world: &mut World, call: &SyncCall) {
    let store = &world.objects[STORES[usize::from(call.object) % STORES.len()]];
    let sync = store.cast::<IMAPISync>();
    let (pointer, mut host) = callback_argument(world, &call.callback);
    let session = if call.session { world.session() } else { ptr::null_mut() };
    let (canceled, record) = (Arc::default(), Arc::<Mutex<Record>>::default());
    let plan = Plan {
        method: call.method.clone(),
        flags: call.flags,
        session: session.addr(),
        callback: pointer.addr(),
        recorder: host.recorder.clone(),
        captures: world.captures.clone(),
        canceled: Arc::clone(&canceled),
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
    let refusal = match &call.callback {
        Callback::Misbehaving(failure) => Some(failure.code()),
        _ => None,
    };
    let early = request.refusal;
    let predicted = early.map_or_else(|| call.method.result(refusal), Err);
    assert_eq!(code, predicted.err().unwrap_or(HRESULT::S_OK));
    host.handle = request.event_handle().addr();
    assert_eq!(host.handle == 0, predicted.is_err());
    let (kept, job_handle) = {
        let mut record = record.lock().unwrap();
        (record.kept.take(), record.handle.take())
    };
    if let Some(job_handle) = job_handle.as_ref().filter(|_| call.method.cancels()) {
        job_handle.cancel();
    }
    host.failure = call.method.failure();
    let is_canceled = host.failure.is_some() || call.method.cancels();
    canceled.set(is_canceled).expect("it is set once");
    if predicted.is_err() {
        return host.check_released();
    }
    if let Some(mut job) = kept {
        job.state.canceled = is_canceled;
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

/// Returns the callback that the program passes in the request, and the host's side with it.
fn callback_argument(world: &World, plan: &Callback) -> (*mut IUnknown, HostSide) {
    let mut host = HostSide::default();
    let foreign = match plan {
        Callback::Null => return (ptr::null_mut(), host),
        Callback::Object(object, which) => {
            let number = CALLBACKS[usize::from(*object) % CALLBACKS.len()];
            let object = &world.objects[number];
            let Some(pointer) = object.through(*which) else {
                return (ptr::null_mut(), host);
            };
            host.recorder = Some(object.recorder.clone());
            host.object = Some(number);
            return (pointer.as_raw(), host);
        }
        Callback::Foreign(plan) => {
            let recorder = CheckedRecorder::new(plan, true, &world.captures);
            let object = unknown(recorder.recorder.object());
            host.recorder = Some(recorder);
            object
        }
        Callback::Misbehaving(failure) => {
            let (code, out) = failure.result();
            misbehaving_object(code, out)
        }
    };
    (host.foreign.insert(foreign).as_raw(), host)
}
