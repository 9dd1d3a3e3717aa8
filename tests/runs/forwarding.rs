//! `SyncHost::forwarding_to`: a store's calls reach a callback object that exists already, as the
//! store made them.

use crate::FLAGS;
use mapisync::abi::{HANDLE, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl};
use mapisync::testing::reference_count;
use mapisync::{Class, ComObject, ComPtr, HRESULT, ImplementedBy, SyncHost, Thunk};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use test_support::{TIMEOUT, callback_of, event, event_pair, foreign_sync, garbage, store};

/// A call as it arrives: the units of the string, or `None` for NULL.
#[derive(Debug, PartialEq)]
enum Call {
    Progress(Option<Vec<u16>>, u32, u32),
    Error(HRESULT, Option<Vec<u16>>),
    Done(usize, HRESULT),
}

/// A foreign dialog. It keeps the handle of `Done` open.
#[derive(Default)]
struct Dialog {
    calls: Mutex<Vec<Call>>,
    /// The code that every method returns.
    code: AtomicI32,
}

impl Dialog {
    fn record(&self, call: Call) -> HRESULT {
        self.calls.lock().unwrap().push(call);
        HRESULT(self.code.load(SeqCst))
    }
}

/// # Safety
///
/// `string` must be NULL or terminated.
unsafe fn units(string: *const u16) -> Option<Vec<u16>> {
    // SAFETY: every unit up to the NUL is readable, by this function's contract.
    let unit = |index| unsafe { *string.add(index) };
    (!string.is_null()).then(|| (0..).map(unit).take_while(|unit| *unit != 0).collect())
}

impl Class for Dialog {
    type Interfaces = (IMAPISyncProgressCallback,);
}

// SAFETY: the vtable has all six slots. The methods borrow the payload, which is `Sync`, and a
// panic ends the process.
unsafe impl<const INDEX: usize> ImplementedBy<Dialog, INDEX> for IMAPISyncProgressCallback {
    const VTABLE: &'static IMAPISyncProgressCallbackVtbl = &IMAPISyncProgressCallbackVtbl {
        base: Thunk::<Dialog, INDEX>::UNKNOWN,
        Progress: progress::<INDEX>,
        Error: error::<INDEX>,
        Done: done::<INDEX>,
    };
}

unsafe extern "system" fn progress<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, and the caller passes a terminated string.
    unsafe {
        let call = Call::Progress(units(string), index, max);
        Thunk::<Dialog, INDEX>::payload(this).record(call)
    }
}

unsafe extern "system" fn error<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, and the caller passes a terminated string.
    unsafe {
        let call = Call::Error(code, units(message));
        Thunk::<Dialog, INDEX>::payload(this).record(call)
    }
}

unsafe extern "system" fn done<const INDEX: usize>(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable.
    unsafe { Thunk::<Dialog, INDEX>::payload(this) }.record(Call::Done(event.addr(), status))
}

fn dialog() -> (ComObject<Dialog>, ComPtr<IMAPISyncProgressCallback>) {
    let dialog = ComObject::new(Dialog::default());
    let pointer = dialog.cast().unwrap();
    (dialog, pointer)
}

fn calls(dialog: &Dialog) -> Vec<Call> {
    std::mem::take(&mut dialog.calls.lock().unwrap())
}

#[test]
fn a_run_reports_to_the_dialog_which_then_owns_the_handle() {
    let (dialog, pointer) = dialog();
    let host = SyncHost::forwarding_to(pointer);
    let sync = store(|request| {
        request.spawn(|job| {
            job.progress(Some("Receiving «Inbox» 𝄞"), 1, 3)?;
            job.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "left out");
            Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
        })
    });
    let run = host.start(&sync, FLAGS).unwrap();
    let status = run.wait(TIMEOUT).unwrap();
    assert_eq!(status, HRESULT::MAPI_W_PARTIAL_COMPLETION);
    let units = |string: &str| Some(string.encode_utf16().collect());
    let [progress, error, done] = calls(&dialog).try_into().unwrap();
    assert_eq!(progress, Call::Progress(units("Receiving «Inbox» 𝄞"), 1, 3));
    assert_eq!(error, Call::Error(status, units("left out")));
    let Call::Done(handle, code) = done else { panic!("{done:?}") };
    assert_eq!(code, status);
    // SAFETY: `Done` has passed the handle on.
    let theirs = unsafe { event(ptr::without_provenance_mut(handle)) };
    let theirs = theirs.expect("it is still open");
    assert!(theirs.is_signaled());
    assert_ne!(handle, run.event().unwrap().as_raw().addr(), "a duplicate");
    drop(host);
    assert_eq!(reference_count(&dialog.cast::<IMAPISyncProgressCallback>().unwrap()), 2);
}

#[test]
fn strings_and_codes_are_forwarded_unchanged() {
    const STRINGS: [Option<&[u16]>; 5] = [
        None,
        Some(&[0]),
        Some(&[0xD800, 0]),
        Some(&[0x41, 0xDC00, 0xD800, 0xFFFE, 0]),
        Some(&[0xD834, 0xDD1E, 0]),
    ];
    let sync = foreign_sync(|psibpb| {
        let callback = callback_of(psibpb);
        for string in STRINGS {
            let string = string.map_or(ptr::null(), <[u16]>::as_ptr);
            // SAFETY: the callback is alive, and the strings are NULL or terminated.
            unsafe {
                let (vtbl, this) = (&*callback.vtbl(), callback.as_raw());
                for result in [
                    (vtbl.Progress)(this, string, u32::MAX, 7),
                    (vtbl.Error)(this, HRESULT(-7), string),
                ] {
                    assert_eq!(result, HRESULT(-9));
                }
            }
        }
        test_support::done(&callback, None, HRESULT(-8))
    });
    let (dialog, pointer) = dialog();
    dialog.code.store(-9, SeqCst);
    let refused = SyncHost::forwarding_to(pointer).start(&sync, FLAGS);
    assert_eq!(refused.unwrap_err().hresult(), HRESULT(-9), "Done's code");
    let mut expected = vec![];
    for string in STRINGS {
        let units = || string.map(|units| units[..units.len() - 1].to_vec());
        expected.push(Call::Progress(units(), u32::MAX, 7));
        expected.push(Call::Error(HRESULT(-7), units()));
    }
    expected.push(Call::Done(0, HRESULT(-8)));
    assert_eq!(calls(&dialog), expected);
}

#[test]
fn cancel_replaces_a_success_of_progress_only() {
    let (canceled, failed) = (HRESULT::MAPI_E_USER_CANCEL, HRESULT::MAPI_E_TIMEOUT);
    for (code, is_canceled, expected) in [
        (HRESULT::S_OK, false, HRESULT::S_OK),
        (HRESULT::S_FALSE, false, HRESULT::S_FALSE),
        (HRESULT::S_FALSE, true, canceled),
        (failed, true, failed),
    ] {
        let kept = std::sync::Arc::new(Mutex::new(None));
        let callback = kept.clone();
        let sync = foreign_sync(move |psibpb| {
            *callback.lock().unwrap() = Some(callback_of(psibpb));
            HRESULT::S_OK
        });
        let (dialog, pointer) = dialog();
        dialog.code.store(code.0, SeqCst);
        let run = SyncHost::forwarding_to(pointer).start(&sync, FLAGS).unwrap();
        if is_canceled {
            run.cancel();
        }
        let callback = kept.lock().unwrap().take().unwrap();
        assert_eq!(callback.progress(Some("x"), 1, 2), expected);
        assert_eq!(callback.error(failed, "x"), code);
        assert_eq!(test_support::done(&callback, None, failed), code);
        assert_eq!(run.wait(TIMEOUT).unwrap(), failed);
    }
}

#[test]
fn the_first_done_is_forwarded_and_the_second_is_refused() {
    let (first, _first_owner) = event_pair();
    let (second, _second_owner) = event_pair();
    let first_number = first.as_raw().addr();
    let events = Mutex::new(vec![second, first]);
    let sync = foreign_sync(move |psibpb| {
        let callback = callback_of(psibpb);
        let next = || events.lock().unwrap().pop();
        assert_eq!(test_support::done(&callback, next(), HRESULT::S_FALSE), HRESULT::S_OK);
        let refused = test_support::done(&callback, next(), HRESULT::S_OK);
        assert_eq!(refused, HRESULT::E_UNEXPECTED);
        HRESULT::S_OK
    });
    let (dialog, pointer) = dialog();
    let run = SyncHost::forwarding_to(pointer).start(&sync, FLAGS).unwrap();
    assert_eq!(run.status(), Some(HRESULT::S_FALSE));
    assert_eq!(calls(&dialog), [Call::Done(first_number, HRESULT::S_FALSE)]);
    // SAFETY: the first `Done` has passed the handle on.
    assert!(unsafe { event(ptr::without_provenance_mut(first_number)) }.is_some());
}

#[test]
fn a_number_that_is_not_a_handle_is_forwarded_too() {
    let sync = foreign_sync(|psibpb| {
        let callback = callback_of(psibpb);
        // SAFETY: the callback is alive, its run ends here, and the number is no open handle.
        unsafe { ((*callback.vtbl()).Done)(callback.as_raw(), garbage(), HRESULT::S_OK) }
    });
    let (dialog, pointer) = dialog();
    let run = SyncHost::forwarding_to(pointer).start(&sync, FLAGS).unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    assert!(run.event().is_none());
    assert_eq!(calls(&dialog), [Call::Done(garbage().addr(), HRESULT::S_OK)]);
}
