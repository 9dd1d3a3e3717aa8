//! The testing kit's doubles: every script of `ScriptedProvider` as a host sees it, and the counts
//! of `Probe` from both sides.

mod leaks;
mod misbehavior;
mod probe;
mod well_behaved;

use mapisync::abi::{IUnknown, MAPISIB};
use mapisync::testing::{ScriptedProvider, reference_count};
use mapisync::{
    DoneEvent, Error, HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost, SyncRun,
};
use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FLAGS: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;
const LONG: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(20);
const OK: HRESULT = HRESULT::S_OK;

/// A host's dialog. It records every call as a line, and returns the given codes.
#[derive(Default)]
struct Dialog {
    lines: Mutex<Vec<String>>,
    cancel_with: HRESULT,
    return_from_error: HRESULT,
}

impl Dialog {
    fn record(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.record(format!("{} {index}/{max}", step.unwrap_or("-")));
        self.cancel_with.ok().map(drop)
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.record(format!("{code}: {}", message.unwrap_or("-")));
        self.return_from_error.ok().map(drop)
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.record(format!("Done {status}"));
        Ok(())
    }
    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        let event = event.map_or("without an event", |_| "with an event");
        self.done(status)?;
        self.record(event.into());
        Ok(())
    }
}

/// Starts a run of the script.
fn start(store: &ScriptedProvider, dialog: &Arc<Dialog>) -> SyncRun {
    let host = SyncHost::new(dialog.clone());
    host.start(&store.to_com(), FLAGS).unwrap()
}

/// Runs the script to its end. Returns the status, and the lines of the dialog.
fn run(store: &ScriptedProvider) -> (HRESULT, Vec<String>) {
    run_with(store, Dialog::default())
}

fn run_with(store: &ScriptedProvider, dialog: Dialog) -> (HRESULT, Vec<String>) {
    let dialog = Arc::new(dialog);
    let run = start(store, &dialog);
    let status = run.wait(LONG).unwrap();
    drop(run);
    assert!(store.wait_ended(LONG));
    assert_eq!(Arc::strong_count(&dialog), 1, "the callback is released");
    (status, dialog.lines())
}

/// Starts a run of the script without a callback. Returns the event, which is then the caller's.
fn run_without_callback(store: &ScriptedProvider) -> Option<DoneEvent> {
    let mut event = ptr::dangling_mut();
    let mut request = request(ptr::null_mut(), &mut event);
    // SAFETY: the structure is readable for its `ulSize`, and each pointer is NULL or valid during
    // the call.
    let code = unsafe { store.to_com().synchronize_in_background(&mut request) };
    assert!(code.is_ok(), "{code}");
    // SAFETY: without a callback the caller owns the event.
    unsafe { DoneEvent::from_raw(event) }
}

/// The part of a run's end that is missing.
#[derive(Debug, PartialEq)]
enum Missing {
    Done,
    DoneAfterEvent,
    EventAfterDone,
}

/// Waits in vain, and returns what the host's error says.
fn missing(run: &SyncRun) -> Missing {
    let missing = match run.wait(SHORT) {
        Err(Error::Timeout { missing, .. }) => missing,
        other => panic!("{other:?}"),
    };
    match (run.status(), missing.contains("event")) {
        (None, false) => Missing::Done,
        (None, true) => Missing::DoneAfterEvent,
        (Some(_), true) => Missing::EventAfterDone,
        (Some(status), false) => panic!("{missing}, although the status is {status}"),
    }
}

/// Keeps the other tests of this program from running, because one of them counts handles.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A MAPISIB as Outlook fills it in.
fn request(callback: *mut IUnknown, event: &mut *mut c_void) -> MAPISIB {
    MAPISIB {
        ulSize: size_of::<MAPISIB>() as u32,
        ulFlags: FLAGS.bits(),
        psesSync: ptr::null_mut(),
        punkCallBack: callback,
        phSyncDoneEvent: event,
    }
}

#[test]
fn the_count_of_an_object_is_that_of_its_references() {
    let sync = ScriptedProvider::new().to_com();
    let others = [(); 3].map(|()| sync.clone());
    assert_eq!(reference_count(&sync), 4);
    drop(others);
    assert_eq!(reference_count(&sync.cast::<IUnknown>().unwrap()), 2);
    assert_eq!(reference_count(&sync), 1);
}

#[test]
fn the_doubles_may_leave_their_thread() {
    fn is_free<T: Send + Sync>(_: &T) {}
    is_free(&probe::callback_probe().0);
    is_free(&ScriptedProvider::new());
}
