//! A hand-written outer of an aggregate, laid out as C++ would.

use super::payload::Part;
use mapisync::abi::{IUnknown, IUnknownVtbl};
use mapisync::{ComPtr, GUID, HRESULT, InnerObject, Interface};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The IID of the outer's own interface, as a store has `IMsgStore`.
pub const IID_IOUTER: GUID = GUID::from_u128(0x0B5E_55ED_0001);

#[repr(C)]
struct Outer {
    vtbl: *const IUnknownVtbl,
    count: AtomicU32,
    /// The inner's non-delegating `IUnknown`. The outer owns this reference and releases it at the
    /// end.
    inner: *mut IUnknown,
    _alive: Arc<()>,
}

static OUTER: IUnknownVtbl = IUnknownVtbl {
    QueryInterface: query,
    AddRef: add_ref,
    Release: release,
};

/// Creates an aggregate and returns a reference to its identity.
pub fn aggregate(part: Part, alive: &Arc<()>) -> ComPtr<IUnknown> {
    let outer = Box::into_raw(Box::new(Outer {
        vtbl: &OUTER,
        count: AtomicU32::new(1),
        inner: ptr::null_mut(),
        _alive: alive.clone(),
    }));
    // SAFETY: `InnerObject::new` requires that the outer outlives the inner and that its `IUnknown`
    // is free-threaded. The outer releases the inner before its own memory, and its count is
    // atomic.
    unsafe {
        let inner = InnerObject::new(NonNull::new_unchecked(outer.cast()), part);
        (*outer).inner = inner.into_raw();
        ComPtr::from_raw(outer.cast()).expect("it is not NULL")
    }
}

/// Returns the inner of an aggregate. The outer keeps the reference.
///
/// # Safety
///
/// `identity` must come from [`aggregate`].
pub unsafe fn inner(identity: &ComPtr<IUnknown>) -> ManuallyDrop<InnerObject<Part>> {
    // SAFETY: the caller guarantees that `identity` is a live `Outer` with an `InnerObject<Part>`.
    // `ManuallyDrop` leaves the reference to the outer.
    unsafe {
        let own = (*identity.as_raw().cast::<Outer>()).inner;
        ManuallyDrop::new(InnerObject::from_raw(own))
    }
}

unsafe extern "system" fn query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is a live `Outer`. `riid` and `ppv` are checked for NULL
    // and accessed unaligned here; the inner does the same.
    unsafe {
        if !riid.is_null() && !ppv.is_null() {
            let iid = riid.read_unaligned();
            if iid == IUnknown::IID || iid == IID_IOUTER {
                add_ref(this);
                ppv.write_unaligned(this.cast());
                return HRESULT::S_OK;
            }
        }
        let inner = (*this.cast::<Outer>()).inner;
        ((*(*inner).lpVtbl).QueryInterface)(inner, riid, ppv)
    }
}

unsafe extern "system" fn add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `Outer`.
    let before = unsafe { (*this.cast::<Outer>()).count.fetch_add(1, SeqCst) };
    assert_ne!(before, 0, "AddRef after the last Release");
    before + 1
}

unsafe extern "system" fn release(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `Outer`. At a count of 0 no reference is left,
    // so the inner and then the box can be released.
    unsafe {
        let outer = this.cast::<Outer>();
        let before = (*outer).count.fetch_sub(1, SeqCst);
        assert_ne!(before, 0, "one Release too many");
        if before == 1 {
            // COM requires this of an outer: while the inner is released, its calls must not bring
            // the count to 0 again.
            (*outer).count.store(DYING, SeqCst);
            let inner = (*outer).inner;
            let left = ((*(*inner).lpVtbl).Release)(inner);
            assert_eq!((left, (*outer).count.load(SeqCst)), (0, DYING));
            drop(Box::from_raw(outer));
        }
        before - 1
    }
}

/// The outer's count while it is released.
const DYING: u32 = 0x4000_0000;
