//! `QueryInterface`, `AddRef` and `Release` of every object, with any arguments from C, and
//! `create_instance`.

use super::arguments::query;
use super::interfaces::Interfaces;
use super::objects::{OBJECTS, Object, STORE};
use super::payload::Part;
use super::program::{Query, Reference, ReferenceOp, Return};
use super::world::World;
use mapisync::abi::{IID_IMAPISync, IID_IUnknown, IMAPISync, IUnknown, IUnknownVtbl};
use mapisync::{ComPtr, create_instance};
use std::mem::ManuallyDrop;
use test_support::DropCounter;

pub fn reference(world: &mut World, reference: &Reference) {
    let number = usize::from(reference.object) % OBJECTS;
    let runs = world.runs_of(number);
    let object = &mut world.objects[number];
    let count = object.held.len() + runs;
    match object.inner {
        Some(inner) if reference.own && count > 0 => {
            own(object, inner, reference.which, &reference.op);
        }
        _ => delegating(object, count, reference.which, &reference.op),
    }
}

/// Calls a method of an object through one of the held references.
fn delegating(object: &mut Object, count: usize, which: u8, op: &ReferenceOp) {
    if object.held.is_empty() {
        return;
    }
    let which = usize::from(which) % object.held.len();
    let this = object.held[which].as_raw();
    match op {
        ReferenceOp::Query(plan) => {
            // SAFETY: the object is alive. The arguments are NULL or valid, at any alignment.
            let found = query(plan, &mut object.interfaces, |riid, ppv| unsafe {
                (vtbl(this).QueryInterface)(this, riid, ppv)
            });
            let found = found.filter(|_| plan.keep);
            object.held.extend(found.map(|(_, found)| found));
        }
        ReferenceOp::AddRef => object.held.push(add_ref(this, count + 1)),
        ReferenceOp::Release => {
            if count == 1 {
                object.own.clear();
            }
            release(object.held.swap_remove(which), count - 1);
        }
    }
}

/// Calls a method of an inner's non-delegating `IUnknown`, as only its outer does.
fn own(object: &mut Object, inner: *mut IUnknown, which: u8, op: &ReferenceOp) {
    let count = object.own.len() + 1;
    match op {
        ReferenceOp::Query(plan) => {
            let mut own = Interfaces::new(&[object.own_iids, &[IID_IUnknown]].concat());
            for iid in object.own_iids {
                let known = object.interfaces.address(*iid).copied();
                *own.address(*iid).unwrap() = known.flatten();
            }
            *own.address(IID_IUnknown).unwrap() = Some(inner.addr());
            // SAFETY: the outer is alive and keeps the inner alive. The arguments are NULL or
            // valid, at any alignment.
            let found = query(plan, &mut own, |riid, ppv| unsafe {
                (vtbl(inner).QueryInterface)(inner, riid, ppv)
            });
            for iid in object.own_iids {
                *object.interfaces.address(*iid).unwrap() = *own.address(*iid).unwrap();
            }
            // A query for `IUnknown` adds a reference to the inner itself, and every other query
            // one to its outer.
            match found.filter(|_| plan.keep) {
                Some((iid, inner)) if iid == IID_IUnknown => object.own.push(inner),
                Some((_, interface)) => object.held.push(interface),
                None => {}
            }
        }
        ReferenceOp::AddRef => object.own.push(add_ref(inner, count + 1)),
        ReferenceOp::Release if !object.own.is_empty() => {
            let which = usize::from(which) % object.own.len();
            release(object.own.swap_remove(which), count - 1);
        }
        ReferenceOp::Release => {}
    }
}

fn vtbl(this: *mut IUnknown) -> IUnknownVtbl {
    // SAFETY: every caller passes a pointer to a live object.
    unsafe { *(*this).lpVtbl }
}

fn add_ref(this: *mut IUnknown, count: usize) -> ComPtr<IUnknown> {
    // SAFETY: every caller passes a pointer to a live object. The new reference passes to the
    // result.
    unsafe {
        assert_eq!((vtbl(this).AddRef)(this) as usize, count);
        ComPtr::from_raw(this).expect("it is not NULL")
    }
}

fn release(reference: ComPtr<IUnknown>, count: usize) {
    let this = ManuallyDrop::new(reference).as_raw();
    // SAFETY: the caller gives up the reference, which `ManuallyDrop` does not release.
    assert_eq!(unsafe { (vtbl(this).Release)(this) } as usize, count);
}

/// Calls `create_instance` with a function that returns a new store, fails or panics.
pub fn create(world: &World, result: &Return, plan: &Query) {
    let drops = DropCounter::default();
    let part = Part::new(&world.script, &world.objects[STORE].recorder, &drops);
    let mut interfaces = Interfaces::new(match result {
        Return::Ok => &[IID_IUnknown, IID_IMAPISync],
        _ => &[],
    });
    if !matches!(result, Return::Ok) {
        interfaces.other = result.code();
    }
    // SAFETY: the arguments are NULL or valid, at any alignment.
    let created = query(plan, &mut interfaces, |riid, ppv| unsafe {
        create_instance(riid, ppv, || result.result().map(|()| ComPtr::<IMAPISync>::new(part)))
    });
    assert_eq!(drops.drops(), usize::from(created.is_none()));
    drop(created);
    assert_eq!(drops.drops(), 1, "the object is freed with its reference");
}
