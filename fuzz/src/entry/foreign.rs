//! A hand-written COM object: the host's callback or session.
//!
//! It has two vtable pointers, as a C++ object with two bases, and its own reference count. The
//! callback forwards its calls to an object of a `Recorder`.

use super::checked_recorder::CheckedRecorder;
use super::program::QueryResult;
use mapisync::abi::{
    HANDLE, IID_IMAPISyncProgressCallback, IMAPISession, IMAPISyncProgressCallback,
    IMAPISyncProgressCallbackVtbl, IUnknown, IUnknownVtbl,
};
use mapisync::{ComPtr, GUID, HRESULT};
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
    query_result: QueryResult,
    recorder: ComPtr<IMAPISyncProgressCallback>,
    _alive: Arc<()>,
}

/// The program's only reference to the object.
pub struct Foreign(*mut Object);

impl Foreign {
    pub fn new(query_result: QueryResult, recorder: &CheckedRecorder, alive: &Arc<()>) -> Foreign {
        Foreign(Box::into_raw(Box::new(Object {
            unknown: &UNKNOWN,
            callback: &CALLBACK,
            count: AtomicU32::new(1),
            query_result,
            recorder: recorder.recorder.object(),
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
        // SAFETY: `self` owns a reference, so the object is alive.
        unsafe { (*self.0).count.load(SeqCst) }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: `self` owns this reference and does not use it again.
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

/// Returns the object of which `this` is the second interface.
fn of_callback<I>(this: *mut I) -> *mut IUnknown {
    this.wrapping_byte_sub(offset_of!(Object, callback)).cast()
}

unsafe extern "system" fn query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is a live `Object` and that `riid` and `ppv` are valid.
    unsafe {
        assert_eq!(
            *riid, IID_IMAPISyncProgressCallback,
            "the crate queries no other interface"
        );
        let (out, code) = match (*this.cast::<Object>()).query_result {
            QueryResult::Success { code } => {
                add_ref(this);
                let callback = this.wrapping_byte_add(offset_of!(Object, callback));
                (callback.cast(), succeeding(code.hresult()))
            }
            QueryResult::Failure { code, garbage } => {
                let garbage = ptr::without_provenance_mut(0x5A5A_5A5A * usize::from(garbage));
                (garbage, failing(code.hresult()))
            }
            QueryResult::SuccessWithNull { code } => (ptr::null_mut(), succeeding(code.hresult())),
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

impl QueryResult {
    /// Returns the code with which a start fails because of this result, if it fails.
    pub fn refusal(self) -> Option<HRESULT> {
        match self {
            QueryResult::Success { .. } => None,
            QueryResult::Failure { code, .. } => Some(failing(code.hresult())),
            QueryResult::SuccessWithNull { .. } => Some(HRESULT::E_NOINTERFACE),
        }
    }
}

unsafe extern "system" fn add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `Object`.
    let before = unsafe { (*this.cast::<Object>()).count.fetch_add(1, SeqCst) };
    assert_ne!(before, 0, "AddRef after the last Release");
    before + 1
}

unsafe extern "system" fn release(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `Object`. At a count of 0 no reference is left,
    // so the box can be freed.
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
    // SAFETY: COM guarantees that `this` is the second interface of a live `Object`.
    unsafe { query(of_callback(this), riid, ppv) }
}

unsafe extern "system" fn callback_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is the second interface of a live `Object`.
    unsafe { add_ref(of_callback(this)) }
}

unsafe extern "system" fn callback_release(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is the second interface of a live `Object`.
    unsafe { release(of_callback(this)) }
}

/// Returns the recorder's object.
///
/// # Safety
///
/// `this` must be the second interface of a live `Object`, and stay alive while the result is used.
unsafe fn recorder<'a>(
    this: *mut IMAPISyncProgressCallback,
) -> &'a ComPtr<IMAPISyncProgressCallback> {
    // SAFETY: the caller guarantees that `this` is the second interface of a live `Object`.
    unsafe {
        let object = of_callback(this).cast::<Object>();
        assert_ne!(
            (*object).count.load(SeqCst),
            0,
            "a call after the last Release"
        );
        &(*object).recorder
    }
}

/// Checks that a string is valid UTF-16.
///
/// # Safety
///
/// `string` must be NULL, or aligned and terminated by a NUL.
unsafe fn check(string: *const u16) {
    if string.is_null() {
        return;
    }
    // SAFETY: the caller guarantees that `string` is aligned and readable up to its NUL, where
    // `take_while` stops.
    let unit = |at| unsafe { string.add(at).read() };
    let units = (0..).map(unit).take_while(|unit| *unit != 0);
    let valid = char::decode_utf16(units).all(|char| char.is_ok());
    assert!(valid, "the crate sends valid UTF-16");
}

unsafe extern "system" fn progress(
    this: *mut IMAPISyncProgressCallback,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the second interface of a live `Object`. This crate's
    // strings are NULL, or aligned and terminated.
    unsafe {
        check(string);
        let recorder = recorder(this);
        ((*recorder.vtbl()).Progress)(recorder.as_raw(), string, index, max)
    }
}

unsafe extern "system" fn error(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    string: *const u16,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the second interface of a live `Object`. This crate's
    // strings are NULL, or aligned and terminated.
    unsafe {
        check(string);
        let recorder = recorder(this);
        ((*recorder.vtbl()).Error)(recorder.as_raw(), code, string)
    }
}

unsafe extern "system" fn done(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the second interface of a live `Object`. `Done` passes
    // the ownership of the handle to the callback, which passes it on.
    unsafe {
        let recorder = recorder(this);
        ((*recorder.vtbl()).Done)(recorder.as_raw(), event, status)
    }
}
