//! `Class::WRAPPED`: a wrapper, whose `QueryInterface` forwards the IIDs that it does not know.

use crate::part;
use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::testing::reference_count;
use mapisync::{
    Class, ComObject, ComPtr, HRESULT, InnerObject, Interface, MapiSync, Result, SyncRequest,
    Wrapped,
};
use std::ptr::{self, NonNull};
use std::sync::Mutex;
use std::sync::atomic::AtomicPtr;
use std::sync::mpsc::channel;
use test_support::{DropCounter, bare_object, code, garbage, query};

type Callback = IMAPISyncProgressCallback;

/// A store that wraps a callback.
struct Wrapper {
    inner: ComPtr<Callback>,
    panics: bool,
    on_drop: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Class for Wrapper {
    type Interfaces = (IMAPISync,);
    const WRAPPED: Option<fn(&Self) -> Wrapped<'_>> = Some(|this| {
        assert!(!this.panics, "as the test demands");
        Wrapped::from(&this.inner)
    });
}

impl MapiSync for Wrapper {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Ok(())
    }
}

impl Drop for Wrapper {
    fn drop(&mut self) {
        if let Some(on_drop) = self.on_drop.get_mut().unwrap().take() {
            on_drop();
        }
    }
}

fn wrapper(counter: &DropCounter, panics: bool) -> (Wrapper, ComPtr<Callback>) {
    let inner = part::object(counter).cast::<Callback>().unwrap();
    let wrapper = Wrapper { inner: inner.clone(), panics, on_drop: Mutex::default() };
    (wrapper, inner)
}

#[test]
fn an_unknown_iid_goes_to_the_wrapped_object_by_every_way() {
    let counter = DropCounter::default();
    let (wrapper, inner) = wrapper(&counter, false);
    let object = ComObject::new(wrapper);
    let sync: ComPtr<IMAPISync> = object.cast().unwrap();
    assert_eq!((reference_count(&inner), reference_count(&sync)), (2, 2));
    let by_object = || object.cast::<Callback>();
    let by_interface = || sync.cast::<Callback>();
    for cast in [&by_object as &dyn Fn() -> Result<_>, &by_interface] {
        let callback = cast().unwrap();
        assert_eq!(callback.as_raw(), inner.as_raw());
        assert_eq!(reference_count(&inner), 3);
        assert_eq!(reference_count(&sync), 2, "the wrapper is not counted");
        // The consequence for the identity.
        assert!(!callback.is_same_object(&sync));
    }
    // These are the wrapper's own: the wrapped object has an `IMAPISync`, too.
    let unknown: ComPtr<IUnknown> = sync.cast().unwrap();
    assert!(
        unknown.is_same_object(&sync)
            && unknown.cast::<IMAPISync>().unwrap().as_raw() == sync.as_raw()
    );
    // Neither of them has this one.
    for missing in [object.cast::<IMAPISession>(), sync.cast::<IMAPISession>()] {
        assert_eq!(code(missing), HRESULT::E_NOINTERFACE);
    }
    drop((unknown, sync, object));
    assert_eq!((reference_count(&inner), counter.drops()), (1, 0));
    drop(inner);
    assert_eq!(counter.drops(), 1);
}

#[test]
fn a_panic_becomes_e_unexpected_and_stores_null() {
    let (wrapper, inner) = wrapper(&DropCounter::default(), true);
    let object = ComObject::new(wrapper);
    let sync: ComPtr<IMAPISync> = object.cast().unwrap();
    let mut found = garbage();
    // SAFETY: both arguments are valid.
    let returned = unsafe { query(&sync, &Callback::IID, &mut found) };
    assert_eq!((returned, found), (HRESULT::E_UNEXPECTED, ptr::null_mut()));
    assert_eq!(code(object.cast::<Callback>()), HRESULT::E_UNEXPECTED);
    assert_eq!(reference_count(&inner), 2);
}

#[test]
fn nothing_is_forwarded_while_the_payload_is_dropped() {
    let counter = DropCounter::default();
    let (wrapper, inner) = wrapper(&counter, false);
    let object = ComObject::new(wrapper);
    let unknown: ComPtr<IUnknown> = object.cast().unwrap();
    let own = AtomicPtr::new(unknown.as_raw());
    let (sender, seen) = channel();
    *object.on_drop.lock().unwrap() = Some(Box::new(move || {
        let (own, mut found) = (own.into_inner(), garbage());
        // SAFETY: the crate allows calls of IUnknown in a payload's `Drop`.
        let code = unsafe { ((*(*own).lpVtbl).QueryInterface)(own, &Callback::IID, &mut found) };
        sender.send(code).unwrap();
    }));
    drop((unknown, object, inner));
    assert_eq!(seen.try_recv(), Ok(HRESULT::E_NOINTERFACE));
    assert_eq!(counter.drops(), 1);
}

#[test]
fn an_aggregated_wrapper_forwards_nothing() {
    let (wrapper, inner) = wrapper(&DropCounter::default(), false);
    let outer = bare_object();
    let controlling = NonNull::new(outer.as_raw()).unwrap();
    // SAFETY: `outer` outlives the inner, and all it does is to count.
    let aggregated = unsafe { InnerObject::new(controlling, wrapper) };
    assert_eq!(code(aggregated.cast::<Callback>()), HRESULT::E_NOINTERFACE);
    // SAFETY: `into_raw` gives a reference to the non-delegating IUnknown.
    let unknown = unsafe { ComPtr::from_raw(aggregated.into_raw()) }.unwrap();
    assert_eq!(code(unknown.cast::<Callback>()), HRESULT::E_NOINTERFACE);
    drop(unknown);
    assert_eq!(reference_count(&inner), 1);
}
