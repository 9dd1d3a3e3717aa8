//! The foreign inner of an outer of this crate, which is an inner of this crate, too.

use mapisync::abi::{IMAPISync, IUnknown, IUnknownVtbl};
use mapisync::{Class, ComPtr, GUID, HRESULT, ImplementedBy, InnerObject, Interface, Thunk};
use std::ptr::NonNull;
use std::sync::atomic::AtomicPtr;
use test_support::DropToken;

/// The interface of the inner that `aggregate_foreign` gets, as a store has `IMsgStore`.
#[repr(C)]
pub struct IInner {
    vtbl: *const IUnknownVtbl,
}

// SAFETY: `Interface` requires one pointer to a vtable that begins with the base's slots. This
// vtable is `IUnknown`'s, and no other interface has this IID.
unsafe impl Interface for IInner {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x0B5E_55ED_0002);
}

/// The payload of that inner. Its drop uses the controlling unknown, as a destructor may.
struct InnerPart {
    outer: AtomicPtr<IUnknown>,
    _token: DropToken,
}

impl Class for InnerPart {
    type Interfaces = (IInner,);
}

// SAFETY: the vtable has `IUnknown`'s three slots, which are those of `Thunk`.
unsafe impl<const INDEX: usize> ImplementedBy<InnerPart, INDEX> for IInner {
    const VTABLE: &'static IUnknownVtbl = &Thunk::<InnerPart, INDEX>::UNKNOWN;
}

impl Drop for InnerPart {
    fn drop(&mut self) {
        let outer = NonNull::new(*self.outer.get_mut()).unwrap();
        check_controlling(outer);
    }
}

/// Creates an inner that delegates to `outer`, and returns its non-delegating `IUnknown`.
pub fn proper_inner(outer: NonNull<IUnknown>, token: DropToken) -> *mut IUnknown {
    let part = InnerPart { outer: AtomicPtr::new(outer.as_ptr()), _token: token };
    // SAFETY: `aggregate_foreign` guarantees that `outer` is the controlling unknown, which
    // outlives its inner and is free-threaded.
    unsafe { InnerObject::new(outer, part) }.into_raw()
}

/// Uses a controlling unknown while the inner does not exist. It must have the payload's interfaces.
pub fn check_controlling(outer: NonNull<IUnknown>) {
    // SAFETY: both callers have the pointer from `aggregate_foreign`, whose outer is alive.
    let outer = unsafe { ComPtr::<IUnknown>::from_raw_borrowed(outer.as_ptr()) }.unwrap();
    let sync = outer.cast::<IMAPISync>().expect("the payload's interface");
    let unknown = sync.cast::<IUnknown>().expect("the identity");
    assert_eq!(unknown.as_raw(), outer.as_raw());
    let code = outer.cast::<IInner>().err().map(|error| error.hresult());
    assert_eq!(code, Some(HRESULT::E_NOINTERFACE));
}
