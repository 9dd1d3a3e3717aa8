//! The COM object of a [`Recorder`], for one run.
//!
//! It has a vtable of its own, because the methods of `MapiSyncProgressCallback` cannot return a
//! success code other than `S_OK`, and a recorder's script can.

use super::call_to_store::RequestMemory;
use super::{Call, Recorder};
use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl};
use crate::error::Result;
use crate::event::DoneEvent;
use crate::object::{Class, ComObject, ComPtr, ImplementedBy, Thunk};
use crate::utf16;
use alloc::string::String;
use alloc::sync::Arc;

impl Recorder {
    /// Creates a COM object whose calls this recorder records. It is one allocation.
    ///
    /// Effect on the count: the new object has a count of 1, which the result owns. The object owns
    /// a clone of the recorder until it is destroyed.
    ///
    /// Create one object for each run. A second `Done` on the same object is recorded, but its
    /// handle stays open, because the number may already belong to another object.
    ///
    /// A success code of the script, such as `S_FALSE`, reaches the store only through this object
    /// or an [`Outlook`](super::Outlook). A [`SyncHost`](crate::SyncHost) returns `S_OK` instead.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// use mapisync::testing::{Call, Method, Recorder};
    ///
    /// let recorder = Recorder::new().returns(Method::Error, HRESULT::S_FALSE);
    /// let callback = recorder.object();
    /// assert_eq!(callback.error(HRESULT::E_FAIL, "no luck"), HRESULT::S_FALSE);
    /// assert_eq!(recorder.calls(), [Call::error(HRESULT::E_FAIL, "no luck")]);
    /// ```
    pub fn object(&self) -> ComPtr<IMAPISyncProgressCallback> {
        CallbackObject::create(self.clone(), self.new_run(false), None)
    }
}

/// The payload.
pub(super) struct CallbackObject {
    recorder: Recorder,
    run: usize,
    /// The memory of the request that has the object as its callback. A store that still has the
    /// object may still use the memory.
    _request: Option<Arc<RequestMemory>>,
}

impl CallbackObject {
    /// Effect on the count: the object is new, and the result owns its one reference.
    pub(super) fn create(
        recorder: Recorder,
        run: usize,
        request: Option<Arc<RequestMemory>>,
    ) -> ComPtr<IMAPISyncProgressCallback> {
        let payload = CallbackObject { recorder, run, _request: request };
        // SAFETY: IMAPISyncProgressCallback is the first interface of the list.
        unsafe { ComObject::new(payload).into_first_interface() }
    }

    fn receive(&self, call: Call, event: Option<DoneEvent>) -> Result<HRESULT> {
        self.recorder.receive(self.run, call, event)
    }
}

impl Class for CallbackObject {
    type Interfaces = (IMAPISyncProgressCallback,);
}

// SAFETY: the vtable has all six slots: the three of `Thunk`, and the methods in their documented
// places. `Thunk::call` catches panics, so the methods do not unwind. They only borrow the payload,
// which is `Send + Sync`. They neither add nor release a reference to their object.
unsafe impl<const INDEX: usize> ImplementedBy<CallbackObject, INDEX> for IMAPISyncProgressCallback {
    const VTABLE: &'static IMAPISyncProgressCallbackVtbl = &IMAPISyncProgressCallbackVtbl {
        base: Thunk::<CallbackObject, INDEX>::UNKNOWN,
        Progress: progress::<INDEX>,
        Error: error::<INDEX>,
        Done: done::<INDEX>,
    };
}

/// The thunk of `Progress`, slot 3.
unsafe extern "system" fn progress<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `CallbackObject`. COM requires the caller to hold a reference. The documentation
    // requires the string to be NULL or terminated.
    unsafe {
        Thunk::<CallbackObject, INDEX>::call(this, |object| {
            let step = utf16::with_str(string, |step| step.map(String::from));
            object.receive(Call::Progress(step, index, max), None)
        })
    }
}

/// The thunk of `Error`, slot 4.
unsafe extern "system" fn error<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `CallbackObject`. COM requires the caller to hold a reference. The documentation
    // requires the string to be terminated; NULL is accepted.
    unsafe {
        Thunk::<CallbackObject, INDEX>::call(this, |object| {
            let message = utf16::with_str(message, |message| message.map(String::from));
            object.receive(Call::Error(code, message), None)
        })
    }
}

/// The thunk of `Done`, slot 5.
unsafe extern "system" fn done<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `CallbackObject`. COM requires the caller to hold a reference. The documentation
    // says that the host may close the handle, so Done gives it up.
    unsafe {
        Thunk::<CallbackObject, INDEX>::call(this, |object| {
            object.receive(Call::Done(status), DoneEvent::from_raw(event))
        })
    }
}
