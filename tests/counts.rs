//! Exact counts of references and allocations.

use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::aggregation::aggregate_foreign;
use mapisync::testing::{Recorder, reference_count};
use mapisync::{Class, ComObject, ComPtr, ComRef, InnerObject};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use test_support::{DropCounter, DropToken, allocations, bare_object, marked, store};

#[test]
fn an_inner_is_one_allocation() {
    struct Payload(#[allow(dead_code)] DropToken);
    impl Class for Payload {
        type Interfaces = (IUnknown,);
    }
    let (counter, outer) = (DropCounter::default(), bare_object());
    let token = counter.token();
    let (made, alive, inner) = allocations(|| {
        let outer = std::ptr::NonNull::new(outer.as_raw()).unwrap();
        // SAFETY: the outer outlives the inner, and the test holds no interface of the inner.
        unsafe { InnerObject::new(outer, Payload(token)) }
    });
    assert_eq!((made, alive, reference_count(&outer)), (1, 1, 1));
    let (made, alive, ()) = allocations(|| drop(inner));
    assert_eq!(
        (made, alive, counter.drops(), reference_count(&outer)),
        (0, -1, 1, 1)
    );
}

#[test]
fn an_outer_around_a_foreign_inner_is_two_allocations() {
    struct Payload(#[allow(dead_code)] DropToken);
    impl Class for Payload {
        type Interfaces = (IUnknown,);
    }
    let counter = DropCounter::default();
    let (payload, inner) = (Payload(counter.token()), Payload(counter.token()));
    let (made, alive, whole) = allocations(|| {
        // SAFETY: the inner is an object of this crate, which keeps the rules of aggregation.
        unsafe {
            aggregate_foreign(payload, |outer| {
                Ok(InnerObject::new(outer, inner).into_raw())
            })
        }
        .unwrap()
    });
    // The third allocation is the inner's.
    assert_eq!((made, alive, reference_count(&whole)), (2 + 1, 2 + 1, 1));
    let (made, alive, ()) = allocations(|| drop(whole));
    assert_eq!((made, alive, counter.drops()), (0, -3, 2));
}

#[test]
fn an_object_is_one_allocation_and_its_last_release_frees_it() {
    let counter = DropCounter::default();
    let token = counter.token();
    let (made, alive, sync) = allocations(|| {
        store(move |_| {
            let _ = &token;
            Ok(())
        })
    });
    assert_eq!((made, alive), (1, 1));
    let (made, alive, clones) = allocations(|| {
        let second = sync.clone();
        let unknown = second.cast::<IUnknown>().unwrap();
        let borrowed = ComRef::from(&unknown).to_ptr();
        assert_eq!(reference_count(&sync), 4);
        (second, unknown, borrowed)
    });
    assert_eq!((made, alive), (0, 0), "references are not allocated");
    drop(clones);
    assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
    let (made, alive, ()) = allocations(|| drop(sync));
    assert_eq!((made, alive, counter.drops()), (0, -1, 1));
}

#[test]
fn a_com_object_counts_like_any_other_reference() {
    struct Payload(#[allow(dead_code)] DropToken);
    impl Class for Payload {
        type Interfaces = (IUnknown,);
    }
    let counter = DropCounter::default();
    let object = ComObject::new(Payload(counter.token()));
    let unknown = object.cast::<IUnknown>().unwrap();
    assert_eq!(reference_count(&unknown), 2, "cast adds one");
    let second = object.clone();
    assert_eq!(reference_count(&unknown), 3, "clone adds one");
    assert!(object.cast::<IMAPISync>().is_err());
    assert_eq!(reference_count(&unknown), 3, "a failed cast adds none");
    drop(object);
    assert_eq!(reference_count(&unknown), 2, "a drop releases one");
    drop(unknown);
    assert_eq!(counter.drops(), 0, "one reference is left");
    drop(second);
    assert_eq!(counter.drops(), 1);
}

#[test]
fn each_conversion_from_and_to_a_raw_pointer_has_its_effect_on_the_count() {
    let counter = DropCounter::default();
    let token = counter.token();
    let sync = store(move |_| {
        let _ = &token;
        Ok(())
    });
    let raw = sync.as_raw();
    assert_eq!(reference_count(&sync), 1, "as_raw adds nothing");
    // SAFETY: `sync` keeps the object alive, and is dropped after the last use of `borrowed`.
    let borrowed = unsafe { ComRef::from_raw(raw) }.unwrap();
    let copy = borrowed;
    assert_eq!(
        reference_count(&sync),
        1,
        "a ComRef and its copies add nothing"
    );
    let kept = copy.to_ptr();
    assert_eq!(reference_count(&borrowed), 2, "to_ptr adds one");
    // SAFETY: `sync` keeps the object alive. It comes from this crate, so it is free-threaded.
    let second = unsafe { ComPtr::from_raw_borrowed(raw) }.unwrap();
    assert_eq!(reference_count(&sync), 3, "from_raw_borrowed adds one");
    let released = second.into_raw();
    assert_eq!(
        (reference_count(&sync), released),
        (3, raw),
        "into_raw releases none"
    );
    // SAFETY: `into_raw` has passed its reference to this function, which passes it on.
    let back = unsafe { ComPtr::from_raw(released) }.unwrap();
    assert_eq!(reference_count(&sync), 3, "from_raw adds nothing");
    drop((back, kept));
    assert_eq!(reference_count(&sync), 1);
    drop(sync);
    assert_eq!(counter.drops(), 1);
}

/// A payload that adds and releases references to its own object in its `Drop`.
struct Reentrant {
    own: AtomicPtr<IUnknown>,
    _token: DropToken,
}

impl Class for Reentrant {
    type Interfaces = (IUnknown,);
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        let raw = *self.own.get_mut();
        for _ in 0..3 {
            // SAFETY: the object's memory is freed after the payload's `Drop` returns, and its
            // `IUnknown` may be called until then.
            let own = unsafe { ComPtr::from_raw_borrowed(raw) }.unwrap();
            drop(own.cast::<IUnknown>().unwrap());
            drop(own);
        }
    }
}

#[test]
fn references_added_and_released_during_the_drop_free_nothing_twice() {
    let counter = DropCounter::default();
    let (_, alive, ()) = allocations(|| {
        let object = ComObject::new(Reentrant {
            own: AtomicPtr::default(),
            _token: counter.token(),
        });
        let unknown = object.cast::<IUnknown>().unwrap();
        object.own.store(unknown.as_raw(), Relaxed);
    });
    assert_eq!((counter.drops(), alive), (1, 0));
}

#[test]
fn two_threads_may_release_the_last_two_references_at_the_same_time() {
    let (counter, objects) = (
        DropCounter::default(),
        if cfg!(miri) { 200 } else { 20_000 },
    );
    let new = |_| {
        let token = counter.token();
        store(move |_| {
            let _ = &token;
            Ok(())
        })
    };
    let references: Vec<_> = (0..objects).map(new).collect();
    test_support::release_at_once(references.clone(), references);
    assert_eq!(counter.drops(), objects);
}

/// A payload that panics when it is dropped.
#[repr(align(1024))] // MARK
struct DropPanics {
    nested: u32,
    _token: DropToken,
}

impl Class for DropPanics {
    type Interfaces = (IUnknown,);
}

impl Drop for DropPanics {
    fn drop(&mut self) {
        std::panic::panic_any(test_support::PanicOnDrop(self.nested));
    }
}

#[test]
fn a_payload_whose_drop_panics_is_freed_and_release_returns_0() {
    let counter = DropCounter::default();
    for n in 0..3 {
        let payload = DropPanics {
            nested: n as u32,
            _token: counter.token(),
        };
        let unknown = ComObject::new(payload).cast::<IUnknown>().unwrap();
        let raw = unknown.into_raw();
        assert_eq!((marked(), counter.drops()), (1, n));
        // SAFETY: `into_raw` returned the object's only reference, which is released here and not
        // used again.
        let left = unsafe { ((*(*raw).lpVtbl).Release)(raw) };
        assert_eq!(
            (left, marked(), counter.drops()),
            (0, 0, n + 1),
            "{n} nested panics"
        );
    }
}

#[test]
fn a_panic_in_a_method_leaves_the_count_unchanged() {
    for nested in [0, 1, 2] {
        let counter = DropCounter::default();
        let token = counter.token();
        let sync = store(move |_| {
            let _ = &token;
            std::panic::panic_any(test_support::PanicOnDrop(nested))
        });
        let mut event_handle = test_support::garbage();
        // SAFETY: the request is valid for the call.
        let code = unsafe {
            sync.synchronize_in_background(&mut test_support::request(
                std::ptr::null_mut(),
                &mut event_handle,
            ))
        };
        assert_eq!(code, mapisync::HRESULT::E_UNEXPECTED);
        assert!(event_handle.is_null());
        assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
        drop(sync);
        assert_eq!(counter.drops(), 1);
    }
}

#[test]
fn strings_of_ordinary_length_pass_without_allocation() {
    /// Does nothing in any method.
    struct Silent;
    impl mapisync::MapiSyncProgressCallback for Silent {
        fn progress(&self, _: Option<&str>, _: u32, _: u32) -> mapisync::Result<()> {
            Ok(())
        }
        fn error(&self, _: mapisync::HRESULT, _: Option<&str>) -> mapisync::Result<()> {
            Ok(())
        }
        fn done(&self, _: mapisync::HRESULT) -> mapisync::Result<()> {
            Ok(())
        }
    }
    let callback = ComPtr::<IMAPISyncProgressCallback>::new(Silent);
    let long = "ß".repeat(255);
    let longer = "ß".repeat(256);
    for (step, expected) in [
        (Some("Receiving"), 0),
        (None, 0),
        (Some(&*long), 0),
        (Some(&*longer), 1),
    ] {
        let (made, alive, code) = allocations(|| callback.progress(step, 1, 2));
        assert_eq!((made, alive, code), (expected, 0, mapisync::HRESULT::S_OK));
    }
}

#[test]
fn a_job_holds_one_reference_to_the_callback_and_none_to_the_session_or_the_store() {
    let (recorder, session) = (Recorder::new(), bare_object());
    let callback = recorder.object();
    let job = std::sync::Arc::new(Mutex::new(None));
    let kept = job.clone();
    let sync = store(move |request| {
        assert!(request.session().is_some());
        *kept.lock().unwrap() = Some(request.start()?);
        Ok(())
    });
    let mut event_handle = test_support::garbage();
    let mut request = test_support::request(callback.as_raw().cast(), &mut event_handle);
    request.psesSync = session.as_raw().cast();
    // SAFETY: the request is valid for the call. This store calls only the session's `IUnknown`
    // methods, which the object has.
    assert!(unsafe { sync.synchronize_in_background(&mut request) }.is_ok());
    assert_eq!(
        (
            reference_count(&sync),
            reference_count(&callback),
            reference_count(&session)
        ),
        (1, 2, 1)
    );
    job.lock().unwrap().take().unwrap().finish(Ok(()));
    assert_eq!(
        (
            reference_count(&sync),
            reference_count(&callback),
            reference_count(&session)
        ),
        (1, 1, 1)
    );
    drop(sync.cast::<IMAPISync>());
    assert_eq!(recorder.calls().len(), 1);
    assert!(recorder.calls()[0].has_event());
}

#[test]
fn a_run_leaves_no_allocation_behind() {
    // The counters belong to this thread. The run ends on it too, before the call returns.
    let sync = store(|_| Ok(()));
    let host = mapisync::SyncHost::new(Recorder::new());
    let run = || {
        host.start(&sync, mapisync::SyncFlags::default())
            .unwrap()
            .status()
    };
    // The first run makes the recorder allocate room for the calls of both.
    assert_eq!(run(), Some(mapisync::HRESULT::S_OK));
    let (_, alive, status) = allocations(run);
    assert_eq!((status, alive), (Some(mapisync::HRESULT::S_OK), 0));
}
