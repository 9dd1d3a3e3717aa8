//! The payload of most tests, and the objects that have it.

use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::testing::Call;
use mapisync::{
    Class, ComObject, ComPtr, HRESULT, Interface, MapiSync, MapiSyncProgressCallback, Result,
    SyncRequest,
};
use std::ptr;
use std::sync::Mutex;
use test_support::outer::IOuter;
use test_support::{DropCounter, DropToken, done, outlook};

/// A store that is also a callback. A wrong offset would break its name or its alignment.
#[repr(align(128))]
pub struct Part {
    name: &'static str,
    on_drop: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    _token: DropToken,
}

impl Part {
    pub fn new(counter: &DropCounter) -> Part {
        Part { name: "part", on_drop: Mutex::new(None), _token: counter.token() }
    }

    /// Sets the code that the payload's `Drop` runs. A panic in it is caught.
    pub fn on_drop(&self, code: impl FnOnce() + Send + 'static) {
        *self.on_drop.lock().unwrap() = Some(Box::new(code));
    }

    fn assert_found(&self) {
        assert_eq!(
            (self.name, ptr::from_ref(self).addr() % 128),
            ("part", 0),
            "a method finds the payload"
        );
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(on_drop) = self.on_drop.get_mut().unwrap().take() {
            on_drop();
        }
    }
}

impl Class for Part {
    type Interfaces = (IMAPISyncProgressCallback, IMAPISync);
}

impl MapiSync for Part {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        self.assert_found();
        request.spawn(|job| job.position(1, 2))
    }
}

impl MapiSyncProgressCallback for Part {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        self.assert_found();
        Err(HRESULT::MAPI_E_BUSY.into())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        panic!("in Error")
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.assert_found();
        Err(status.into())
    }
}

/// Creates a standalone object.
pub fn object(counter: &DropCounter) -> ComObject<Part> {
    ComObject::new(Part::new(counter))
}

/// Creates an inner in an outer that follows C++, and returns the only reference to the outer. The
/// counters are those of the outer and of the payload.
pub fn inner(outer: &DropCounter, payload: &DropCounter) -> ComPtr<IOuter> {
    test_support::outer::aggregate(outer, Part::new(payload))
}

/// Asserts that the methods of an object work and leave its count unchanged. Its payload is a
/// [`Part`].
pub fn assert_methods<I: Interface>(object: &ComPtr<I>) {
    let sync = object.cast::<IMAPISync>().unwrap();
    let outcome = outlook().run(&sync);
    let calls = [Call::position(1, 2), Call::done(HRESULT::S_OK)];
    assert_eq!(outcome.assert_ok().assert_no_leaks().calls(), calls);
    let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
    let failed = HRESULT::MAPI_E_DISK_ERROR;
    assert_eq!(
        [
            callback.progress(None, 1, 2),
            callback.error(failed, "panics"),
            done(&callback, None, failed),
        ],
        [HRESULT::MAPI_E_BUSY, HRESULT::E_UNEXPECTED, failed]
    );
}
