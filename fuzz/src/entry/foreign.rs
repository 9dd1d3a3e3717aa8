//! A COM object laid by hand, which owes nothing to this crate: the host's callback, or its session.
//!
//! It has two interface pointers, as a C++ object with two bases has, and counts by itself.

use super::ear::{Ear, Heard};
use super::program::Answering;
use mapisync::abi::{
    HANDLE, IID_IMAPISyncProgressCallback, IMAPISession, IMAPISyncProgressCallback,
    IMAPISyncProgressCallbackVtbl, IUnknown, IUnknownVtbl,
};
use mapisync::{DoneEvent, GUID, HRESULT};
use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

#[repr(C)]
struct Object {
    unknown: *const IUnknownVtbl,
    callback: *const IMAPISyncProgressCallbackVtbl,
    count: AtomicU32,
    answering: Answering,
    ear: Arc<Ear>,
    _alive: Arc<()>,
}

/// The one reference that the program has to the object.
pub struct Foreign(*mut Object);

impl Foreign {
    pub fn new(answering: Answering, ear: Arc<Ear>, alive: &Arc<()>) -> Foreign {
        Foreign(Box::into_raw(Box::new(Object {
            unknown: &UNKNOWN,
            callback: &CALLBACK,
            count: AtomicU32::new(1),
            answering,
            ear,
            _alive: alive.clone(),
        })))
    }

    pub fn unknown(&self) -> *mut IUnknown {
        self.0.cast()
    }

    pub fn session(&self) -> *mut IMAPISession {
        self.0.cast()
    }

    pub fn count(&self) -> u32 {
        // SAFETY: alive while `self` has its reference.
        unsafe { (*self.0).count.load(SeqCst) }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: the program's own reference.
        unsafe { release(self.unknown()) };
    }
}

static UNKNOWN: IUnknownVtbl = IUnknownVtbl {
    QueryInterface: query,
    AddRef: add_ref,
    Release: release,
};

static CALLBACK: IMAPISyncProgressCallbackVtbl = IMAPISyncProgressCallbackVtbl {
    base: IUnknownVtbl {
        QueryInterface: callback_query,
        AddRef: callback_add_ref,
        Release: callback_release,
    },
    Progress: progress,
    Error: error,
    Done: done,
};

/// The object of which this is the second interface.
fn of_callback<I>(this: *mut I) -> *mut IUnknown {
    this.wrapping_byte_sub(offset_of!(Object, callback)).cast()
}

unsafe extern "system" fn query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules, on an Object.
    unsafe {
        assert_eq!(
            *riid, IID_IMAPISyncProgressCallback,
            "nothing else is asked for"
        );
        let (out, code) = match (*this.cast::<Object>()).answering {
            Answering::Well { code } => {
                add_ref(this);
                let callback = this.wrapping_byte_add(offset_of!(Object, callback));
                (callback.cast(), succeeding(code.hresult()))
            }
            Answering::Failing { code, garbage } => {
                let garbage = ptr::without_provenance_mut(0x5A5A_5A5A * usize::from(garbage));
                (garbage, failing(code.hresult()))
            }
            Answering::WithNull { code } => (ptr::null_mut(), succeeding(code.hresult())),
        };
        *ppv = out;
        code
    }
}

fn succeeding(code: HRESULT) -> HRESULT {
    HRESULT(code.0 & i32::MAX)
}

fn failing(code: HRESULT) -> HRESULT {
    HRESULT(code.0 | i32::MIN)
}

impl Answering {
    /// What a start fails with that asks such an object.
    pub fn refusal(self) -> Option<HRESULT> {
        match self {
            Answering::Well { .. } => None,
            Answering::Failing { code, .. } => Some(failing(code.hresult())),
            Answering::WithNull { .. } => Some(HRESULT::E_NOINTERFACE),
        }
    }
}

unsafe extern "system" fn add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: called by COM's rules, on an Object.
    let before = unsafe { (*this.cast::<Object>()).count.fetch_add(1, SeqCst) };
    assert_ne!(before, 0, "AddRef after the last Release");
    before + 1
}

unsafe extern "system" fn release(this: *mut IUnknown) -> u32 {
    // SAFETY: called by COM's rules, on an Object.
    unsafe {
        let before = (*this.cast::<Object>()).count.fetch_sub(1, SeqCst);
        assert_ne!(before, 0, "one Release too many");
        if before == 1 {
            drop(Box::from_raw(this.cast::<Object>()));
        }
        before - 1
    }
}

unsafe extern "system" fn callback_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules, on an Object's second interface.
    unsafe { query(of_callback(this), riid, ppv) }
}

unsafe extern "system" fn callback_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: called by COM's rules, on an Object's second interface.
    unsafe { add_ref(of_callback(this)) }
}

unsafe extern "system" fn callback_release(this: *mut IUnknown) -> u32 {
    // SAFETY: called by COM's rules, on an Object's second interface.
    unsafe { release(of_callback(this)) }
}

/// Notes a call on the second interface, which has to be alive.
unsafe fn hear(this: *mut IMAPISyncProgressCallback, call: Heard) -> HRESULT {
    // SAFETY: called by COM's rules, on an Object's second interface.
    unsafe {
        let object = of_callback(this).cast::<Object>();
        assert_ne!(
            (*object).count.load(SeqCst),
            0,
            "a call after the last Release"
        );
        (*object).ear.hear_raw(call)
    }
}

/// The string, which must be valid UTF-16.
unsafe fn read(text: *const u16) -> Option<String> {
    // SAFETY: NULL or terminated, says the caller, and at an even address: this crate's texts are.
    let unit = |at| unsafe { text.add(at).read() };
    (!text.is_null()).then(|| {
        let units = (0..).map(unit).take_while(|unit| *unit != 0);
        String::from_utf16(&units.collect::<Vec<_>>()).expect("the crate sends valid UTF-16")
    })
}

unsafe extern "system" fn progress(
    this: *mut IMAPISyncProgressCallback,
    text: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: called by COM's rules, with a text that is NULL or terminated.
    unsafe { hear(this, Heard::Progress(read(text), index, max)) }
}

unsafe extern "system" fn error(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    text: *const u16,
) -> HRESULT {
    // SAFETY: called by COM's rules, with a text that is NULL or terminated.
    unsafe { hear(this, Heard::Error(code.0, read(text))) }
}

unsafe extern "system" fn done(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: called by COM's rules; Done hands the handle over.
    unsafe {
        let object = of_callback(this).cast::<Object>();
        let event = (*object).ear.done_with(DoneEvent::from_raw(event));
        hear(this, Heard::Done(status.0, event))
    }
}
