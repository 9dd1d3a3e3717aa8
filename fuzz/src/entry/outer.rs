//! The outer of an aggregate, laid by hand as C++ would.

use super::payload::Part;
use mapisync::abi::{IUnknown, IUnknownVtbl};
use mapisync::{ComObject, ComPtr, GUID, HRESULT, InnerObject, Interface};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The interface that the outer has of its own, as a store has `IMsgStore`.
pub const IID_IOUTER: GUID = GUID::from_u128(0x0B5E_55ED_0001);

#[repr(C)]
struct Outer {
    vtbl: *const IUnknownVtbl,
    count: AtomicU32,
    /// The inner's own IUnknown, to be released at the end.
    inner: *mut IUnknown,
    _alive: Arc<()>,
}

static OUTER: IUnknownVtbl = IUnknownVtbl {
    QueryInterface: query,
    AddRef: add_ref,
    Release: release,
};

/// Makes an aggregate, and answers with a reference to its identity.
pub fn aggregate(part: Part, alive: &Arc<()>) -> ComPtr<IUnknown> {
    let outer = Box::into_raw(Box::new(Outer {
        vtbl: &OUTER,
        count: AtomicU32::new(1),
        inner: ptr::null_mut(),
        _alive: alive.clone(),
    }));
    // SAFETY: the outer drops the inner when it goes, is free-threaded, and answers for the inner's interfaces.
    unsafe {
        let inner = InnerObject::new(NonNull::new_unchecked(outer.cast()), part);
        (*outer).inner = inner.into_raw();
        ComPtr::from_raw(outer.cast()).expect("it is there")
    }
}

/// The inner of an aggregate, whose reference stays the outer's.
///
/// # Safety
///
/// The pointer is the identity of an aggregate made here.
pub unsafe fn inner(identity: &ComPtr<IUnknown>) -> ManuallyDrop<InnerObject<Part>> {
    // SAFETY: it is an Outer, alive, with such an inner.
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
    // SAFETY: called by COM's rules, on an Outer.
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
    // SAFETY: called by COM's rules, on an Outer.
    let before = unsafe { (*this.cast::<Outer>()).count.fetch_add(1, SeqCst) };
    assert_ne!(before, 0, "AddRef after the last Release");
    before + 1
}

unsafe extern "system" fn release(this: *mut IUnknown) -> u32 {
    // SAFETY: called by COM's rules, on an Outer.
    unsafe {
        let outer = this.cast::<Outer>();
        let before = (*outer).count.fetch_sub(1, SeqCst);
        assert_ne!(before, 0, "one Release too many");
        if before == 1 {
            // As COM demands of an outer: what the inner does while it goes must not bring the count to 0 again.
            (*outer).count.store(DYING, SeqCst);
            let inner = (*outer).inner;
            let left = ((*(*inner).lpVtbl).Release)(inner);
            assert_eq!((left, (*outer).count.load(SeqCst)), (0, DYING));
            drop(Box::from_raw(outer));
        }
        before - 1
    }
}

const DYING: u32 = 0x4000_0000;
