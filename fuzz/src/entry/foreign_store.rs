//! A hand-written `IMAPISync` whose method is a closure.

use mapisync::abi::{IMAPISync, IMAPISyncVtbl, IUnknown, IUnknownVtbl, MAPISIB};
use mapisync::{ComPtr, GUID, HRESULT};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

pub type Script = Box<dyn Fn(*mut MAPISIB) -> HRESULT + Send + Sync>;

#[repr(C)]
struct Store {
    vtbl: *const IMAPISyncVtbl,
    count: AtomicU32,
    script: Script,
    _alive: Arc<()>,
}

static VTBL: IMAPISyncVtbl = IMAPISyncVtbl {
    base: IUnknownVtbl {
        QueryInterface: query,
        AddRef: add_ref,
        Release: release,
    },
    SynchronizeInBackground: synchronize,
};

pub fn foreign_store(script: Script, alive: &Arc<()>) -> ComPtr<IMAPISync> {
    let store = Store {
        vtbl: &VTBL,
        count: AtomicU32::new(1),
        script,
        _alive: alive.clone(),
    };
    // SAFETY: the object is new, and its reference count of 1 passes to the `ComPtr`. It is
    // free-threaded, because the script is `Send + Sync`.
    unsafe { ComPtr::from_raw(Box::into_raw(Box::new(store)).cast()) }.expect("it is not NULL")
}

unsafe extern "system" fn query(_: *mut IUnknown, _: *const GUID, _: *mut *mut c_void) -> HRESULT {
    panic!("the host queries no interface of a store");
}

unsafe extern "system" fn add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `Store`.
    unsafe { (*this.cast::<Store>()).count.fetch_add(1, SeqCst) + 1 }
}

unsafe extern "system" fn release(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `Store`. At a count of 0 no reference is left,
    // so the box can be freed.
    unsafe {
        let before = (*this.cast::<Store>()).count.fetch_sub(1, SeqCst);
        assert_ne!(before, 0, "one Release too many");
        if before == 1 {
            drop(Box::from_raw(this.cast::<Store>()));
        }
        before - 1
    }
}

unsafe extern "system" fn synchronize(this: *mut IMAPISync, psibpb: *mut MAPISIB) -> HRESULT {
    // SAFETY: COM guarantees that `this` is a live `Store`.
    unsafe { ((*this.cast::<Store>()).script)(psibpb) }
}
