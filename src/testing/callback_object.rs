//! The COM object of a [`Recorder`], for one run.
//!
//! Its vtable is laid here, not by the blanket implementation for `MapiSyncProgressCallback`: the
//! methods of that trait cannot return a warning, and a recorder can be told to return one.

use super::request::RequestMemory;
use super::{Call, Recorder};
use crate::abi::{HANDLE, HRESULT, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl};
use crate::error::Result;
use crate::event::DoneEvent;
use crate::object::{Class, ComObject, ComPtr, ImplementedBy, Thunk};
use crate::utf16;
use alloc::string::String;
use alloc::sync::Arc;

impl Recorder {
    /// Makes a COM object that records here: one allocation, with a count of 1 that the result
    /// owns. The object owns a handle to the recorder until it is freed.
    ///
    /// Make one object for each run. A second `Done` for the same object is recorded, but its
    /// handle stays open, because the number may belong to another object by then.
    ///
    /// A success code of the script, such as `S_FALSE`, reaches the store only through this object.
    /// Through a [`SyncHost`](crate::SyncHost) it becomes `S_OK`.
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
    /// The request that the object was passed with. A store that still has the object may still
    /// use it.
    _request: Option<Arc<RequestMemory>>,
}

impl CallbackObject {
    /// Effect on the count: the object is new, and the result owns its one reference.
    pub(super) fn create(
        recorder: Recorder,
        run: usize,
        request: Option<Arc<RequestMemory>>,
    ) -> ComPtr<IMAPISyncProgressCallback> {
        let payload = CallbackObject {
            recorder,
            run,
            _request: request,
        };
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

// SAFETY: the vtable has all six slots: `Thunk`'s three, and the methods in their documented
// places. The methods do not unwind, because `Thunk::call` catches panics, use the payload shared,
// which is `Send + Sync`, and neither take nor release a reference to their object.
unsafe impl<const INDEX: usize> ImplementedBy<CallbackObject, INDEX> for IMAPISyncProgressCallback {
    const VTABLE: &'static IMAPISyncProgressCallbackVtbl = &IMAPISyncProgressCallbackVtbl {
        base: Thunk::<CallbackObject, INDEX>::UNKNOWN,
        Progress: progress::<INDEX>,
        Error: error::<INDEX>,
        Done: done::<INDEX>,
    };
}

/// Slot 3.
unsafe extern "system" fn progress<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of a CallbackObject. COM
    // requires of the caller that it holds a reference, and the documentation that the string is
    // NULL or terminated.
    unsafe {
        Thunk::<CallbackObject, INDEX>::call(this, |object| {
            let step = utf16::with_str(string, |step| step.map(String::from));
            object.receive(Call::Progress(step, index, max), None)
        })
    }
}

/// Slot 4.
unsafe extern "system" fn error<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of a CallbackObject. COM
    // requires of the caller that it holds a reference, and the documentation that the string is
    // NULL or terminated.
    unsafe {
        Thunk::<CallbackObject, INDEX>::call(this, |object| {
            let message = utf16::with_str(message, |message| message.map(String::from));
            object.receive(Call::Error(code, message), None)
        })
    }
}

/// Slot 5.
unsafe extern "system" fn done<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is interface INDEX of a CallbackObject. COM
    // requires of the caller that it holds a reference, and the documentation that Done gives up
    // the handle.
    unsafe {
        Thunk::<CallbackObject, INDEX>::call(this, |object| {
            object.receive(Call::Done(status), DoneEvent::from_raw(event))
        })
    }
}
