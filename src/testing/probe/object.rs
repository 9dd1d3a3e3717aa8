//! The COM object of a `Probe`: its counts and its vtables.
//!
//! The vtables are written by hand, not with `Thunk`. An object with `Thunk`'s vtable is destroyed
//! at its last `Release`, and a probe must then still report the calls that follow.

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
/// The first three vtable slots must be those of [`unknown`]. The other methods must find their
/// object by [`wrapped`], with the number of their slot, and call the same method of the wrapped
/// object.
pub unsafe trait Probeable: FreeThreaded {
    /// The name of the interface.
    const NAME: &'static str;

    /// The names of its methods, in the order of their slots. There are at most [`SLOTS`].
    const METHODS: &'static [&'static str];

    /// The probe's vtable.
    const VTABLE: &'static Self::Vtbl;
}

/// The number of slots in the longer of the two vtables.
const SLOTS: usize = 6;

/// A count that never changes again, so that the object is never freed. Safe code can forget 2³²
/// references. Without this limit, the count would then be 0 while pointers exist.
const PINNED: u32 = i32::MAX as u32;

/// The COM object. Its address is the interface pointer.
#[repr(C)]
pub(super) struct ProbeObject<I: Probeable> {
    vtbl: *const I::Vtbl,
    wrapped: ComPtr<I>,
    /// The number of calls of each slot.
    calls: [AtomicU32; SLOTS],
    /// The number of calls of each slot while no reference was outstanding.
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
        self.add_reference();
    }

    /// Adds a reference and returns the new count.
    fn add_reference(&self) -> u32 {
        let increment = |count: u32| (count < PINNED).then(|| count + 1);
        // Relaxed: the caller holds a reference already, or is the owner of the `Probe`.
        let added = self.outstanding.fetch_update(Ordering::Relaxed, Ordering::Relaxed, increment);
        added.map_or(PINNED, |before| before + 1)
    }

    /// The number of references to the object.
    pub(super) fn outstanding(&self) -> u32 {
        // Acquire: the accesses of the former owners happen before the object is freed.
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

/// Counts the call of a slot, and returns the probe's object.
///
/// # Safety
///
/// `this` must be the interface pointer of a probe whose memory is alive.
unsafe fn called<I: Probeable>(this: *mut IUnknown, slot: usize) -> *mut ProbeObject<I> {
    let object = this.cast::<ProbeObject<I>>();
    // SAFETY: the interface pointer is the address of the object, which is alive by this function's
    // contract. Its counts are atomic and only borrowed.
    unsafe {
        (*object).calls[slot].fetch_add(1, Ordering::Relaxed);
        // `release` detects a late call when it decrements the count.
        if slot != RELEASE && (*object).outstanding.load(Ordering::Relaxed) == 0 {
            (*object).late[slot].fetch_add(1, Ordering::Relaxed);
        }
    }
    object
}

/// Counts the call of a slot, and returns the wrapped object.
///
/// # Safety
///
/// `this` must be the interface pointer of a probe whose memory stays alive for `'a`.
unsafe fn wrapped<'a, I: Probeable>(this: *mut I, slot: usize) -> &'a ComPtr<I> {
    // SAFETY: the probe's memory is alive for `'a`, by this function's contract, and the field is
    // only borrowed until that memory is freed.
    unsafe { &(*called::<I>(this.cast(), slot)).wrapped }
}

const QUERY_INTERFACE: usize = 0;
const ADD_REF: usize = 1;
const RELEASE: usize = 2;

/// Returns the slots of `IUnknown`.
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
    // SAFETY: `this` comes from a probe's vtable, so it points to a probe's object. Its memory is
    // alive: COM requires the caller to hold a reference, and `Probe` requires a late caller to
    // call while the `Probe` exists.
    // COM requires `riid` and `ppv` to be valid. The wrapped object, to which the probe owns a
    // reference, gets the call if one of them is NULL.
    unsafe {
        let object = called::<I>(this, QUERY_INTERFACE);
        if !riid.is_null() && !ppv.is_null() {
            let iid = riid.read_unaligned();
            if iid == IUnknown::IID || iid == I::IID {
                (*object).add_reference();
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
    // SAFETY: `this` comes from a probe's vtable, so it points to a probe's object. Its memory is
    // alive: COM requires the caller to hold a reference, and `Probe` requires a late caller to
    // call while the `Probe` exists.
    unsafe { (*called::<I>(this, ADD_REF)).add_reference() }
}

/// Slot 2. It does not access the object after it has decremented the count, because another thread
/// may free the object then.
unsafe extern "system" fn release<I: Probeable>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from a probe's vtable, so it points to a probe's object. Its memory is
    // alive until the count is decremented: COM requires the caller to own a reference, and `Probe`
    // requires a late caller to call while the `Probe` exists. After a late call, which decrements
    // nothing, the memory is therefore still alive.
    unsafe {
        let object = called::<I>(this, RELEASE);
        // Release: this thread's accesses happen before the object is freed.
        let (set, fetch) = (Ordering::Release, Ordering::Relaxed);
        let decrement = |count: u32| (1..PINNED).contains(&count).then(|| count - 1);
        match (*object).outstanding.fetch_update(set, fetch, decrement) {
            Ok(before) => before - 1,
            Err(PINNED) => PINNED,
            Err(_) => {
                (*object).late[RELEASE].fetch_add(1, Ordering::Relaxed);
                0
            }
        }
    }
}

// SAFETY: the first three slots are those of `unknown`. The other method finds its object by
// `wrapped`, with its slot, and calls the same method of the wrapped object.
unsafe impl Probeable for IMAPISync {
    const NAME: &'static str = "IMAPISync";
    const METHODS: &'static [&'static str] =
        &["QueryInterface", "AddRef", "Release", "SynchronizeInBackground"];
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
    // SAFETY: `this` comes from a probe's vtable, so it points to a probe's object. Its memory is
    // alive: COM requires the caller to hold a reference, and `Probe` requires a late caller to
    // call while the `Probe` exists.
    // The probe owns a reference to the wrapped object, which gets the caller's argument.
    unsafe {
        let wrapped = wrapped(this, 3);
        ((*wrapped.vtbl()).SynchronizeInBackground)(wrapped.as_raw(), psibpb)
    }
}

// SAFETY: the first three slots are those of `unknown`. The other methods find their object by
// `wrapped`, with their slot, and call the same method of the wrapped object.
unsafe impl Probeable for IMAPISyncProgressCallback {
    const NAME: &'static str = "IMAPISyncProgressCallback";
    const METHODS: &'static [&'static str] =
        &["QueryInterface", "AddRef", "Release", "Progress", "Error", "Done"];
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
    // SAFETY: `this` comes from a probe's vtable, so it points to a probe's object. Its memory is
    // alive: COM requires the caller to hold a reference, and `Probe` requires a late caller to
    // call while the `Probe` exists.
    // The probe owns a reference to the wrapped object, which gets the caller's arguments.
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
    // SAFETY: `this` comes from a probe's vtable, so it points to a probe's object. Its memory is
    // alive: COM requires the caller to hold a reference, and `Probe` requires a late caller to
    // call while the `Probe` exists.
    // The probe owns a reference to the wrapped object, which gets the caller's arguments.
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
    // SAFETY: `this` comes from a probe's vtable, so it points to a probe's object. Its memory is
    // alive: COM requires the caller to hold a reference, and `Probe` requires a late caller to
    // call while the `Probe` exists.
    // The probe owns a reference to the wrapped object, which gets the caller's arguments.
    unsafe {
        let wrapped = wrapped(this, 5);
        ((*wrapped.vtbl()).Done)(wrapped.as_raw(), event, status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Probe, ScriptedProvider, reference_count};

    #[test]
    fn a_count_at_its_limit_never_changes_again() {
        let probe = Probe::new(ScriptedProvider::new().to_com());
        let sync = probe.pointer();
        let outstanding = &probe.object().outstanding;
        outstanding.store(PINNED - 2, Ordering::Relaxed);
        assert_eq!(reference_count(&sync), PINNED - 2);
        drop([sync.clone(), sync.clone(), sync.clone()]);
        assert_eq!(reference_count(&sync), PINNED);
        outstanding.store(1, Ordering::Relaxed);
        drop(sync);
        probe.assert_no_leaks();
    }
}
