//! Outers of this crate around foreign inners: the outer has the identity and the reference count.

use mapisync::abi::{IMAPISync, IUnknown, IUnknownVtbl};
use mapisync::aggregation::aggregate_foreign;
use mapisync::testing::{Recorder, reference_count};
use mapisync::{
    Class, ComPtr, Error, FreeThreaded, GUID, HRESULT, Interface, MapiSync, Result, SyncFlags,
    SyncHost, SyncRequest,
};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering::SeqCst};
use std::thread;
use test_support::outer::misbehavior;
use test_support::{
    DropCounter, DropToken, PanicOnDrop, TIMEOUT, garbage, misbehaving_object, outlook, query,
};

/// The inner's own interface, as a store has `IMsgStore`.
#[repr(C)]
struct IStore {
    vtbl: *const IUnknownVtbl,
}

// SAFETY: `Interface` requires one pointer to a vtable that begins with the base's slots. This
// vtable is `IUnknown`'s, and no other interface has this IID.
unsafe impl Interface for IStore {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x0B5E_55ED_0002);
}
// SAFETY: `Inner` is the only object with this interface, and only atomic operations change it.
unsafe impl FreeThreaded for IStore {}

/// For this IID the inner fails and stores garbage.
static BROKEN: GUID = GUID::from_u128(0x0B5E_55ED_0003);

/// A hand-written inner, laid out as C++ would: two vtable pointers and a count.
#[repr(C)]
struct Inner {
    own: *const IUnknownVtbl,
    store: *const IUnknownVtbl,
    count: AtomicU32,
    outer: NonNull<IUnknown>,
    /// The destructor's code, which gets the outer.
    destructor: fn(NonNull<IUnknown>),
    _token: DropToken,
}

static OWN: IUnknownVtbl = IUnknownVtbl {
    QueryInterface: own_query,
    AddRef: own_add_ref,
    Release: own_release,
};

unsafe extern "system" fn own_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    assert!(
        riid.is_aligned() && ppv.is_aligned(),
        "C++ requires alignment"
    );
    // SAFETY: COM guarantees that `this` is a live `Inner` and that `riid` and `ppv` are valid.
    unsafe {
        let found = match *riid {
            // The outer has `IMAPISync` itself, so it must not query the inner for it.
            iid if iid == BROKEN || iid == IMAPISync::IID => {
                ppv.write(garbage());
                return HRESULT::E_ACCESSDENIED;
            }
            iid if iid == IUnknown::IID => this,
            iid if iid == IStore::IID => (&raw mut (*this.cast::<Inner>()).store).cast(),
            _ => {
                ppv.write(ptr::null_mut());
                return HRESULT::E_NOINTERFACE;
            }
        };
        ((*(*found).lpVtbl).AddRef)(found);
        ppv.write(found.cast());
    }
    HRESULT::S_OK
}

unsafe extern "system" fn own_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `Inner`.
    unsafe { (*this.cast::<Inner>()).count.fetch_add(1, SeqCst) + 1 }
}

unsafe extern "system" fn own_release(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `Inner`. At a count of 0 no reference is left,
    // so the box can be freed.
    unsafe {
        let inner = this.cast::<Inner>();
        let left = (*inner).count.fetch_sub(1, SeqCst) - 1;
        if left == 0 {
            ((*inner).destructor)((*inner).outer);
            drop(Box::from_raw(inner));
        }
        left
    }
}

static STORE: IUnknownVtbl = IUnknownVtbl {
    QueryInterface: store_query,
    AddRef: store_add_ref,
    Release: store_release,
};

/// Returns the outer of an inner.
///
/// # Safety
///
/// `this` must be the `IStore` of a live `Inner`.
unsafe fn outer_of(this: *mut IUnknown) -> *mut IUnknown {
    let inner = this.wrapping_byte_sub(size_of::<usize>()).cast::<Inner>();
    // SAFETY: the caller guarantees that `this` points to the second field of a live `Inner`.
    unsafe { (*inner).outer.as_ptr() }
}

unsafe extern "system" fn store_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the `IStore` of a live `Inner`, and aggregation that
    // the outer outlives it.
    unsafe {
        let outer = outer_of(this);
        ((*(*outer).lpVtbl).QueryInterface)(outer, riid, ppv)
    }
}

unsafe extern "system" fn store_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is the `IStore` of a live `Inner`, and aggregation that
    // the outer outlives it.
    unsafe {
        let outer = outer_of(this);
        ((*(*outer).lpVtbl).AddRef)(outer)
    }
}

unsafe extern "system" fn store_release(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is the `IStore` of a live `Inner`, and aggregation that
    // the outer outlives it.
    unsafe {
        let outer = outer_of(this);
        ((*(*outer).lpVtbl).Release)(outer)
    }
}

/// The payload.
struct Part {
    name: String,
    on_drop: Option<Box<dyn Fn() + Send + Sync>>,
    _panic: Option<PanicOnDrop>,
    _token: DropToken,
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(on_drop) = &self.on_drop {
            on_drop();
        }
    }
}

impl Class for Part {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Part {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        assert_eq!(self.name, "part");
        request.spawn(|job| job.position(1, 2))
    }
}

/// The drop counters of the payload and of the inner.
#[derive(Default)]
struct DropCounters(DropCounter, DropCounter);

impl DropCounters {
    /// Returns the drops of the payload and of the inner.
    fn drops(&self) -> (usize, usize) {
        (self.0.drops(), self.1.drops())
    }

    fn part(&self) -> Part {
        Part {
            name: "part".into(),
            on_drop: None,
            _panic: None,
            _token: self.0.token(),
        }
    }

    fn inner(&self, outer: NonNull<IUnknown>, destructor: fn(NonNull<IUnknown>)) -> *mut IUnknown {
        let inner = Inner {
            own: &OWN,
            store: &STORE,
            count: AtomicU32::new(1),
            outer,
            destructor,
            _token: self.1.token(),
        };
        Box::into_raw(Box::new(inner)).cast()
    }

    fn whole(&self, part: Part, destructor: fn(NonNull<IUnknown>)) -> ComPtr<IUnknown> {
        // SAFETY: the inner follows the rules of aggregation, and it is free-threaded.
        unsafe { aggregate_foreign(part, |outer| Ok(self.inner(outer, destructor))) }.unwrap()
    }
}

fn nothing(_: NonNull<IUnknown>) {}

const ALL: [GUID; 3] = [IUnknown::IID, IMAPISync::IID, IStore::IID];

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
fn query_interface_finds_one_object_from_every_interface_of_the_whole() {
    let counters = DropCounters::default();
    let whole = counters.whole(counters.part(), nothing);
    for from in &ALL {
        let first = query_iid(&whole, from);
        for to in &ALL {
            let second = query_iid(&first, to);
            assert_eq!(reference_count(&whole), 3);
            for back in &ALL {
                let (there, here) = (query_iid(&second, back), query_iid(&whole, back));
                assert_eq!(
                    there.as_raw().addr(),
                    here.as_raw().addr(),
                    "{from} {to} {back}"
                );
            }
        }
        let unknown_iid = GUID::from_u128(7);
        let failures = [
            (&raw const unknown_iid, HRESULT::E_NOINTERFACE),
            (&raw const BROKEN, HRESULT::E_ACCESSDENIED),
            (ptr::null(), HRESULT::E_POINTER),
        ];
        for (iid, expected) in failures {
            let mut out = garbage();
            // SAFETY: `first` is alive. The arguments are valid or NULL, which `QueryInterface`
            // checks.
            let code = unsafe {
                ((*(*first.as_raw()).lpVtbl).QueryInterface)(first.as_raw(), iid, &mut out)
            };
            assert_eq!((code, out.is_null()), (expected, true));
        }
        // SAFETY: `first` is alive. `QueryInterface` checks `ppv` for NULL.
        let code = unsafe {
            let this = first.as_raw();
            ((*(*this).lpVtbl).QueryInterface)(this, &unknown_iid, ptr::null_mut())
        };
        assert_eq!(code, HRESULT::E_POINTER);
    }
    assert_eq!((reference_count(&whole), counters.drops()), (1, (0, 0)));
    drop(whole);
    assert_eq!(counters.drops(), (1, 1));
}

#[test]
fn the_iid_and_the_out_parameter_may_have_odd_addresses() {
    let counters = DropCounters::default();
    let whole = counters.whole(counters.part(), nothing);
    for iid in ALL {
        let mut memory = [0u64; 8];
        // SAFETY: `riid` and `ppv` lie within `memory`, and every access is unaligned. On success
        // `ppv` holds an owned reference.
        unsafe {
            let start = memory.as_mut_ptr();
            let riid = start.wrapping_byte_add(1).cast::<GUID>();
            let ppv = start.wrapping_byte_add(33).cast::<*mut c_void>();
            riid.write_unaligned(iid);
            let this = whole.as_raw();
            assert_eq!(
                ((*(*this).lpVtbl).QueryInterface)(this, riid, ppv),
                HRESULT::S_OK
            );
            let found = ComPtr::<IUnknown>::from_raw(ppv.read_unaligned().cast()).unwrap();
            assert_eq!(
                found.as_raw().addr(),
                query_iid(&whole, &iid).as_raw().addr()
            );
        }
    }
    assert_eq!(reference_count(&whole), 1);
}

#[test]
fn each_interface_counts_the_whole_and_any_may_be_released_last_on_any_thread() {
    for last in 0..3 {
        let counters = DropCounters::default();
        let whole = counters.whole(counters.part(), nothing);
        let sync = whole.cast::<IMAPISync>().unwrap();
        let store = sync.cast::<IStore>().unwrap();
        assert_eq!(
            (
                reference_count(&whole),
                reference_count(&sync),
                reference_count(&store)
            ),
            (3, 3, 3)
        );
        outlook().run(&sync).assert_ok();
        test_support::wait_until(|| reference_count(&whole) == 3);
        match last {
            0 => {
                drop((sync, store));
                assert_eq!((reference_count(&whole), counters.drops()), (1, (0, 0)));
                drop(whole);
            }
            1 => {
                drop((whole, store));
                assert_eq!((reference_count(&sync), counters.drops()), (1, (0, 0)));
                thread::spawn(move || drop(sync)).join().unwrap();
            }
            _ => {
                drop((whole, sync));
                assert_eq!((reference_count(&store), counters.drops()), (1, (0, 0)));
                thread::spawn(move || drop(store)).join().unwrap();
            }
        }
        assert_eq!(counters.drops(), (1, 1));
    }
}

#[test]
fn a_failure_of_create_is_returned_and_nothing_is_left() {
    let counters = DropCounters::default();
    // SAFETY: the contract concerns the inner, and `create` returns none.
    let failed = unsafe { aggregate_foreign(counters.part(), |_| Err(Error::Canceled)) };
    assert!(matches!(failed, Err(Error::Canceled)));
    // SAFETY: the contract concerns the inner, and `create` returns none.
    let null = unsafe { aggregate_foreign(counters.part(), |_| Ok(ptr::null_mut())) };
    let null = null.unwrap_err().to_string();
    assert!(null.contains("for IUnknown {00000000"), "{null}");
    // SAFETY: the contract concerns the inner, and `create` returns none.
    let panicked = catch_unwind(AssertUnwindSafe(|| unsafe {
        aggregate_foreign(counters.part(), |_| panic!("in create"))
    }));
    assert!(panicked.is_err());
    assert_eq!(counters.drops(), (3, 0));
}

#[test]
fn the_inner_may_use_the_outer_in_its_constructor() {
    let counters = DropCounters::default();
    // SAFETY: the inner follows the rules of aggregation, and `create` releases every reference to
    // the outer that it takes.
    let whole = unsafe {
        aggregate_foreign(counters.part(), |outer| {
            let lent = ComPtr::from_raw_borrowed(outer.as_ptr()).unwrap();
            assert_eq!(reference_count(&lent), 2);
            assert!(lent.cast::<IMAPISync>().is_ok());
            let missing = lent.cast::<IStore>().unwrap_err();
            assert_eq!(missing.hresult(), HRESULT::E_NOINTERFACE);
            Ok(counters.inner(outer, nothing))
        })
    };
    assert_eq!(reference_count(&whole.unwrap()), 1);
    assert_eq!(counters.drops(), (1, 1));
}

/// A destructor that calls a method of the payload, which is not dropped yet. The outer no longer
/// returns the inner's interfaces.
fn uses_the_outer(outer: NonNull<IUnknown>) {
    // SAFETY: the outer is alive until its inner is gone, and the reference is released here.
    let lent = unsafe { ComPtr::from_raw_borrowed(outer.as_ptr()) }.unwrap();
    let sync = lent.cast::<IMAPISync>().unwrap();
    let run = SyncHost::new(Recorder::new())
        .start(&sync, SyncFlags::empty())
        .unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let gone = lent.cast::<IStore>().unwrap_err();
    assert_eq!(gone.hresult(), HRESULT::E_NOINTERFACE);
}

#[test]
fn the_inner_may_use_the_outer_in_its_destructor() {
    let counters = DropCounters::default();
    drop(counters.whole(counters.part(), uses_the_outer));
    assert_eq!(counters.drops(), (1, 1));
}

#[test]
fn the_payload_may_add_and_release_references_to_the_whole_in_its_drop() {
    let counters = DropCounters::default();
    let address = Arc::new(AtomicPtr::default());
    let mut part = counters.part();
    part.on_drop = Some(Box::new({
        let address = address.clone();
        move || {
            // SAFETY: the memory of the whole is freed after the payload's `Drop` returns. The
            // added reference is released.
            drop(unsafe { ComPtr::<IUnknown>::from_raw_borrowed(address.load(SeqCst)) }.unwrap())
        }
    }));
    let whole = counters.whole(part, nothing);
    address.store(whole.as_raw(), SeqCst);
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
    let counters = DropCounters::default();
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
                worker = thread::Builder::new()
                    .name("worker".into())
                    .spawn(work)
                    .ok();
                Ok(counters.inner(outer, stop))
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
    let counters = DropCounters::default();
    let mut finder = None;
    // SAFETY: the inner follows the rules of aggregation. The thread owns a reference to the outer.
    let whole = unsafe {
        aggregate_foreign(counters.part(), |outer| {
            let sync: ComPtr<IMAPISync> =
                ComPtr::from_raw_borrowed(outer.as_ptr()).unwrap().cast()?;
            finder = Some(thread::spawn(move || {
                loop {
                    if let Ok(store) = sync.cast::<IStore>() {
                        return reference_count(&store);
                    }
                }
            }));
            thread::yield_now();
            Ok(counters.inner(outer, nothing))
        })
    };
    assert_eq!(finder.unwrap().join().unwrap(), 3);
    assert_eq!(reference_count(&whole.unwrap()), 1);
}

#[test]
fn two_threads_may_release_the_last_two_references_to_the_whole_at_the_same_time() {
    let (counters, objects) = (
        DropCounters::default(),
        if cfg!(miri) { 100 } else { 10_000 },
    );
    let new = |_| {
        let whole = counters.whole(counters.part(), nothing);
        let (ours, theirs) = (whole.cast::<IMAPISync>(), whole.cast::<IStore>());
        (ours.unwrap(), theirs.unwrap())
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..objects).map(new).unzip();
    test_support::release_at_once(ours, theirs);
    assert_eq!(counters.drops(), (objects, objects));
}

#[test]
fn a_payload_whose_drop_panics_is_freed_with_its_inner() {
    let counters = DropCounters::default();
    let mut part = counters.part();
    part._panic = Some(PanicOnDrop(1));
    drop(counters.whole(part, nothing));
    assert_eq!(counters.drops(), (1, 1));
}

#[test]
fn a_misbehaving_inner_passes_neither_null_as_success_nor_garbage_as_failure() {
    for (code, stored, expected) in misbehavior() {
        let inner = misbehaving_object(code, stored);
        let counters = DropCounters::default();
        let own = inner.clone().into_raw();
        // SAFETY: the inner's `IUnknown` is free-threaded, and the whole gets a reference to it.
        let whole = unsafe { aggregate_foreign(counters.part(), |_| Ok(own)) }.unwrap();
        let mut out = garbage();
        // SAFETY: both pointers are valid.
        let returned = unsafe { query(&whole, &IStore::IID, &mut out) };
        assert_eq!((returned, out), (expected, ptr::null_mut()), "{code}");
        drop(whole);
        assert_eq!(reference_count(&inner), 1);
    }
}
