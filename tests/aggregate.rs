//! Objects of ours inside somebody else's: the identity is the outer's, and so is the count.

mod common;

use common::outer::{self, DYING, IOuter};
use common::{Bomb, Ear, Grave, LONG, Liar, Tombstone, count, done, garbage, lies, query};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::{
    Class, ComPtr, Error, GUID, HRESULT, InnerObject, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncFlags, SyncHost, SyncRequest,
};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Mutex;
use std::sync::atomic::AtomicPtr;
use std::sync::mpsc::channel;
use std::thread;

type Last = Box<dyn FnOnce() + Send>;

/// The payload. Its alignment shows whether offsets are right.
#[repr(align(128))]
struct Part {
    name: &'static str,
    last: Mutex<Option<Last>>,
    _tombstone: Tombstone,
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(last) = self.last.get_mut().unwrap().take() {
            last();
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
        panic!("it does")
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        assert_eq!(self.name, "part");
        Err(status.into())
    }
}

/// An aggregate with one reference, to its own interface. The graves are the outer's and the inner's.
fn aggregate(outer_grave: &Grave, inner_grave: &Grave) -> ComPtr<IOuter> {
    let part = Part {
        name: "part",
        last: Mutex::new(None),
        _tombstone: inner_grave.tombstone(),
    };
    let outer = outer::aggregate(outer_grave, part);
    assert_eq!(inner(&outer).name, "part");
    outer
}

/// The inner of an aggregate, whose reference stays the outer's.
fn inner(outer: &ComPtr<IOuter>) -> ManuallyDrop<InnerObject<Part>> {
    // SAFETY: it is alive, and its inner is such a one.
    unsafe { ManuallyDrop::new(InnerObject::from_raw(outer::inner(outer))) }
}

const ALL: [GUID; 4] = [
    IUnknown::IID,
    IOuter::IID,
    IMAPISync::IID,
    IMAPISyncProgressCallback::IID,
];

/// QueryInterface for an interface of which only the number is known.
fn ask<I: Interface>(from: &ComPtr<I>, iid: &GUID) -> ComPtr<IUnknown> {
    let mut out = garbage();
    // SAFETY: both are valid; every interface begins with IUnknown's slots.
    unsafe {
        assert_eq!(query(from, iid, &mut out), HRESULT::S_OK);
        ComPtr::from_raw(out.cast()).unwrap()
    }
}

#[test]
fn the_aggregate_is_one_object_from_wherever_it_is_asked() {
    let (outer_grave, inner_grave) = (Grave::default(), Grave::default());
    let outer = aggregate(&outer_grave, &inner_grave);
    let identity = outer.as_raw().addr();
    for from in &ALL {
        let first = ask(&outer, from);
        for to in &ALL {
            let second = ask(&first, to);
            for back in &ALL {
                let (there, here) = (ask(&second, back), ask(&outer, back));
                assert_eq!(
                    there.as_raw().addr(),
                    here.as_raw().addr(),
                    "{from} {to} {back}"
                );
            }
            assert_eq!(ask(&second, &IUnknown::IID).as_raw().addr(), identity);
            assert_eq!(count(&outer), 3);
        }
        let mut out = garbage();
        // SAFETY: valid, or NULL, which the inner's methods pass on.
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
        (count(&outer), outer_grave.buried(), inner_grave.buried()),
        (1, 0, 0)
    );
    drop(outer);
    assert_eq!((outer_grave.buried(), inner_grave.buried()), (1, 1));
}

#[test]
fn the_inners_interfaces_count_the_outer_and_its_own_iunknown_counts_the_inner() {
    let (outer_grave, inner_grave) = (Grave::default(), Grave::default());
    let outer = aggregate(&outer_grave, &inner_grave);
    let sync = inner(&outer).cast::<IMAPISync>().unwrap();
    assert_eq!((count(&outer), count(&sync)), (2, 2));
    let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
    assert_eq!((count(&outer), count(&callback)), (3, 3));
    let missing = inner(&outer).cast::<IOuter>();
    assert!(
        matches!(missing, Err(Error::QueryInterface { iid, code: HRESULT::E_NOINTERFACE, .. }) if iid == IOuter::IID)
    );

    // The own IUnknown, as an outer in C++ has it.
    let mut own = garbage();
    // SAFETY: valid pointers throughout; what is added is given back.
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
        assert_eq!(count(&outer), 3, "which knows nothing of that");

        let mut out = garbage();
        assert_eq!(
            (vtbl.QueryInterface)(own, &IMAPISync::IID, &mut out),
            HRESULT::S_OK
        );
        assert_eq!((out.addr(), count(&outer)), (sync.as_raw().addr(), 4));
        drop(ComPtr::<IMAPISync>::from_raw(out.cast()));
        out = garbage();
        assert_eq!(
            (vtbl.QueryInterface)(own, &IOuter::IID, &mut out),
            HRESULT::E_NOINTERFACE
        );
        assert!(out.is_null(), "it answers for itself alone");
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
        let mut place = [0_u8; size_of::<GUID>() + size_of::<usize>() + 1];
        let riid = place.as_mut_ptr().add(1).cast::<GUID>();
        riid.write_unaligned(IMAPISync::IID);
        let ppv = riid.add(1).cast::<*mut c_void>();
        assert_eq!((vtbl.QueryInterface)(own, riid, ppv), HRESULT::S_OK);
        drop(ComPtr::<IMAPISync>::from_raw(ppv.read_unaligned().cast()));
    }
    drop((sync, callback));
    assert_eq!((count(&outer), inner_grave.buried()), (1, 0));
    drop(outer);
    assert_eq!((outer_grave.buried(), inner_grave.buried()), (1, 1));
}

#[test]
fn methods_find_the_payload_and_a_run_counts_nothing_but_the_host() {
    let (outer_grave, inner_grave) = (Grave::default(), Grave::default());
    let outer = aggregate(&outer_grave, &inner_grave);
    let sync = outer.cast::<IMAPISync>().unwrap();
    let ear = Ear::new();
    let run = SyncHost::new(ear.clone())
        .start(&sync, SyncFlags::empty())
        .unwrap();
    assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK);
    assert_eq!(ear.heard().len(), 2);
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
    assert_eq!(count(&outer), 3);
    drop((outer, callback));
    assert_eq!(
        (count(&sync), outer_grave.buried()),
        (1, 0),
        "any part keeps the whole"
    );
    drop(sync);
    assert_eq!((outer_grave.buried(), inner_grave.buried()), (1, 1));
}

#[test]
fn a_payload_may_use_the_aggregate_while_it_is_dropped() {
    let (outer_grave, inner_grave) = (Grave::default(), Grave::default());
    let outer = aggregate(&outer_grave, &inner_grave);
    let sync = inner(&outer).cast::<IMAPISync>().unwrap();
    let (whole, own) = (AtomicPtr::new(sync.as_raw().cast::<IUnknown>()), {
        let mut own = garbage();
        // SAFETY: valid pointers; the reference is given back below, when the payload goes.
        unsafe {
            let answer = inner(&outer).query_interface(&IUnknown::IID, &mut own);
            assert_eq!(answer, HRESULT::S_OK);
            ((*(*own.cast::<IUnknown>()).lpVtbl).Release)(own.cast());
        }
        AtomicPtr::new(own.cast::<IUnknown>())
    });
    // A panic in there would be caught, so what is seen is compared afterwards.
    let (tell, told) = channel();
    *inner(&outer).last.lock().unwrap() = Some(Box::new(move || {
        let (sync, own) = (whole.into_inner(), own.into_inner());
        // SAFETY: the outer's memory and the inner's are there until this returns.
        let seen = unsafe {
            let vtbl = &*(*sync).lpVtbl;
            let mut seen = vec![(vtbl.AddRef)(sync), (vtbl.Release)(sync)];
            for iid in [IUnknown::IID, IMAPISyncProgressCallback::IID] {
                let mut out = garbage();
                seen.push((vtbl.QueryInterface)(sync, &iid, &mut out).to_bits());
                let out: *mut IUnknown = out.cast();
                seen.push(((*(*out).lpVtbl).Release)(out));
            }
            // References to the inner itself neither free it twice nor bring it back.
            let vtbl = &*(*own).lpVtbl;
            let some = (0..3)
                .map(|_| (vtbl.AddRef)(own))
                .chain((0..5).map(|_| (vtbl.Release)(own)));
            seen.push(some.filter(|count| *count < 0x8000_0000).count() as u32);
            seen
        };
        tell.send(seen).unwrap();
    }));
    drop(outer);
    assert_eq!(inner_grave.buried(), 0);
    drop(sync);
    assert_eq!((outer_grave.buried(), inner_grave.buried()), (1, 1));
    let expected = vec![DYING + 1, DYING, 0, DYING, 0, DYING, 0];
    assert_eq!(told.try_recv(), Ok(expected));
}

#[test]
fn parts_may_be_used_from_several_threads_and_the_last_ends_the_whole() {
    for _ in 0..common::fewer(200) {
        let (outer_grave, inner_grave) = (Grave::default(), Grave::default());
        let outer = aggregate(&outer_grave, &inner_grave);
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
        assert_eq!((outer_grave.buried(), inner_grave.buried()), (1, 1));
    }
}

#[test]
fn a_payload_whose_drop_panics_takes_nobody_along() {
    let (outer_grave, inner_grave) = (Grave::default(), Grave::default());
    let outer = aggregate(&outer_grave, &inner_grave);
    *inner(&outer).last.lock().unwrap() = Some(Box::new(|| std::panic::panic_any(Bomb(3))));
    drop(outer);
    assert_eq!((outer_grave.buried(), inner_grave.buried()), (1, 1));
}

#[test]
fn the_reference_can_be_handed_to_an_outer_in_another_language() {
    let (outer_grave, inner_grave) = (Grave::default(), Grave::default());
    let outer = aggregate(&outer_grave, &inner_grave);
    // SAFETY: a second inner, whose outer outlives it, and of which nobody has an interface when it is given up.
    unsafe {
        let part = Part {
            name: "part",
            last: Mutex::new(None),
            _tombstone: inner_grave.tombstone(),
        };
        let second = InnerObject::new(NonNull::new_unchecked(outer.as_raw().cast()), part);
        let own = second.into_raw();
        assert_eq!((inner_grave.buried(), count(&outer)), (0, 1));
        assert_eq!(((*(*own).lpVtbl).Release)(own), 0);
        assert_eq!(inner_grave.buried(), 1);
    }
    drop(outer);
    assert_eq!((outer_grave.buried(), inner_grave.buried()), (1, 2));
}

static_assertions::assert_impl_all!(InnerObject<Part>: Send, Sync);

#[test]
fn a_misbehaving_outer_passes_neither_null_as_success_nor_garbage_as_failure() {
    for (code, stored, expected) in lies() {
        let outer = Box::into_raw(Box::new(Liar::new(code, stored)));
        let part = Part {
            name: "part",
            last: Mutex::new(None),
            _tombstone: Grave::default().tombstone(),
        };
        // SAFETY: the outer outlives the inner, and its IUnknown is free-threaded.
        let inner = unsafe { InnerObject::new(NonNull::new(outer).unwrap().cast(), part) };
        let sync = inner.cast::<IMAPISync>().unwrap();
        let mut buffer = [garbage(); 2];
        let odd = buffer.as_mut_ptr().wrapping_byte_add(1);
        // SAFETY: one pointer and one odd byte lie within two pointers.
        let (returned, out) = unsafe { (query(&sync, &IOuter::IID, odd), odd.read_unaligned()) };
        assert_eq!((returned, out), (expected, ptr::null_mut()), "{code}");
        let mut out = garbage();
        // SAFETY: NULL is refused.
        let returned = unsafe {
            [
                query(&sync, ptr::null(), &mut out),
                query(&sync, &IOuter::IID, ptr::null_mut()),
            ]
        };
        assert_eq!((returned, out), ([HRESULT::E_POINTER; 2], ptr::null_mut()));
        drop((sync, inner));
        // SAFETY: the box from above, to which nothing else points any more.
        drop(unsafe { Box::from_raw(outer) });
    }
}
