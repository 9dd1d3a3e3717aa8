//! The objects of a program, the references that it holds, and the checks of their counts.

use super::checked_recorder::CheckedRecorder;
use super::foreign::Foreign;
use super::kept::KeptJob;
use super::outer;
use super::payload::{Listener, Part, Scripted};
use super::program::{CallbackPlan, Code, QueryResult};
use super::store::StoreScript;
use crate::process::{Before, TIMEOUT};
use crate::work_folder::WorkFolder;
use mapisync::abi::{
    IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISync,
    IMAPISyncProgressCallback, IUnknown, IUnknownVtbl,
};
use mapisync::{ComObject, ComPtr, GUID, Interface};
use std::sync::Arc;

/// The numbers of the objects.
pub const STORE: usize = 0;
pub const LISTENER: usize = 1;
pub const BOTH: usize = 2;
pub const AGGREGATE: usize = 3;
/// The object that `CreateMapiSync` creates.
pub const MADE: usize = 4;
pub const OBJECTS: usize = 5;

pub struct Object {
    /// The references that the program holds, each to one of the interfaces. Without one the object
    /// is freed.
    pub held: Vec<ComPtr<IUnknown>>,
    /// The address that `QueryInterface` returned for each interface, after the first query.
    pub pointers: Vec<(GUID, Option<usize>)>,
    /// The recorder, if the object is a callback.
    pub recorder: Option<Arc<CheckedRecorder>>,
    /// Each payload and each outer holds a clone.
    alive: Arc<()>,
}

impl Object {
    fn new(interfaces: &[GUID]) -> Object {
        let pointers = interfaces.iter().map(|iid| (*iid, None)).collect();
        Object {
            held: vec![],
            pointers,
            recorder: None,
            alive: Arc::default(),
        }
    }

    /// Returns a placeholder without interfaces.
    pub fn none() -> Object {
        Object::new(&[])
    }

    /// Returns a placeholder for another object with the same interfaces.
    pub fn like(other: &Object) -> Object {
        let interfaces: Vec<_> = other.pointers.iter().map(|(iid, _)| *iid).collect();
        Object::new(&interfaces)
    }

    pub fn through(&self, which: u8) -> Option<&ComPtr<IUnknown>> {
        self.held.get(usize::from(which) % self.held.len().max(1))
    }

    pub fn cast<I: Interface>(&self) -> Option<ComPtr<I>> {
        self.held.first()?.cast().ok()
    }
}

/// Converts an interface pointer to a pointer to the `IUnknown` at its beginning.
fn unknown<I: Interface>(pointer: ComPtr<I>) -> ComPtr<IUnknown> {
    // SAFETY: every interface begins with the vtable slots of `IUnknown`. The reference passes to
    // the result.
    unsafe { ComPtr::from_raw(pointer.into_raw().cast()) }.expect("it is not NULL")
}

/// Returns the reference count of an object. It is the value that `Release` returns, which COM
/// guarantees for tests only.
pub fn count(pointer: &ComPtr<IUnknown>) -> u32 {
    let (vtbl, this): (*const IUnknownVtbl, _) = (pointer.vtbl(), pointer.as_raw());
    // SAFETY: `pointer` owns a reference, so the object is alive. The reference that `AddRef` adds
    // is released.
    unsafe {
        ((*vtbl).AddRef)(this);
        ((*vtbl).Release)(this)
    }
}

pub struct World {
    pub script: Arc<StoreScript>,
    pub objects: Vec<Object>,
    pub session: Foreign,
    pub kept: Vec<KeptJob>,
    /// The folder of the factory's store.
    pub folder: Option<WorkFolder>,
    /// Each foreign object holds a clone.
    pub alive: Arc<()>,
    before: Before,
}

impl World {
    pub fn new(callbacks: &[CallbackPlan; 3]) -> World {
        let before = Before::now();
        let script = Arc::<StoreScript>::default();
        let alive = Arc::new(());
        let (sync, callback) = (IID_IMAPISync, IID_IMAPISyncProgressCallback);
        let mut objects = vec![
            Object::new(&[IID_IUnknown, sync]),
            Object::new(&[IID_IUnknown, callback]),
            Object::new(&[IID_IUnknown, callback, sync]),
            Object::new(&[IID_IUnknown, callback, sync, outer::IID_IOUTER]),
            Object::new(&[IID_IUnknown, sync]),
        ];
        for (object, plan) in objects[LISTENER..].iter_mut().zip(callbacks) {
            object.recorder = Some(CheckedRecorder::new(plan, false, &script.captures));
        }
        for (number, object) in objects.iter_mut().enumerate().take(MADE) {
            let alive = object.alive.clone();
            let store = Scripted {
                script: script.clone(),
                _alive: alive.clone(),
            };
            let listener = object.recorder.clone().map(|recorder| Listener {
                recorder,
                _alive: alive.clone(),
            });
            object.held.push(match (number, listener) {
                (LISTENER, Some(recorder)) => {
                    unknown(ComPtr::<IMAPISyncProgressCallback>::new(recorder))
                }
                (BOTH, Some(listener)) => {
                    let object = ComObject::new(Part { store, listener });
                    object.cast().expect("every object has IUnknown")
                }
                (AGGREGATE, Some(listener)) => outer::aggregate(Part { store, listener }, &alive),
                _ => unknown(ComPtr::<IMAPISync>::new(store)),
            });
        }
        let silent = CallbackPlan {
            returns: vec![],
            keeps_event: false,
        };
        let recorder = CheckedRecorder::new(&silent, true, &script.captures);
        let session = Foreign::new(
            QueryResult::Failure {
                code: Code::Fail,
                garbage: false,
            },
            &recorder,
            &alive,
        );
        World {
            script,
            objects,
            session,
            kept: vec![],
            folder: None,
            alive,
            before,
        }
    }

    /// Returns a store that shares the objects' script, for calls by `dispatch`.
    pub fn scripted(&self) -> Scripted {
        Scripted {
            script: self.script.clone(),
            _alive: self.alive.clone(),
        }
    }

    pub fn wait_for_threads(&self) {
        self.before.wait_for_threads();
    }

    /// Checks the rules that hold between any two operations.
    pub fn check(&self) {
        self.before.wait_for_threads();
        for (number, object) in self.objects.iter().enumerate() {
            match object.held.first() {
                Some(pointer) => {
                    let kept = self
                        .kept
                        .iter()
                        .filter(|kept| kept.state.object == Some(number));
                    assert_eq!(count(pointer) as usize, object.held.len() + kept.count());
                }
                None if self
                    .kept
                    .iter()
                    .all(|kept| kept.state.object != Some(number)) =>
                {
                    assert_eq!(
                        Arc::strong_count(&object.alive),
                        1,
                        "gone with the last reference"
                    );
                }
                None => {}
            }
            if let Some(recorder) = &object.recorder {
                recorder.check();
                check_kept_events(recorder);
            }
        }
        assert_eq!(
            self.session.count(),
            1,
            "the session has no other reference"
        );
    }

    /// Drops everything and checks that nothing is left.
    pub fn end(mut self) {
        while let Some(kept) = self.kept.pop() {
            kept.drop_job();
        }
        self.check();
        let World {
            objects,
            session,
            folder,
            alive,
            before,
            script,
            ..
        } = self;
        for object in objects {
            drop(object.held);
            assert_eq!(Arc::strong_count(&object.alive), 1, "the payload is gone");
            if let Some(recorder) = object.recorder {
                assert_eq!(
                    Arc::strong_count(&recorder),
                    1,
                    "the recorder has no other owner"
                );
            }
        }
        drop((session, folder));
        assert_eq!(Arc::strong_count(&alive), 1, "the foreign objects are gone");
        assert_eq!(Arc::strong_count(&script), 1, "no thread keeps the script");
        before.check();
    }
}

/// Waits for the events that a recorder has kept.
pub fn check_kept_events(recorder: &CheckedRecorder) {
    for event in recorder.take_kept() {
        event.wait(Some(TIMEOUT)).unwrap();
    }
}
