//! COM by hand in Rust, with this crate's types for the ABI and without its objects: nothing is caught, and no count is pinned.
//! Beside this crate it shows what those two cost.

use crate::{Callback, Objects, Subject, Unknown};
use mapisync::abi::{
    HANDLE, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISync,
    IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl, IUnknown,
    IUnknownVtbl, MAPISIB,
};
use mapisync::{ComPtr, GUID, HRESULT};
use std::ffi::c_void;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

/// Its name.
pub const NAME: &str = "plain Rust";

#[repr(C)]
struct Listener {
    callback: IMAPISyncProgressCallback,
    count: AtomicU32,
    last: AtomicU32,
}

static LISTENER: IMAPISyncProgressCallbackVtbl = with(progress);
static DOUBTER: IMAPISyncProgressCallbackVtbl = with(doubt);

type Progress =
    unsafe extern "system" fn(*mut IMAPISyncProgressCallback, *const u16, u32, u32) -> HRESULT;

const fn with(progress: Progress) -> IMAPISyncProgressCallbackVtbl {
    IMAPISyncProgressCallbackVtbl {
        base: IUnknownVtbl {
            QueryInterface: listener_query,
            AddRef: listener_add_ref,
            Release: listener_release,
        },
        Progress: progress,
        Error: error,
        Done: done,
    }
}

unsafe extern "system" fn listener_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules, on a listener; so below.
    unsafe {
        if ppv.is_null() {
            return HRESULT::E_POINTER;
        }
        if *riid == IID_IUnknown || *riid == IID_IMAPISyncProgressCallback {
            listener_add_ref(this);
            *ppv = this.cast();
            return HRESULT::S_OK;
        }
        *ppv = std::ptr::null_mut();
        HRESULT::E_NOINTERFACE
    }
}

unsafe extern "system" fn listener_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: as above.
    unsafe {
        (*this.cast::<Listener>())
            .count
            .fetch_add(1, Ordering::Relaxed)
            + 1
    }
}

unsafe extern "system" fn listener_release(this: *mut IUnknown) -> u32 {
    // SAFETY: as above; the last reference frees the box.
    unsafe {
        let left = (*this.cast::<Listener>())
            .count
            .fetch_sub(1, Ordering::AcqRel)
            - 1;
        if left == 0 {
            drop(Box::from_raw(this.cast::<Listener>()));
        }
        left
    }
}

unsafe extern "system" fn progress(
    this: *mut IMAPISyncProgressCallback,
    _: *const u16,
    index: u32,
    _: u32,
) -> HRESULT {
    // SAFETY: as above.
    unsafe {
        (*this.cast::<Listener>())
            .last
            .store(index, Ordering::Relaxed)
    };
    HRESULT::S_OK
}

unsafe extern "system" fn doubt(
    this: *mut IMAPISyncProgressCallback,
    _: *const u16,
    index: u32,
    _: u32,
) -> HRESULT {
    // SAFETY: as above.
    crate::note(unsafe { &(*this.cast::<Listener>()).last }, index);
    HRESULT::S_OK
}

unsafe extern "system" fn error(
    _: *mut IMAPISyncProgressCallback,
    _: HRESULT,
    _: *const u16,
) -> HRESULT {
    HRESULT::S_OK
}

unsafe extern "system" fn done(
    _: *mut IMAPISyncProgressCallback,
    _: HANDLE,
    _: HRESULT,
) -> HRESULT {
    HRESULT::S_OK
}

fn listener() -> Callback {
    of(&LISTENER)
}

fn doubter() -> Callback {
    of(&DOUBTER)
}

fn of(vtbl: &'static IMAPISyncProgressCallbackVtbl) -> Callback {
    let listener = Box::into_raw(Box::new(Listener {
        callback: IMAPISyncProgressCallback { lpVtbl: vtbl },
        count: AtomicU32::new(1),
        last: AtomicU32::new(0),
    }));
    // SAFETY: a new object with a count of 1, which counts atomically and does not unwind.
    unsafe { ComPtr::from_raw((&raw mut (*listener).callback).cast()) }.unwrap()
}

/// A callback that is a store as well.
#[repr(C)]
struct Two {
    sync: IMAPISync,
    callback: IMAPISyncProgressCallback,
    count: AtomicU32,
}

/// The IUnknown slots of interface number `INDEX` of a `Two`.
const fn two_unknown<const INDEX: usize>() -> IUnknownVtbl {
    unsafe fn object<const INDEX: usize>(this: *mut IUnknown) -> *mut Two {
        // SAFETY: called on interface number `INDEX`, a pointer's width each; so below.
        unsafe { this.sub(INDEX).cast() }
    }
    unsafe extern "system" fn query<const INDEX: usize>(
        this: *mut IUnknown,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: called by COM's rules.
        unsafe {
            if ppv.is_null() {
                return HRESULT::E_POINTER;
            }
            let two = object::<INDEX>(this);
            *ppv = if *riid == IID_IUnknown || *riid == IID_IMAPISync {
                (&raw mut (*two).sync).cast()
            } else if *riid == IID_IMAPISyncProgressCallback {
                (&raw mut (*two).callback).cast()
            } else {
                *ppv = std::ptr::null_mut();
                return HRESULT::E_NOINTERFACE;
            };
            (*two).count.fetch_add(1, Ordering::Relaxed);
            HRESULT::S_OK
        }
    }
    unsafe extern "system" fn add_ref<const INDEX: usize>(this: *mut IUnknown) -> u32 {
        // SAFETY: as above.
        unsafe {
            (*object::<INDEX>(this))
                .count
                .fetch_add(1, Ordering::Relaxed)
                + 1
        }
    }
    unsafe extern "system" fn release<const INDEX: usize>(this: *mut IUnknown) -> u32 {
        // SAFETY: as above; the last reference frees the box.
        unsafe {
            let two = object::<INDEX>(this);
            let left = (*two).count.fetch_sub(1, Ordering::AcqRel) - 1;
            if left == 0 {
                drop(Box::from_raw(two));
            }
            left
        }
    }
    IUnknownVtbl {
        QueryInterface: query::<INDEX>,
        AddRef: add_ref::<INDEX>,
        Release: release::<INDEX>,
    }
}

unsafe extern "system" fn synchronize(_: *mut IMAPISync, _: *mut MAPISIB) -> HRESULT {
    HRESULT::E_NOTIMPL
}

unsafe extern "system" fn ignore(
    _: *mut IMAPISyncProgressCallback,
    _: *const u16,
    _: u32,
    _: u32,
) -> HRESULT {
    HRESULT::S_OK
}

fn two() -> Unknown {
    const SYNC: &IMAPISyncVtbl = &IMAPISyncVtbl {
        base: two_unknown::<0>(),
        SynchronizeInBackground: synchronize,
    };
    const CALLBACK: &IMAPISyncProgressCallbackVtbl = &IMAPISyncProgressCallbackVtbl {
        base: two_unknown::<1>(),
        Progress: ignore,
        Error: error,
        Done: done,
    };
    let two = Box::into_raw(Box::new(Two {
        sync: IMAPISync { lpVtbl: SYNC },
        callback: IMAPISyncProgressCallback { lpVtbl: CALLBACK },
        count: AtomicU32::new(1),
    }));
    // SAFETY: a new object with a count of 1, by its first interface; it counts atomically and does not unwind.
    unsafe { ComPtr::from_raw(two.cast()) }.unwrap()
}

fn create_interface(n: u64) {
    for _ in 0..n {
        drop(black_box(listener()));
    }
}

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        listener,
        doubter,
        reader: None,
        two,
        four: None,
        create: None,
        create_interface,
    };
    objects.subjects(NAME)
}
