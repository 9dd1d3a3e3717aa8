//! The few objects of a program, the references that it holds to them, and what all of them have to come to.

use super::ear::Ear;
use super::foreign::Foreign;
use super::kept::Kept;
use super::outer;
use super::payload::{Listener, Part, Scripted};
use super::program::{Answering, Code, EarPlan};
use super::store::Stage;
use crate::place::Place;
use crate::process::{Before, LONG};
use mapisync::abi::{
    IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISync,
    IMAPISyncProgressCallback, IUnknown, IUnknownVtbl,
};
use mapisync::{ComObject, ComPtr, GUID, Interface};
use std::sync::Arc;

/// The objects by their numbers.
pub const STORE: usize = 0;
pub const LISTENER: usize = 1;
pub const BOTH: usize = 2;
pub const AGGREGATE: usize = 3;
/// Made by `CreateMapiSync`, when it is called.
pub const MADE: usize = 4;
pub const OBJECTS: usize = 5;

pub struct Object {
    /// The references that the program has, each through one of the interfaces; none, once the object is gone.
    pub held: Vec<ComPtr<IUnknown>>,
    /// What QueryInterface gives for each interface, as soon as it has.
    pub pointers: Vec<(GUID, Option<usize>)>,
    /// Who hears what the object is told, if it is a callback.
    pub ear: Option<Arc<Ear>>,
    /// As many as payloads and outers, and one.
    alive: Arc<()>,
}

impl Object {
    fn new(interfaces: &[GUID]) -> Object {
        let pointers = interfaces.iter().map(|iid| (*iid, None)).collect();
        Object {
            held: vec![],
            pointers,
            ear: None,
            alive: Arc::default(),
        }
    }

    /// What stands for no object that is kept.
    pub fn none() -> Object {
        Object::new(&[])
    }

    /// What stands for another object of the same interfaces.
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

/// A pointer to an interface as one to the IUnknown with which it begins.
fn unknown<I: Interface>(pointer: ComPtr<I>) -> ComPtr<IUnknown> {
    // SAFETY: every interface begins with IUnknown's slots, and the reference is handed over.
    unsafe { ComPtr::from_raw(pointer.into_raw().cast()) }.expect("it is not NULL")
}

/// The count of an object, read as COM allows in tests.
pub fn count(pointer: &ComPtr<IUnknown>) -> u32 {
    let (vtbl, this): (*const IUnknownVtbl, _) = (pointer.vtbl(), pointer.as_raw());
    // SAFETY: `pointer` holds a reference; the reference added is given back.
    unsafe {
        ((*vtbl).AddRef)(this);
        ((*vtbl).Release)(this)
    }
}

pub struct World {
    pub stage: Arc<Stage>,
    pub objects: Vec<Object>,
    pub session: Foreign,
    pub kept: Vec<Kept>,
    /// Where the factory's store has its mail.
    pub place: Option<Place>,
    /// As many as foreign objects, and one.
    pub alive: Arc<()>,
    before: Before,
}

impl World {
    pub fn new(ears: &[EarPlan; 3]) -> World {
        let before = Before::now();
        let stage = Arc::<Stage>::default();
        let alive = Arc::new(());
        let (sync, callback) = (IID_IMAPISync, IID_IMAPISyncProgressCallback);
        let mut objects = vec![
            Object::new(&[IID_IUnknown, sync]),
            Object::new(&[IID_IUnknown, callback]),
            Object::new(&[IID_IUnknown, callback, sync]),
            Object::new(&[IID_IUnknown, callback, sync, outer::IID_IOUTER]),
            Object::new(&[IID_IUnknown, sync]),
        ];
        for (object, plan) in objects[LISTENER..].iter_mut().zip(ears) {
            object.ear = Some(Ear::new(plan, false, &stage.captures));
        }
        for (number, object) in objects.iter_mut().enumerate().take(MADE) {
            let alive = object.alive.clone();
            let store = Scripted {
                stage: stage.clone(),
                _alive: alive.clone(),
            };
            let listener = object.ear.clone().map(|ear| Listener {
                ear,
                _alive: alive.clone(),
            });
            object.held.push(match (number, listener) {
                (LISTENER, Some(ear)) => unknown(ComPtr::<IMAPISyncProgressCallback>::new(ear)),
                (BOTH, Some(listener)) => {
                    let object = ComObject::new(Part { store, listener });
                    object.cast().expect("every object has IUnknown")
                }
                (AGGREGATE, Some(listener)) => outer::aggregate(Part { store, listener }, &alive),
                _ => unknown(ComPtr::<IMAPISync>::new(store)),
            });
        }
        let deaf = EarPlan {
            answers: vec![],
            keeps: false,
        };
        let ear = Ear::new(&deaf, true, &stage.captures);
        let session = Foreign::new(
            Answering::Failing {
                code: Code::Fail,
                garbage: false,
            },
            ear,
            &alive,
        );
        World {
            stage,
            objects,
            session,
            kept: vec![],
            place: None,
            alive,
            before,
        }
    }

    /// The store of the objects, for calls that go past them.
    pub fn scripted(&self) -> Scripted {
        Scripted {
            stage: self.stage.clone(),
            _alive: self.alive.clone(),
        }
    }

    pub fn settle(&self) {
        self.before.settle();
    }

    /// What holds between any two things that a program does.
    pub fn check(&self) {
        self.before.settle();
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
            if let Some(ear) = &object.ear {
                ear.check();
                drain(ear);
            }
        }
        assert_eq!(self.session.count(), 1, "nobody keeps the session");
    }

    /// The end: nothing is left of what was made.
    pub fn end(mut self) {
        while let Some(kept) = self.kept.pop() {
            kept.drop_it();
        }
        self.check();
        let World {
            objects,
            session,
            place,
            alive,
            before,
            stage,
            ..
        } = self;
        for object in objects {
            drop(object.held);
            assert_eq!(Arc::strong_count(&object.alive), 1, "the payload is gone");
            if let Some(ear) = object.ear {
                assert_eq!(Arc::strong_count(&ear), 1, "nobody keeps the ear");
            }
        }
        drop((session, place));
        assert_eq!(Arc::strong_count(&alive), 1, "the foreign objects are gone");
        assert_eq!(Arc::strong_count(&stage), 1, "no thread keeps the store");
        before.check();
    }
}

/// The events that an ear has kept have occurred, or are about to.
pub fn drain(ear: &Ear) {
    for event in ear.kept().drain(..) {
        assert!(
            event.wait(Some(LONG)).unwrap(),
            "the event has not occurred"
        );
    }
}
