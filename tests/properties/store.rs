//! `SyncHost` and stores that do what they like: report before and after Done, end a run never, once or three times, with a
//! handle of the run's, another or none, on any thread, and leave in the slot what they please.

use crate::common::{
    Call, Recorder, TIMEOUT, callback_of, count, event_pair, foreign_sync, garbage,
};
use mapisync::abi::{HANDLE, IMAPISyncProgressCallback};
use mapisync::{ComPtr, DoneEvent, Error, HRESULT, SyncFlags, SyncHost, SyncRun};
use proptest::prelude::*;
use std::any::Any;
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a store does in the host's call and afterwards.
#[derive(Clone, Debug)]
struct Script {
    event_handle: Handle,
    during: Vec<(Act, Thread)>,
    /// What the store's method returns.
    code: HRESULT,
    /// Whether the host lets go of the run before the rest.
    drop_run: bool,
    after: Vec<(Act, Thread)>,
    /// What the user's callback answers to Progress.
    recorder: HRESULT,
}

#[derive(Clone, Debug)]
enum Act {
    Progress(Option<Vec<u16>>, u32, u32),
    Error(HRESULT, Option<Vec<u16>>),
    Done(Handle, HRESULT),
    /// The event occurs of which the store has the handle, `Own` or `Other`.
    Signal(Handle),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Handle {
    Null,
    /// Not NULL, and nothing.
    Garbage,
    Own,
    /// Another event of the store's.
    Other,
}

impl Handle {
    /// Which of the store's two events it is, if one.
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

/// UTF-16 as it comes, surrogates without their halves included.
fn text() -> impl Strategy<Value = Option<Vec<u16>>> {
    let unit = prop_oneof![0x20..0x7F_u16, 1..=u16::MAX, 0xD800..0xE000_u16];
    prop::option::of(prop::collection::vec(unit, 0..5))
}

fn acts() -> impl Strategy<Value = Vec<(Act, Thread)>> {
    let act = prop_oneof![
        (text(), any::<u32>(), any::<u32>())
            .prop_map(|(text, index, max)| Act::Progress(text, index, max)),
        (hresult(), text()).prop_map(|(code, text)| Act::Error(code, text)),
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
            |(event_handle, during, code, drop_run, after, recorder)| Script {
                event_handle,
                during,
                code,
                drop_run,
                after,
                recorder,
            },
        )
}

/// What everything should come to.
#[derive(Default)]
struct Model {
    calls: Vec<Call>,
    /// The status of the first Done.
    done: Option<HRESULT>,
    /// How many events the user's callback got.
    handed_over: usize,
    /// The handles that Done has handed over.
    taken: [bool; 2],
    /// The event of which the run has a handle.
    event: Option<Handle>,
    signaled: [bool; 2],
}

impl Model {
    /// What the callback answers.
    fn act(&mut self, act: &Act, event_handle: Handle, recorder: HRESULT) -> HRESULT {
        let lossy = |text: &Option<Vec<u16>>| text.as_deref().map(String::from_utf16_lossy);
        match act {
            Act::Progress(text, index, max) => {
                self.calls.push(Call::Progress(lossy(text), *index, *max));
                if recorder.is_err() {
                    recorder
                } else {
                    HRESULT::S_OK
                }
            }
            Act::Error(code, text) => {
                self.calls.push(Call::Error(*code, lossy(text)));
                HRESULT::S_OK
            }
            Act::Done(handle, _) if self.done.is_some() => {
                // The slot's handle is closed if no Done has handed over one before.
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

    /// The store's method has returned.
    fn returns(&mut self, event_handle: Handle) {
        if self.done.is_none() && event_handle == Handle::Own {
            self.event = Some(event_handle);
        }
    }

    /// Whether the run's event has occurred, if there is one.
    fn occurred(&self) -> Option<bool> {
        self.event
            .map(|handle| self.signaled[handle.index().unwrap()])
    }

    /// What `wait` should return: a status, or `None` for a timeout.
    fn wait(&self) -> Option<HRESULT> {
        self.done.filter(|_| self.occurred() != Some(false))
    }
}

/// The store's half of a run: a callback, two events, and what signals them.
struct Store {
    callback: ComPtr<IMAPISyncProgressCallback>,
    /// The numbers of the handles to `Own` and `Other`, until they are found closed.
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
            |text: &Option<Vec<u16>>| text.clone().map(|text| [text, vec![0]].concat());
        let pointer = |text: &Option<Vec<u16>>| text.as_ref().map_or(ptr::null(), Vec::as_ptr);
        let (callback, vtbl) = (self.callback.as_raw(), self.callback.vtbl());
        // SAFETY: a live callback; texts are NULL or terminated; of the handles that are open one Done takes one over, and the
        // other Dones hand over nothing.
        let code = unsafe {
            match act {
                Act::Progress(text, index, max) => {
                    let text = terminated(text);
                    ((*vtbl).Progress)(callback, pointer(&text), *index, *max)
                }
                Act::Error(code, text) => {
                    let text = terminated(text);
                    ((*vtbl).Error)(callback, *code, pointer(&text))
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
        // At once: the number of a handle that was closed is free for anything that is opened.
        for handle in self.open.lock().unwrap().iter_mut() {
            *handle = handle.filter(|number| is_open(*number));
        }
        code
    }

    /// Closes what is still the store's, after checking that it is what it was.
    fn end(self) -> [bool; 2] {
        let (open, signals) = (
            self.open.into_inner().unwrap(),
            self.signals.into_inner().unwrap(),
        );
        for (number, signal) in open.into_iter().zip(signals) {
            // SAFETY: nobody took it over.
            let event = number.and_then(|number| unsafe {
                DoneEvent::from_raw(ptr::without_provenance_mut(number))
            });
            if let Some(event) = event {
                assert_eq!(event.is_signaled(), signal.is_none());
                drop(signal);
                assert!(event.is_signaled(), "the handle is another object's");
            }
        }
        open.map(|number| number.is_some())
    }
}

fn is_open(number: usize) -> bool {
    // SAFETY: it is only looked at, and let go of again.
    let event = unsafe { DoneEvent::from_raw(ptr::without_provenance_mut(number)) };
    event.map(DoneEvent::into_raw).is_some()
}

/// Compares a run with the model, at any time.
fn look(run: &SyncRun, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(run.status(), model.done);
    prop_assert_eq!(run.event().map(DoneEvent::is_signaled), model.occurred());
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
    fn a_host_makes_of_any_store_what_the_model_says(script in script()) {
        let _alone = crate::alone();
        let (recorder, mut model) = (Recorder::new(), Model::default());
        recorder.progress_code.store(script.recorder.0, SeqCst);

        let kept = Arc::new(Mutex::new(None));
        let (place, played) = (kept.clone(), script.clone());
        let sync = foreign_sync(move |psibpb| {
            let store = Store::new(callback_of(psibpb));
            // SAFETY: the host's slot.
            unsafe { *(*psibpb).phSyncDoneEvent = store.handle(played.event_handle) };
            let codes: Vec<_> = played.during.iter().map(|(act, on)| store.act(act, *on)).collect();
            *place.lock().unwrap() = Some((store, codes));
            played.code
        });
        let host = SyncHost::new(recorder.clone());
        let started = host.start(&sync, SyncFlags::empty());
        let (store, codes) = kept.lock().unwrap().take().unwrap();
        for ((act, _), code) in script.during.iter().zip(codes) {
            prop_assert_eq!(code, model.act(act, script.event_handle, script.recorder), "{:?} in the call", act);
        }

        let mut run = match started {
            Err(Error::Refused { code }) => {
                prop_assert_eq!((code, code.is_err()), (script.code, true));
                None
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
            Ok(run) => {
                prop_assert!(script.code.is_ok());
                model.returns(script.event_handle);
                look(&run, &model)?;
                Some(run)
            }
        };
        if script.drop_run {
            run = None;
        }
        for (act, on) in &script.after {
            prop_assert_eq!(store.act(act, *on), model.act(act, script.event_handle, script.recorder), "{:?} afterwards", act);
            if let Some(run) = &run {
                look(run, &model)?;
            }
        }

        prop_assert_eq!(recorder.calls(), model.calls.clone());
        prop_assert_eq!(recorder.events.load(SeqCst), model.handed_over);
        if let (Some(run), Some(status)) = (&run, model.wait()) {
            prop_assert_eq!(run.wait(TIMEOUT).unwrap(), status);
        }
        drop(run);
        prop_assert_eq!((count(&store.callback), count(&sync)), (1, 1));
        let open = store.end();
        prop_assert_eq!(open, model.taken.map(|taken| !taken), "which handles are left to the store");
        drop(host);
        prop_assert_eq!(Arc::strong_count(&recorder), 1);
    }
}
