//! Exact counts of references and allocations.

use crate::outer;
use crate::part::{self, Part};
use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::testing::{Recorder, reference_count};
use mapisync::{Class, ComObject, ComPtr, ComRef, HRESULT, InnerObject, SyncFlags, SyncHost};
use std::panic::panic_any;
use std::ptr::NonNull;
use std::sync::atomic::AtomicPtr;
use test_support::{Both, DropCounter, PanicOnDrop, allocations, bare_object, marked, store};

#[test]
fn an_object_is_one_allocation_and_its_last_release_frees_it() {
    struct Payload(#[allow(dead_code)] test_support::DropToken);
    impl Class for Payload {
        type Interfaces = (IUnknown,);
    }
    let (counter, controlling) = (DropCounter::default(), bare_object());
    let payload = || Payload(counter.token());

    let (standalone, inner) = (payload(), payload());
    let (made, alive, object) = allocations(|| ComObject::new(standalone));
    assert_eq!((made, alive), (1, 1), "an object");
    let (made, alive, clones) = allocations(|| {
        let second = object.clone();
        let unknown = second.cast::<IUnknown>().unwrap();
        let borrowed = ComRef::from(&unknown).to_ptr();
        assert_eq!(reference_count(&unknown), 4);
        assert!(object.cast::<IMAPISession>().is_err());
        assert_eq!(reference_count(&unknown), 4, "a failed cast adds none");
        (second, unknown, borrowed)
    });
    assert_eq!((made, alive), (0, 0), "references are not allocated");
    drop(clones);
    assert_eq!(counter.drops(), 0);
    let (made, alive, ()) = allocations(|| drop(object));
    assert_eq!((made, alive, counter.drops()), (0, -1, 1));

    let outer = NonNull::new(controlling.as_raw()).unwrap();
    // SAFETY: the outer outlives the inner, and the test holds no interface of the inner.
    let (made, alive, inner) = allocations(|| unsafe { InnerObject::new(outer, inner) });
    assert_eq!((made, alive, reference_count(&controlling)), (1, 1, 1), "an inner");
    let (made, alive, ()) = allocations(|| drop(inner));
    assert_eq!((made, alive, counter.drops()), (0, -1, 2));
    assert_eq!(reference_count(&controlling), 1);
}

#[test]
fn an_outer_around_a_foreign_inner_is_two_allocations() {
    let counter = DropCounter::default();
    let part = Part::new(&counter);
    let (made, alive, whole) = allocations(|| outer::whole(part, &counter, |_| ()));
    // The third allocation is the inner's.
    assert_eq!((made, alive, reference_count(&whole)), (2 + 1, 2 + 1, 1));
    let (made, alive, ()) = allocations(|| drop(whole));
    assert_eq!((made, alive, counter.drops()), (0, -3, 2));
}

#[test]
fn references_added_and_released_during_the_drop_free_nothing_twice() {
    let counter = DropCounter::default();
    let (_, alive, ()) = allocations(|| {
        let object = part::object(&counter);
        let unknown = object.cast::<IUnknown>().unwrap();
        let address = AtomicPtr::new(unknown.as_raw());
        object.on_drop(move || {
            let raw = address.into_inner();
            for _ in 0..3 {
                // SAFETY: the object's memory is freed after the payload's `Drop` returns, and its
                // `IUnknown` may be called until then.
                let own = unsafe { ComPtr::from_raw_borrowed(raw) }.unwrap();
                drop(own.cast::<IUnknown>().unwrap());
            }
        });
    });
    assert_eq!((counter.drops(), alive), (1, 0));
}

#[test]
fn two_threads_may_release_the_last_two_references_at_the_same_time() {
    let counter = DropCounter::default();
    let objects = if cfg!(miri) { 200 } else { 20_000 };
    let new = |_| part::object(&counter).cast::<IMAPISync>().unwrap();
    let references: Vec<_> = (0..objects).map(new).collect();
    test_support::release_at_once(references.clone(), references);
    assert_eq!(counter.drops(), objects);
}

#[test]
fn a_payload_whose_drop_panics_is_freed_and_release_returns_0() {
    /// A payload that panics when it is dropped.
    #[repr(align(1024))] // MARK
    struct DropPanics(u32, #[allow(dead_code)] test_support::DropToken);
    impl Class for DropPanics {
        type Interfaces = (IUnknown,);
    }
    impl Drop for DropPanics {
        fn drop(&mut self) {
            panic_any(PanicOnDrop(self.0));
        }
    }
    let counter = DropCounter::default();
    for n in 0..3 {
        let payload = DropPanics(n as u32, counter.token());
        let raw = ComObject::new(payload).cast::<IUnknown>().unwrap().into_raw();
        assert_eq!((marked(), counter.drops()), (1, n));
        // SAFETY: `into_raw` returned the object's only reference, which is released here and not
        // used again.
        let left = unsafe { ((*(*raw).lpVtbl).Release)(raw) };
        assert_eq!((left, marked(), counter.drops()), (0, 0, n + 1), "{n} nested panics");
    }
}

#[test]
fn strings_of_ordinary_length_pass_without_allocation() {
    let callback = ComObject::new(Both).cast::<IMAPISyncProgressCallback>().unwrap();
    let (long, longer) = ("ß".repeat(255), "ß".repeat(256));
    let strings = [(Some("Receiving"), 0), (None, 0), (Some(&*long), 0), (Some(&*longer), 1)];
    for (step, expected) in strings {
        let (made, alive, code) = allocations(|| callback.progress(step, 1, 2));
        assert_eq!((made, alive, code), (expected, 0, HRESULT::S_OK));
    }
}

#[test]
fn a_run_leaves_no_allocation_behind() {
    // The counters belong to this thread. The run ends on it too, before the call returns.
    let sync = store(|_| Ok(()));
    let host = SyncHost::new(Recorder::new());
    let run = || host.start(&sync, SyncFlags::default()).unwrap().status();
    // The first run makes the recorder allocate room for the calls of both.
    assert_eq!(run(), Some(HRESULT::S_OK));
    let (_, alive, status) = allocations(run);
    assert_eq!((status, alive), (Some(HRESULT::S_OK), 0));
}
