//! A store that aggregates our IMAPISync. The QueryInterface of an `#[implement]` object of
//! windows-core 0.62 cannot continue to an inner. (0.100 has `Compose` for that.) So the object is
//! written by hand here. Only its vtable and the traits of its methods come from outlook-mapi-sys.

use crate::msg_store::{Calls, IMsgStore, Payload, msg_store};
use mapisync::{InnerObject, abi};
use outlook_mapi_sys::Microsoft::Office::Outlook::MAPI::Win32::IMsgStore_Vtbl;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use windows_core::{ComObjectInner, GUID, HRESULT, IUnknown, IUnknownImpl, Interface};

/// The object. Its vtable pointer comes first.
#[repr(C)]
pub struct Aggregating {
    vtbl: &'static IMsgStore_Vtbl,
    /// The address of the object. An interface pointer must not derive from a reference.
    own: *mut Aggregating,
    count: AtomicU32,
    /// The inner's non-delegating IUnknown, with a reference.
    inner: *mut abi::IUnknown,
    calls: Calls,
}

static VTBL: IMsgStore_Vtbl = IMsgStore_Vtbl::new::<Aggregating, 0>();

msg_store!(Aggregating);

pub fn store(payload: Payload, calls: Calls) -> IMsgStore {
    let store = Box::into_raw(Box::new(Aggregating {
        vtbl: &VTBL,
        own: ptr::null_mut(),
        count: AtomicU32::new(1),
        inner: ptr::null_mut(),
        calls,
    }));
    // SAFETY: nothing else uses the object before it is complete. `InnerObject::new` requires a
    // free-threaded outer that outlives the inner. This one counts atomically, and releases the
    // inner only when it is destroyed. Its interface is an IMsgStore, whose reference is passed on.
    unsafe {
        (*store).own = store;
        let outer = NonNull::new_unchecked(store).cast();
        (*store).inner = InnerObject::new(outer, payload).into_raw();
        IMsgStore::from_raw(store.cast())
    }
}

/// The code that `#[implement]` would generate.
impl IUnknownImpl for Aggregating {
    type Impl = Calls;

    unsafe fn QueryInterface(&self, iid: *const GUID, out: *mut *mut c_void) -> HRESULT {
        if iid.is_null() || out.is_null() {
            return HRESULT(mapisync::HRESULT::E_POINTER.0);
        }
        // SAFETY: both arguments are not NULL, and a caller of QueryInterface must pass valid
        // pointers. The inner lives as long as this object. `ManuallyDrop` keeps its reference.
        unsafe {
            if *iid == IUnknown::IID || IMsgStore_Vtbl::matches(&*iid) {
                self.AddRef();
                *out = self.own.cast();
                return HRESULT(0);
            }
            let inner = ManuallyDrop::new(InnerObject::<Payload>::from_raw(self.inner));
            HRESULT(inner.query_interface(iid.cast(), out).0)
        }
    }

    fn AddRef(&self) -> u32 {
        self.count.fetch_add(1, SeqCst) + 1
    }

    unsafe fn Release(this: *mut Aggregating) -> u32 {
        // SAFETY: a caller of Release owns a reference, so the object is alive. When the count is
        // 0, no other reference exists.
        unsafe {
            let left = (*this).count.fetch_sub(1, SeqCst) - 1;
            if left == 0 {
                (*this).count.store(1 << 30, SeqCst); // its inner must not destroy it again
                drop(InnerObject::<Payload>::from_raw((*this).inner));
                drop(Box::from_raw((*this).own));
            }
            left
        }
    }

    // The other methods are for windows-core's ComObject, which is not used here.

    fn get_impl(&self) -> &Calls {
        &self.calls
    }
    fn get_impl_mut(&mut self) -> &mut Calls {
        &mut self.calls
    }
    fn into_inner(self) -> Calls {
        unreachable!()
    }
    fn is_reference_count_one(&self) -> bool {
        self.count.load(SeqCst) == 1
    }
    unsafe fn GetTrustLevel(&self, _: *mut i32) -> HRESULT {
        HRESULT(mapisync::HRESULT::E_NOTIMPL.0)
    }
    fn to_object(&self) -> windows_core::ComObject<Calls> {
        unreachable!()
    }
}

impl ComObjectInner for Calls {
    type Outer = Aggregating;

    fn into_object(self) -> windows_core::ComObject<Calls> {
        unreachable!()
    }
}
