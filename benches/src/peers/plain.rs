//! COM by hand in Rust, with this crate's ABI types and without its objects.
//!
//! It catches no panic and pins no count, so it shows what these two cost.

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

/// The peer's name.
pub const NAME: &str = "plain Rust";

#[repr(C)]
struct LastPosition {
    callback: IMAPISyncProgressCallback,
    count: AtomicU32,
    last: AtomicU32,
}

static RECORDER: IMAPISyncProgressCallbackVtbl = with(progress);
static MAY_PANIC: IMAPISyncProgressCallbackVtbl = with(progress_may_panic);

type Progress =
    unsafe extern "system" fn(*mut IMAPISyncProgressCallback, *const u16, u32, u32) -> HRESULT;

const fn with(progress: Progress) -> IMAPISyncProgressCallbackVtbl {
    IMAPISyncProgressCallbackVtbl {
        base: IUnknownVtbl {
            QueryInterface: last_position_query,
            AddRef: last_position_add_ref,
            Release: last_position_release,
        },
        Progress: progress,
        Error: error,
        Done: done,
    }
}

unsafe extern "system" fn last_position_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM's callers pass a live interface of this vtable, which is a `LastPosition`'s first
    // field, and a valid `riid`. `ppv` is checked.
    unsafe {
        if ppv.is_null() {
            return HRESULT::E_POINTER;
        }
        if *riid == IID_IUnknown || *riid == IID_IMAPISyncProgressCallback {
            last_position_add_ref(this);
            *ppv = this.cast();
            return HRESULT::S_OK;
        }
        *ppv = std::ptr::null_mut();
        HRESULT::E_NOINTERFACE
    }
}

unsafe extern "system" fn last_position_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM's callers pass a live interface of this vtable, so `this` points to a `LastPosition`.
    unsafe {
        (*this.cast::<LastPosition>())
            .count
            .fetch_add(1, Ordering::Relaxed)
            + 1
    }
}

unsafe extern "system" fn last_position_release(this: *mut IUnknown) -> u32 {
    // SAFETY: COM's callers pass a live interface of this vtable, so `this` points to a `LastPosition`.
    // The last reference owns the box.
    unsafe {
        let left = (*this.cast::<LastPosition>())
            .count
            .fetch_sub(1, Ordering::AcqRel)
            - 1;
        if left == 0 {
            drop(Box::from_raw(this.cast::<LastPosition>()));
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
    // SAFETY: COM's callers pass a live interface of this vtable, so `this` points to a `LastPosition`.
    unsafe {
        (*this.cast::<LastPosition>())
            .last
            .store(index, Ordering::Relaxed)
    };
    HRESULT::S_OK
}

unsafe extern "system" fn progress_may_panic(
    this: *mut IMAPISyncProgressCallback,
    _: *const u16,
    index: u32,
    _: u32,
) -> HRESULT {
    // SAFETY: COM's callers pass a live interface of this vtable, so `this` points to a `LastPosition`.
    crate::record(unsafe { &(*this.cast::<LastPosition>()).last }, index);
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

fn last_position() -> Callback {
    of(&RECORDER)
}

fn may_panic() -> Callback {
    of(&MAY_PANIC)
}

fn of(vtbl: &'static IMAPISyncProgressCallbackVtbl) -> Callback {
    let last_position = Box::into_raw(Box::new(LastPosition {
        callback: IMAPISyncProgressCallback { lpVtbl: vtbl },
        count: AtomicU32::new(1),
        last: AtomicU32::new(0),
    }));
    // SAFETY: the object is new, with a reference count of 1. The count is atomic, and no case makes a
    // method panic.
    unsafe { ComPtr::from_raw((&raw mut (*last_position).callback).cast()) }.unwrap()
}

/// An object with two interfaces.
#[repr(C)]
struct Two {
    sync: IMAPISync,
    callback: IMAPISyncProgressCallback,
    count: AtomicU32,
}

/// Returns the IUnknown slots of interface `INDEX` of a `Two`.
const fn two_unknown<const INDEX: usize>() -> IUnknownVtbl {
    /// # Safety
    ///
    /// `this` must point to interface `INDEX` of a `Two`.
    unsafe fn object<const INDEX: usize>(this: *mut IUnknown) -> *mut Two {
        // SAFETY: each interface before it in the `Two` is as wide as a pointer.
        unsafe { this.sub(INDEX).cast() }
    }
    unsafe extern "system" fn query<const INDEX: usize>(
        this: *mut IUnknown,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: COM's callers pass interface `INDEX` of a live `Two` and a valid `riid`. `ppv` is
        // checked.
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
        // SAFETY: COM's callers pass interface `INDEX` of a live `Two`.
        unsafe {
            (*object::<INDEX>(this))
                .count
                .fetch_add(1, Ordering::Relaxed)
                + 1
        }
    }
    unsafe extern "system" fn release<const INDEX: usize>(this: *mut IUnknown) -> u32 {
        // SAFETY: COM's callers pass interface `INDEX` of a live `Two`. The last reference owns the box.
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
    // SAFETY: this is the first interface of a new object with a reference count of 1. The count is
    // atomic, and no method unwinds.
    unsafe { ComPtr::from_raw(two.cast()) }.unwrap()
}

fn create_interface(n: u64) {
    for _ in 0..n {
        drop(black_box(last_position()));
    }
}

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        last_position,
        may_panic,
        decoder: None,
        two,
        four: None,
        create: None,
        create_interface,
    };
    objects.subjects(NAME)
}
