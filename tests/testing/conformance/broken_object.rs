//! An object with three interfaces, laid out by hand, whose `QueryInterface` breaks one rule.

use mapisync::abi::{IID_IUnknown, IUnknown, IUnknownVtbl};
use mapisync::{ComPtr, GUID, HRESULT};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering::SeqCst};

/// The IIDs of the second and the third interface. The first one is `IUnknown`.
pub const X: GUID = GUID::from_u128(0x1B0F7A52_4E0C_4D8B_9C43_2A6D1E5F8071);
pub const Y: GUID = GUID::from_u128(0x1B0F7A53_4E0C_4D8B_9C43_2A6D1E5F8071);

/// The rule that the object breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    AddsNoReference,
    AddsTwoReferences,
    ChangesItsInterfaces,
    HasTwoIdentities,
    IsNotReflexive,
    IsNotSymmetric,
    IsNotTransitive,
    ReturnsAnotherCode,
    KeepsTheOutParameter,
    AcceptsNullPpv,
}

#[repr(C)]
struct BrokenObject {
    vtbls: [*const IUnknownVtbl; 3],
    count: AtomicU32,
    fault: Fault,
    has_changed: AtomicBool,
}

/// Keeps a deliberate leak reachable, so that Miri and LeakSanitizer do not report it.
static LEAKED: AtomicPtr<BrokenObject> = AtomicPtr::new(ptr::null_mut());

pub fn broken_object(fault: Fault) -> ComPtr<IUnknown> {
    let object = Box::new(BrokenObject {
        vtbls: [&VTBLS[0], &VTBLS[1], &VTBLS[2]],
        count: AtomicU32::new(1),
        fault,
        has_changed: AtomicBool::new(false),
    });
    let object = Box::into_raw(object);
    if fault == Fault::AddsTwoReferences {
        LEAKED.store(object, SeqCst);
    }
    // SAFETY: the object begins with the pointer to a vtable of IUnknown, whose functions expect the
    // object at this address. It owns one reference. The functions do not unwind.
    unsafe { ComPtr::from_raw(object.cast()) }.unwrap()
}

static VTBLS: [IUnknownVtbl; 3] = [vtbl::<0>(), vtbl::<1>(), vtbl::<2>()];

const fn vtbl<const INDEX: usize>() -> IUnknownVtbl {
    IUnknownVtbl {
        QueryInterface: query::<INDEX>,
        AddRef: add_ref::<INDEX>,
        Release: release::<INDEX>,
    }
}

/// Returns the object of the interface with this index.
fn object<const INDEX: usize>(this: *mut IUnknown) -> *mut BrokenObject {
    this.wrapping_byte_sub(INDEX * size_of::<usize>()).cast()
}

unsafe extern "system" fn query<const FROM: usize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    let object = object::<FROM>(this);
    // SAFETY: `this` comes from vtable FROM, so `object` is alive. COM requires `riid` to be valid,
    // and `ppv` to be NULL or valid.
    unsafe {
        let fault = (*object).fault;
        if ppv.is_null() {
            return match fault {
                Fault::AcceptsNullPpv => HRESULT::S_OK,
                _ => HRESULT::E_POINTER,
            };
        }
        let to = [IID_IUnknown, X, Y].iter().position(|iid| *iid == *riid);
        if to.is_none() && fault == Fault::ChangesItsInterfaces {
            (*object).has_changed.fetch_xor(true, SeqCst);
        }
        let is_missing = match (fault, FROM, to) {
            (_, _, None) => true,
            (Fault::ChangesItsInterfaces, _, Some(2)) => (*object).has_changed.load(SeqCst),
            (Fault::IsNotReflexive, 1, Some(1)) | (Fault::IsNotSymmetric, 2, Some(1)) => true,
            (Fault::IsNotTransitive, 1, Some(2)) | (Fault::IsNotTransitive, 2, Some(1)) => true,
            _ => false,
        };
        if is_missing {
            if fault != Fault::KeepsTheOutParameter {
                *ppv = ptr::null_mut();
            }
            return match fault {
                Fault::ReturnsAnotherCode => HRESULT::E_FAIL,
                _ => HRESULT::E_NOINTERFACE,
            };
        }
        let to = match (fault, to.unwrap_or(0)) {
            (Fault::HasTwoIdentities, 0) => FROM,
            (_, to) => to,
        };
        let references = match (fault, to) {
            (Fault::AddsNoReference, 1) => 0,
            (Fault::AddsTwoReferences, 1) => 2,
            _ => 1,
        };
        (*object).count.fetch_add(references, SeqCst);
        *ppv = object.wrapping_byte_add(to * size_of::<usize>()).cast();
        HRESULT::S_OK
    }
}

unsafe extern "system" fn add_ref<const INDEX: usize>(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from vtable INDEX, so the object is alive.
    unsafe { (*object::<INDEX>(this)).count.fetch_add(1, SeqCst) + 1 }
}

unsafe extern "system" fn release<const INDEX: usize>(this: *mut IUnknown) -> u32 {
    let object = object::<INDEX>(this);
    // SAFETY: `this` comes from vtable INDEX, so the object is alive. The last reference frees it.
    unsafe {
        let left = (*object).count.fetch_sub(1, SeqCst) - 1;
        if left == 0 {
            drop(Box::from_raw(object));
        }
        left
    }
}
