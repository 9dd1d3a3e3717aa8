//! Calls of `Progress`, `Error` and `Done` as C makes them.

use super::callback::Event;
use super::objects::CALLBACKS;
use super::payload::Part;
use super::program::{CallbackCall, Path};
use super::world::World;
use mapisync::abi::{HANDLE, IMAPISyncProgressCallback};
use mapisync::testing::Call;
use mapisync::{ComPtr, HRESULT, host};
use std::ptr;
use test_support::event_pair;

/// The receiver of a call: an object, or a callback behind another vtable.
pub enum Receiver<'a> {
    Object(&'a ComPtr<IMAPISyncProgressCallback>),
    Dispatch(&'a Part),
}

/// Makes a call, and returns the call that must arrive and the returned code.
///
/// # Safety
///
/// `Done` takes the ownership of an open handle.
pub unsafe fn make(call: &CallbackCall, receiver: &Receiver, handle: HANDLE) -> (Call, HRESULT) {
    // SAFETY: the receiver is alive. A string is NULL or terminated, and does not change during the
    // call. The caller gives up the handle.
    unsafe {
        match call {
            CallbackCall::Progress(string, index, max) => {
                let (string, code) = string.with(|at| match receiver {
                    Receiver::Object(callback) => {
                        ((*callback.vtbl()).Progress)(callback.as_raw(), at, *index, *max)
                    }
                    Receiver::Dispatch(part) => host::dispatch_progress(*part, at, *index, *max),
                });
                (Call::Progress(string, *index, *max), code)
            }
            CallbackCall::Error(code, string) => {
                let error = code.hresult();
                let (string, code) = string.with(|at| match receiver {
                    Receiver::Object(callback) => {
                        ((*callback.vtbl()).Error)(callback.as_raw(), error, at)
                    }
                    Receiver::Dispatch(part) => host::dispatch_error(*part, error, at),
                });
                (Call::Error(error, string), code)
            }
            CallbackCall::Done(_, status) => {
                let status = status.hresult();
                let code = match receiver {
                    Receiver::Object(callback) => {
                        ((*callback.vtbl()).Done)(callback.as_raw(), handle, status)
                    }
                    Receiver::Dispatch(part) => host::dispatch_done(*part, handle, status),
                };
                (Call::done(status), code)
            }
        }
    }
}

/// Calls an object as a callback.
pub fn raw(world: &World, object: u8, call: &CallbackCall, path: Path) {
    let object = &world.objects[CALLBACKS[usize::from(object) % CALLBACKS.len()]];
    let (part, Some(callback)) = (world.part(&object.recorder), object.cast()) else {
        return;
    };
    let (event, _signal) = event_pair();
    let (mut handle, mut arrives) = (ptr::null_mut(), Event::None);
    if let CallbackCall::Done(number, _) = call {
        handle = number.handle([0; 2]);
        if number.index().is_some() {
            (handle, arrives) = (event.into_raw(), Event::Unsignaled);
        }
    }
    let receiver = match path {
        Path::Vtable => Receiver::Object(&callback),
        Path::Dispatch => Receiver::Dispatch(&part),
    };
    // SAFETY: the handle is invalid, or comes from `into_raw`.
    let (call, code) = unsafe { make(call, &receiver, handle) };
    assert_eq!(code, object.recorder.expect(call, arrives));
}
