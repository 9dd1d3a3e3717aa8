//! Objects of ours around somebody else's: the identity and the count are ours, whatever the other does.

mod common;

use common::{
    DropCounter, DropToken, MisbehavingObject, PanicOnDrop, TIMEOUT, count, garbage, misbehavior,
    query,
};
use mapisync::abi::{IMAPISync, IUnknown, IUnknownVtbl};
use mapisync::aggregation::aggregate_foreign;
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

/// The interface of the inner's own, as a store has `IMsgStore`.
#[repr(C)]
struct IStore {
    vtbl: *const IUnknownVtbl,
}

// SAFETY: one pointer to a vtable of IUnknown's slots, under an IID of its own.
unsafe impl Interface for IStore {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x0B5E_55ED_0002);
}
// SAFETY: the inner below is not changed but by atomic operations.
unsafe impl FreeThreaded for IStore {}

/// For which the inner fails, and leaves garbage.
static BROKEN: GUID = GUID::from_u128(0x0B5E_55ED_0003);

/// An inner as C++ would lay it: two faces and a count.
#[repr(C)]
struct Inner {
    own: *const IUnknownVtbl,
    store: *const IUnknownVtbl,
    count: AtomicU32,
    outer: NonNull<IUnknown>,
    /// What it does in its destructor.
    last: fn(NonNull<IUnknown>),
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
    assert!(riid.is_aligned() && ppv.is_aligned(), "in C++ they are");
    // SAFETY: called by COM's rules, on an Inner.
    unsafe {
        let found = match *riid {
            // Nobody is to ask it for what the other has.
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
    // SAFETY: as above.
    unsafe { (*this.cast::<Inner>()).count.fetch_add(1, SeqCst) + 1 }
}

unsafe extern "system" fn own_release(this: *mut IUnknown) -> u32 {
    // SAFETY: as above.
    unsafe {
        let inner = this.cast::<Inner>();
        let left = (*inner).count.fetch_sub(1, SeqCst) - 1;
        if left == 0 {
            ((*inner).last)((*inner).outer);
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

/// # Safety
///
/// `this` is the second face of an Inner.
unsafe fn outer_of(this: *mut IUnknown) -> *mut IUnknown {
    let inner = this.wrapping_byte_sub(size_of::<usize>()).cast::<Inner>();
    // SAFETY: the caller's promise.
    unsafe { (*inner).outer.as_ptr() }
}

unsafe extern "system" fn store_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules, on the second face; the outer outlives it. So below.
    unsafe {
        let outer = outer_of(this);
        ((*(*outer).lpVtbl).QueryInterface)(outer, riid, ppv)
    }
}

unsafe extern "system" fn store_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: as above.
    unsafe {
        let outer = outer_of(this);
        ((*(*outer).lpVtbl).AddRef)(outer)
    }
}

unsafe extern "system" fn store_release(this: *mut IUnknown) -> u32 {
    // SAFETY: as above.
    unsafe {
        let outer = outer_of(this);
        ((*(*outer).lpVtbl).Release)(outer)
    }
}

/// The payload.
struct Part {
    name: String,
    /// What its drop does, with the whole.
    last: Option<Box<dyn Fn() + Send + Sync>>,
    _bomb: Option<PanicOnDrop>,
    _token: DropToken,
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(last) = &self.last {
            last();
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

/// The graves of the payload and of the inner.
#[derive(Default)]
struct DropCounters(DropCounter, DropCounter);

impl DropCounters {
    fn drops(&self) -> (usize, usize) {
        (self.0.drops(), self.1.drops())
    }

    fn part(&self) -> Part {
        Part {
            name: "part".into(),
            last: None,
            _bomb: None,
            _token: self.0.token(),
        }
    }

    fn inner(&self, outer: NonNull<IUnknown>, last: fn(NonNull<IUnknown>)) -> *mut IUnknown {
        let inner = Inner {
            own: &OWN,
            store: &STORE,
            count: AtomicU32::new(1),
            outer,
            last,
            _token: self.1.token(),
        };
        Box::into_raw(Box::new(inner)).cast()
    }

    fn whole(&self, part: Part, last: fn(NonNull<IUnknown>)) -> ComPtr<IUnknown> {
        // SAFETY: the inner keeps the rules, and is free-threaded.
        unsafe { aggregate_foreign(part, |outer| Ok(self.inner(outer, last))) }.unwrap()
    }
}

fn nothing(_: NonNull<IUnknown>) {}

const ALL: [GUID; 3] = [IUnknown::IID, IMAPISync::IID, IStore::IID];

/// QueryInterface for an interface of which only the number is known.
fn query_iid<I: Interface>(from: &ComPtr<I>, iid: &GUID) -> ComPtr<IUnknown> {
    let mut out = garbage();
    // SAFETY: both are valid; every interface begins with IUnknown's slots.
    unsafe {
        assert_eq!(query(from, iid, &mut out), HRESULT::S_OK);
        ComPtr::from_raw(out.cast()).unwrap()
    }
}

#[test]
fn the_whole_is_one_object_from_wherever_it_is_asked() {
    let counters = DropCounters::default();
    let whole = counters.whole(counters.part(), nothing);
    for from in &ALL {
        let first = query_iid(&whole, from);
        for to in &ALL {
            let second = query_iid(&first, to);
            assert_eq!(count(&whole), 3);
            for back in &ALL {
                let (there, here) = (query_iid(&second, back), query_iid(&whole, back));
                assert_eq!(
                    there.as_raw().addr(),
                    here.as_raw().addr(),
                    "{from} {to} {back}"
                );
            }
        }
        let stranger = GUID::from_u128(7);
        let asked = [
            (&raw const stranger, HRESULT::E_NOINTERFACE),
            (&raw const BROKEN, HRESULT::E_ACCESSDENIED),
            (ptr::null(), HRESULT::E_POINTER),
        ];
        for (iid, expected) in asked {
            let mut out = garbage();
            // SAFETY: NULL or valid; slot 0.
            let code = unsafe {
                ((*(*first.as_raw()).lpVtbl).QueryInterface)(first.as_raw(), iid, &mut out)
            };
            assert_eq!((code, out.is_null()), (expected, true));
        }
        // SAFETY: slot 0, with NULL for the answer.
        let code = unsafe {
            let this = first.as_raw();
            ((*(*this).lpVtbl).QueryInterface)(this, &stranger, ptr::null_mut())
        };
        assert_eq!(code, HRESULT::E_POINTER);
    }
    assert_eq!((count(&whole), counters.drops()), (1, (0, 0)));
    drop(whole);
    assert_eq!(counters.drops(), (1, 1));
}

#[test]
fn iid_and_out_slot_may_lie_at_odd_addresses() {
    let counters = DropCounters::default();
    let whole = counters.whole(counters.part(), nothing);
    for iid in ALL {
        let mut room = [0u64; 8];
        // SAFETY: there is room for both, and both are written before they are read.
        unsafe {
            let start = room.as_mut_ptr();
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
    assert_eq!(count(&whole), 1);
}

#[test]
fn each_interface_counts_the_whole_and_any_may_be_the_last_on_any_thread() {
    for last in 0..3 {
        let counters = DropCounters::default();
        let whole = counters.whole(counters.part(), nothing);
        let sync = whole.cast::<IMAPISync>().unwrap();
        let store = sync.cast::<IStore>().unwrap();
        assert_eq!((count(&whole), count(&sync), count(&store)), (3, 3, 3));
        let run = SyncHost::new(common::Recorder::new())
            .start(&sync, SyncFlags::empty())
            .unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        drop(run);
        common::wait_until(|| count(&whole) == 3);
        match last {
            0 => {
                drop((sync, store));
                assert_eq!((count(&whole), counters.drops()), (1, (0, 0)));
                drop(whole);
            }
            1 => {
                drop((whole, store));
                assert_eq!((count(&sync), counters.drops()), (1, (0, 0)));
                thread::spawn(move || drop(sync)).join().unwrap();
            }
            _ => {
                drop((whole, sync));
                assert_eq!((count(&store), counters.drops()), (1, (0, 0)));
                thread::spawn(move || drop(store)).join().unwrap();
            }
        }
        assert_eq!(counters.drops(), (1, 1));
    }
}

#[test]
fn what_create_fails_with_comes_back_and_nothing_is_left() {
    let counters = DropCounters::default();
    // SAFETY: no inner is made.
    let failed = unsafe { aggregate_foreign(counters.part(), |_| Err(Error::Canceled)) };
    assert!(matches!(failed, Err(Error::Canceled)));
    // SAFETY: as above.
    let null = unsafe { aggregate_foreign(counters.part(), |_| Ok(ptr::null_mut())) };
    let null = null.unwrap_err().to_string();
    assert!(null.contains("for IUnknown {00000000"), "{null}");
    // SAFETY: as above.
    let panicked = catch_unwind(AssertUnwindSafe(|| unsafe {
        aggregate_foreign(counters.part(), |_| panic!("in create"))
    }));
    assert!(panicked.is_err());
    assert_eq!(counters.drops(), (3, 0));
}

#[test]
fn while_it_is_made_the_inner_may_use_the_outer() {
    let counters = DropCounters::default();
    // SAFETY: the inner keeps the rules; what it takes of the outer it gives back.
    let whole = unsafe {
        aggregate_foreign(counters.part(), |outer| {
            let lent = ComPtr::from_raw_borrowed(outer.as_ptr()).unwrap();
            assert_eq!(count(&lent), 2);
            assert!(lent.cast::<IMAPISync>().is_ok());
            let missing = lent.cast::<IStore>().unwrap_err();
            assert_eq!(missing.hresult(), HRESULT::E_NOINTERFACE);
            Ok(counters.inner(outer, nothing))
        })
    };
    assert_eq!(count(&whole.unwrap()), 1);
    assert_eq!(counters.drops(), (1, 1));
}

/// What an inner does in its destructor: it runs a method of the payload, which is whole still, and is not to be found
/// itself any more.
fn uses_the_outer(outer: NonNull<IUnknown>) {
    // SAFETY: the outer is there until its inners have gone; the reference is given back.
    let lent = unsafe { ComPtr::from_raw_borrowed(outer.as_ptr()) }.unwrap();
    let sync = lent.cast::<IMAPISync>().unwrap();
    let run = SyncHost::new(common::Recorder::new())
        .start(&sync, SyncFlags::empty())
        .unwrap();
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let gone = lent.cast::<IStore>().unwrap_err();
    assert_eq!(gone.hresult(), HRESULT::E_NOINTERFACE);
}

#[test]
fn in_its_destructor_the_inner_may_use_the_outer() {
    let counters = DropCounters::default();
    drop(counters.whole(counters.part(), uses_the_outer));
    assert_eq!(counters.drops(), (1, 1));
}

#[test]
fn in_its_drop_the_payload_may_count_the_whole() {
    let counters = DropCounters::default();
    let address = Arc::new(AtomicPtr::default());
    let mut part = counters.part();
    part.last = Some(Box::new({
        let address = address.clone();
        move || {
            // SAFETY: what it takes of the whole it gives back.
            drop(unsafe { ComPtr::<IUnknown>::from_raw_borrowed(address.load(SeqCst)) }.unwrap())
        }
    }));
    let whole = counters.whole(part, nothing);
    address.store(whole.as_raw(), SeqCst);
    drop(whole);
    assert_eq!(counters.drops(), (1, 1));
}

#[test]
fn a_worker_of_the_inners_may_count_the_whole_until_the_inner_is_gone() {
    static STOP: AtomicBool = AtomicBool::new(false);
    static WORKING: AtomicBool = AtomicBool::new(false);
    fn stop(_: NonNull<IUnknown>) {
        STOP.store(true, SeqCst);
        // On the worker itself nobody is to be waited for.
        while thread::current().name() != Some("worker") && WORKING.load(SeqCst) {
            thread::yield_now();
        }
    }
    let counters = DropCounters::default();
    let rounds = common::fewer(500);
    for _ in 0..rounds {
        STOP.store(false, SeqCst);
        let mut worker = None;
        // SAFETY: the worker uses the outer while the inner lives, which waits for it in its destructor, and gives back
        // what it takes.
        let whole = unsafe {
            aggregate_foreign(counters.part(), |outer| {
                let outer_ = AtomicPtr::new(outer.as_ptr());
                let work = move || {
                    while !STOP.load(SeqCst) {
                        drop(ComPtr::from_raw_borrowed(outer_.load(SeqCst)));
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
fn what_the_inner_has_is_found_from_another_thread_as_soon_as_it_is_there() {
    let counters = DropCounters::default();
    let mut finder = None;
    // SAFETY: the thread has a reference.
    let whole = unsafe {
        aggregate_foreign(counters.part(), |outer| {
            let sync: ComPtr<IMAPISync> =
                ComPtr::from_raw_borrowed(outer.as_ptr()).unwrap().cast()?;
            finder = Some(thread::spawn(move || {
                loop {
                    if let Ok(store) = sync.cast::<IStore>() {
                        return count(&store);
                    }
                }
            }));
            thread::yield_now();
            Ok(counters.inner(outer, nothing))
        })
    };
    assert_eq!(finder.unwrap().join().unwrap(), 3);
    assert_eq!(count(&whole.unwrap()), 1);
}

#[test]
fn two_threads_may_release_the_last_two_references_to_the_whole_at_once() {
    let (counters, objects) = (
        DropCounters::default(),
        if cfg!(miri) { 100 } else { 10_000 },
    );
    let new = |_| {
        let whole = counters.whole(counters.part(), nothing);
        let (ours, theirs) = (whole.cast::<IMAPISync>(), whole.cast::<IStore>());
        (ours.unwrap(), theirs.unwrap())
    };
    let (ours, theirs) = (0..objects).map(new).unzip();
    common::release_at_once::<IMAPISync, IStore>(ours, theirs);
    assert_eq!(counters.drops(), (objects, objects));
}

#[test]
fn a_payload_whose_drop_panics_takes_nobody_along() {
    let counters = DropCounters::default();
    let mut part = counters.part();
    part._bomb = Some(PanicOnDrop(1));
    drop(counters.whole(part, nothing));
    assert_eq!(counters.drops(), (1, 1));
}

#[test]
fn a_misbehaving_inner_passes_neither_null_as_success_nor_garbage_as_failure() {
    for (code, stored, expected) in misbehavior() {
        let inner = Box::into_raw(Box::new(MisbehavingObject::new(code, stored)));
        let counters = DropCounters::default();
        // SAFETY: the inner outlives the whole, and its IUnknown is free-threaded.
        let whole = unsafe { aggregate_foreign(counters.part(), |_| Ok(inner.cast())) }.unwrap();
        let mut out = garbage();
        // SAFETY: both are valid.
        let returned = unsafe { query(&whole, &IStore::IID, &mut out) };
        assert_eq!((returned, out), (expected, ptr::null_mut()), "{code}");
        drop(whole);
        // SAFETY: the box from above, to which nothing else points any more.
        drop(unsafe { Box::from_raw(inner) });
    }
}
