//! `Class::WRAPPED`: a wrapper, whose `QueryInterface` forwards the IIDs that it does not know.

use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::testing::{Recorder, reference_count};
use mapisync::{
    Class, ComObject, ComPtr, HRESULT, InnerObject, Interface, MapiSync, Result, SyncRequest,
    Wrapped,
};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Mutex;
use test_support::{DropCounter, query};

/// The wrapper's reaction when it must name the object that it wraps.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Forwards,
    Panics,
}

struct Wrapper {
    kind: Kind,
    inner: ComPtr<IMAPISyncProgressCallback>,
    /// The wrapper's own `IUnknown` without a reference, for its `Drop`, and the code of the
    /// `QueryInterface` there.
    own: Mutex<Option<usize>>,
    seen_in_drop: &'static Mutex<Option<HRESULT>>,
}

impl Class for Wrapper {
    type Interfaces = (IMAPISync,);
    const WRAPPED: Option<fn(&Self) -> Wrapped<'_>> = Some(|this| {
        assert!(this.kind != Kind::Panics, "as the test demands");
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
        let Some(own) = self.own.get_mut().unwrap().take() else {
            return;
        };
        let (own, mut found) = (own as *mut IUnknown, ptr::null_mut::<c_void>());
        // SAFETY: the crate allows calls of IUnknown in a payload's Drop.
        let code = unsafe {
            ((*(*own).lpVtbl).QueryInterface)(own, &IMAPISyncProgressCallback::IID, &mut found)
        };
        *self.seen_in_drop.lock().unwrap() = Some(code);
    }
}

fn wrapper(
    kind: Kind,
    counter: &DropCounter,
) -> (ComObject<Wrapper>, ComPtr<IMAPISyncProgressCallback>) {
    static UNUSED: Mutex<Option<HRESULT>> = Mutex::new(None);
    let token = counter.token();
    let recorder = Recorder::new().on_call(move |_| _ = &token);
    let inner = ComPtr::<IMAPISyncProgressCallback>::new(recorder);
    let payload = Wrapper {
        kind,
        inner: inner.clone(),
        own: Mutex::new(None),
        seen_in_drop: &UNUSED,
    };
    (ComObject::new(payload), inner)
}

#[test]
fn an_unknown_iid_goes_to_the_wrapped_object_by_every_way() {
    let counter = DropCounter::default();
    let (object, inner) = wrapper(Kind::Forwards, &counter);
    let sync: ComPtr<IMAPISync> = object.cast().unwrap();
    assert_eq!((reference_count(&inner), reference_count(&sync)), (2, 2));
    let by_object = || object.cast::<IMAPISyncProgressCallback>();
    let by_interface = || sync.cast::<IMAPISyncProgressCallback>();
    for cast in [&by_object as &dyn Fn() -> Result<_>, &by_interface] {
        let callback = cast().unwrap();
        assert_eq!(callback.as_raw(), inner.as_raw());
        assert_eq!(reference_count(&inner), 3);
        assert_eq!(reference_count(&sync), 2, "the wrapper is not counted");
        // The consequence for the identity.
        let error = callback.cast::<IMAPISync>().unwrap_err();
        assert_eq!(error.hresult(), HRESULT::E_NOINTERFACE);
        assert!(!callback.is_same_object(&sync));
    }
    // These are the wrapper's own.
    let unknown: ComPtr<IUnknown> = sync.cast().unwrap();
    assert!(unknown.is_same_object(&sync) && unknown.cast::<IMAPISync>().is_ok());
    // Neither of them has this one.
    for error in [
        object.cast::<IMAPISession>().unwrap_err(),
        sync.cast::<IMAPISession>().unwrap_err(),
    ] {
        assert_eq!(error.hresult(), HRESULT::E_NOINTERFACE);
    }
    drop((unknown, sync, object));
    assert_eq!((reference_count(&inner), counter.drops()), (1, 0));
    drop(inner);
    assert_eq!(counter.drops(), 1);
}

#[test]
fn a_panic_becomes_e_unexpected_and_stores_null() {
    let counter = DropCounter::default();
    let (object, inner) = wrapper(Kind::Panics, &counter);
    let sync: ComPtr<IMAPISync> = object.cast().unwrap();
    let mut found = test_support::garbage();
    // SAFETY: both arguments are valid.
    let code = unsafe { query(&sync, &IMAPISyncProgressCallback::IID, &mut found) };
    assert_eq!((code, found), (HRESULT::E_UNEXPECTED, ptr::null_mut()));
    let error = object.cast::<IMAPISyncProgressCallback>().unwrap_err();
    assert_eq!(error.hresult(), HRESULT::E_UNEXPECTED);
    assert_eq!(reference_count(&inner), 2);
}

#[test]
fn nothing_is_forwarded_while_the_payload_is_dropped() {
    static SEEN: Mutex<Option<HRESULT>> = Mutex::new(None);
    let counter = DropCounter::default();
    let token = counter.token();
    let recorder = Recorder::new().on_call(move |_| _ = &token);
    let inner = ComPtr::<IMAPISyncProgressCallback>::new(recorder);
    let object = ComObject::new(Wrapper {
        kind: Kind::Forwards,
        inner,
        own: Mutex::new(None),
        seen_in_drop: &SEEN,
    });
    let unknown: ComPtr<IUnknown> = object.cast().unwrap();
    *object.own.lock().unwrap() = Some(unknown.as_raw() as usize);
    drop((unknown, object));
    assert_eq!(*SEEN.lock().unwrap(), Some(HRESULT::E_NOINTERFACE));
    assert_eq!(counter.drops(), 1);
}

#[test]
fn an_aggregated_wrapper_forwards_nothing() {
    let counter = DropCounter::default();
    let token = counter.token();
    let recorder = Recorder::new().on_call(move |_| _ = &token);
    let inner = ComPtr::<IMAPISyncProgressCallback>::new(recorder);
    static UNUSED: Mutex<Option<HRESULT>> = Mutex::new(None);
    let payload = Wrapper {
        kind: Kind::Forwards,
        inner,
        own: Mutex::new(None),
        seen_in_drop: &UNUSED,
    };
    let outer = test_support::bare_object();
    let controlling = NonNull::new(outer.as_raw()).unwrap();
    // SAFETY: `outer` outlives the inner, and all it does is to count.
    let aggregated = unsafe { InnerObject::new(controlling, payload) };
    let raw = aggregated.into_raw();
    // SAFETY: `into_raw` gives a reference to the non-delegating IUnknown.
    let unknown = unsafe { ComPtr::from_raw(raw) }.unwrap();
    let error = unknown.cast::<IMAPISyncProgressCallback>().unwrap_err();
    assert_eq!(error.hresult(), HRESULT::E_NOINTERFACE);
    drop(unknown);
    assert_eq!(counter.drops(), 1);
}
