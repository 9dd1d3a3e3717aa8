//! Raw calls of `Progress`, `Error` and `Done` on this crate's callbacks, in any order and on
//! several threads.

use super::checked_recorder::{CheckedRecorder, Event, with_event};
use super::program::{CallPath, CallbackCall, RawCall, RawHandle, RawString};
use super::world::{AGGREGATE, BOTH, LISTENER, World};
use crate::memory::Block;
use mapisync::abi::{HANDLE, IMAPISyncProgressCallback};
use mapisync::testing::{Call, RecordedCall};
use mapisync::{ComPtr, DoneEvent, HRESULT, host};
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::Mutex;
use std::thread;

/// Returns an event as a foreign store creates it, and a value that signals the event when it is
/// dropped.
pub fn event() -> (DoneEvent, UnixStream) {
    let (theirs, ours) = UnixStream::pair().expect("descriptors can be had");
    let raw = ptr::without_provenance_mut(theirs.into_raw_fd() as usize);
    // SAFETY: the descriptor is new, and its ownership passes to the event.
    (
        unsafe { DoneEvent::from_raw(raw) }.expect("it is not 0"),
        ours,
    )
}

/// Returns an invalid handle.
pub fn invalid_handle(number: RawHandle) -> HANDLE {
    ptr::without_provenance_mut(match number {
        RawHandle::MinusOne => usize::MAX,
        // No process has so many descriptors.
        RawHandle::Far(far) => (far as i32 & i32::MAX | 1 << 30) as usize,
        RawHandle::Beyond(beyond) => (beyond as usize) << 31 | 1 << 40,
        RawHandle::Null | RawHandle::Event | RawHandle::Stored => 0,
    })
}

pub fn raw(world: &World, object: u8, threads: &[Vec<RawCall>]) {
    let object = &world.objects[[LISTENER, BOTH, AGGREGATE][usize::from(object) % 3]];
    let (Some(recorder), Some(callback)) = (&object.recorder, object.cast()) else {
        return;
    };
    let mark = recorder.mark();
    let made = Mutex::new(vec![]);
    let signals = Mutex::new(vec![]);
    let run = |calls: &Vec<RawCall>| {
        for call in calls {
            let call = one(&callback, recorder, call, &signals);
            made.lock().unwrap().push(call);
        }
    };
    if let [calls] = threads {
        run(calls);
    } else {
        thread::scope(|scope| {
            for calls in threads.iter().take(3) {
                scope.spawn(|| run(calls));
            }
        });
    }
    drop(signals);
    // The order of several threads is unpredictable. The calls and their codes are not.
    let mut made = made.into_inner().unwrap();
    let calls = recorder.accept_since(mark);
    let returned = |call: &RecordedCall| call.returned().expect("the call has returned");
    let mut calls: Vec<Returned> = calls
        .iter()
        .map(|call| (with_event(call), returned(call)))
        .collect();
    let mut codes: Vec<_> = calls.iter().map(|(_, returned)| *returned).collect();
    let mut planned = recorder.planned_since(mark);
    if threads.len() != 1 {
        let by_all = |call: &Returned| format!("{call:?}");
        made.sort_by_cached_key(by_all);
        calls.sort_by_cached_key(by_all);
        codes.sort_by_key(|code| code.0);
        planned.sort_by_key(|code| code.0);
    }
    assert_eq!(made, calls);
    assert_eq!(codes, planned);
}

/// A call, the event that it handed over, and the code that it returned.
type Returned = ((Call, Event), HRESULT);

/// Makes a call, and returns the call that must arrive and the returned code.
fn one(
    callback: &ComPtr<IMAPISyncProgressCallback>,
    recorder: &CheckedRecorder,
    call: &RawCall,
    signals: &Mutex<Vec<UnixStream>>,
) -> Returned {
    let (vtbl, this) = (callback.vtbl(), callback.as_raw());
    let direct = matches!(call.path, CallPath::Vtable);
    match &call.call {
        CallbackCall::Progress(string, index, max) => {
            let (block, units) = string.lay_out();
            let at = block
                .as_ref()
                .map_or(ptr::null(), |block| block.at::<u16>().cast_const());
            // SAFETY: the object is alive. The string is NULL or terminated, and does not change
            // during the call.
            let returned = unsafe {
                if direct {
                    ((*vtbl).Progress)(this, at, *index, *max)
                } else {
                    host::dispatch_progress(recorder, at, *index, *max)
                }
            };
            let call = Call::Progress(units, *index, *max);
            ((call, Event::None), returned)
        }
        CallbackCall::Error(code, string) => {
            let (block, units) = string.lay_out();
            let at = block
                .as_ref()
                .map_or(ptr::null(), |block| block.at::<u16>().cast_const());
            let code = code.hresult();
            // SAFETY: the object is alive. The string is NULL or terminated, and does not change
            // during the call.
            let returned = unsafe {
                if direct {
                    ((*vtbl).Error)(this, code, at)
                } else {
                    host::dispatch_error(recorder, code, at)
                }
            };
            ((Call::Error(code, units), Event::None), returned)
        }
        CallbackCall::Done(number, status) => {
            let (mut handle, mut arrives) = (invalid_handle(*number), Event::None);
            if let RawHandle::Event | RawHandle::Stored = number {
                let (event, signal) = self::event();
                signals.lock().unwrap().push(signal);
                (handle, arrives) = (event.into_raw(), Event::Unsignaled);
            }
            let status = status.hresult();
            // SAFETY: the object is alive. A valid handle comes from `into_raw`, so its ownership
            // passes to `Done`.
            let returned = unsafe {
                if direct {
                    ((*vtbl).Done)(this, handle, status)
                } else {
                    host::dispatch_done(recorder, handle, status)
                }
            };
            ((Call::done(status), arrives), returned)
        }
    }
}

impl RawString {
    /// Returns the string in memory, and the string that the callback must get.
    fn lay_out(&self) -> (Option<Block>, Option<String>) {
        match self {
            RawString::Null => (None, None),
            RawString::Units { units, shift } => {
                let until_nul = units.iter().copied().take_while(|unit| *unit != 0);
                let until_nul: Vec<_> = until_nul.collect();
                (
                    Some(Block::string(&until_nul, *shift)),
                    Some(String::from_utf16_lossy(&until_nul)),
                )
            }
        }
    }
}
