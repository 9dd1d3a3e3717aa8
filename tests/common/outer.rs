//! An outer as C++ would lay it, for an inner of ours: it owes nothing to this crate but that.

use super::{Grave, Tombstone};
use mapisync::abi::{IUnknown, IUnknownVtbl};
use mapisync::{Class, ComPtr, FreeThreaded, GUID, HRESULT, InnerObject, Interface};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The interface that the outer has of its own, as a store has `IMsgStore`.
#[repr(C)]
pub struct IOuter {
    vtbl: *const IUnknownVtbl,
}

// SAFETY: one pointer to a vtable of IUnknown's slots, under an IID of its own.
unsafe impl Interface for IOuter {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x0B5E_55ED_0001);
}
// SAFETY: the outer below counts atomically and holds a free-threaded inner.
unsafe impl FreeThreaded for IOuter {}

#[repr(C)]
struct Outer {
    vtbl: *const IUnknownVtbl,
    count: AtomicU32,
    /// The inner's own IUnknown, to be released at the end.
    inner: *mut IUnknown,
    _tombstone: Tombstone,
}

static OUTER: IUnknownVtbl = IUnknownVtbl {
    QueryInterface: outer_query,
    AddRef: outer_add_ref,
    Release: outer_release,
};

unsafe extern "system" fn outer_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules, on an Outer.
    unsafe {
        if !riid.is_null() && !ppv.is_null() {
            let iid = riid.read_unaligned();
            if iid == IUnknown::IID || iid == IOuter::IID {
                outer_add_ref(this);
                ppv.write_unaligned(this.cast());
                return HRESULT::S_OK;
            }
        }
        let inner = (*this.cast::<Outer>()).inner;
        ((*(*inner).lpVtbl).QueryInterface)(inner, riid, ppv)
    }
}

unsafe extern "system" fn outer_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: as above.
    unsafe { (*this.cast::<Outer>()).count.fetch_add(1, SeqCst) + 1 }
}

unsafe extern "system" fn outer_release(this: *mut IUnknown) -> u32 {
    // SAFETY: as above.
    unsafe {
        let outer = this.cast::<Outer>();
        let left = (*outer).count.fetch_sub(1, SeqCst) - 1;
        if left == 0 {
            // As COM demands of an outer: what the inner does while it goes must not bring the count to 0 again.
            (*outer).count.store(DYING, SeqCst);
            let inner = (*outer).inner;
            ((*(*inner).lpVtbl).Release)(inner);
            assert_eq!((*outer).count.load(SeqCst), DYING, "in pairs");
            drop(Box::from_raw(outer));
        }
        left
    }
}

/// The outer's count while it goes.
pub const DYING: u32 = 0x4000_0000;

/// An aggregate with one reference, to its own interface.
pub fn aggregate<T: Class>(grave: &Grave, payload: T) -> ComPtr<IOuter> {
    let outer = Box::into_raw(Box::new(Outer {
        vtbl: &OUTER,
        count: AtomicU32::new(1),
        inner: ptr::null_mut(),
        _tombstone: grave.tombstone(),
    }));
    // SAFETY: the outer drops the inner when it goes, is free-threaded, and answers for the inner's interfaces.
    unsafe {
        let inner = InnerObject::new(NonNull::new_unchecked(outer.cast()), payload);
        (*outer).inner = inner.into_raw();
        ComPtr::from_raw(outer.cast()).unwrap()
    }
}

/// The inner's own IUnknown, of which the reference stays the outer's.
pub fn inner(outer: &ComPtr<IOuter>) -> *mut IUnknown {
    // SAFETY: no other object has that interface, so it is an Outer, and alive.
    unsafe { (*outer.as_raw().cast::<Outer>()).inner }
}
