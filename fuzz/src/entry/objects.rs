//! The methods of every object, `QueryInterface`, `AddRef` and `Release`, with any arguments from
//! C.

use super::arguments::Arguments;
use super::outer;
use super::program::{From, Query};
use super::world::{AGGREGATE, OBJECTS, Object, World, count};
use mapisync::abi::{IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IUnknown};

fn number(object: u8) -> usize {
    usize::from(object) % OBJECTS
}

pub fn query(world: &mut World, query: &Query) {
    let number = number(query.object);
    let object = &mut world.objects[number];
    let arguments = Arguments::new(&query.riid, &query.ppv);
    match query.from {
        From::Inner if number == AGGREGATE => from_inner(object, &arguments),
        From::Through(_) | From::Inner => {
            let which = if let From::Through(which) = query.from {
                which
            } else {
                0
            };
            let Some(pointer) = object.through(which) else {
                return;
            };
            // SAFETY: the object is alive. The arguments are NULL or valid, at any alignment.
            let code = unsafe {
                ((*pointer.vtbl()).QueryInterface)(
                    pointer.as_raw(),
                    arguments.riid(),
                    arguments.ppv(),
                )
            };
            if let Some(out) = arguments.check(code, object)
                && query.keep
            {
                object.held.push(out);
            }
        }
    }
}

/// Queries the non-delegating `IUnknown` of an aggregate's inner, as only its outer does.
fn from_inner(object: &mut Object, arguments: &Arguments) {
    let Some(identity) = object.cast::<IUnknown>() else {
        return;
    };
    let before = count(&identity);
    // SAFETY: `identity` is the identity of a live aggregate. The arguments are NULL or valid, at
    // any alignment.
    let code = unsafe {
        let inner = outer::inner(&identity);
        inner.query_interface(arguments.riid(), arguments.ppv())
    };
    // It finds only the inner's interfaces. A query for `IUnknown` adds a reference to the inner
    // itself.
    let (mut own, mut outers) = (Object::none(), vec![]);
    std::mem::swap(&mut outers, &mut object.pointers);
    for (iid, pointer) in outers {
        if iid == IID_IMAPISync || iid == IID_IMAPISyncProgressCallback {
            own.pointers.push((iid, pointer));
        } else {
            object.pointers.push((iid, pointer));
            if iid == IID_IUnknown {
                own.pointers.push((iid, None));
            }
        }
    }
    let queried_own = arguments.iid == Some(IID_IUnknown);
    if let Some(out) = arguments.check(code, &mut own) {
        assert_eq!(count(&identity), before + u32::from(!queried_own));
        if queried_own {
            assert_ne!(out.as_raw(), identity.as_raw());
            assert_eq!(count(&out), 2);
        }
    }
    assert_eq!(count(&identity), before);
    own.pointers.retain(|(iid, _)| *iid != IID_IUnknown);
    object.pointers.extend(own.pointers);
}

pub fn add_ref(world: &mut World, object: u8, through: u8) {
    let object = &mut world.objects[number(object)];
    if let Some(pointer) = object.through(through) {
        let pointer = pointer.clone();
        object.held.push(pointer);
    }
}

pub fn release(world: &mut World, object: u8, which: u8) {
    let object = &mut world.objects[number(object)];
    if !object.held.is_empty() {
        let which = usize::from(which) % object.held.len();
        drop(object.held.swap_remove(which));
    }
}
