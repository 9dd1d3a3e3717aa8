//! A store that aggregates our IMAPISync. windows-core 0.62 writes the QueryInterface of an `#[implement]` object to its
//! end, with no way on to an inner (0.100 has one, `Compose`); so the object is made by hand here, and only its vtable and
//! the traits of its methods are outlook-mapi-sys's.

use crate::msg_store::{Calls, Half, IMsgStore, msg_store};
use mapisync::{ComObject, InnerObject, abi};
use outlook_mapi_sys::Microsoft::Office::Outlook::MAPI::Win32::IMsgStore_Vtbl;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use windows_core::{ComObjectInner, GUID, HRESULT, IUnknown, IUnknownImpl, Interface};

/// The object, whose one interface of its own is at its beginning.
#[repr(C)]
pub struct Aggregating {
    vtbl: &'static IMsgStore_Vtbl,
    /// Its address; what is given out must not come from a reference to it.
    own: *mut Aggregating,
    count: AtomicU32,
    /// The inner's own IUnknown, with a reference.
    inner: *mut abi::IUnknown,
    calls: Calls,
}

static VTBL: IMsgStore_Vtbl = IMsgStore_Vtbl::new::<Aggregating, 0>();

msg_store!(Aggregating);

pub fn store(half: Half, calls: Calls) -> IMsgStore {
    let store = Box::into_raw(Box::new(Aggregating {
        vtbl: &VTBL,
        own: ptr::null_mut(),
        count: AtomicU32::new(1),
        inner: ptr::null_mut(),
        calls,
    }));
    // SAFETY: nobody else knows the object before it is complete. It keeps the contract of `aggregate`: it is
    // free-threaded, releases the inner in its end and not before, and can be called until then. Its interface is an
    // IMsgStore, whose reference is handed over.
    unsafe {
        (*store).own = store;
        let outer = NonNull::new_unchecked(store).cast();
        (*store).inner = InnerObject::new(outer, half).into_raw();
        IMsgStore::from_raw(store.cast())
    }
}

/// What `#[implement]` would make.
impl IUnknownImpl for Aggregating {
    type Impl = Calls;

    unsafe fn QueryInterface(&self, iid: *const GUID, out: *mut *mut c_void) -> HRESULT {
        if iid.is_null() || out.is_null() {
            return HRESULT(mapisync::HRESULT::E_POINTER.0);
        }
        // SAFETY: as COM demands of who called this. The inner is alive as long as this is, and keeps its reference.
        unsafe {
            if *iid == IUnknown::IID || IMsgStore_Vtbl::matches(&*iid) {
                self.AddRef();
                *out = self.own.cast();
                return HRESULT(0);
            }
            let inner = ManuallyDrop::new(InnerObject::<Half>::from_raw(self.inner));
            HRESULT(inner.query_interface(iid.cast(), out).0)
        }
    }

    fn AddRef(&self) -> u32 {
        self.count.fetch_add(1, SeqCst) + 1
    }

    unsafe fn Release(this: *mut Aggregating) -> u32 {
        // SAFETY: the caller gives up a reference, so the object is alive; the last one is alone with it.
        unsafe {
            let left = (*this).count.fetch_sub(1, SeqCst) - 1;
            if left == 0 {
                (*this).count.store(1 << 30, SeqCst); // what the inner does while it goes must not end this again
                drop(InnerObject::<Half>::from_raw((*this).inner));
                drop(Box::from_raw((*this).own));
            }
            left
        }
    }

    // The rest is for windows-core's ComObject, of which there is none here.

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
