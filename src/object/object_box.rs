//! The allocation behind a COM object of ours: header, count, payload.

use crate::abi::{GUID, HRESULT};
use crate::object::asked::Asked;
use crate::object::class::{Slot, private::List};
use crate::object::ref_count::RefCount;
use crate::object::{Class, unwind};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, needs_drop, offset_of};
use core::ptr::{self, NonNull};

/// The one allocation of an object: what its interface pointers point to, the count, the payload.
///
/// Nothing ever holds a reference to the whole of it: pointers derive from the allocation's own, so that each is good
/// for the entire object, and references are made to the count and the payload alone.
#[repr(C)]
pub(crate) struct ObjectBox<T: Class> {
    /// Interface number n is the address of slot n, which holds the pointer to its vtable.
    slots: <T::Interfaces as List<T>>::Slots,
    count: RefCount,
    payload: T,
}

impl<T: Class> ObjectBox<T> {
    /// Allocates an object with a count of 1.
    pub(crate) fn allocate(payload: T) -> NonNull<ObjectBox<T>> {
        let object = ObjectBox::with_slots(T::Interfaces::SLOTS, payload);
        NonNull::from(Box::leak(Box::new(object)))
    }

    /// An object with a count of 1 and these vtables, which is not where it will stay yet.
    pub(super) fn with_slots(slots: <T::Interfaces as List<T>>::Slots, payload: T) -> ObjectBox<T> {
        ObjectBox {
            slots,
            count: RefCount::new(),
            payload,
        }
    }

    /// The interface number `index`.
    #[inline(always)]
    pub(crate) fn interface(this: *mut ObjectBox<T>, index: usize) -> *mut c_void {
        this.wrapping_byte_add(offset_of!(ObjectBox<T>, slots) + index * size_of::<Slot>())
            .cast()
    }

    /// The object of which `interface` is number `index`: the inverse of [`interface`](ObjectBox::interface).
    #[inline(always)]
    pub(crate) fn of_interface<I>(interface: *mut I, index: usize) -> *mut ObjectBox<T> {
        interface
            .wrapping_byte_sub(offset_of!(ObjectBox<T>, slots) + index * size_of::<Slot>())
            .cast()
    }

    /// The payload.
    ///
    /// # Safety
    ///
    /// `this` is an object that stays alive for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn payload<'a>(this: *mut ObjectBox<T>) -> &'a T {
        // SAFETY: the object is alive, and its payload is shared from its creation to its drop.
        unsafe { &(*this).payload }
    }

    /// Adds a reference and returns the new count.
    ///
    /// # Safety
    ///
    /// `this` is a live object.
    #[inline(always)]
    pub(crate) unsafe fn add_ref(this: *mut ObjectBox<T>) -> u32 {
        // SAFETY: the object is alive, and its count is only ever used shared.
        unsafe { (*this).count.add() }
    }

    /// Gives a reference back, frees the object if it was the last, and returns the new count.
    ///
    /// # Safety
    ///
    /// `this` is a live object of [`allocate`](ObjectBox::allocate), not a part of an inner, and the caller gives up a reference
    /// that it owns.
    #[inline(always)]
    pub(crate) unsafe fn release(this: *mut ObjectBox<T>) -> u32 {
        // SAFETY: the caller's promise.
        let left = unsafe { ObjectBox::give_back(this) };
        if left == 0 {
            // SAFETY: the count has come to 0, which it does once in an object's life, and `give_back` has made all
            // that others did to the object visible here.
            unsafe { ObjectBox::free(this) };
        }
        left
    }

    /// Gives a reference back and returns the new count. At 0 the caller is alone with the object and ends it.
    ///
    /// # Safety
    ///
    /// `this` is a live object, and the caller gives up a reference that it owns.
    #[inline(always)]
    pub(super) unsafe fn give_back(this: *mut ObjectBox<T>) -> u32 {
        // SAFETY: the object is alive until the count, of which the caller owns a part, has been given back.
        unsafe { (*this).count.release() }
    }

    /// Drops the payload, if it has a drop, and answers with the panic of that, if it panics. Meanwhile the count is pinned, for
    /// what the drop may call.
    ///
    /// # Safety
    ///
    /// The last reference has been given back, to this caller, who does this once.
    #[inline(always)]
    pub(super) unsafe fn drop_payload(this: *mut ObjectBox<T>) -> Result<(), unwind::Panic> {
        if !needs_drop::<T>() {
            return Ok(());
        }
        // SAFETY: nobody else is left who uses the payload, and it is dropped this once. What its own drop may call
        // is the count, which is apart from it and only ever used shared.
        unsafe {
            (*this).count.pin();
            unwind::catch(|| ptr::drop_in_place(&raw mut (*this).payload))
        }
    }

    /// Drops the payload and frees the memory, which a payload whose `Drop` panics does not prevent.
    ///
    /// # Safety
    ///
    /// `this` is an object of [`allocate`](ObjectBox::allocate), the last reference to which has been given back, to this caller,
    /// who does this once.
    #[inline]
    unsafe fn free(this: *mut ObjectBox<T>) {
        // SAFETY: the caller's promise.
        let dropped = unsafe { ObjectBox::drop_payload(this) };
        // SAFETY: `this` came from `allocate`'s box, and nobody else is left who uses it. The payload is gone already, so the
        // box is one of `MaybeUninit`, which has the same layout and drops nothing.
        drop(unsafe { Box::from_raw(this.cast::<MaybeUninit<ObjectBox<T>>>()) });
        // Only now a caught panic goes: what it carries may do anything when dropped. Asked for like this it is no code at all
        // where no drop can panic.
        if let Err(_panic) = dropped {}
    }

    /// `QueryInterface`.
    ///
    /// # Safety
    ///
    /// `this` is a live object; `riid` and `ppv` are NULL or valid for a read and a write, at any address.
    #[inline(always)]
    pub(crate) unsafe fn query(
        this: *mut ObjectBox<T>,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe {
            answer(riid, ppv, |asked, out| {
                let found = |index| {
                    ObjectBox::add_ref(this);
                    out.give(ObjectBox::interface(this, index))
                };
                if asked.is_unknown() {
                    return found(0);
                }
                T::Interfaces::find(asked, found, || out.refuse())
            })
        }
    }
}

/// The slot in which QueryInterface puts what it finds. It is written last, so it may lie anywhere, in the identifier too.
#[derive(Clone, Copy)]
pub(super) struct Out<'a> {
    /// Invariant: valid for writes for `'a`, at any address.
    slot: *mut *mut c_void,
    lender: PhantomData<&'a mut *mut c_void>,
}

impl Out<'_> {
    /// Gives a pointer out that comes with a reference.
    #[inline(always)]
    pub(super) fn give(self, found: *mut c_void) -> HRESULT {
        // SAFETY: the field's invariant.
        unsafe { self.slot.write_unaligned(found) };
        HRESULT::S_OK
    }

    /// Says that there is nothing to give.
    #[inline(always)]
    pub(super) fn refuse(self) -> HRESULT {
        // SAFETY: the field's invariant.
        unsafe { self.slot.write_unaligned(ptr::null_mut()) };
        HRESULT::E_NOINTERFACE
    }
}

/// Answers QueryInterface with what `find` makes of what is asked for.
///
/// # Safety
///
/// `riid` and `ppv` are NULL or valid for a read and a write, at any address.
#[inline(always)]
pub(super) unsafe fn answer(
    riid: *const GUID,
    ppv: *mut *mut c_void,
    find: impl FnOnce(Asked<'_>, Out<'_>) -> HRESULT,
) -> HRESULT {
    // Addresses with a bit in common are not NULL, either of them, and hardly any two have none.
    if riid.addr() & ppv.addr() == 0 && (riid.is_null() || ppv.is_null()) {
        if !ppv.is_null() {
            // SAFETY: not NULL, so it is valid for a write.
            unsafe { ppv.write_unaligned(ptr::null_mut()) };
        }
        return HRESULT::E_POINTER;
    }
    let out = Out {
        slot: ppv,
        lender: PhantomData,
    };
    // SAFETY: not NULL, so an identifier stands there; the slot, which may lie in the same place, is written when all has been
    // asked.
    find(unsafe { Asked::at(riid) }, out)
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
        let object = ComObject::new(Payload {
            _held: alive.clone(),
        });
        let unknown = object.cast::<IUnknown>().unwrap();
        let raw = unknown.as_raw();
        let this = ObjectBox::<Payload>::of_interface(raw, 0);
        // SAFETY: the object is alive throughout, whatever its count says, as the test asserts.
        let (count, add_ref, release) = unsafe {
            let vtbl = &*(*raw).lpVtbl;
            (
                &(*this).count,
                || (vtbl.AddRef)(raw),
                || (vtbl.Release)(raw),
            )
        };
        count.force(i32::MAX as u32);
        assert_eq!(add_ref(), 0x8000_0000);
        for _ in 0..1000 {
            assert!(add_ref() > 0xBFFF_0000);
            assert!(release() > 0xBFFF_0000);
            assert!(release() > 0xBFFF_0000);
        }
        assert_eq!(Arc::strong_count(&alive), 2, "leaked, not freed");
        // One release too many, while the payload is dropped for instance, is pinned too.
        count.force(0);
        assert_eq!(release(), u32::MAX);
        assert!(release() > 0xBFFF_0000);
        assert_eq!(Arc::strong_count(&alive), 2);
        // Mended, so that the test itself leaks nothing.
        count.force(2);
        drop((object, unknown));
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
