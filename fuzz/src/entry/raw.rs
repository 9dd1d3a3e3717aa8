//! Progress, Error and Done as C calls them, on callbacks of ours, in any order and on several threads.

use super::ear::{Ear, Event, Heard};
use super::program::{Method3, Number, RawCall, RawText, Way};
use super::world::{AGGREGATE, BOTH, LISTENER, World};
use crate::memory::Block;
use mapisync::abi::{HANDLE, IMAPISyncProgressCallback};
use mapisync::{ComPtr, DoneEvent, HRESULT, host};
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::Mutex;
use std::thread;

/// An event as a foreign store makes one: dropping the second part makes it occur.
pub fn event() -> (DoneEvent, UnixStream) {
    let (theirs, ours) = UnixStream::pair().expect("descriptors can be had");
    let raw = ptr::without_provenance_mut(theirs.into_raw_fd() as usize);
    // SAFETY: a new descriptor, handed over.
    (
        unsafe { DoneEvent::from_raw(raw) }.expect("it is not 0"),
        ours,
    )
}

/// A number that is no handle.
pub fn no_handle(number: Number) -> HANDLE {
    ptr::without_provenance_mut(match number {
        Number::MinusOne => usize::MAX,
        // More descriptors than these no process has.
        Number::Far(far) => (far as i32 & i32::MAX | 1 << 30) as usize,
        Number::Beyond(beyond) => (beyond as usize) << 31 | 1 << 40,
        Number::Null | Number::Event | Number::Slots => 0,
    })
}

pub fn raw(world: &World, object: u8, threads: &[Vec<RawCall>]) {
    let object = &world.objects[[LISTENER, BOTH, AGGREGATE][usize::from(object) % 3]];
    let (Some(ear), Some(callback)) = (&object.ear, object.cast()) else {
        return;
    };
    let mark = ear.mark();
    let made = Mutex::new(vec![]);
    let signals = Mutex::new(vec![]);
    let run = |calls: &Vec<RawCall>| {
        for call in calls {
            let (heard, answer) = one(&callback, ear, call, &signals);
            made.lock().unwrap().push((heard, answer));
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
    // Which of several threads comes first is open; what arrives, and who gets which answer, is not.
    let mut made = made.into_inner().unwrap();
    let mut heard = ear.accept_since(mark);
    if threads.len() != 1 {
        let by_all = |(heard, answer): &(Heard, HRESULT)| (heard.clone(), answer.0);
        made.sort_by_key(by_all);
        heard.sort_by_key(by_all);
    }
    assert_eq!(made, heard);
}

/// Makes a call, and answers with what has to arrive of it and what has been answered.
fn one(
    callback: &ComPtr<IMAPISyncProgressCallback>,
    ear: &Ear,
    call: &RawCall,
    signals: &Mutex<Vec<UnixStream>>,
) -> (Heard, HRESULT) {
    let (vtbl, this) = (callback.vtbl(), callback.as_raw());
    let direct = matches!(call.way, Way::Vtable);
    match &call.call {
        Method3::Progress(text, index, max) => {
            let (block, units) = text.lay();
            let at = block
                .as_ref()
                .map_or(ptr::null(), |block| block.at::<u16>().cast_const());
            // SAFETY: the object is alive; the text is NULL or terminated, and nobody changes it.
            let answer = unsafe {
                if direct {
                    ((*vtbl).Progress)(this, at, *index, *max)
                } else {
                    host::dispatch_progress(ear, at, *index, *max)
                }
            };
            (Heard::Progress(units, *index, *max), answer)
        }
        Method3::Error(code, text) => {
            let (block, units) = text.lay();
            let at = block
                .as_ref()
                .map_or(ptr::null(), |block| block.at::<u16>().cast_const());
            let code = code.hresult();
            // SAFETY: as above.
            let answer = unsafe {
                if direct {
                    ((*vtbl).Error)(this, code, at)
                } else {
                    host::dispatch_error(ear, code, at)
                }
            };
            (Heard::Error(code.0, units), answer)
        }
        Method3::Done(number, status) => {
            let (mut handle, mut arrives) = (no_handle(*number), Event::None);
            if let Number::Event | Number::Slots = number {
                let (event, signal) = self::event();
                signals.lock().unwrap().push(signal);
                (handle, arrives) = (event.into_raw(), Event::Waiting);
            }
            let status = status.hresult();
            // SAFETY: the object is alive; the handle, if it is one, is handed over.
            let answer = unsafe {
                if direct {
                    ((*vtbl).Done)(this, handle, status)
                } else {
                    host::dispatch_done(ear, handle, status)
                }
            };
            (Heard::Done(status.0, arrives), answer)
        }
    }
}

impl RawText {
    /// The text in memory, and as the callback has to get it.
    fn lay(&self) -> (Option<Block>, Option<String>) {
        match self {
            RawText::Null => (None, None),
            RawText::Units { units, shift } => {
                let until_nul = units.iter().copied().take_while(|unit| *unit != 0);
                let until_nul: Vec<_> = until_nul.collect();
                (
                    Some(Block::text(&until_nul, *shift)),
                    Some(String::from_utf16_lossy(&until_nul)),
                )
            }
        }
    }
}
