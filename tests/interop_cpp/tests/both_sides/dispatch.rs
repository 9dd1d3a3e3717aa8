//! Objects whose vtables C++ builds, by multiple inheritance, with bodies by `provider::dispatch` and its twins.

use crate::common::{Call, PanicOnDrop, Recorder, TIMEOUT, count, step};
use crate::{GREETING, each};
use mapisync::abi::{HANDLE, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::{
    ComPtr, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncFlags, SyncHost, SyncRequest,
    host, provider,
};
use mapisync_interop_cpp::{Bodies, CLOSE_IN_DONE, ODD, Witness};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

/// The Rust half of an object.
struct Half {
    ear: Arc<Recorder>,
    panics: bool,
}

impl MapiSync for Half {
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

impl MapiSyncProgressCallback for Half {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        if self.panics {
            std::panic::panic_any(PanicOnDrop(3));
        }
        self.ear.progress(step, index, max)
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.progress(None, 0, 0)?;
        self.ear.error(code, message)
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.progress(None, 0, 0)?;
        self.ear.done(status)
    }
}

unsafe extern "C" fn synchronise(half: *mut c_void, request: *mut MAPISIB) -> HRESULT {
    // SAFETY: called by the object's method, with its half, and by COM's rules.
    unsafe { provider::dispatch(&*half.cast::<Half>(), request) }
}
unsafe extern "C" fn progress(
    half: *mut c_void,
    text: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: as above.
    unsafe { host::dispatch_progress(&*half.cast::<Half>(), text, index, max) }
}
unsafe extern "C" fn error(half: *mut c_void, code: HRESULT, text: *const u16) -> HRESULT {
    // SAFETY: as above.
    unsafe { host::dispatch_error(&*half.cast::<Half>(), code, text) }
}
unsafe extern "C" fn done(half: *mut c_void, event: HANDLE, status: HRESULT) -> HRESULT {
    // SAFETY: as above; the event is handed over.
    unsafe { host::dispatch_done(&*half.cast::<Half>(), event, status) }
}

/// Runs a test with an object that each of the C++ libraries builds around the half.
fn each_composite(panics: bool, test: impl Fn(&Witness, &ComPtr<IMAPISync>, &Recorder)) {
    each(|witness| {
        if !witness.build.cpp {
            return; // in C it would be our own thunks' work over again
        }
        let half = Half {
            ear: Recorder::new(),
            panics,
        };
        let half_ptr = ptr::from_ref(&half).cast_mut().cast();
        let bodies = Bodies {
            half: half_ptr,
            synchronise,
            progress,
            error,
            done,
        };
        // SAFETY: the functions bear everything; the half outlives the object, as is asserted below.
        let object = unsafe { witness.composite(&bodies) };
        test(witness, &object, &half.ear);
        crate::common::wait_until(|| count(&object) == 1);
        drop(object);
        assert_eq!(witness.lines().last().unwrap(), "composite gone");
    });
}

#[test]
fn a_store_by_dispatch_under_their_host_and_ours() {
    each_composite(false, |witness, object, _| {
        for options in [0, ODD | CLOSE_IN_DONE] {
            let before = witness.lines().len();
            witness.drive(object, 0, None, HRESULT::S_OK, options);
            let expected = [
                "callback counts 1, store 1",
                "Progress(006F 006E 0065, 1, 2)",
                "Done(the slot's event, 0x00040680)",
                "SynchronizeInBackground -> 0x00000000",
                "callback counts 1, store 1",
                "callback gone",
                "callback released, left 0",
            ];
            assert_eq!(witness.lines().split_off(before), expected);
        }
        witness.bad_calls(object);
        assert!(
            witness
                .lines()
                .contains(&"SynchronizeInBackground -> 0x80004002".into())
        );

        let ear = Recorder::new();
        let run = SyncHost::new(ear.clone())
            .start(object, SyncFlags::empty())
            .unwrap();
        assert_eq!(
            run.wait(TIMEOUT).unwrap(),
            HRESULT::MAPI_W_PARTIAL_COMPLETION
        );
        assert_eq!(
            ear.calls(),
            [
                step("one", 1, 2),
                Call::Done(HRESULT::MAPI_W_PARTIAL_COMPLETION)
            ]
        );
        assert_eq!(count(object), 1);
    });
}

#[test]
fn a_callback_by_dispatch_under_their_store_and_our_calls() {
    each_composite(false, |witness, object, ear| {
        let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
        assert!(callback.is_same_object(object));
        assert_ne!(
            callback.as_raw().addr(),
            object.as_raw().addr(),
            "there are two vtables"
        );
        assert_eq!(callback.progress(Some(GREETING), 1, 3), HRESULT::S_OK);
        assert_eq!(callback.error(HRESULT::E_FAIL, "text"), HRESULT::S_OK);
        assert_eq!(
            crate::common::done(&callback, None, HRESULT::E_ABORT),
            HRESULT::S_OK
        );
        let silence = Call::Progress(None, 0, 0);
        let expected = [
            step(GREETING, 1, 3),
            silence.clone(),
            Call::Error(HRESULT::E_FAIL, Some("text".into())),
            silence,
            Call::Done(HRESULT::E_ABORT),
        ];
        assert_eq!(ear.calls(), expected);

        let their_store = witness.store(HRESULT::S_OK, HRESULT::S_OK, 0);
        let unknown = object.cast::<IUnknown>().unwrap();
        let mut slot = crate::common::garbage();
        let mut request = crate::common::request(unknown.as_raw(), &mut slot);
        // SAFETY: everything in the structure is valid for the call.
        let answer = unsafe { their_store.synchronize_in_background(&mut request) };
        assert_eq!(answer, HRESULT::S_OK);
        crate::common::wait_until(|| count(&their_store) == 1 && count(object) == 3);
        let heard = ear.calls();
        assert_eq!(heard[heard.len() - 1], Call::Done(HRESULT::S_OK));
        assert_eq!(heard[5], step(GREETING, 1, 3));
        assert!(heard.contains(&step(GREETING, 2, 3)), "at an odd address");
    });
}

#[test]
fn a_panic_in_a_dispatched_method_is_an_answer() {
    each_composite(true, |witness, object, _| {
        witness.drive(object, 0, None, HRESULT::S_OK, 0);
        let lines = witness.lines();
        assert!(lines.contains(&"event NULL".into()));
        assert!(lines.contains(&"SynchronizeInBackground -> 0x8000FFFF".into()));
        let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
        assert_eq!(callback.progress(None, 1, 3), HRESULT::E_UNEXPECTED);
        assert_eq!(
            callback.error(HRESULT::E_FAIL, "text"),
            HRESULT::E_UNEXPECTED
        );
        assert_eq!(
            crate::common::done(&callback, None, HRESULT::E_ABORT),
            HRESULT::E_UNEXPECTED
        );
    });
}
