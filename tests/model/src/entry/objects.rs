//! The objects of a program, standalone and aggregated, and the references that it holds.

use super::callback::{Captures, CheckedRecorder};
use super::foreign_inner::{IInner, check_controlling, proper_inner};
use super::interfaces::Interfaces;
use super::payload::{Part, Script};
use super::program::{CallbackPlan, ForeignInner, Return};
use crate::panics;
use mapisync::abi::{
    IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISync,
    IMAPISyncProgressCallback, IUnknown,
};
use mapisync::aggregation::aggregate_foreign;
use mapisync::testing::reference_count;
use mapisync::{ComObject, ComPtr, Error, GUID, Interface};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use test_support::outer::{self, IOuter};
use test_support::{DropCounter, misbehaving_object};

/// The numbers of the objects.
pub const STORE: usize = 0;
pub const CALLBACK: usize = 1;
pub const BOTH: usize = 2;
/// An inner of this crate in a foreign outer.
pub const INNER: usize = 3;
/// An outer of this crate around a foreign inner.
pub const OUTER: usize = 4;
pub const OBJECTS: usize = 5;

/// The objects that are callbacks, and those that are stores.
pub const CALLBACKS: [usize; 4] = [CALLBACK, BOTH, INNER, OUTER];
pub const STORES: [usize; 4] = [STORE, BOTH, INNER, OUTER];

pub struct Object {
    /// The references that the program holds, each to one of the interfaces. Without one the object
    /// is freed.
    pub held: Vec<ComPtr<IUnknown>>,
    pub interfaces: Interfaces,
    /// The references to the inner's non-delegating `IUnknown` that the program holds.
    pub own: Vec<ComPtr<IUnknown>>,
    /// That `IUnknown`, if the object has an inner that the program can reach.
    pub inner: Option<*mut IUnknown>,
    /// The interfaces that it finds, besides itself.
    pub own_iids: &'static [GUID],
    pub recorder: Arc<CheckedRecorder>,
    /// The payload's drops, and those of a foreign outer or inner.
    drops: [DropCounter; 2],
    /// Whether there is a foreign outer or inner that counts its drops.
    has_second: bool,
}

impl Object {
    fn new(number: usize, plan: &CallbackPlan, script: &Script, captures: &Captures) -> Object {
        let (sync, callback) = (IID_IMAPISync, IID_IMAPISyncProgressCallback);
        let (iids, own_iids): (&[GUID], &'static [GUID]) = match number {
            STORE => (&[IID_IUnknown, sync], &[]),
            CALLBACK => (&[IID_IUnknown, callback], &[]),
            BOTH => (&[IID_IUnknown, callback, sync], &[]),
            INNER => (
                &[IID_IUnknown, callback, sync, IOuter::IID],
                &[IID_IMAPISync, IID_IMAPISyncProgressCallback],
            ),
            _ => (&[IID_IUnknown, callback, sync], &[IInner::IID]),
        };
        let mut object = Object {
            held: vec![],
            interfaces: Interfaces::new(iids),
            own: vec![],
            inner: None,
            own_iids,
            recorder: CheckedRecorder::new(plan, false, captures),
            drops: Default::default(),
            has_second: number == INNER,
        };
        let (part, mut inner) = (|| object.part(script), None);
        let first = match number {
            STORE => Some(unknown(ComPtr::<IMAPISync>::new(part()))),
            CALLBACK => Some(unknown(ComPtr::<IMAPISyncProgressCallback>::new(part()))),
            BOTH => ComObject::new(part()).cast().ok(),
            INNER => {
                let outer = outer::aggregate(&object.drops[1], part());
                inner = Some(outer::inner(&outer));
                Some(unknown(outer))
            }
            _ => None,
        };
        object.held.extend(first);
        object.inner = inner;
        object
    }

    /// Creates every object. The last one gets the foreign inner.
    pub fn all(
        plans: &[CallbackPlan; 4],
        inner: &ForeignInner,
        script: &Script,
        captures: &Captures,
    ) -> Vec<Object> {
        let silent = CallbackPlan::default();
        let plans = [&silent].into_iter().chain(plans).enumerate();
        let mut objects: Vec<_> =
            plans.map(|(number, plan)| Object::new(number, plan, script, captures)).collect();
        objects[OUTER].aggregate(inner, script);
        objects
    }

    /// Returns a payload of the object.
    fn part(&self, script: &Script) -> Part {
        Part::new(script, &self.recorder, &self.drops[0])
    }

    fn aggregate(&mut self, inner: &ForeignInner, script: &Script) {
        let mut created = None;
        let create = |outer: NonNull<IUnknown>| {
            check_controlling(outer);
            let inner = match inner {
                ForeignInner::Proper => proper_inner(outer, self.drops[1].token()),
                ForeignInner::Misbehaving(failure) => {
                    let (code, out) = failure.result();
                    misbehaving_object(code, out).into_raw()
                }
                ForeignInner::None(result) => result.result().map(|()| ptr::null_mut())?,
            };
            created = Some(inner);
            Ok(inner)
        };
        let part = self.part(script);
        // SAFETY: `create` returns a new object's only reference. An inner of this crate delegates
        // to the outer that it gets, and the other returns no interface. The payload's drop uses
        // no interface.
        let made = catch_unwind(AssertUnwindSafe(|| unsafe { aggregate_foreign(part, create) }));
        match (inner, made) {
            (ForeignInner::Proper, Ok(Ok(made))) => {
                (self.inner, self.has_second) = (created, true);
                self.interfaces.add(IInner::IID);
                self.held.push(made);
            }
            (ForeignInner::Misbehaving(failure), Ok(Ok(made))) => {
                self.interfaces.other = failure.code();
                self.held.push(made);
            }
            (ForeignInner::None(Return::Ok), Ok(Err(Error::NullInterface { .. }))) => {}
            (ForeignInner::None(Return::Err(failure)), Ok(Err(error))) => {
                assert_eq!(error.to_string(), failure.error().to_string());
            }
            (ForeignInner::None(Return::Panic(_)), Err(payload)) => panics::discard(payload),
            _ => panic!("another result of aggregate_foreign"),
        }
    }

    pub fn through(&self, which: u8) -> Option<&ComPtr<IUnknown>> {
        self.held.get(usize::from(which) % self.held.len().max(1))
    }

    pub fn cast<I: Interface>(&self) -> Option<ComPtr<I>> {
        self.held.first()?.cast().ok()
    }

    /// Returns the reference count, that of the inner itself, and the drops of the payloads.
    pub fn counts(&self, is_alive: bool) -> Counts {
        let inner = self.inner.filter(|_| is_alive);
        // SAFETY: the outer is alive, so its inner is.
        let inner = inner.and_then(|inner| unsafe { ComPtr::from_raw_borrowed(inner) });
        Counts {
            object: self.held.first().map(reference_count),
            inner: inner.map(|inner| reference_count(&inner) - 1),
            drops: self.drops.each_ref().map(DropCounter::drops),
        }
    }

    /// Returns the counts that `counts` must return if the object has `references`.
    pub fn expected_counts(&self, references: usize) -> Counts {
        let is_alive = references > 0;
        let inner = self.inner.filter(|_| is_alive);
        let drops = [true, self.has_second].map(|exists| usize::from(exists && !is_alive));
        Counts {
            object: self.held.first().map(|_| references as u32),
            inner: inner.map(|_| self.own.len() as u32 + 1),
            drops,
        }
    }
}

/// The counts of an object, as far as the program can see them.
#[derive(Debug, PartialEq)]
pub struct Counts {
    object: Option<u32>,
    inner: Option<u32>,
    drops: [usize; 2],
}

/// Converts an interface pointer to a pointer to the `IUnknown` at its beginning.
pub fn unknown<I: Interface>(pointer: ComPtr<I>) -> ComPtr<IUnknown> {
    // SAFETY: every interface begins with the vtable slots of `IUnknown`. The reference passes to
    // the result.
    unsafe { ComPtr::from_raw(pointer.into_raw().cast()) }.expect("it is not NULL")
}
