//! A hand-written outer, laid out as C++ would. Its inner is an object of this crate, and the outer
//! uses nothing else of it.

use crate::{DropCounter, DropToken};
use mapisync::abi::{IUnknown, IUnknownVtbl};
use mapisync::{Class, ComPtr, FreeThreaded, GUID, HRESULT, InnerObject, Interface};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The outer's own interface, as a store has `IMsgStore`.
#[repr(C)]
pub struct IOuter {
    vtbl: *const IUnknownVtbl,
}

// SAFETY: `Interface` requires one pointer to a vtable that begins with the base's slots. This
// vtable is `IUnknown`'s, and no other interface has this IID.
unsafe impl Interface for IOuter {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x0B5E_55ED_0001);
}
// SAFETY: `Outer` is the only object with this interface. Its count is atomic, and its inner is
// free-threaded.
unsafe impl FreeThreaded for IOuter {}

#[repr(C)]
struct Outer {
    vtbl: *const IUnknownVtbl,
    count: AtomicU32,
    /// The inner's non-delegating `IUnknown`. The outer owns this reference and releases it at the
    /// end.
    inner: *mut IUnknown,
    _token: DropToken,
}

static OUTER: IUnknownVtbl =
    IUnknownVtbl { QueryInterface: outer_query, AddRef: outer_add_ref, Release: outer_release };

unsafe extern "system" fn outer_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from `OUTER`, so it points to an `Outer`. COM requires the caller to
    // hold a reference. `riid` and `ppv` are checked for NULL and accessed unaligned here, and the
    // inner does the same.
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
    // SAFETY: `this` comes from `OUTER`, so it points to an `Outer`. COM requires the caller to
    // hold a reference.
    unsafe { (*this.cast::<Outer>()).count.fetch_add(1, SeqCst) + 1 }
}

unsafe extern "system" fn outer_release(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from `OUTER`, so it points to an `Outer`. COM requires the caller to own
    // a reference. At a count of 0 no reference is left, so the inner is released and then the box
    // is freed.
    unsafe {
        let outer = this.cast::<Outer>();
        let left = (*outer).count.fetch_sub(1, SeqCst) - 1;
        if left == 0 {
            // COM requires this of an outer: while the inner is released, its calls must not bring
            // the count to 0 again.
            (*outer).count.store(DYING, SeqCst);
            let inner = (*outer).inner;
            ((*(*inner).lpVtbl).Release)(inner);
            assert_eq!((*outer).count.load(SeqCst), DYING, "the inner's calls are balanced");
            drop(Box::from_raw(outer));
        }
        left
    }
}

/// The outer's count while it is released.
pub const DYING: u32 = 0x4000_0000;

/// Creates an aggregate and returns its only reference, to the outer's own interface.
pub fn aggregate<T: Class>(counter: &DropCounter, payload: T) -> ComPtr<IOuter> {
    let outer = Box::into_raw(Box::new(Outer {
        vtbl: &OUTER,
        count: AtomicU32::new(1),
        inner: ptr::null_mut(),
        _token: counter.token(),
    }));
    // SAFETY: `InnerObject::new` requires that the outer outlives the inner and that its `IUnknown`
    // is free-threaded. The outer releases the inner before its own memory, and its count is
    // atomic.
    unsafe {
        let inner = InnerObject::new(NonNull::new_unchecked(outer.cast()), payload);
        (*outer).inner = inner.into_raw();
        ComPtr::from_raw(outer.cast()).unwrap()
    }
}

/// Returns the inner's non-delegating `IUnknown`. The outer keeps the reference.
pub fn inner(outer: &ComPtr<IOuter>) -> *mut IUnknown {
    // SAFETY: `Outer` is the only object with this interface, and the reference keeps it alive.
    unsafe { (*outer.as_raw().cast::<Outer>()).inner }
}
