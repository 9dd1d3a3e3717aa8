//! `SyncHost` with stores that follow no rules. Such a store:
//!
//! - reports before and after `Done`, on any thread,
//! - calls `Done` never, once or several times, with the run's handle, another one or none,
//! - writes any handle to the event handle location.

use mapisync::abi::{HANDLE, IMAPISyncProgressCallback};
use mapisync::testing::{Call, Method, Recorder, reference_count};
use mapisync::{ComPtr, DoneEvent, Error, HRESULT, SyncFlags, SyncHost, SyncRun};
use proptest::prelude::*;
use std::any::Any;
use std::ptr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use test_support::{TIMEOUT, callback_of, event_pair, foreign_sync, garbage};

/// The actions of a store during the host's call and afterwards.
#[derive(Clone, Debug)]
struct Script {
    /// The handle that the store writes to the event handle location.
    event_handle: Handle,
    during: Vec<(Act, Thread)>,
    /// The code that the store's method returns.
    code: HRESULT,
    /// Whether the host drops the run before the actions in `after`.
    drop_run: bool,
    after: Vec<(Act, Thread)>,
    /// The code that the user's `Progress` returns.
    progress_code: HRESULT,
}

#[derive(Clone, Debug)]
enum Act {
    Progress(Option<Vec<u16>>, u32, u32),
    Error(HRESULT, Option<Vec<u16>>),
    Done(Handle, HRESULT),
    /// Signals the event of the store's handle, `Own` or `Other`.
    Signal(Handle),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Handle {
    Null,
    /// An invalid handle that is not NULL.
    Garbage,
    Own,
    /// The store's other event.
    Other,
}

impl Handle {
    /// Returns the index of the event among the store's two events, if the handle is one of theirs.
    fn index(self) -> Option<usize> {
        [Handle::Own, Handle::Other]
            .iter()
            .position(|handle| *handle == self)
    }
}

#[derive(Clone, Copy, Debug)]
enum Thread {
    Here,
    Another,
}

fn hresult() -> impl Strategy<Value = HRESULT> {
    let known = vec![
        HRESULT::S_OK,
        HRESULT::S_FALSE,
        HRESULT::E_FAIL,
        HRESULT::MAPI_E_USER_CANCEL,
    ];
    prop_oneof![
        prop::sample::select(known).boxed(),
        any::<i32>().prop_map(HRESULT).boxed()
    ]
}

fn handle() -> impl Strategy<Value = Handle> {
    use Handle::*;
    prop::sample::select(vec![Null, Garbage, Own, Other])
}

fn event_handle() -> impl Strategy<Value = Handle> {
    use Handle::*;
    prop::sample::select(vec![Null, Garbage, Own])
}

/// Generates UTF-16 units, including unpaired surrogates.
fn units() -> impl Strategy<Value = Option<Vec<u16>>> {
    let unit = prop_oneof![0x20..0x7F_u16, 1..=u16::MAX, 0xD800..0xE000_u16];
    prop::option::of(prop::collection::vec(unit, 0..5))
}

fn acts() -> impl Strategy<Value = Vec<(Act, Thread)>> {
    let act = prop_oneof![
        (units(), any::<u32>(), any::<u32>())
            .prop_map(|(units, index, max)| Act::Progress(units, index, max)),
        (hresult(), units()).prop_map(|(code, units)| Act::Error(code, units)),
        (handle(), hresult()).prop_map(|(handle, status)| Act::Done(handle, status)),
        prop::sample::select(vec![Handle::Own, Handle::Other]).prop_map(Act::Signal),
    ];
    let thread = prop::sample::select(vec![Thread::Here, Thread::Another]);
    prop::collection::vec((act, thread), 0..5)
}

fn script() -> impl Strategy<Value = Script> {
    (
        event_handle(),
        acts(),
        hresult(),
        any::<bool>(),
        acts(),
        hresult(),
    )
        .prop_map(
            |(event_handle, during, code, drop_run, after, progress_code)| Script {
                event_handle,
                during,
                code,
                drop_run,
                after,
                progress_code,
            },
        )
}

/// The expected state of a run.
#[derive(Default)]
struct Model {
    calls: Vec<Call>,
    /// The status of the first Done.
    done: Option<HRESULT>,
    /// The number of events that the user's callback got.
    handed_over: usize,
    /// The handles that `Done` handed over.
    taken: [bool; 2],
    /// The run's event.
    event: Option<Handle>,
    signaled: [bool; 2],
}

impl Model {
    /// Applies an action and returns the code that the callback must return.
    fn act(&mut self, act: &Act, event_handle: Handle, progress_code: HRESULT) -> HRESULT {
        let lossy = |units: &Option<Vec<u16>>| units.as_deref().map(String::from_utf16_lossy);
        match act {
            Act::Progress(units, index, max) => {
                self.calls.push(Call::Progress(lossy(units), *index, *max));
                if progress_code.is_err() {
                    progress_code
                } else {
                    HRESULT::S_OK
                }
            }
            Act::Error(code, units) => {
                self.calls.push(Call::Error(*code, lossy(units)));
                HRESULT::S_OK
            }
            Act::Done(handle, _) if self.done.is_some() => {
                // A second `Done` hands over the run's own handle only if no earlier one handed
                // over any.
                if *handle == Handle::Own && event_handle == Handle::Own && self.taken == [false; 2]
                {
                    self.taken[0] = true;
                }
                HRESULT::E_UNEXPECTED
            }
            Act::Done(handle, status) => {
                self.calls.push(Call::Done(*status));
                self.done = Some(*status);
                if let Some(index) = handle.index() {
                    self.taken[index] = true;
                    self.handed_over = 1;
                    self.event = self.event.or(Some(*handle));
                }
                HRESULT::S_OK
            }
            Act::Signal(handle) => {
                self.signaled[handle.index().unwrap()] = true;
                HRESULT::S_OK
            }
        }
    }

    /// Notes that the store's method has returned.
    fn returns(&mut self, event_handle: Handle) {
        if self.done.is_none() && event_handle == Handle::Own {
            self.event = Some(event_handle);
        }
    }

    /// Returns whether the run's event is signaled, if the run has one.
    fn event_is_signaled(&self) -> Option<bool> {
        self.event
            .map(|handle| self.signaled[handle.index().unwrap()])
    }

    /// Returns the expected result of `SyncRun::wait`: a status, or `None` for a timeout.
    fn wait(&self) -> Option<HRESULT> {
        self.done
            .filter(|_| self.event_is_signaled() != Some(false))
    }
}

/// The store's side of a run: the callback, two events, and the values that signal them when
/// dropped.
struct Store {
    callback: ComPtr<IMAPISyncProgressCallback>,
    /// The handles of `Own` and `Other`, until they are found closed.
    open: Mutex<[Option<usize>; 2]>,
    numbers: [usize; 2],
    signals: Mutex<[Option<Box<dyn Any + Send>>; 2]>,
}

impl Store {
    fn new(callback: ComPtr<IMAPISyncProgressCallback>) -> Store {
        let ((own, signal), (other, second)) = (event_pair(), event_pair());
        let numbers = [own, other].map(|event| event.into_raw().addr());
        Store {
            callback,
            open: Mutex::new(numbers.map(Some)),
            numbers,
            signals: Mutex::new([Some(Box::new(signal)), Some(Box::new(second))]),
        }
    }

    fn handle(&self, handle: Handle) -> HANDLE {
        match handle {
            Handle::Null => ptr::null_mut(),
            Handle::Garbage => garbage(),
            Handle::Own => ptr::without_provenance_mut(self.numbers[0]),
            Handle::Other => ptr::without_provenance_mut(self.numbers[1]),
        }
    }

    fn act(&self, act: &Act, on: Thread) -> HRESULT {
        match on {
            Thread::Here => self.act_here(act),
            Thread::Another => {
                thread::scope(|scope| scope.spawn(|| self.act_here(act)).join().unwrap())
            }
        }
    }

    fn act_here(&self, act: &Act) -> HRESULT {
        let terminated =
            |units: &Option<Vec<u16>>| units.clone().map(|units| [units, vec![0]].concat());
        let pointer = |string: &Option<Vec<u16>>| string.as_ref().map_or(ptr::null(), Vec::as_ptr);
        let (callback, vtbl) = (self.callback.as_raw(), self.callback.vtbl());
        // SAFETY: the callback is alive. Strings are NULL or end with a NUL. All calls of `Done`
        // together take the ownership of at most one handle, which is open then.
        let code = unsafe {
            match act {
                Act::Progress(units, index, max) => {
                    let string = terminated(units);
                    ((*vtbl).Progress)(callback, pointer(&string), *index, *max)
                }
                Act::Error(code, units) => {
                    let string = terminated(units);
                    ((*vtbl).Error)(callback, *code, pointer(&string))
                }
                Act::Done(handle, status) => {
                    ((*vtbl).Done)(callback, self.handle(*handle), *status)
                }
                Act::Signal(handle) => {
                    self.signals.lock().unwrap()[handle.index().unwrap()] = None;
                    HRESULT::S_OK
                }
            }
        };
        // The check must come at once, because a new handle may get the number of a closed one.
        for handle in self.open.lock().unwrap().iter_mut() {
            *handle = handle.filter(|number| is_open(*number));
        }
        code
    }

    /// Closes the handles that the store still owns, and returns which. Each must still be the same
    /// event.
    fn end(self) -> [bool; 2] {
        let (open, signals) = (
            self.open.into_inner().unwrap(),
            self.signals.into_inner().unwrap(),
        );
        for (number, signal) in open.into_iter().zip(signals) {
            // SAFETY: the handle is still open, so `Done` did not take it, and the store owns it.
            let event = number.and_then(|number| unsafe {
                DoneEvent::from_raw(ptr::without_provenance_mut(number))
            });
            if let Some(event) = event {
                assert_eq!(event.is_signaled(), signal.is_none());
                drop(signal);
                assert!(event.is_signaled(), "the handle belongs to another object");
            }
        }
        open.map(|number| number.is_some())
    }
}

fn is_open(number: usize) -> bool {
    // SAFETY: `from_raw` checks the handle. `into_raw` returns it unchanged, so its owner keeps it.
    let event = unsafe { DoneEvent::from_raw(ptr::without_provenance_mut(number)) };
    event.map(DoneEvent::into_raw).is_some()
}

/// Compares a run with the model.
fn check(run: &SyncRun, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(run.status(), model.done);
    prop_assert_eq!(
        run.event().map(DoneEvent::is_signaled),
        model.event_is_signaled()
    );
    let waited = match run.wait(Duration::ZERO) {
        Ok(status) => Some(status),
        Err(Error::Timeout { .. }) => None,
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    };
    prop_assert_eq!(waited, model.wait());
    Ok(())
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn the_host_and_the_model_agree_on_any_store(script in script()) {
        let _alone = crate::alone();
        let recorder = Recorder::new().returns(Method::Progress, script.progress_code);
        let (recorder, mut model) = (Arc::new(recorder), Model::default());

        let kept = Arc::new(Mutex::new(None));
        let (place, played) = (kept.clone(), script.clone());
        let sync = foreign_sync(move |psibpb| {
            let store = Store::new(callback_of(psibpb));
            // SAFETY: the host guarantees that the event handle location is writable during the
            // call.
            unsafe { *(*psibpb).phSyncDoneEvent = store.handle(played.event_handle) };
            let codes: Vec<_> = played.during.iter().map(|(act, on)| store.act(act, *on)).collect();
            *place.lock().unwrap() = Some((store, codes));
            played.code
        });
        let host = SyncHost::new(recorder.clone());
        let started = host.start(&sync, SyncFlags::empty());
        let (store, codes) = kept.lock().unwrap().take().unwrap();
        for ((act, _), code) in script.during.iter().zip(codes) {
            prop_assert_eq!(code, model.act(act, script.event_handle, script.progress_code), "{:?} in the call", act);
        }

        let mut run = match started {
            Err(Error::Refused { code, .. }) => {
                prop_assert_eq!((code, code.is_err()), (script.code, true));
                None
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
            Ok(run) => {
                prop_assert!(script.code.is_ok());
                model.returns(script.event_handle);
                check(&run, &model)?;
                Some(run)
            }
        };
        if script.drop_run {
            run = None;
        }
        for (act, on) in &script.after {
            prop_assert_eq!(store.act(act, *on), model.act(act, script.event_handle, script.progress_code), "{:?} afterwards", act);
            if let Some(run) = &run {
                check(run, &model)?;
            }
        }

        prop_assert_eq!(recorder.calls(), model.calls.clone());
        let events = recorder.calls().iter().filter(|call| call.has_event()).count();
        prop_assert_eq!(events, model.handed_over);
        if let (Some(run), Some(status)) = (&run, model.wait()) {
            prop_assert_eq!(run.wait(TIMEOUT).unwrap(), status);
        }
        drop(run);
        prop_assert_eq!((reference_count(&store.callback), reference_count(&sync)), (1, 1));
        let open = store.end();
        prop_assert_eq!(open, model.taken.map(|taken| !taken), "the handles that the store still owns");
        drop(host);
        prop_assert_eq!(Arc::strong_count(&recorder), 1);
    }
}
