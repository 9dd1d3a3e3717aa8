//! Objects whose vtables come from C++ by multiple inheritance. Their methods call
//! `provider::dispatch` and the three functions of `host` that dispatch.

use crate::{GREETING, each};
use mapisync::abi::{HANDLE, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::testing::{Call, Outlook, Recorder, reference_count};
use mapisync::{
    ComPtr, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncRequest, host, provider,
};
use mapisync_interop_cpp::{CLOSE_IN_DONE, ForeignLibrary, Methods, UNALIGNED_ADDRESSES};
use std::ffi::c_void;
use std::ptr;
use test_support::{PanicOnDrop, TIMEOUT};

/// The payload of an object.
struct Payload {
    recorder: Recorder,
    panics: bool,
}

impl MapiSync for Payload {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        if self.panics {
            std::panic::panic_any(PanicOnDrop(3));
        }
        request.spawn(|job| {
            job.progress(Some("one"), 1, 2)?;
            Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
        })
    }
}

impl MapiSyncProgressCallback for Payload {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        if self.panics {
            std::panic::panic_any(PanicOnDrop(3));
        }
        self.recorder.progress(step, index, max)
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.progress(None, 0, 0)?;
        self.recorder.error(code, message)
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.progress(None, 0, 0)?;
        self.recorder.done(status)
    }
}

unsafe extern "C" fn synchronize(payload: *mut c_void, request: *mut MAPISIB) -> HRESULT {
    // SAFETY: the object's method calls this with its payload, which is alive, and its own
    // arguments. Every caller of the method passes NULL or a valid structure.
    unsafe { provider::dispatch(&*payload.cast::<Payload>(), request) }
}
unsafe extern "C" fn progress(
    payload: *mut c_void,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: the object's method calls this with its payload, which is alive, and its own
    // arguments. Every caller of the method passes NULL or a string that ends with a NUL.
    unsafe { host::dispatch_progress(&*payload.cast::<Payload>(), string, index, max) }
}
unsafe extern "C" fn error(payload: *mut c_void, code: HRESULT, string: *const u16) -> HRESULT {
    // SAFETY: the object's method calls this with its payload, which is alive, and its own
    // arguments. Every caller of the method passes NULL or a string that ends with a NUL.
    unsafe { host::dispatch_error(&*payload.cast::<Payload>(), code, string) }
}
unsafe extern "C" fn done(payload: *mut c_void, event: HANDLE, status: HRESULT) -> HRESULT {
    // SAFETY: the object's method calls this with its payload, which is alive, and its own
    // arguments. Every caller of the method passes NULL or an event that it owns.
    unsafe { host::dispatch_done(&*payload.cast::<Payload>(), event, status) }
}

/// Runs a test with an object from each C++ library that calls the payload.
fn each_composite(panics: bool, test: impl Fn(&ForeignLibrary, &ComPtr<IMAPISync>, &Recorder)) {
    each(|foreign| {
        if !foreign.build.cpp {
            return; // C has no inheritance
        }
        let payload = Payload {
            recorder: Recorder::new(),
            panics,
        };
        let payload_ptr = ptr::from_ref(&payload).cast_mut().cast();
        let methods = Methods {
            payload: payload_ptr,
            synchronize,
            progress,
            error,
            done,
        };
        // SAFETY: the functions accept every argument that a caller of the methods may pass. The
        // payload outlives the object, as the assertion below shows.
        let object = unsafe { foreign.composite(&methods) };
        test(foreign, &object, &payload.recorder);
        test_support::wait_until(|| reference_count(&object) == 1);
        drop(object);
        assert_eq!(foreign.lines().last().unwrap(), "composite gone");
    });
}

#[test]
fn a_dispatched_store_under_the_foreign_host_and_the_stand_in_for_outlook() {
    each_composite(false, |foreign, object, _| {
        for options in [0, UNALIGNED_ADDRESSES | CLOSE_IN_DONE] {
            let before = foreign.lines().len();
            foreign.run(object, 0, None, HRESULT::S_OK, options);
            let expected = [
                "callback counts 1, store 1",
                "Progress(006F 006E 0065, 1, 2)",
                "Done(the run's event, 0x00040680)",
                "SynchronizeInBackground -> 0x00000000",
                "callback counts 1, store 1",
                "callback gone",
                "callback released, left 0",
            ];
            assert_eq!(foreign.lines().split_off(before), expected);
        }
        foreign.invalid_calls(object);
        assert!(
            foreign
                .lines()
                .contains(&"SynchronizeInBackground -> 0x80004002".into())
        );

        let outcome = Outlook::new().timeout(TIMEOUT).run(object);
        outcome.assert_status(HRESULT::MAPI_W_PARTIAL_COMPLETION);
        let expected = [
            Call::progress("one", 1, 2),
            Call::done(HRESULT::MAPI_W_PARTIAL_COMPLETION),
        ];
        assert_eq!(outcome.assert_no_leaks().calls(), expected);
        assert_eq!(reference_count(object), 1);
    });
}

#[test]
fn a_dispatched_callback_under_a_foreign_store_and_calls_from_rust() {
    each_composite(false, |foreign, object, recorder| {
        let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
        assert!(callback.is_same_object(object));
        assert_ne!(
            callback.as_raw().addr(),
            object.as_raw().addr(),
            "each interface has a vtable pointer"
        );
        assert_eq!(callback.progress(Some(GREETING), 1, 3), HRESULT::S_OK);
        assert_eq!(callback.error(HRESULT::E_FAIL, "message"), HRESULT::S_OK);
        assert_eq!(
            test_support::done(&callback, None, HRESULT::E_ABORT),
            HRESULT::S_OK
        );
        let expected = [
            Call::progress(GREETING, 1, 3),
            Call::position(0, 0),
            Call::error(HRESULT::E_FAIL, "message"),
            Call::position(0, 0),
            Call::done(HRESULT::E_ABORT),
        ];
        assert_eq!(recorder.calls(), expected);

        let foreign_store = foreign.store(HRESULT::S_OK, HRESULT::S_OK, 0);
        let unknown = object.cast::<IUnknown>().unwrap();
        let mut handle = test_support::garbage();
        let mut request = test_support::request(unknown.as_raw(), &mut handle);
        // SAFETY: every pointer in the structure is valid during the call.
        let code = unsafe { foreign_store.synchronize_in_background(&mut request) };
        assert_eq!(code, HRESULT::S_OK);
        test_support::wait_until(|| {
            reference_count(&foreign_store) == 1 && reference_count(object) == 3
        });
        let calls = recorder.calls();
        assert_eq!(calls[calls.len() - 1], Call::done(HRESULT::S_OK));
        assert_eq!(calls[5], Call::progress(GREETING, 1, 3));
        let unaligned = Call::progress(GREETING, 2, 3);
        assert!(
            calls.iter().any(|call| *call == unaligned),
            "a string at an unaligned address"
        );
    });
}

#[test]
fn a_panic_in_a_dispatched_method_becomes_e_unexpected() {
    each_composite(true, |foreign, object, _| {
        foreign.run(object, 0, None, HRESULT::S_OK, 0);
        let lines = foreign.lines();
        assert!(lines.contains(&"event NULL".into()));
        assert!(lines.contains(&"SynchronizeInBackground -> 0x8000FFFF".into()));
        let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!(callback.progress(None, 1, 3), HRESULT::E_UNEXPECTED);
        assert_eq!(
            callback.error(HRESULT::E_FAIL, "message"),
            HRESULT::E_UNEXPECTED
        );
        assert_eq!(
            test_support::done(&callback, None, HRESULT::E_ABORT),
            HRESULT::E_UNEXPECTED
        );
    });
}
