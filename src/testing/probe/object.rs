//! The COM object of a `Probe`: its counts and its vtables.
//!
//! It is laid by hand. An object of this crate frees itself at its last `Release`, and a probe must
//! still be there to report the calls after it.

use crate::abi::{
    GUID, HANDLE, HRESULT, IMAPISync, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl,
    IMAPISyncVtbl, IUnknown, IUnknownVtbl, MAPISIB,
};
use crate::object::{ComPtr, FreeThreaded, Interface};
use crate::testing::probe::ProbeReport;
use core::array;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};

/// An interface that a probe's object can have.
///
/// # Safety
///
/// The vtable's first three slots must be those of [`unknown`]. The others must find their object
/// by [`wrapped`], with their slot, and call the same method of the wrapped object.
pub unsafe trait Probeable: FreeThreaded {
    /// The name of the interface.
    const NAME: &'static str;

    /// The names of its methods, in the order of their slots. There are at most [`SLOTS`].
    const METHODS: &'static [&'static str];

    /// The probe's vtable.
    const VTABLE: &'static Self::Vtbl;
}

/// The number of slots of the longer of the two vtables.
const SLOTS: usize = 6;

/// The COM object. Its address is the interface pointer.
#[repr(C)]
pub(super) struct ProbeObject<I: Probeable> {
    vtbl: *const I::Vtbl,
    wrapped: ComPtr<I>,
    /// The number of calls of each slot.
    calls: [AtomicU32; SLOTS],
    /// The number of calls of each slot that found no reference outstanding.
    late: [AtomicU32; SLOTS],
    handed_out: AtomicU32,
    outstanding: AtomicU32,
}

impl<I: Probeable> ProbeObject<I> {
    pub(super) fn new(wrapped: ComPtr<I>) -> ProbeObject<I> {
        let zeros = || array::from_fn(|_| AtomicU32::new(0));
        ProbeObject {
            vtbl: I::VTABLE,
            wrapped,
            calls: zeros(),
            late: zeros(),
            handed_out: AtomicU32::new(0),
            outstanding: AtomicU32::new(0),
        }
    }

    /// Adds a reference for a pointer that the `Probe` returns.
    pub(super) fn hand_out(&self) {
        self.handed_out.fetch_add(1, Ordering::Relaxed);
        self.outstanding.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of references to the object.
    pub(super) fn outstanding(&self) -> u32 {
        // Acquire: all that the former owners did happens before the end of the object.
        self.outstanding.load(Ordering::Acquire)
    }

    pub(super) fn report(&self) -> ProbeReport {
        let counts = |counts: &[AtomicU32; SLOTS]| {
            let counts = counts.each_ref().map(|count| count.load(Ordering::Relaxed));
            I::METHODS.iter().copied().zip(counts)
        };
        ProbeReport {
            interface: I::NAME,
            handed_out: self.handed_out.load(Ordering::Relaxed),
            calls: counts(&self.calls).collect(),
            outstanding: self.outstanding(),
            used_after_release: counts(&self.late).filter(|(_, n)| *n > 0).collect(),
        }
    }
}

/// The probe's object, after the call of a slot is counted.
///
/// # Safety
///
/// `this` must be the interface pointer of a probe whose memory is alive.
unsafe fn called<I: Probeable>(this: *mut IUnknown, slot: usize) -> *mut ProbeObject<I> {
    let object = this.cast::<ProbeObject<I>>();
    // SAFETY: the interface pointer is the address of the object, which is alive by this function's
    // contract. Its counts are only shared.
    unsafe {
        (*object).calls[slot].fetch_add(1, Ordering::Relaxed);
        // `release` finds this out when it counts down.
        if slot != RELEASE && (*object).outstanding.load(Ordering::Relaxed) == 0 {
            (*object).late[slot].fetch_add(1, Ordering::Relaxed);
        }
    }
    object
}

/// The wrapped object, after the call of a slot is counted.
///
/// # Safety
///
/// `this` must be the interface pointer of a probe whose memory stays alive for `'a`.
unsafe fn wrapped<'a, I: Probeable>(this: *mut I, slot: usize) -> &'a ComPtr<I> {
    // SAFETY: the probe's memory is alive for `'a`, by this function's contract, and the field is
    // only shared until that memory is freed.
    unsafe { &(*called::<I>(this.cast(), slot)).wrapped }
}

const QUERY_INTERFACE: usize = 0;
const ADD_REF: usize = 1;
const RELEASE: usize = 2;

/// The slots of `IUnknown`.
const fn unknown<I: Probeable>() -> IUnknownVtbl {
    IUnknownVtbl {
        QueryInterface: query_interface::<I>,
        AddRef: add_ref::<I>,
        Release: release::<I>,
    }
}

/// Slot 0.
unsafe extern "system" fn query_interface<I: Probeable>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from a probe's vtable. The probe's memory is alive: a caller holds a
    // reference (COM), or calls while the `Probe` exists, which `Probe` demands of late callers.
    // COM requires that `riid` and `ppv` are valid. NULL is left to the wrapped object, which is
    // alive with the probe.
    unsafe {
        let object = called::<I>(this, QUERY_INTERFACE);
        if !riid.is_null() && !ppv.is_null() {
            let iid = riid.read_unaligned();
            if iid == IUnknown::IID || iid == I::IID {
                (*object).outstanding.fetch_add(1, Ordering::Relaxed);
                ppv.write_unaligned(this.cast());
                return HRESULT::S_OK;
            }
        }
        let wrapped = (*object).wrapped.as_raw().cast::<IUnknown>();
        ((*(*wrapped).lpVtbl).QueryInterface)(wrapped, riid, ppv)
    }
}

/// Slot 1.
unsafe extern "system" fn add_ref<I: Probeable>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from a probe's vtable. The probe's memory is alive: a caller holds a
    // reference (COM), or calls while the `Probe` exists, which `Probe` demands of late callers.
    let outstanding = unsafe { &(*called::<I>(this, ADD_REF)).outstanding };
    outstanding.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

/// Slot 2. It does not touch the object after it has counted down: another thread may free it then.
unsafe extern "system" fn release<I: Probeable>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from a probe's vtable. The probe's memory is alive until the count is
    // decremented: a caller owns a reference (COM), or calls while the `Probe` exists, which
    // `Probe` demands of late callers. If the count is not decremented, the caller is a late one.
    unsafe {
        let object = called::<I>(this, RELEASE);
        // Release: what this thread did to the object happens before its end.
        let (set, fetch) = (Ordering::Release, Ordering::Relaxed);
        let decrement = |count: u32| count.checked_sub(1);
        match (*object).outstanding.fetch_update(set, fetch, decrement) {
            Ok(before) => before - 1,
            Err(_) => {
                (*object).late[RELEASE].fetch_add(1, Ordering::Relaxed);
                0
            }
        }
    }
}

// SAFETY: the IUnknown slots are those of `unknown`. The other finds its object by `wrapped` and
// calls the same method of the wrapped object.
unsafe impl Probeable for IMAPISync {
    const NAME: &'static str = "IMAPISync";
    const METHODS: &'static [&'static str] = &[
        "QueryInterface",
        "AddRef",
        "Release",
        "SynchronizeInBackground",
    ];
    const VTABLE: &'static IMAPISyncVtbl = &IMAPISyncVtbl {
        base: unknown::<IMAPISync>(),
        SynchronizeInBackground: synchronize_in_background,
    };
}

/// Slot 3 of `IMAPISync`.
unsafe extern "system" fn synchronize_in_background(
    this: *mut IMAPISync,
    psibpb: *mut MAPISIB,
) -> HRESULT {
    // SAFETY: `this` comes from a probe's vtable. The probe's memory is alive: a caller holds a
    // reference (COM), or calls while the `Probe` exists, which `Probe` demands of late callers.
    // The wrapped object is alive with the probe, and gets the caller's argument.
    unsafe {
        let wrapped = wrapped(this, 3);
        ((*wrapped.vtbl()).SynchronizeInBackground)(wrapped.as_raw(), psibpb)
    }
}

// SAFETY: the IUnknown slots are those of `unknown`. The others find their object by `wrapped` and
// call the same method of the wrapped object.
unsafe impl Probeable for IMAPISyncProgressCallback {
    const NAME: &'static str = "IMAPISyncProgressCallback";
    const METHODS: &'static [&'static str] = &[
        "QueryInterface",
        "AddRef",
        "Release",
        "Progress",
        "Error",
        "Done",
    ];
    const VTABLE: &'static IMAPISyncProgressCallbackVtbl = &IMAPISyncProgressCallbackVtbl {
        base: unknown::<IMAPISyncProgressCallback>(),
        Progress: progress,
        Error: error,
        Done: done,
    };
}

/// Slot 3 of `IMAPISyncProgressCallback`.
unsafe extern "system" fn progress(
    this: *mut IMAPISyncProgressCallback,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: `this` comes from a probe's vtable. The probe's memory is alive: a caller holds a
    // reference (COM), or calls while the `Probe` exists, which `Probe` demands of late callers.
    // The wrapped object is alive with the probe, and gets the caller's arguments.
    unsafe {
        let wrapped = wrapped(this, 3);
        ((*wrapped.vtbl()).Progress)(wrapped.as_raw(), string, index, max)
    }
}

/// Slot 4 of `IMAPISyncProgressCallback`.
unsafe extern "system" fn error(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: `this` comes from a probe's vtable. The probe's memory is alive: a caller holds a
    // reference (COM), or calls while the `Probe` exists, which `Probe` demands of late callers.
    // The wrapped object is alive with the probe, and gets the caller's arguments.
    unsafe {
        let wrapped = wrapped(this, 4);
        ((*wrapped.vtbl()).Error)(wrapped.as_raw(), code, message)
    }
}

/// Slot 5 of `IMAPISyncProgressCallback`.
unsafe extern "system" fn done(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: `this` comes from a probe's vtable. The probe's memory is alive: a caller holds a
    // reference (COM), or calls while the `Probe` exists, which `Probe` demands of late callers.
    // The wrapped object is alive with the probe, and gets the caller's arguments.
    unsafe {
        let wrapped = wrapped(this, 5);
        ((*wrapped.vtbl()).Done)(wrapped.as_raw(), event, status)
    }
}
