//! A store without this crate's `SyncJob`, as a foreign author writes one, that breaks one rule.

use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::{ComPtr, DoneEvent, HRESULT};
use std::any::Any;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use test_support::{HostRequest, callback_of, done, event_pair, foreign_sync};

/// The rule that the store breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    NeverReturns,
    NeverCallsDone,
    CallsDoneTwice,
    ReportsAfterDone,
    HasNoEvent,
    SignalsBeforeDone,
    NeverSignalsSuccess,
    NeverSignalsFailure,
    NeverSignalsCancellation,
    ReportsBeyondTheMaximum,
    WorksInTheCall,
    KeepsTheCallback,
    KeepsItself,
    /// It keeps the session of every run, not only that of the first one.
    KeepsTheSession,
    /// It keeps the session of the first run, which is allowed.
    KeepsOneSession,
    IgnoresCancellation,
    ForgetsTheCode,
    AcceptsAShortSize,
    RefusesALongSize,
    RefusesUnknownFlags,
    /// It accepts a callback object without the interface, and then returns no event.
    IgnoresAMissingInterface,
    /// It releases a callback object without the interface.
    ReleasesAMissingInterface,
    ReportsInAFailedCall,
    ReturnsAnEventOfAFailedCall,
    /// A second call waits for the end of the first run.
    Queues,
    /// If three runs are in progress at the same time, some of them get no Done.
    ForgetsTheThirdRun,
    LeavesAThread,
    LeavesAHandle,
    AcceptsNullRequest,
    AcceptsNullLocation,
    /// It accepts a call without a callback, and then returns no event.
    IgnoresAMissingCallback,
}

/// The number of reports of a run.
const REPORTS: u32 = 6;

/// The state of a store, which the test keeps.
pub struct State {
    fault: Fault,
    /// The number of runs in progress.
    running: Mutex<usize>,
    /// Whether two runs have been in progress at the same time.
    has_seen_two: AtomicBool,
    is_released: Mutex<bool>,
    changed: Condvar,
    kept: Mutex<Vec<Box<dyn Any + Send>>>,
    own: Mutex<usize>,
}

impl State {
    /// Ends everything that the store has left behind.
    pub fn release(&self) {
        *self.is_released.lock().unwrap() = true;
        self.changed.notify_all();
        let kept = std::mem::take(&mut *self.kept.lock().unwrap());
        drop(kept);
    }

    fn wait_for_release(&self) {
        let is_released = self.is_released.lock().unwrap();
        drop(self.changed.wait_while(is_released, |released| !*released));
    }

    fn keep(&self, value: impl Send + 'static) {
        self.kept.lock().unwrap().push(Box::new(value));
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

pub fn broken_store(fault: Fault) -> (ComPtr<IMAPISync>, Arc<State>) {
    let state = Arc::new(State {
        fault,
        running: Mutex::new(0),
        has_seen_two: AtomicBool::new(false),
        is_released: Mutex::new(false),
        changed: Condvar::new(),
        kept: Mutex::default(),
        own: Mutex::new(0),
    });
    let shared = state.clone();
    let store = foreign_sync(move |psibpb| synchronize(&shared, psibpb));
    *state.own.lock().unwrap() = store.as_raw().expose_provenance();
    (store, state)
}

fn synchronize(state: &Arc<State>, psibpb: HostRequest<'_>) -> HRESULT {
    let is_accepted = |fault| {
        if state.has(fault) { HRESULT::S_OK } else { HRESULT::E_INVALIDARG }
    };
    if psibpb.as_ptr().is_null() {
        return is_accepted(Fault::AcceptsNullRequest);
    }
    // The kit's requests are readable for the whole structure, whatever `ulSize` states.
    let request = *psibpb;
    let size = size_of::<MAPISIB>() as u32;
    if request.ulSize < size && !state.has(Fault::AcceptsAShortSize) {
        if state.has(Fault::ReportsInAFailedCall) {
            let _ignored = callback_of(psibpb).progress(None, 1, 1);
        }
        if state.has(Fault::ReturnsAnEventOfAFailedCall) {
            let (event, job) = event_pair();
            // SAFETY: the location of the kit's requests is valid during the call.
            unsafe { *request.phSyncDoneEvent = event.as_raw() };
            state.keep((event, job));
        }
        return HRESULT::E_INVALIDARG;
    }
    if request.ulSize > size && state.has(Fault::RefusesALongSize) {
        return HRESULT::E_INVALIDARG;
    }
    if request.ulFlags & !0x8F != 0 && state.has(Fault::RefusesUnknownFlags) {
        return HRESULT::MAPI_E_UNKNOWN_FLAGS;
    }
    if request.phSyncDoneEvent.is_null() && !state.has(Fault::AcceptsNullLocation) {
        return HRESULT::E_INVALIDARG;
    }
    // SAFETY: the callback is NULL, or a live object of this crate, which is free-threaded.
    let unknown = unsafe { ComPtr::<IUnknown>::from_raw_borrowed(request.punkCallBack) };
    if unknown.is_none() && state.has(Fault::IgnoresAMissingCallback) {
        return HRESULT::S_OK;
    }
    let callback = match unknown.map(|unknown| unknown.cast::<IMAPISyncProgressCallback>()) {
        None => None,
        Some(Ok(callback)) => Some(callback),
        Some(Err(_)) if state.has(Fault::IgnoresAMissingInterface) => return HRESULT::S_OK,
        Some(Err(error)) => {
            if state.has(Fault::ReleasesAMissingInterface) {
                // SAFETY: the kit owns a spare reference, which this releases.
                drop(unsafe { ComPtr::from_raw(request.punkCallBack) });
            }
            return error.hresult();
        }
    };
    // SAFETY: the session is NULL, or a live object of this crate, which is free-threaded.
    let session = unsafe { ComPtr::<IMAPISession>::from_raw_borrowed(request.psesSync) };
    let keeps_one = state.has(Fault::KeepsOneSession) && state.kept.lock().unwrap().is_empty();
    if session.is_some() && (keeps_one || state.has(Fault::KeepsTheSession)) {
        state.keep(session);
    }
    if state.has(Fault::Queues) {
        let running = state.running.lock().unwrap();
        drop(state.changed.wait_while(running, |running| *running > 0));
    }
    start(state);
    let (event, job) = event_pair();
    if !request.phSyncDoneEvent.is_null() && !state.has(Fault::HasNoEvent) {
        // SAFETY: the location of the kit's requests is NULL or valid during the call.
        unsafe { *request.phSyncDoneEvent = event.as_raw() };
    }
    let run = {
        let state = state.clone();
        move || run(&state, callback, event, job)
    };
    if state.has(Fault::WorksInTheCall) {
        run();
    } else {
        thread::spawn(run);
    }
    if state.has(Fault::NeverReturns) {
        state.wait_for_release();
    }
    HRESULT::S_OK
}

/// Works, and ends the run. Dropping `signal` signals the event.
fn run(
    state: &Arc<State>,
    callback: Option<ComPtr<IMAPISyncProgressCallback>>,
    event: DoneEvent,
    signal: impl Send + 'static,
) {
    let Some(callback) = callback else {
        let _owned_by_the_host = event.into_raw();
        end(state);
        return drop(signal);
    };
    let (mut status, mut is_canceled) = (HRESULT::S_OK, false);
    if state.has(Fault::NeverSignalsFailure) {
        status = HRESULT::MAPI_E_NETWORK_ERROR;
    }
    for index in 1..=REPORTS {
        let beyond = u32::from(state.has(Fault::ReportsBeyondTheMaximum));
        let code = callback.progress(Some("Receiving"), index + beyond, REPORTS);
        is_canceled |= code.is_err();
        if code.is_err() && !state.has(Fault::IgnoresCancellation) {
            status = code;
            break;
        }
    }
    if is_canceled && state.has(Fault::ForgetsTheCode) {
        status = HRESULT::S_OK;
    }
    if state.has(Fault::NeverCallsDone) {
        state.keep((event, callback, signal));
        return;
    }
    if state.has(Fault::ForgetsTheThirdRun) && state.has_seen_two.load(SeqCst) {
        let running = state.running.lock().unwrap();
        let wait =
            state.changed.wait_timeout_while(running, super::SHORT / 2, |running| *running < 3);
        let (running, _) = wait.unwrap();
        if *running >= 3 {
            drop(running);
            state.keep((event, callback, signal));
            return;
        }
    }
    let mut signal = Some(signal);
    if state.has(Fault::SignalsBeforeDone) {
        signal = None;
    }
    if state.has(Fault::LeavesAHandle) {
        state.keep(event.try_clone().unwrap());
    }
    let passed = if state.has(Fault::HasNoEvent) { None } else { Some(event) };
    let _ignored = done(&callback, passed, status);
    if state.has(Fault::CallsDoneTwice) {
        let _ignored = done(&callback, None, status);
    }
    if state.has(Fault::ReportsAfterDone) {
        let _ignored = callback.progress(None, REPORTS, REPORTS);
    }
    if state.has(Fault::KeepsTheCallback) {
        state.keep(callback.clone());
    }
    if state.has(Fault::KeepsItself) {
        let own = ptr::with_exposed_provenance_mut(*state.own.lock().unwrap());
        // SAFETY: the test owns a reference to the store, so the object is alive.
        state.keep(unsafe { ComPtr::<IMAPISync>::from_raw_borrowed(own) });
    }
    drop(callback);
    let never_signals = match status {
        HRESULT::S_OK => Fault::NeverSignalsSuccess,
        HRESULT::MAPI_E_USER_CANCEL => Fault::NeverSignalsCancellation,
        _ => Fault::NeverSignalsFailure,
    };
    end(state);
    if state.has(never_signals) {
        return state.keep(signal);
    }
    drop(signal);
    if state.has(Fault::LeavesAThread) {
        state.wait_for_release();
    }
}

/// Counts the start of a run.
fn start(state: &State) {
    let mut running = state.running.lock().unwrap();
    *running += 1;
    state.has_seen_two.fetch_or(*running > 1, SeqCst);
    state.changed.notify_all();
}

/// Counts the end of a run.
fn end(state: &State) {
    *state.running.lock().unwrap() -= 1;
    state.changed.notify_all();
}
