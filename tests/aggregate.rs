//! Inners of this crate in foreign outers: the outer has the identity and the reference count.

use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown, IUnknownVtbl};
use mapisync::testing::reference_count;
use mapisync::{
    Class, ComPtr, Error, GUID, HRESULT, ImplementedBy, InnerObject, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncRequest, Thunk,
};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Mutex;
use std::sync::atomic::AtomicPtr;
use std::sync::mpsc::channel;
use std::thread;
use test_support::outer::{DYING, IOuter, misbehavior};
use test_support::{
    DropCounter, DropToken, PanicOnDrop, done, garbage, misbehaving_object, outlook, query,
};

type OnDrop = Box<dyn FnOnce() + Send>;

/// The payload. A wrong offset would break its alignment.
#[repr(align(128))]
struct Part {
    name: &'static str,
    on_drop: Mutex<Option<OnDrop>>,
    _token: DropToken,
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(on_drop) = self.on_drop.get_mut().unwrap().take() {
            on_drop();
        }
    }
}

impl Class for Part {
    type Interfaces = (IMAPISyncProgressCallback, IMAPISync);
}

impl MapiSync for Part {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        assert_eq!((self.name, ptr::from_ref(self).addr() % 128), ("part", 0));
        request.spawn(|job| job.position(1, 2))
    }
}

impl MapiSyncProgressCallback for Part {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        assert_eq!(self.name, "part");
        Err(HRESULT::MAPI_E_BUSY.into())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        panic!("in Error")
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        assert_eq!(self.name, "part");
        Err(status.into())
    }
}

/// Creates an aggregate and returns its only reference, to the outer's own interface.
fn aggregate(outer_counter: &DropCounter, inner_counter: &DropCounter) -> ComPtr<IOuter> {
    let part = Part {
        name: "part",
        on_drop: Mutex::new(None),
        _token: inner_counter.token(),
    };
    let outer = test_support::outer::aggregate(outer_counter, part);
    assert_eq!(inner(&outer).name, "part");
    outer
}

/// Returns the inner of an aggregate. The outer keeps the reference.
fn inner(outer: &ComPtr<IOuter>) -> ManuallyDrop<InnerObject<Part>> {
    // SAFETY: `aggregate` created the outer with an `InnerObject<Part>`, which the outer keeps
    // alive. `ManuallyDrop` leaves the reference to the outer.
    unsafe { ManuallyDrop::new(InnerObject::from_raw(test_support::outer::inner(outer))) }
}

const ALL: [GUID; 4] = [
    IUnknown::IID,
    IOuter::IID,
    IMAPISync::IID,
    IMAPISyncProgressCallback::IID,
];

/// Calls `QueryInterface` with an IID whose interface has no Rust type here.
fn query_iid<I: Interface>(from: &ComPtr<I>, iid: &GUID) -> ComPtr<IUnknown> {
    let mut out = garbage();
    // SAFETY: `iid` and `out` are valid. On success `out` owns a reference, and every interface
    // begins with the vtable slots of `IUnknown`.
    unsafe {
        assert_eq!(query(from, iid, &mut out), HRESULT::S_OK);
        ComPtr::from_raw(out.cast()).unwrap()
    }
}

#[test]
fn query_interface_finds_one_object_from_every_interface_of_the_aggregate() {
    let (outer_counter, inner_counter) = (DropCounter::default(), DropCounter::default());
    let outer = aggregate(&outer_counter, &inner_counter);
    let identity = outer.as_raw().addr();
    for from in &ALL {
        let first = query_iid(&outer, from);
        for to in &ALL {
            let second = query_iid(&first, to);
            for back in &ALL {
                let (there, here) = (query_iid(&second, back), query_iid(&outer, back));
                assert_eq!(
                    there.as_raw().addr(),
                    here.as_raw().addr(),
                    "{from} {to} {back}"
                );
            }
            assert_eq!(query_iid(&second, &IUnknown::IID).as_raw().addr(), identity);
            assert_eq!(reference_count(&outer), 3);
        }
        let mut out = garbage();
        // SAFETY: the arguments are valid or NULL. The inner passes NULL on to the outer, which
        // checks it.
        unsafe {
            assert_eq!(
                query(&first, &GUID::from_u128(7), &mut out),
                HRESULT::E_NOINTERFACE
            );
            assert!(out.is_null());
            assert_eq!(query(&first, ptr::null(), &mut out), HRESULT::E_POINTER);
            assert_eq!(
                query(&first, &IUnknown::IID, ptr::null_mut()),
                HRESULT::E_POINTER
            );
        }
    }
    assert_eq!(
        (
            reference_count(&outer),
            outer_counter.drops(),
            inner_counter.drops()
        ),
        (1, 0, 0)
    );
    drop(outer);
    assert_eq!((outer_counter.drops(), inner_counter.drops()), (1, 1));
}

#[test]
fn interfaces_of_the_inner_count_the_outer_and_its_own_iunknown_counts_the_inner() {
    let (outer_counter, inner_counter) = (DropCounter::default(), DropCounter::default());
    let outer = aggregate(&outer_counter, &inner_counter);
    let sync = inner(&outer).cast::<IMAPISync>().unwrap();
    assert_eq!((reference_count(&outer), reference_count(&sync)), (2, 2));
    let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
    assert_eq!(
        (reference_count(&outer), reference_count(&callback)),
        (3, 3)
    );
    let missing = inner(&outer).cast::<IOuter>();
    assert!(
        matches!(missing, Err(Error::QueryInterface { iid, code: HRESULT::E_NOINTERFACE, .. }) if iid == IOuter::IID)
    );

    // The non-delegating `IUnknown`, as an outer in C++ uses it.
    let mut own = garbage();
    // SAFETY: the aggregate is alive, and all pointers are valid or NULL. Every added reference is
    // released.
    unsafe {
        assert_eq!(
            inner(&outer).query_interface(&IUnknown::IID, &mut own),
            HRESULT::S_OK
        );
        let own: *mut IUnknown = own.cast();
        assert_ne!(own.addr(), outer.as_raw().addr());
        let vtbl = &*(*own).lpVtbl;
        assert_eq!(
            ((vtbl.AddRef)(own), (vtbl.Release)(own), (vtbl.Release)(own)),
            (3, 2, 1)
        );
        assert_eq!(reference_count(&outer), 3, "the outer's count is unchanged");

        let mut out = garbage();
        assert_eq!(
            (vtbl.QueryInterface)(own, &IMAPISync::IID, &mut out),
            HRESULT::S_OK
        );
        assert_eq!(
            (out.addr(), reference_count(&outer)),
            (sync.as_raw().addr(), 4)
        );
        drop(ComPtr::<IMAPISync>::from_raw(out.cast()));
        out = garbage();
        assert_eq!(
            (vtbl.QueryInterface)(own, &IOuter::IID, &mut out),
            HRESULT::E_NOINTERFACE
        );
        assert!(out.is_null(), "the inner does not query its outer");
        out = garbage();
        assert_eq!(
            (vtbl.QueryInterface)(own, ptr::null(), &mut out),
            HRESULT::E_POINTER
        );
        assert!(out.is_null());
        assert_eq!(
            (vtbl.QueryInterface)(own, &IUnknown::IID, ptr::null_mut()),
            HRESULT::E_POINTER
        );
        // At odd addresses.
        let mut memory = [0_u8; size_of::<GUID>() + size_of::<usize>() + 1];
        let riid = memory.as_mut_ptr().add(1).cast::<GUID>();
        riid.write_unaligned(IMAPISync::IID);
        let ppv = riid.add(1).cast::<*mut c_void>();
        assert_eq!((vtbl.QueryInterface)(own, riid, ppv), HRESULT::S_OK);
        drop(ComPtr::<IMAPISync>::from_raw(ppv.read_unaligned().cast()));
    }
    drop((sync, callback));
    assert_eq!((reference_count(&outer), inner_counter.drops()), (1, 0));
    drop(outer);
    assert_eq!((outer_counter.drops(), inner_counter.drops()), (1, 1));
}

#[test]
fn methods_find_the_payload_and_a_run_leaves_the_count_unchanged() {
    let (outer_counter, inner_counter) = (DropCounter::default(), DropCounter::default());
    let outer = aggregate(&outer_counter, &inner_counter);
    let sync = outer.cast::<IMAPISync>().unwrap();
    let outcome = outlook().run(&sync);
    assert_eq!(outcome.assert_ok().assert_no_leaks().calls().len(), 2);
    let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
    assert_eq!(callback.progress(None, 1, 2), HRESULT::MAPI_E_BUSY);
    assert_eq!(
        callback.error(HRESULT::E_FAIL, "panics"),
        HRESULT::E_UNEXPECTED
    );
    assert_eq!(
        done(&callback, None, HRESULT::MAPI_E_DISK_ERROR),
        HRESULT::MAPI_E_DISK_ERROR
    );
    assert_eq!(reference_count(&outer), 3);
    drop((outer, callback));
    assert_eq!(
        (reference_count(&sync), outer_counter.drops()),
        (1, 0),
        "any interface keeps the aggregate alive"
    );
    drop(sync);
    assert_eq!((outer_counter.drops(), inner_counter.drops()), (1, 1));
}

#[test]
fn a_payload_may_use_the_aggregate_while_it_is_dropped() {
    let (outer_counter, inner_counter) = (DropCounter::default(), DropCounter::default());
    let outer = aggregate(&outer_counter, &inner_counter);
    let sync = inner(&outer).cast::<IMAPISync>().unwrap();
    let (whole, own) = (AtomicPtr::new(sync.as_raw().cast::<IUnknown>()), {
        let mut own = garbage();
        // SAFETY: the aggregate is alive, and the pointers are valid. The added reference is
        // released at once, and the outer keeps the inner alive until the payload is dropped.
        unsafe {
            let code = inner(&outer).query_interface(&IUnknown::IID, &mut own);
            assert_eq!(code, HRESULT::S_OK);
            ((*(*own.cast::<IUnknown>()).lpVtbl).Release)(own.cast());
        }
        AtomicPtr::new(own.cast::<IUnknown>())
    });
    // A panic in the payload's `Drop` would be caught, so the results are compared afterwards.
    let (sender, results) = channel();
    *inner(&outer).on_drop.lock().unwrap() = Some(Box::new(move || {
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
            let counts = (0..3)
                .map(|_| (vtbl.AddRef)(own))
                .chain((0..5).map(|_| (vtbl.Release)(own)));
            results.push(counts.filter(|count| *count < 0x8000_0000).count() as u32);
            results
        };
        sender.send(results).unwrap();
    }));
    drop(outer);
    assert_eq!(inner_counter.drops(), 0);
    drop(sync);
    assert_eq!((outer_counter.drops(), inner_counter.drops()), (1, 1));
    let expected = vec![DYING + 1, DYING, 0, DYING, 0, DYING, 0];
    assert_eq!(results.try_recv(), Ok(expected));
}

#[test]
fn several_threads_may_use_the_aggregate_and_the_last_release_frees_it() {
    for _ in 0..test_support::fewer(200) {
        let (outer_counter, inner_counter) = (DropCounter::default(), DropCounter::default());
        let outer = aggregate(&outer_counter, &inner_counter);
        let sync = outer.cast::<IMAPISync>().unwrap();
        drop(outer);
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
        assert_eq!((outer_counter.drops(), inner_counter.drops()), (1, 1));
    }
}

#[test]
fn a_payload_whose_drop_panics_is_freed_with_its_outer() {
    let (outer_counter, inner_counter) = (DropCounter::default(), DropCounter::default());
    let outer = aggregate(&outer_counter, &inner_counter);
    *inner(&outer).on_drop.lock().unwrap() =
        Some(Box::new(|| std::panic::panic_any(PanicOnDrop(3))));
    drop(outer);
    assert_eq!((outer_counter.drops(), inner_counter.drops()), (1, 1));
}

#[test]
fn into_raw_passes_the_reference_to_an_outer_in_another_language() {
    let (outer_counter, inner_counter) = (DropCounter::default(), DropCounter::default());
    let outer = aggregate(&outer_counter, &inner_counter);
    // SAFETY: the outer outlives this second inner, and the test holds no interface of the inner
    // when it releases the last reference.
    unsafe {
        let part = Part {
            name: "part",
            on_drop: Mutex::new(None),
            _token: inner_counter.token(),
        };
        let second = InnerObject::new(NonNull::new_unchecked(outer.as_raw().cast()), part);
        let own = second.into_raw();
        assert_eq!((inner_counter.drops(), reference_count(&outer)), (0, 1));
        assert_eq!(((*(*own).lpVtbl).Release)(own), 0);
        assert_eq!(inner_counter.drops(), 1);
    }
    drop(outer);
    assert_eq!((outer_counter.drops(), inner_counter.drops()), (1, 2));
}

static_assertions::assert_impl_all!(InnerObject<Part>: Send, Sync);

#[test]
fn a_misbehaving_outer_passes_neither_null_as_success_nor_garbage_as_failure() {
    for (code, stored, expected) in misbehavior() {
        let outer = misbehaving_object(code, stored);
        let part = Part {
            name: "part",
            on_drop: Mutex::new(None),
            _token: DropCounter::default().token(),
        };
        let controlling = NonNull::new(outer.as_raw()).unwrap();
        // SAFETY: the outer outlives the inner. Its `IUnknown` is free-threaded.
        let inner = unsafe { InnerObject::new(controlling, part) };
        let sync = inner.cast::<IMAPISync>().unwrap();
        let mut buffer = [garbage(); 2];
        let odd = buffer.as_mut_ptr().wrapping_byte_add(1);
        // SAFETY: `odd` is writable for one pointer, because the buffer has room for two. The
        // object is alive.
        let (returned, out) = unsafe { (query(&sync, &IOuter::IID, odd), odd.read_unaligned()) };
        assert_eq!((returned, out), (expected, ptr::null_mut()), "{code}");
        let mut out = garbage();
        // SAFETY: the arguments are valid or NULL, which `QueryInterface` checks.
        let returned = unsafe {
            [
                query(&sync, ptr::null(), &mut out),
                query(&sync, &IOuter::IID, ptr::null_mut()),
            ]
        };
        assert_eq!((returned, out), ([HRESULT::E_POINTER; 2], ptr::null_mut()));
        drop((sync, inner));
        assert_eq!(reference_count(&outer), 1);
    }
}

/// Three interfaces of 4, 3 and 256 slots.
struct ThreeInterfaces;

macro_rules! interface {
    ($interface:ident $vtbl:ident $methods:literal) => {
        #[repr(C)]
        struct $interface(*const $vtbl);

        #[repr(C)]
        struct $vtbl {
            base: IUnknownVtbl,
            methods: [unsafe extern "system" fn(); $methods],
        }

        // SAFETY: one pointer to a vtable that begins with IUnknown's, under its own IID.
        unsafe impl Interface for $interface {
            type Vtbl = $vtbl;
            type Base = IUnknown;
            const IID: GUID = GUID::from_u128($methods);
        }

        // SAFETY: the IUnknown slots are `Thunk`'s, and no test calls the other methods.
        unsafe impl<const INDEX: usize> ImplementedBy<ThreeInterfaces, INDEX> for $interface {
            const VTABLE: &'static $vtbl = &$vtbl {
                base: Thunk::<ThreeInterfaces, INDEX>::UNKNOWN,
                methods: [method::<INDEX>; $methods],
            };
        }
    };
}

unsafe extern "system" fn method<const INDEX: usize>() {}

interface!(IOne OneVtbl 1);
interface!(ILarge LargeVtbl 253);

impl Class for ThreeInterfaces {
    type Interfaces = (IOne, IUnknown, ILarge);
}

#[test]
fn a_delegating_vtable_differs_only_in_the_iunknown_slots() {
    fn check<I: Interface>(standalone: &I::Vtbl, delegating: *const I::Vtbl) {
        let slots = size_of::<I::Vtbl>() / size_of::<usize>();
        for slot in 0..slots {
            let function = |vtable: *const I::Vtbl| {
                // SAFETY: a vtable of `I` consists of that many pointers.
                unsafe { vtable.cast::<*const c_void>().add(slot).read() }
            };
            let (own, delegating) = (function(standalone), function(delegating));
            assert!(!delegating.is_null());
            assert_eq!(own == delegating, slot >= 3, "slot {slot} of {slots}");
        }
    }
    let outer = ComPtr::<IMAPISync>::new(Store);
    let controlling = NonNull::new(outer.as_raw().cast()).unwrap();
    // SAFETY: the outer outlives the inner and is free-threaded. No caller holds the inner's
    // interfaces when the inner is dropped, and none queries the outer for them.
    let inner = unsafe { InnerObject::new(controlling, ThreeInterfaces) };
    let one = inner.cast::<IOne>().unwrap();
    check::<IOne>(
        <IOne as ImplementedBy<ThreeInterfaces, 0>>::VTABLE,
        one.vtbl(),
    );
    // SAFETY: the vtable pointers of an object are adjacent, and `one` points to the first of
    // three. No query returns a pointer to the second, because IUnknown is the outer's.
    let second = unsafe { *one.as_raw().cast::<*const IUnknownVtbl>().add(1) };
    check::<IUnknown>(
        <IUnknown as ImplementedBy<ThreeInterfaces, 1>>::VTABLE,
        second,
    );
    let large = inner.cast::<ILarge>().unwrap();
    check::<ILarge>(
        <ILarge as ImplementedBy<ThreeInterfaces, 2>>::VTABLE,
        large.vtbl(),
    );
    drop((one, large));
    assert_eq!(reference_count(&outer), 1);
}

struct Store;

impl MapiSync for Store {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Ok(())
    }
}
