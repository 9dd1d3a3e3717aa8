//! com-scrape-types and aggregation. Its generator supports neither outers nor inners, so this
//! module contains their thunks.

use super::{base, bytes, ours, payload};
use crate::{check_runs, synchronize};
use com_scrape_types::{Class as TheirClass, ComWrapper, Construct, Guid, InterfaceList, Wrapper};
use mapisync::abi::{IID_IUnknown, IMAPISync, IUnknown, IUnknownVtbl};
use mapisync::aggregation::aggregate_foreign;
use mapisync::testing::reference_count;
use mapisync::{
    Class, ComPtr, FreeThreaded, GUID, HRESULT, InnerObject, Interface, MapiSync, Result,
    SyncRequest,
};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use test_support::{self, DropCounter, DropToken, garbage};

const MSG_STORE: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);
unknown!(ITheirStore, IUnknownVtbl, MSG_STORE);
// The non-delegating `IUnknown` of an inner.
unknown!(IOwn, IUnknownVtbl, IID_IUnknown);

/// The same interface for this crate.
#[repr(C)]
struct IStore {
    vtbl: *const IUnknownVtbl,
}

// SAFETY: `Interface` requires one pointer to a vtable that begins with the base's slots. This
// vtable is `IUnknown`'s, and no other interface has this IID.
unsafe impl Interface for IStore {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = MSG_STORE;
}
// SAFETY: only atomic operations change the objects below.
unsafe impl FreeThreaded for IStore {}

/// The payload that implements `MapiSync`, as inner or as outer.
struct Payload(#[allow(dead_code)] DropToken);

impl Class for Payload {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Payload {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        synchronize(request)
    }
}

/// The payload of a com-scrape-types outer.
struct TheirOuter {
    /// The inner's non-delegating `IUnknown`. The outer owns this reference.
    inner: AtomicPtr<IUnknown>,
    _token: DropToken,
}

impl Drop for TheirOuter {
    fn drop(&mut self) {
        let inner = *self.inner.get_mut();
        // SAFETY: the outer owns this reference, and releases it once, in its destructor.
        unsafe { ((*(*inner).lpVtbl).Release)(inner) };
    }
}

impl TheirClass for TheirOuter {
    type Interfaces = (ITheirStore,);
}

// SAFETY: the vtable has the type of `ITheirStore`, and its functions expect this offset.
unsafe impl<W: Wrapper<TheirOuter>, const OFFSET: isize> Construct<TheirOuter, W, OFFSET>
    for ITheirStore
{
    const OBJ: Self = ITheirStore {
        vtbl: &IUnknownVtbl {
            QueryInterface: query_aggregate::<W, OFFSET>,
            ..base::<TheirOuter, W, OFFSET>()
        },
    };
}

unsafe extern "system" fn query_aggregate<W: Wrapper<TheirOuter>, const OFFSET: isize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object, and that
    // `riid` and `ppv` are valid. The outer keeps the inner alive.
    unsafe {
        if <TheirOuter as TheirClass>::Interfaces::query(&*riid.cast::<Guid>()).is_some() {
            return (base::<TheirOuter, W, OFFSET>().QueryInterface)(this, riid, ppv);
        }
        let inner = payload::<TheirOuter, W, OFFSET, _>(this).inner.load(SeqCst);
        ((*(*inner).lpVtbl).QueryInterface)(inner, riid, ppv)
    }
}

/// Checks that `sync`, the last reference, and the store's interface belong to one object.
fn check_one_object(sync: ComPtr<IMAPISync>, counters: &[DropCounter; 2]) {
    assert_eq!(reference_count(&sync), 1);
    check_runs(&sync);
    assert_eq!(reference_count(&sync), 1);

    let store: ComPtr<IStore> = sync.cast().unwrap();
    let unknown: ComPtr<IUnknown> = store.cast().unwrap();
    let back: ComPtr<IMAPISync> = store.cast().unwrap();
    assert_eq!((reference_count(&sync), reference_count(&store)), (4, 4));
    assert_eq!(back.as_raw().addr(), sync.as_raw().addr());
    assert_eq!(
        sync.cast::<IUnknown>().unwrap().as_raw().addr(),
        unknown.as_raw().addr()
    );
    for (pointer, from) in [(&unknown, "IUnknown"), (&store.cast().unwrap(), "IStore")] {
        let mut out = garbage();
        // SAFETY: the IID and the out parameter are valid.
        let code = unsafe { test_support::query(pointer, &GUID::from_u128(7), &mut out) };
        assert_eq!(
            (code, out.is_null()),
            (HRESULT::E_NOINTERFACE, true),
            "{from}"
        );
    }
    drop((store, unknown, back));
    assert_eq!(
        (
            reference_count(&sync),
            counters[0].drops(),
            counters[1].drops()
        ),
        (1, 0, 0)
    );
    drop(sync);
    assert_eq!((counters[0].drops(), counters[1].drops()), (1, 1));
}

#[test]
fn their_store_aggregates_our_imapisync() {
    let counters = [DropCounter::default(), DropCounter::default()];
    let their_outer = ComWrapper::new(TheirOuter {
        inner: AtomicPtr::default(),
        _token: counters[0].token(),
    });
    let store: ComPtr<IStore> = ours(their_outer.to_com_ptr::<ITheirStore>().unwrap());
    let outer = NonNull::new(store.as_raw()).unwrap().cast::<IUnknown>();
    // SAFETY: `InnerObject::new` requires that the outer outlives the inner. `TheirOuter` releases
    // the inner in its destructor, during which no code calls the outer, because the payload's
    // `Drop` uses no interface. The outer's `IUnknown` is its `ITheirStore`, which is
    // free-threaded, because it counts by an `Arc`.
    let inner = unsafe { InnerObject::new(outer, Payload(counters[1].token())) };
    their_outer.inner.store(inner.into_raw(), SeqCst);
    drop(their_outer);
    let sync = store.cast::<IMAPISync>().unwrap();
    drop(store);
    check_one_object(sync, &counters);
}

/// The payload of a com-scrape-types inner.
struct TheirInner {
    outer: NonNull<IUnknown>,
    _token: DropToken,
}

impl TheirClass for TheirInner {
    type Interfaces = (IOwn, ITheirStore);
}

// SAFETY: the vtable has the type of `IOwn`, and its functions expect this offset.
unsafe impl<W: Wrapper<TheirInner>, const OFFSET: isize> Construct<TheirInner, W, OFFSET> for IOwn {
    const OBJ: Self = IOwn {
        vtbl: &IUnknownVtbl {
            QueryInterface: query_own::<OFFSET>,
            ..base::<TheirInner, W, OFFSET>()
        },
    };
}

unsafe extern "system" fn query_own<const OFFSET: isize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object, and that
    // `riid` and `ppv` are valid. `this` lies `OFFSET` bytes after the header, to which `offset` is
    // relative.
    unsafe {
        let offset = <TheirInner as TheirClass>::Interfaces::query(&*riid.cast::<Guid>());
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

// SAFETY: the vtable has the type of `ITheirStore`, and its functions, which delegate to the outer,
// expect this offset.
unsafe impl<W: Wrapper<TheirInner>, const OFFSET: isize> Construct<TheirInner, W, OFFSET>
    for ITheirStore
{
    const OBJ: Self = ITheirStore {
        vtbl: &IUnknownVtbl {
            QueryInterface: query_outer::<W, OFFSET>,
            AddRef: add_ref_outer::<W, OFFSET>,
            Release: release_outer::<W, OFFSET>,
        },
    };
}

unsafe extern "system" fn query_outer<W: Wrapper<TheirInner>, const OFFSET: isize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object, and
    // aggregation that the outer outlives it.
    unsafe {
        let outer = payload::<TheirInner, W, OFFSET, _>(this).outer.as_ptr();
        ((*(*outer).lpVtbl).QueryInterface)(outer, riid, ppv)
    }
}

unsafe extern "system" fn add_ref_outer<W: Wrapper<TheirInner>, const OFFSET: isize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object, and
    // aggregation that the outer outlives it.
    unsafe {
        let outer = payload::<TheirInner, W, OFFSET, _>(this).outer.as_ptr();
        ((*(*outer).lpVtbl).AddRef)(outer)
    }
}

unsafe extern "system" fn release_outer<W: Wrapper<TheirInner>, const OFFSET: isize>(
    this: *mut IUnknown,
) -> u32 {
    // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object, and
    // aggregation that the outer outlives it.
    unsafe {
        let outer = payload::<TheirInner, W, OFFSET, _>(this).outer.as_ptr();
        ((*(*outer).lpVtbl).Release)(outer)
    }
}

#[test]
fn our_imapisync_aggregates_their_store() {
    let counters = [DropCounter::default(), DropCounter::default()];
    // SAFETY: the inner follows the rules of aggregation. It is free-threaded, because it counts by
    // an `Arc`.
    let whole = unsafe {
        aggregate_foreign(Payload(counters[1].token()), |outer| {
            let their_inner = ComWrapper::new(TheirInner {
                outer,
                _token: counters[0].token(),
            });
            Ok(their_inner.to_com_ptr::<IOwn>().unwrap().into_raw().cast())
        })
    };
    let sync = whole.unwrap().cast::<IMAPISync>().unwrap();
    check_one_object(sync, &counters);
}
