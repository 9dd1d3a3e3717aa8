//! Inners of this crate in foreign outers: the outer has the identity and the reference count.

use crate::part::{self, Part};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown, IUnknownVtbl};
use mapisync::{Class, ComPtr, GUID, HRESULT, ImplementedBy, InnerObject, Interface, Thunk};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::panic::panic_any;
use std::ptr::NonNull;
use std::sync::atomic::AtomicPtr;
use std::sync::mpsc::channel;
use std::thread;
use test_support::outer::{DYING, IOuter};
use test_support::{DropCounter, PanicOnDrop, bare_object, garbage};

/// The drop counters of the outer and of the payload.
#[derive(Default)]
struct Counters(DropCounter, DropCounter);

impl Counters {
    fn drops(&self) -> (usize, usize) {
        (self.0.drops(), self.1.drops())
    }

    fn aggregate(&self) -> ComPtr<IOuter> {
        part::inner(&self.0, &self.1)
    }
}

/// Returns the inner of an aggregate. The outer keeps the reference.
fn inner(outer: &ComPtr<IOuter>) -> ManuallyDrop<InnerObject<Part>> {
    // SAFETY: the outer was created with an `InnerObject<Part>`, which it keeps alive.
    // `ManuallyDrop` leaves the reference to the outer.
    unsafe { ManuallyDrop::new(InnerObject::from_raw(test_support::outer::inner(outer))) }
}

#[test]
fn a_payload_may_use_the_aggregate_while_it_is_dropped() {
    let counters = Counters::default();
    let outer = counters.aggregate();
    let sync = inner(&outer).cast::<IMAPISync>().unwrap();
    let whole = AtomicPtr::new(sync.as_raw().cast::<IUnknown>());
    let own = AtomicPtr::new(test_support::outer::inner(&outer));
    // A panic in the payload's `Drop` would be caught, so the results are compared afterwards.
    let (sender, results) = channel();
    inner(&outer).on_drop(move || {
        let (sync, own) = (whole.into_inner(), own.into_inner());
        // SAFETY: the memory of the outer and of the inner is freed after the payload's `Drop`
        // returns.
        let results = unsafe {
            let vtbl = &*(*sync).lpVtbl;
            let mut results = vec![(vtbl.AddRef)(sync), (vtbl.Release)(sync)];
            for iid in [IUnknown::IID, IMAPISyncProgressCallback::IID] {
                let mut out = garbage();
                results.push((vtbl.QueryInterface)(sync, &iid, &mut out).to_bits());
                let out: *mut IUnknown = out.cast();
                results.push(((*(*out).lpVtbl).Release)(out));
            }
            // Calls on the non-delegating `IUnknown` must neither free the inner twice nor revive
            // it.
            let vtbl = &*(*own).lpVtbl;
            let added = (0..3).map(|_| (vtbl.AddRef)(own));
            let counts = added.chain((0..5).map(|_| (vtbl.Release)(own)));
            results.push(counts.filter(|count| *count < 0x8000_0000).count() as u32);
            results
        };
        sender.send(results).unwrap();
    });
    drop(outer);
    assert_eq!(counters.drops(), (0, 0));
    drop(sync);
    assert_eq!(counters.drops(), (1, 1));
    let expected = vec![DYING + 1, DYING, 0, DYING, 0, DYING, 0];
    assert_eq!(results.try_recv(), Ok(expected));
}

#[test]
fn several_threads_may_use_the_aggregate_and_the_last_release_frees_it() {
    for _ in 0..test_support::fewer(200) {
        let counters = Counters::default();
        let sync = counters.aggregate().cast::<IMAPISync>().unwrap();
        let work = || {
            let sync = sync.clone();
            thread::spawn(move || {
                for _ in 0..50 {
                    let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
                    assert_eq!(callback.clone().progress(None, 1, 2), HRESULT::MAPI_E_BUSY);
                }
            })
        };
        let threads = [work(), work(), work()];
        drop(sync);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(counters.drops(), (1, 1));
    }
}

#[test]
fn a_payload_whose_drop_panics_is_freed_with_its_outer() {
    let counters = Counters::default();
    let outer = counters.aggregate();
    inner(&outer).on_drop(|| panic_any(PanicOnDrop(3)));
    drop(outer);
    assert_eq!(counters.drops(), (1, 1));
}

/// An interface with `N` methods.
#[repr(C)]
struct IMethods<const N: usize>(*const MethodsVtbl<N>);

#[repr(C)]
struct MethodsVtbl<const N: usize> {
    base: IUnknownVtbl,
    methods: [unsafe extern "system" fn(); N],
}

// SAFETY: one pointer to a vtable that begins with IUnknown's, under its own IID.
unsafe impl<const N: usize> Interface for IMethods<N> {
    type Vtbl = MethodsVtbl<N>;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(N as u128);
}

// SAFETY: the IUnknown slots are `Thunk`'s, and no test calls the other methods.
unsafe impl<const N: usize, const INDEX: usize> ImplementedBy<Three, INDEX> for IMethods<N> {
    const VTABLE: &'static MethodsVtbl<N> =
        &MethodsVtbl { base: Thunk::<Three, INDEX>::UNKNOWN, methods: [method; N] };
}

unsafe extern "system" fn method() {}

/// A payload with three interfaces of 4, 3 and 256 slots.
struct Three;

impl Class for Three {
    type Interfaces = (IMethods<1>, IUnknown, IMethods<253>);
}

#[test]
fn a_delegating_vtable_differs_only_in_the_iunknown_slots() {
    fn check<I: ImplementedBy<Three, INDEX>, const INDEX: usize>(delegating: *const I::Vtbl) {
        let standalone: *const I::Vtbl = I::VTABLE;
        for slot in 0..size_of::<I::Vtbl>() / size_of::<usize>() {
            let function = |vtable: *const I::Vtbl| {
                // SAFETY: a vtable of `I` consists of that many pointers.
                unsafe { vtable.cast::<*const c_void>().add(slot).read() }
            };
            let (own, delegating) = (function(standalone), function(delegating));
            assert!(!delegating.is_null());
            assert_eq!(own == delegating, slot >= 3, "interface {INDEX}, slot {slot}");
        }
    }
    let outer = bare_object();
    let controlling = NonNull::new(outer.as_raw()).unwrap();
    // SAFETY: the outer outlives the inner and is free-threaded. No caller holds the inner's
    // interfaces when the inner is dropped, and none queries the outer for them.
    let inner = unsafe { InnerObject::new(controlling, Three) };
    let first = inner.cast::<IMethods<1>>().unwrap();
    check::<IMethods<1>, 0>(first.vtbl());
    // SAFETY: the vtable pointers of an object are adjacent, and `first` points to the first of
    // three. No query returns a pointer to the second, because IUnknown is the outer's.
    check::<IUnknown, 1>(unsafe { *first.as_raw().cast::<*const IUnknownVtbl>().add(1) });
    check::<IMethods<253>, 2>(inner.cast::<IMethods<253>>().unwrap().vtbl());
}
