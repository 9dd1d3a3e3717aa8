//! Outers of this crate around foreign inners: the outer has the identity and the reference count.
//!
//! The inner is an object of this crate, too: an inner in a foreign outer cannot tell the
//! difference. `tests/interop_cpp` has an inner in C++.

use crate::part::Part;
use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::aggregation::aggregate_foreign;
use mapisync::testing::reference_count;
use mapisync::{Class, ComPtr, HRESULT, InnerObject, MapiSync, Result, SyncRequest, com_interface};
use std::panic::panic_any;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::SeqCst};
use std::thread;
use test_support::{DropCounter, PanicOnDrop, outlook};

com_interface! {
    /// The inner's own interface, as a store has `IMsgStore`.
    // SAFETY: an interface of these tests only. Its objects are this crate's, so free-threaded.
    pub unsafe interface IStore: IUnknown("0B5E55ED-0000-0000-0000-000000000002") {
        vtable IStoreVtbl;
        trait Store;
        calls IStoreCalls;
        free_threaded;
    }
}

/// The payload of the inner.
struct Inner {
    outer: AtomicPtr<IUnknown>,
    destructor: fn(NonNull<IUnknown>),
    drops: DropCounter,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let outer = NonNull::new(*self.outer.get_mut()).unwrap();
        (self.destructor)(outer);
        // A panic in the destructor would be caught, so only one that succeeds is counted.
        drop(self.drops.token());
    }
}

impl Class for Inner {
    // The outer has `IMAPISync` itself, so it must not return this one.
    type Interfaces = (IStore, IMAPISync);
}

impl Store for Inner {}

impl MapiSync for Inner {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Err(HRESULT::MAPI_E_NO_SUPPORT.into())
    }
}

/// Creates an inner, and returns its non-delegating `IUnknown`.
///
/// # Safety
///
/// The contract is that of `InnerObject::new`.
unsafe fn inner(
    outer: NonNull<IUnknown>,
    drops: &DropCounter,
    destructor: fn(NonNull<IUnknown>),
) -> *mut IUnknown {
    let inner = Inner { outer: AtomicPtr::new(outer.as_ptr()), destructor, drops: drops.clone() };
    // SAFETY: the contract is this function's.
    unsafe { InnerObject::new(outer, inner) }.into_raw()
}

/// Creates an outer with a payload around an inner with a destructor, which gets the outer.
pub fn whole(
    payload: Part,
    drops: &DropCounter,
    destructor: fn(NonNull<IUnknown>),
) -> ComPtr<IUnknown> {
    // SAFETY: an object of this crate follows the rules of aggregation, and it is free-threaded.
    // The outer follows them, too, so the contract of `InnerObject::new` holds.
    unsafe { aggregate_foreign(payload, |outer| Ok(inner(outer, drops, destructor))) }.unwrap()
}

fn nothing(_: NonNull<IUnknown>) {}

/// The drop counters of the payload and of the inner.
#[derive(Default)]
struct Counters(DropCounter, DropCounter);

impl Counters {
    fn drops(&self) -> (usize, usize) {
        (self.0.drops(), self.1.drops())
    }

    fn part(&self) -> Part {
        Part::new(&self.0)
    }

    fn whole(&self, destructor: fn(NonNull<IUnknown>)) -> ComPtr<IUnknown> {
        whole(self.part(), &self.1, destructor)
    }
}

/// A destructor that calls a method of the payload, which is not dropped yet. The outer no longer
/// returns the inner's interfaces.
fn uses_the_outer(outer: NonNull<IUnknown>) {
    // SAFETY: the outer is alive until its inner is gone, and the reference is released here.
    let lent = unsafe { ComPtr::from_raw_borrowed(outer.as_ptr()) }.unwrap();
    let sync = lent.cast::<IMAPISync>().unwrap();
    outlook().run(&sync).assert_ok();
    let gone = lent.cast::<IStore>().unwrap_err();
    assert_eq!(gone.hresult(), HRESULT::E_NOINTERFACE);
}

#[test]
fn the_inner_may_use_the_outer_in_its_destructor() {
    let counters = Counters::default();
    drop(counters.whole(uses_the_outer));
    assert_eq!(counters.drops(), (1, 1));
}

#[test]
fn the_payload_may_use_the_whole_in_its_drop_and_may_panic() {
    let counters = Counters::default();
    let part = counters.part();
    let (sender, address) = std::sync::mpsc::channel::<AtomicPtr<IUnknown>>();
    part.on_drop(move || {
        let whole = address.recv().unwrap().into_inner();
        // SAFETY: the memory of the whole is freed after the payload's `Drop` returns. The added
        // reference is released.
        drop(unsafe { ComPtr::<IUnknown>::from_raw_borrowed(whole) }.unwrap());
        panic_any(PanicOnDrop(1));
    });
    let whole = whole(part, &counters.1, nothing);
    sender.send(AtomicPtr::new(whole.as_raw())).unwrap();
    drop(whole);
    assert_eq!(counters.drops(), (1, 1));
}

#[test]
fn a_worker_of_the_inner_may_add_and_release_references_until_the_inner_is_gone() {
    static STOP: AtomicBool = AtomicBool::new(false);
    static WORKING: AtomicBool = AtomicBool::new(false);
    fn stop(_: NonNull<IUnknown>) {
        STOP.store(true, SeqCst);
        // If the worker made the last release, it must not wait for itself.
        while thread::current().name() != Some("worker") && WORKING.load(SeqCst) {
            thread::yield_now();
        }
    }
    let counters = Counters::default();
    let rounds = test_support::fewer(500);
    for _ in 0..rounds {
        STOP.store(false, SeqCst);
        let mut worker = None;
        // SAFETY: the worker uses the outer only while the inner is alive, because the inner's
        // destructor waits for it. The worker releases every reference that it adds.
        let whole = unsafe {
            aggregate_foreign(counters.part(), |outer| {
                let shared = AtomicPtr::new(outer.as_ptr());
                let work = move || {
                    while !STOP.load(SeqCst) {
                        drop(ComPtr::from_raw_borrowed(shared.load(SeqCst)));
                    }
                    WORKING.store(false, SeqCst);
                };
                WORKING.store(true, SeqCst);
                let thread = thread::Builder::new().name("worker".into());
                worker = thread.spawn(work).ok();
                Ok(inner(outer, &counters.1, stop))
            })
        };
        thread::yield_now();
        drop(whole);
        worker.unwrap().join().unwrap();
    }
    assert_eq!(counters.drops(), (rounds, rounds));
}

#[test]
fn another_thread_finds_the_inners_interface_once_the_inner_exists() {
    let counters = Counters::default();
    let mut finder = None;
    // SAFETY: the inner follows the rules of aggregation. The thread owns a reference to the outer.
    let whole = unsafe {
        aggregate_foreign(counters.part(), |outer| {
            let lent = ComPtr::from_raw_borrowed(outer.as_ptr()).unwrap();
            let sync: ComPtr<IMAPISync> = lent.cast()?;
            finder = Some(thread::spawn(move || {
                loop {
                    if let Ok(store) = sync.cast::<IStore>() {
                        return reference_count(&store);
                    }
                }
            }));
            thread::yield_now();
            drop(lent);
            Ok(inner(outer, &counters.1, nothing))
        })
    };
    assert_eq!(finder.unwrap().join().unwrap(), 3);
    assert_eq!(reference_count(&whole.unwrap()), 1);
}

#[test]
fn two_threads_may_release_the_last_two_references_to_the_whole_at_the_same_time() {
    let counters = Counters::default();
    let objects = if cfg!(miri) { 100 } else { 10_000 };
    let new = |_| {
        let whole = counters.whole(nothing);
        let (ours, theirs) = (whole.cast::<IMAPISync>(), whole.cast::<IStore>());
        (ours.unwrap(), theirs.unwrap())
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..objects).map(new).unzip();
    test_support::release_at_once(ours, theirs);
    assert_eq!(counters.drops(), (objects, objects));
}
