//! `ObjectBox`: the allocation of a COM object, with its vtable pointers, count and payload.

use crate::abi::{GUID, HRESULT, IUnknown};
use crate::object::class::VtablePointer;
use crate::object::class::private::{List, VtableSet};
use crate::object::query_interface::with_arguments;
use crate::object::ref_count::RefCount;
use crate::object::wrapped::query_wrapped;
use crate::object::{Class, Interface, unwind};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, needs_drop, offset_of};
use core::ptr::{self, NonNull};

/// The allocation of a COM object.
///
/// No Rust reference to a whole `ObjectBox` is ever made, only to the count and to the payload. All
/// pointers derive from the allocation's pointer, so each is valid for the entire object.
#[repr(C)]
pub(crate) struct ObjectBox<T: Class> {
    /// The address of vtable pointer `n` is the pointer to interface `n`.
    vtables: <T::Interfaces as List<T>>::VtablePointers,
    /// The references to the object; in an inner, those to its non-delegating `IUnknown` only.
    count: RefCount,
    payload: T,
}

/// The vtables of an object that is not aggregated.
struct Standalone<T>(PhantomData<T>);

impl<T: Class> VtableSet for Standalone<T> {
    #[inline(always)]
    fn pointer<const INDEX: usize>() -> VtablePointer {
        const { T::Interfaces::VTABLES[INDEX].pointer }
    }
}

impl<T: Class> ObjectBox<T> {
    /// Allocates a standalone object with a count of 1.
    pub(crate) fn allocate(payload: T) -> NonNull<ObjectBox<T>> {
        let object = ObjectBox::with_vtables::<Standalone<T>>(payload);
        NonNull::from(Box::leak(Box::new(object)))
    }

    /// Returns an object with a count of 1 and the vtables of `V`, not yet allocated.
    pub(super) fn with_vtables<V: VtableSet>(payload: T) -> ObjectBox<T> {
        ObjectBox { vtables: T::Interfaces::pointers::<V>(), count: RefCount::new(), payload }
    }

    /// Returns the pointer to interface `index` of the object.
    #[inline(always)]
    pub(crate) fn interface(this: *mut ObjectBox<T>, index: usize) -> *mut c_void {
        let offset = offset_of!(ObjectBox<T>, vtables) + index * size_of::<VtablePointer>();
        this.wrapping_byte_add(offset).cast()
    }

    /// Returns the object to whose interface `index` the pointer points: the inverse of
    /// [`interface`](ObjectBox::interface).
    #[inline(always)]
    pub(crate) fn from_interface<I>(interface: *mut I, index: usize) -> *mut ObjectBox<T> {
        let offset = offset_of!(ObjectBox<T>, vtables) + index * size_of::<VtablePointer>();
        interface.wrapping_byte_sub(offset).cast()
    }

    /// Returns the index of the interface that `iid` identifies. For `IUnknown` it is always 0, so
    /// its pointer is always the same.
    #[inline(always)]
    pub(crate) fn find(iid: &GUID) -> Option<usize> {
        if *iid == IUnknown::IID {
            return Some(0);
        }
        T::Interfaces::find(iid)
    }

    /// Borrows the payload.
    ///
    /// # Safety
    ///
    /// `this` must point to an object that stays alive for `'a`, and whose payload is not dropped
    /// during that time.
    #[inline(always)]
    pub(crate) unsafe fn payload<'a>(this: *mut ObjectBox<T>) -> &'a T {
        // SAFETY: the object and its payload are alive, by this function's contract. Until its
        // drop, the payload is only borrowed as shared.
        unsafe { &(*this).payload }
    }

    /// Adds a reference and returns the new count.
    ///
    /// # Safety
    ///
    /// `this` must point to a live object.
    #[inline(always)]
    pub(crate) unsafe fn add_ref(this: *mut ObjectBox<T>) -> u32 {
        // SAFETY: the object is alive, by this function's contract, and its count is only shared.
        unsafe { (*this).count.add() }
    }

    /// Releases a reference and returns the new count. At 0 the object is dropped and freed.
    ///
    /// # Safety
    ///
    /// `this` must point to a live object of [`allocate`](ObjectBox::allocate). The caller must own
    /// a reference, which it gives up.
    #[inline(always)]
    pub(crate) unsafe fn release(this: *mut ObjectBox<T>) -> u32 {
        // SAFETY: the caller owns a reference and gives it up, by this function's contract.
        let count = unsafe { ObjectBox::decrement(this) };
        if count == 0 {
            // SAFETY: the count becomes 0 once in an object's life, so this is the only call. The
            // decrement made visible here all that other threads did to the object.
            unsafe { ObjectBox::free(this) };
        }
        count
    }

    /// Decrements the count and returns it. At 0 the caller must drop the payload and free the
    /// memory.
    ///
    /// # Safety
    ///
    /// `this` must point to a live object. The caller must own a reference, which it gives up.
    #[inline(always)]
    pub(super) unsafe fn decrement(this: *mut ObjectBox<T>) -> u32 {
        // SAFETY: the caller's reference keeps the object alive until the count is decremented.
        unsafe { (*this).count.release() }
    }

    /// Drops the payload, and returns the panic if its `Drop` panics.
    ///
    /// The count is pinned first, because `Drop` may call AddRef and Release of the object.
    ///
    /// # Safety
    ///
    /// The count must have become 0, and this must be called once.
    #[inline(always)]
    pub(super) unsafe fn drop_payload(this: *mut ObjectBox<T>) -> Result<(), unwind::Panic> {
        if !needs_drop::<T>() {
            return Ok(());
        }
        // SAFETY: no reference is left, so nothing else uses the payload, and it is dropped once,
        // by this function's contract. Its `Drop` may use the count, which is another field.
        unsafe {
            (*this).count.pin();
            unwind::catch(|| ptr::drop_in_place(&raw mut (*this).payload))
        }
    }

    /// Drops the payload and frees the memory, even if the payload's `Drop` panics.
    ///
    /// # Safety
    ///
    /// `this` must point to an object of [`allocate`](ObjectBox::allocate) whose count has become
    /// 0, and this must be called once.
    #[inline]
    unsafe fn free(this: *mut ObjectBox<T>) {
        // SAFETY: the count has become 0, and this is the only call, by this function's contract.
        let dropped = unsafe { ObjectBox::drop_payload(this) };
        // SAFETY: `this` came from the box in `allocate`, and nothing uses it any longer. The
        // payload is dropped already, so this is a box of `MaybeUninit`, which has the same layout.
        drop(unsafe { Box::from_raw(this.cast::<MaybeUninit<ObjectBox<T>>>()) });
        // A panic's own payload may run any code when it is dropped, so it is dropped last.
        if let Err(_panic) = dropped {}
    }

    /// Implements `QueryInterface`.
    ///
    /// # Safety
    ///
    /// `this` must point to a live object. `riid` must be NULL or valid for a read, and `ppv` NULL
    /// or valid for a write, at any address.
    #[inline(always)]
    pub(crate) unsafe fn query_interface(
        this: *mut ObjectBox<T>,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        let query = |iid: &GUID, found: &mut *mut c_void| match ObjectBox::<T>::find(iid) {
            Some(index) => {
                // SAFETY: the object is alive, by this function's contract.
                unsafe { ObjectBox::add_ref(this) };
                *found = ObjectBox::interface(this, index);
                HRESULT::S_OK
            }
            // SAFETY: the object is alive, by this function's contract.
            None => unsafe { ObjectBox::query_wrapped(this, iid, found) },
        };
        // SAFETY: the arguments are NULL or valid, by this function's contract.
        unsafe { with_arguments(riid, ppv, query) }
    }

    /// Calls `QueryInterface` of the object that the payload wraps, with an IID that is not in
    /// `T::Interfaces`. On success `*found` owns a reference; otherwise it is NULL.
    ///
    /// # Safety
    ///
    /// `this` must point to a live object.
    #[inline(always)]
    pub(crate) unsafe fn query_wrapped(
        this: *mut ObjectBox<T>,
        iid: &GUID,
        found: &mut *mut c_void,
    ) -> HRESULT {
        let Some(wrapped) = T::WRAPPED else {
            return HRESULT::E_NOINTERFACE;
        };
        // SAFETY: the object is alive, by this function's contract. The count is pinned while a
        // payload that needs a drop is dropped, so the payload is borrowed only before that.
        unsafe {
            if (*this).count.is_pinned() {
                return HRESULT::E_NOINTERFACE;
            }
            query_wrapped(ObjectBox::payload(this), wrapped, iid, found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::IUnknown;
    use crate::object::ComObject;
    use alloc::sync::Arc;

    struct Payload {
        _held: Arc<()>,
    }

    impl Class for Payload {
        type Interfaces = (IUnknown,);
    }

    #[test]
    fn a_count_driven_past_2_31_leaks_the_object_and_frees_nothing_twice() {
        let alive = Arc::new(());
        let object = ComObject::new(Payload { _held: alive.clone() });
        let unknown = object.cast::<IUnknown>().unwrap();
        let raw = unknown.as_raw();
        let this = ObjectBox::<Payload>::from_interface(raw, 0);
        // SAFETY: the object is alive during the whole test, even while the test changes its count.
        let (count, add_ref, release) = unsafe {
            let vtbl = &*(*raw).lpVtbl;
            (&(*this).count, || (vtbl.AddRef)(raw), || (vtbl.Release)(raw))
        };
        count.force(i32::MAX as u32);
        assert_eq!(add_ref(), 0x8000_0000);
        for _ in 0..1000 {
            assert!(add_ref() > 0xBFFF_0000);
            assert!(release() > 0xBFFF_0000);
            assert!(release() > 0xBFFF_0000);
        }
        assert_eq!(Arc::strong_count(&alive), 2, "leaked, not freed");
        // A Release at 0, as a payload's `Drop` may call it, pins the count, too.
        count.force(0);
        assert_eq!(release(), u32::MAX);
        assert!(release() > 0xBFFF_0000);
        assert_eq!(Arc::strong_count(&alive), 2);
        // The count is restored, so the test leaks nothing.
        count.force(2);
        drop((object, unknown));
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
