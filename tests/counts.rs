//! References and allocations, counted exactly.

mod common;

use common::{Ear, Grave, Tombstone, count, nobody, store};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::{Class, ComObject, ComPtr, ComRef, InnerObject};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// Counts this thread's allocations and those still alive.
struct Counting;

thread_local! {
    static MADE: Cell<usize> = const { Cell::new(0) };
    static ALIVE: Cell<isize> = const { Cell::new(0) };
    /// Those of an alignment that nothing but [`DropPanics`] asks for, whatever a panic may allocate.
    static MARKED: Cell<isize> = const { Cell::new(0) };
}

const MARK: usize = 1024;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MADE.with(|made| made.set(made.get() + 1));
        ALIVE.with(|alive| alive.set(alive.get() + 1));
        if layout.align() == MARK {
            MARKED.with(|marked| marked.set(marked.get() + 1));
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALIVE.with(|alive| alive.set(alive.get() - 1));
        if layout.align() == MARK {
            MARKED.with(|marked| marked.set(marked.get() - 1));
        }
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `code` makes, and how many of them are left.
fn allocations<R>(code: impl FnOnce() -> R) -> (usize, isize, R) {
    let (made, alive) = (MADE.get(), ALIVE.get());
    let result = code();
    (MADE.get() - made, ALIVE.get() - alive, result)
}

#[test]
fn an_object_inside_another_is_one_allocation_too() {
    struct Payload(#[allow(dead_code)] Tombstone);
    impl Class for Payload {
        type Interfaces = (IUnknown,);
    }
    let (grave, outer) = (Grave::default(), nobody());
    let tombstone = grave.tombstone();
    let (made, alive, inner) = allocations(|| {
        let outer = std::ptr::NonNull::new(outer.as_raw()).unwrap();
        // SAFETY: the outer outlives the inner, and nobody has an interface of it when it is given up.
        unsafe { InnerObject::new(outer, Payload(tombstone)) }
    });
    assert_eq!((made, alive, count(&outer)), (1, 1, 1));
    let (made, alive, ()) = allocations(|| drop(inner));
    assert_eq!((made, alive, grave.buried(), count(&outer)), (0, -1, 1, 1));
}

#[test]
fn an_object_is_one_allocation_and_goes_with_its_last_reference() {
    let grave = Grave::default();
    let tombstone = grave.tombstone();
    let (made, alive, sync) = allocations(|| {
        store(move |_| {
            let _ = &tombstone;
            Ok(())
        })
    });
    assert_eq!((made, alive), (1, 1));
    let (made, alive, clones) = allocations(|| {
        let second = sync.clone();
        let unknown = second.cast::<IUnknown>().unwrap();
        let borrowed = ComRef::from(&unknown).to_ptr();
        assert_eq!(count(&sync), 4);
        (second, unknown, borrowed)
    });
    assert_eq!((made, alive), (0, 0), "references are not allocated");
    drop(clones);
    assert_eq!((count(&sync), grave.buried()), (1, 0));
    let (made, alive, ()) = allocations(|| drop(sync));
    assert_eq!((made, alive, grave.buried()), (0, -1, 1));
}

#[test]
fn an_object_of_a_known_type_is_counted_like_any_other() {
    struct Payload(#[allow(dead_code)] Tombstone);
    impl Class for Payload {
        type Interfaces = (IUnknown,);
    }
    let grave = Grave::default();
    let object = ComObject::new(Payload(grave.tombstone()));
    let unknown = object.cast::<IUnknown>().unwrap();
    assert_eq!(count(&unknown), 2, "cast adds one");
    let second = object.clone();
    assert_eq!(count(&unknown), 3, "clone adds one");
    assert!(object.cast::<IMAPISync>().is_err());
    assert_eq!(count(&unknown), 3, "a miss adds none");
    drop(object);
    assert_eq!(count(&unknown), 2, "a drop gives one back");
    drop(unknown);
    assert_eq!(grave.buried(), 0, "the second is left");
    drop(second);
    assert_eq!(grave.buried(), 1);
}

#[test]
fn every_way_in_and_out_of_a_raw_pointer_has_its_effect() {
    let grave = Grave::default();
    let tombstone = grave.tombstone();
    let sync = store(move |_| {
        let _ = &tombstone;
        Ok(())
    });
    let raw = sync.as_raw();
    assert_eq!(count(&sync), 1, "as_raw adds nothing");
    // SAFETY: the object is alive as long as `sync` is.
    let borrowed = unsafe { ComRef::from_raw(raw) }.unwrap();
    let copy = borrowed;
    assert_eq!(count(&sync), 1, "a ComRef and its copies add nothing");
    let kept = copy.to_ptr();
    assert_eq!(count(&borrowed), 2, "to_ptr adds one");
    // SAFETY: the object is alive.
    let second = unsafe { ComPtr::from_raw_borrowed(raw) }.unwrap();
    assert_eq!(count(&sync), 3, "from_raw_borrowed adds one");
    let handed_on = second.into_raw();
    assert_eq!((count(&sync), handed_on), (3, raw), "into_raw keeps it");
    // SAFETY: `into_raw` has handed a reference over.
    let back = unsafe { ComPtr::from_raw(handed_on) }.unwrap();
    assert_eq!(count(&sync), 3, "from_raw adds nothing");
    drop((back, kept));
    assert_eq!(count(&sync), 1);
    drop(sync);
    assert_eq!(grave.buried(), 1);
}

/// Takes a reference to itself and gives it back while it is being dropped.
struct Reentrant {
    own: AtomicPtr<IUnknown>,
    _tombstone: Tombstone,
}

impl Class for Reentrant {
    type Interfaces = (IUnknown,);
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        let raw = *self.own.get_mut();
        for _ in 0..3 {
            // SAFETY: the object's memory is there until its payload's drop has returned.
            let own = unsafe { ComPtr::from_raw_borrowed(raw) }.unwrap();
            drop(own.cast::<IUnknown>().unwrap());
            drop(own);
        }
    }
}

#[test]
fn references_taken_and_given_back_during_the_drop_free_nothing_twice() {
    let grave = Grave::default();
    let (_, alive, ()) = allocations(|| {
        let object = ComObject::new(Reentrant {
            own: AtomicPtr::default(),
            _tombstone: grave.tombstone(),
        });
        let unknown = object.cast::<IUnknown>().unwrap();
        object.own.store(unknown.as_raw(), Relaxed);
    });
    assert_eq!((grave.buried(), alive), (1, 0));
}

#[test]
fn two_threads_may_release_the_last_two_references_at_once() {
    let (grave, objects) = (Grave::default(), if cfg!(miri) { 200 } else { 20_000 });
    let new = |_| {
        let tombstone = grave.tombstone();
        store(move |_| {
            let _ = &tombstone;
            Ok(())
        })
    };
    let references: Vec<_> = (0..objects).map(new).collect();
    common::release_at_once(references.clone(), references);
    assert_eq!(grave.buried(), objects);
}

/// Panics when dropped.
#[repr(align(1024))]
struct DropPanics {
    bombs: u32,
    _tombstone: Tombstone,
}

impl Class for DropPanics {
    type Interfaces = (IUnknown,);
}

impl Drop for DropPanics {
    fn drop(&mut self) {
        std::panic::panic_any(common::Bomb(self.bombs));
    }
}

#[test]
fn a_payload_whose_drop_panics_is_freed_and_release_answers_0() {
    let grave = Grave::default();
    for n in 0..3 {
        let unknown = ComObject::new(DropPanics {
            bombs: n as u32,
            _tombstone: grave.tombstone(),
        })
        .cast::<IUnknown>()
        .unwrap();
        assert_eq!((MARKED.get(), grave.buried()), (1, n));
        let raw = unknown.into_raw();
        // SAFETY: the one reference is ours, and given up here.
        let left = unsafe { ((*(*raw).lpVtbl).Release)(raw) };
        assert_eq!(
            (left, MARKED.get(), grave.buried()),
            (0, 0, n + 1),
            "{n} bombs"
        );
    }
}

#[test]
fn a_panic_in_a_method_leaves_the_count_alone() {
    for bombs in [0, 1, 2] {
        let grave = Grave::default();
        let tombstone = grave.tombstone();
        let sync = store(move |_| {
            let _ = &tombstone;
            std::panic::panic_any(common::Bomb(bombs))
        });
        let mut slot = common::garbage();
        // SAFETY: a valid request.
        let answer = unsafe {
            sync.synchronize_in_background(&mut common::request(std::ptr::null_mut(), &mut slot))
        };
        assert_eq!(answer, mapisync::HRESULT::E_UNEXPECTED);
        assert!(slot.is_null());
        assert_eq!((count(&sync), grave.buried()), (1, 0));
        drop(sync);
        assert_eq!(grave.buried(), 1);
    }
}

#[test]
fn texts_of_ordinary_length_pass_without_allocation() {
    /// Hears without noting anything.
    struct Deaf;
    impl mapisync::MapiSyncProgressCallback for Deaf {
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
    let callback = ComPtr::<IMAPISyncProgressCallback>::new(Deaf);
    let long = "ß".repeat(255);
    let longer = "ß".repeat(256);
    for (text, expected) in [
        (Some("Receiving"), 0),
        (None, 0),
        (Some(&*long), 0),
        (Some(&*longer), 1),
    ] {
        let (made, alive, answer) = allocations(|| callback.progress(text, 1, 2));
        assert_eq!(
            (made, alive, answer),
            (expected, 0, mapisync::HRESULT::S_OK)
        );
    }
}

#[test]
fn a_job_holds_one_reference_to_the_callback_and_none_to_the_rest() {
    let (ear, session) = (Ear::new(), nobody());
    let callback = ear.object();
    let job = std::sync::Arc::new(Mutex::new(None));
    let kept = job.clone();
    let sync = store(move |request| {
        assert!(request.session().is_some());
        *kept.lock().unwrap() = Some(request.start()?);
        Ok(())
    });
    let mut slot = common::garbage();
    let mut request = common::request(callback.as_raw().cast(), &mut slot);
    request.psesSync = session.as_raw().cast();
    // SAFETY: a valid request; a session is used as the IUnknown that it is.
    assert!(unsafe { sync.synchronize_in_background(&mut request) }.is_ok());
    assert_eq!((count(&sync), count(&callback), count(&session)), (1, 2, 1));
    job.lock().unwrap().take().unwrap().finish(Ok(()));
    assert_eq!((count(&sync), count(&callback), count(&session)), (1, 1, 1));
    drop(sync.cast::<IMAPISync>());
    assert_eq!(ear.events.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[test]
fn a_run_leaves_no_allocation_behind() {
    // All on this thread, so that it is the one that counts: the store is done when its method returns.
    let sync = store(|_| Ok(()));
    let host = mapisync::SyncHost::new(Ear::new());
    let run = || {
        host.start(&sync, mapisync::SyncFlags::default())
            .unwrap()
            .status()
    };
    assert_eq!(run(), Some(mapisync::HRESULT::S_OK)); // the ear has room for what it notes from now on
    let (_, alive, status) = allocations(run);
    assert_eq!((status, alive), (Some(mapisync::HRESULT::S_OK), 0));
}
