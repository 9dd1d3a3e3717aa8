//! com-scrape-types and aggregation. Its generator writes neither outers nor inners; the thunks that make them are here.

use super::{base, bytes, ours, payload};
use crate::common::{self, DropCounter, DropToken, count, garbage};
use crate::{is_driven_by_our_host, synchronize};
use com_scrape_types::{Class as TheirClass, ComWrapper, Construct, Guid, InterfaceList, Wrapper};
use mapisync::abi::{IID_IUnknown, IMAPISync, IUnknown, IUnknownVtbl};
use mapisync::aggregation::aggregate_foreign;
use mapisync::{
    Class, ComPtr, FreeThreaded, GUID, HRESULT, InnerObject, Interface, MapiSync, Result,
    SyncRequest,
};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

const MSG_STORE: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);
unknown!(ITheirStore, IUnknownVtbl, MSG_STORE);
// An inner's own IUnknown.
unknown!(IOwn, IUnknownVtbl, IID_IUnknown);

/// The same to us.
#[repr(C)]
struct IStore {
    vtbl: *const IUnknownVtbl,
}

// SAFETY: one pointer to a vtable of IUnknown's slots, under an IID of its own.
unsafe impl Interface for IStore {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = MSG_STORE;
}
// SAFETY: the objects below are changed by atomic operations alone.
unsafe impl FreeThreaded for IStore {}

/// The Rust half, in either case.
struct Half(#[allow(dead_code)] DropToken);

impl Class for Half {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Half {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        synchronize(request)
    }
}

/// An outer of theirs.
struct Around {
    /// The inner's own IUnknown.
    inner: AtomicPtr<IUnknown>,
    _token: DropToken,
}

impl Drop for Around {
    fn drop(&mut self) {
        let inner = *self.inner.get_mut();
        // SAFETY: the reference that the outer has, given back in its destructor.
        unsafe { ((*(*inner).lpVtbl).Release)(inner) };
    }
}

impl TheirClass for Around {
    type Interfaces = (ITheirStore,);
}

// SAFETY: the vtable is ITheirStore's, IUnknown's slots.
unsafe impl<W: Wrapper<Around>, const OFFSET: isize> Construct<Around, W, OFFSET> for ITheirStore {
    const OBJ: Self = ITheirStore {
        vtbl: &IUnknownVtbl {
            QueryInterface: query_around::<W, OFFSET>,
            ..base::<Around, W, OFFSET>()
        },
    };
}

unsafe extern "system" fn query_around<W: Wrapper<Around>, const OFFSET: isize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules, on this vtable's object.
    unsafe {
        if <Around as TheirClass>::Interfaces::query(&*riid.cast::<Guid>()).is_some() {
            return (base::<Around, W, OFFSET>().QueryInterface)(this, riid, ppv);
        }
        let inner = payload::<Around, W, OFFSET, _>(this).inner.load(SeqCst);
        ((*(*inner).lpVtbl).QueryInterface)(inner, riid, ppv)
    }
}

/// From IMAPISync the store is reached, and back, as one object of which the last reference is `sync`.
fn is_one_object(sync: ComPtr<IMAPISync>, counters: &[DropCounter; 2]) {
    assert_eq!(count(&sync), 1);
    is_driven_by_our_host(&sync);
    assert_eq!(count(&sync), 1);

    let store: ComPtr<IStore> = sync.cast().unwrap();
    let unknown: ComPtr<IUnknown> = store.cast().unwrap();
    let back: ComPtr<IMAPISync> = store.cast().unwrap();
    assert_eq!((count(&sync), count(&store)), (4, 4));
    assert_eq!(back.as_raw().addr(), sync.as_raw().addr());
    assert_eq!(
        sync.cast::<IUnknown>().unwrap().as_raw().addr(),
        unknown.as_raw().addr()
    );
    for (pointer, from) in [(&unknown, "IUnknown"), (&store.cast().unwrap(), "IStore")] {
        let mut out = garbage();
        // SAFETY: both pointers are valid.
        let code = unsafe { common::query(pointer, &GUID::from_u128(7), &mut out) };
        assert_eq!(
            (code, out.is_null()),
            (HRESULT::E_NOINTERFACE, true),
            "{from}"
        );
    }
    drop((store, unknown, back));
    assert_eq!(
        (count(&sync), counters[0].drops(), counters[1].drops()),
        (1, 0, 0)
    );
    drop(sync);
    assert_eq!((counters[0].drops(), counters[1].drops()), (1, 1));
}

#[test]
fn a_store_of_theirs_that_aggregates_our_imapisync() {
    let counters = [DropCounter::default(), DropCounter::default()];
    let around = ComWrapper::new(Around {
        inner: AtomicPtr::default(),
        _token: counters[0].token(),
    });
    let store: ComPtr<IStore> = ours(around.to_com_ptr::<ITheirStore>().unwrap());
    let outer = NonNull::new(store.as_raw()).unwrap().cast::<IUnknown>();
    // SAFETY: ITheirStore is its IUnknown; it releases the inner in its destructor, in which nobody calls it: the half's
    // drop uses no interface of the aggregate. Its count is an `Arc`'s.
    let inner = unsafe { InnerObject::new(outer, Half(counters[1].token())) };
    around.inner.store(inner.into_raw(), SeqCst);
    drop(around);
    let sync = store.cast::<IMAPISync>().unwrap();
    drop(store);
    is_one_object(sync, &counters);
}

/// An inner of theirs.
struct Within {
    outer: NonNull<IUnknown>,
    _token: DropToken,
}

impl TheirClass for Within {
    type Interfaces = (IOwn, ITheirStore);
}

// SAFETY: the vtable is IUnknown's, which counts the inner.
unsafe impl<W: Wrapper<Within>, const OFFSET: isize> Construct<Within, W, OFFSET> for IOwn {
    const OBJ: Self = IOwn {
        vtbl: &IUnknownVtbl {
            QueryInterface: query_own::<OFFSET>,
            ..base::<Within, W, OFFSET>()
        },
    };
}

unsafe extern "system" fn query_own<const OFFSET: isize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules, on this vtable's object, whose own IUnknown is the first in its header.
    unsafe {
        let offset = <Within as TheirClass>::Interfaces::query(&*riid.cast::<Guid>());
        let Some(offset) = offset else {
            *ppv = ptr::null_mut();
            return HRESULT::E_NOINTERFACE;
        };
        let found = this.byte_offset(offset - OFFSET);
        ((*(*found).lpVtbl).AddRef)(found);
        *ppv = found.cast();
    }
    HRESULT::S_OK
}

// SAFETY: the vtable is ITheirStore's, IUnknown's slots, which are the outer's.
unsafe impl<W: Wrapper<Within>, const OFFSET: isize> Construct<Within, W, OFFSET> for ITheirStore {
    const OBJ: Self = ITheirStore {
        vtbl: &IUnknownVtbl {
            QueryInterface: query_outer::<W, OFFSET>,
            AddRef: add_ref_outer::<W, OFFSET>,
            Release: release_outer::<W, OFFSET>,
        },
    };
}

unsafe extern "system" fn query_outer<W: Wrapper<Within>, const OFFSET: isize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules, on this vtable's object, which the outer outlives. So below.
    unsafe {
        let outer = payload::<Within, W, OFFSET, _>(this).outer.as_ptr();
        ((*(*outer).lpVtbl).QueryInterface)(outer, riid, ppv)
    }
}

unsafe extern "system" fn add_ref_outer<W: Wrapper<Within>, const OFFSET: isize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: as above.
    unsafe {
        let outer = payload::<Within, W, OFFSET, _>(this).outer.as_ptr();
        ((*(*outer).lpVtbl).AddRef)(outer)
    }
}

unsafe extern "system" fn release_outer<W: Wrapper<Within>, const OFFSET: isize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: as above.
    unsafe {
        let outer = payload::<Within, W, OFFSET, _>(this).outer.as_ptr();
        ((*(*outer).lpVtbl).Release)(outer)
    }
}

#[test]
fn our_imapisync_around_a_store_of_theirs() {
    let counters = [DropCounter::default(), DropCounter::default()];
    // SAFETY: an inner by the rules, whose count is an `Arc`'s.
    let whole = unsafe {
        aggregate_foreign(Half(counters[1].token()), |outer| {
            let within = ComWrapper::new(Within {
                outer,
                _token: counters[0].token(),
            });
            Ok(within.to_com_ptr::<IOwn>().unwrap().into_raw().cast())
        })
    };
    let sync = whole.unwrap().cast::<IMAPISync>().unwrap();
    is_one_object(sync, &counters);
}
