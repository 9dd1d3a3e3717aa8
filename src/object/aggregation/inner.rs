//! Aggregation: an object of ours that lives inside somebody else's and passes for a part of it.
//!
//! A store that exists already, in C++ or in a framework of its own, gets `IMAPISync` this way without being rewritten. It
//! is the *outer*; ours is the *inner*. Whoever has a pointer to one of the inner's interfaces sees one object: all three
//! `IUnknown` methods go to the outer's `IUnknown`, the *controlling unknown*. Only the outer has the inner's own
//! `IUnknown`, by which it asks for the inner's interfaces and ends its life.
//!
//! The second set of vtables that this takes is made while the crate compiles, from the first, so objects that stand for
//! themselves know nothing of it.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::error::Result;
use crate::object::class::private::List;
use crate::object::interface::not_offered;
use crate::object::object_box::{ObjectBox, answer};
use crate::object::{Class, ComObject, ComPtr, Interface};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit, offset_of};
use core::ops::Deref;
use core::ptr::NonNull;

/// The inner of an aggregate: what the outer keeps, one reference to the inner's own `IUnknown`.
///
/// It dereferences to the payload. Dropping it gives the reference back, and with the last one the payload is dropped; the
/// outer does so in its own destructor.
///
/// ```
/// use mapisync::abi::{IMAPISync, IUnknown};
/// use mapisync::{Class, ComObject, InnerObject, MapiSync, Result, SyncRequest};
/// use std::ptr::NonNull;
///
/// struct Sync;
///
/// impl Class for Sync {
///     type Interfaces = (IMAPISync,);
/// }
///
/// impl MapiSync for Sync {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         request.spawn(|job| job.position(1, 1))
///     }
/// }
///
/// /// For a store written in C++, which keeps `*inner` and asks it for what it does not know itself.
/// unsafe extern "C" fn make_inner(outer: NonNull<IUnknown>, inner: &mut *mut IUnknown) {
///     // SAFETY: the store keeps the inner for as long as it lives, and is free-threaded.
///     *inner = unsafe { ComObject::aggregate(outer, Sync) }.into_raw();
/// }
/// ```
pub struct InnerObject<T: Class> {
    own: NonNull<InnerBox<T>>,
    /// Invariant, as `ComObject` is.
    payload: PhantomData<fn(T) -> T>,
}

impl<T: Class> ComObject<T> {
    /// Makes an object inside another: `outer` is its controlling unknown.
    ///
    /// One allocation, with a count of its own of 1, which the result owns. This call does not touch the outer's count, and
    /// the inner holds no reference to the outer; only interfaces that are handed out count there.
    ///
    /// See [`InnerObject`] for an example, and for what the outer does with it. An interface of more than 256 slots does not
    /// compile.
    ///
    /// # Safety
    ///
    /// - `outer` is the `IUnknown` of an object, the pointer which that gives out, not one made from a Rust reference to
    ///   it. It keeps the promise of [`ComPtr::from_raw`]: no method of the object unwinds, and every
    ///   [`FreeThreaded`](crate::FreeThreaded) interface that it reaches is free-threaded. Its `IUnknown` is too.
    /// - The outer outlives the inner. Neither the [`InnerObject`] nor the last reference to the inner's own `IUnknown` is
    ///   given up while anybody holds a pointer to one of the inner's interfaces: an outer sees to that by doing so in its
    ///   destructor, in which it hands out no interface any more.
    /// - Until then, its destructor included, its `IUnknown` can be called: `QueryInterface` answers, and `AddRef` and
    ///   `Release` in pairs do not end it a second time. An outer in Rust therefore reaches the inner by the pointer of
    ///   [`into_raw`](InnerObject::into_raw), rather than by a field that is being dropped.
    /// - The payload's `Drop` calls the three `IUnknown` methods of the inner's interfaces, if it calls any, and no other:
    ///   the payload is no longer whole then. What references it takes are given back in there, and do not leave it in the
    ///   payload of a panic either.
    /// - `QueryInterface` of the outer answers for the interfaces of `T` with what the inner answers, so that they keep
    ///   COM's rules.
    pub unsafe fn aggregate(outer: NonNull<IUnknown>, payload: T) -> InnerObject<T> {
        let inner = Box::new(InnerBox {
            own: InnerBox::<T>::OWN,
            outer: outer.as_ptr(),
            object: ObjectBox::with_slots(T::Interfaces::DELEGATING, payload),
        });
        InnerObject {
            own: NonNull::from(Box::leak(inner)),
            payload: PhantomData,
        }
    }
}

impl<T: Class> InnerObject<T> {
    /// The inner's interface `I`, as the rest of the world sees it: a part of the outer.
    ///
    /// Effect on the counts: + 1 on the *outer's*, owned by the result; none on failure. An outer that keeps the result
    /// keeps itself alive; and the result must go before `self` does, as [`aggregate`](ComObject::aggregate) demands.
    ///
    /// ```
    /// # use mapisync::{Class, ComPtr, InnerObject, Result, abi::IMAPISync};
    /// # fn f<T: Class>(inner: &InnerObject<T>) -> Result<()> {
    /// let sync: ComPtr<IMAPISync> = inner.cast()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::QueryInterface`](crate::Error::QueryInterface) with `E_NOINTERFACE` if `I` is not in the list. For
    /// `IUnknown`, ask the outer.
    pub fn cast<I: Interface>(&self) -> Result<ComPtr<I>> {
        let found = |index| {
            // SAFETY: the interface of a live inner, as that gives it out, so not NULL, with the reference to the outer that
            // `hand_out` has added. It answers for `I`. Its own methods keep the contract of `Implements`, and IUnknown's
            // are the outer's, of which `aggregate`'s caller has promised the rest: that they are free-threaded and do not
            // unwind, and so for all that they reach.
            unsafe {
                let interface = InnerBox::hand_out(self.own.as_ptr(), index);
                Ok(ComPtr::from_raw(interface.cast::<I>()).unwrap_unchecked())
            }
        };
        T::Interfaces::find((&I::IID).into(), found, || {
            Err(not_offered::<I>(HRESULT::E_NOINTERFACE))
        })
    }

    /// `QueryInterface` of the inner's own `IUnknown`: what the outer's calls for what it does not know itself.
    ///
    /// Effect on the counts: + 1 on the outer's for an interface of `T`'s list, + 1 on the inner's own for `IUnknown`.
    ///
    /// ```
    /// # use mapisync::{Class, GUID, HRESULT, InnerObject};
    /// # use std::ffi::c_void;
    /// /// The outer's `QueryInterface`, after it has looked among its own.
    /// unsafe fn otherwise<T: Class>(inner: &InnerObject<T>, riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
    ///     // SAFETY: as COM demands of who called the outer. The outer has answered for IUnknown itself.
    ///     unsafe { inner.query_interface(riid, ppv) }
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// `riid` and `ppv` are NULL or valid for a read and a write, at any address.
    pub unsafe fn query_interface(&self, riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
        // SAFETY: the inner is alive; the rest is the caller's promise.
        unsafe { InnerBox::<T>::query(self.own.as_ptr(), riid, ppv) }
    }

    /// Hands the reference over, to an outer that is not written in Rust: it is an `IUnknown *` to be released there.
    ///
    /// Effect on the counts: none.
    ///
    /// ```
    /// # use mapisync::{Class, InnerObject, abi::IUnknown};
    /// # fn f<T: Class>(inner: InnerObject<T>) {
    /// let raw: *mut IUnknown = inner.into_raw();
    /// # }
    /// ```
    #[must_use = "the inner leaks if nobody takes it over"]
    pub fn into_raw(self) -> *mut IUnknown {
        ManuallyDrop::new(self).own.as_ptr().cast()
    }

    /// Takes the reference back that [`into_raw`](InnerObject::into_raw) handed over.
    ///
    /// Effect on the inner's own count: none.
    ///
    /// ```
    /// # use mapisync::{Class, InnerObject, abi::IUnknown};
    /// use std::mem::ManuallyDrop;
    ///
    /// /// The payload, for an outer in Rust that keeps the raw pointer.
    /// unsafe fn with_payload<T: Class>(inner: *mut IUnknown, code: impl FnOnce(&T)) {
    ///     // SAFETY: the outer's reference, which is not given up here.
    ///     let inner = ManuallyDrop::new(unsafe { InnerObject::<T>::from_raw(inner) });
    ///     code(&inner);
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// `raw` is the own `IUnknown` of an inner of this very type `T`, the pointer that [`into_raw`](InnerObject::into_raw) or
    /// its `QueryInterface` gave, with a reference that the result takes over.
    pub unsafe fn from_raw(raw: *mut IUnknown) -> InnerObject<T> {
        InnerObject {
            // SAFETY: an object's pointer is not NULL; the own IUnknown is the address of the whole, says the caller.
            own: unsafe { NonNull::new_unchecked(raw.cast()) },
            payload: PhantomData,
        }
    }
}

impl<T: Class> Deref for InnerObject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the inner is alive while `self` holds its reference.
        unsafe { ObjectBox::payload(InnerBox::object(self.own.as_ptr())) }
    }
}

impl<T: Class> Drop for InnerObject<T> {
    /// Effect on the inner's own count: - 1. It is not given up while anybody holds one of the inner's interfaces, as
    /// [`aggregate`](ComObject::aggregate) demands.
    fn drop(&mut self) {
        // SAFETY: `self` owns a reference and is not used again.
        unsafe { InnerBox::release(self.own.as_ptr()) };
    }
}

impl<T: Class + fmt::Debug> fmt::Debug for InnerObject<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InnerObject").field(&**self).finish()
    }
}

// SAFETY: the count is atomic, the payload `Send + Sync` by `Class`, and the outer free-threaded by `aggregate`'s contract.
unsafe impl<T: Class> Send for InnerObject<T> {}
// SAFETY: as above.
unsafe impl<T: Class> Sync for InnerObject<T> {}

/// The one allocation of an inner. What makes it one lies before the object, whose methods work unchanged.
#[repr(C)]
pub(super) struct InnerBox<T: Class> {
    /// The own `IUnknown` is the address of this.
    own: *const IUnknownVtbl,
    outer: *mut IUnknown,
    object: ObjectBox<T>,
}

impl<T: Class> InnerBox<T> {
    /// The vtable of the own `IUnknown`, which delegates nothing.
    const OWN: &'static IUnknownVtbl = &IUnknownVtbl {
        QueryInterface: own_query_interface::<T>,
        AddRef: own_add_ref::<T>,
        Release: own_release::<T>,
    };

    fn object(this: *mut InnerBox<T>) -> *mut ObjectBox<T> {
        this.wrapping_byte_add(offset_of!(InnerBox<T>, object))
            .cast()
    }

    /// The outer of the inner of which `interface` is number `index`.
    ///
    /// # Safety
    ///
    /// `interface` is number `index` of an inner with payload `T` that is alive, and is the pointer that it gave out.
    #[inline(always)]
    pub(super) unsafe fn outer_of(interface: *mut IUnknown, index: usize) -> *mut IUnknown {
        let inner = ObjectBox::<T>::of_interface(interface, index)
            .wrapping_byte_sub(offset_of!(InnerBox<T>, object))
            .cast::<InnerBox<T>>();
        // SAFETY: the inner is alive, and the field is never written again.
        unsafe { (*inner).outer }
    }

    /// The interface number `index`, with a reference for somebody: to the outer, of which it is a part.
    ///
    /// # Safety
    ///
    /// `this` is alive.
    unsafe fn hand_out(this: *mut InnerBox<T>, index: usize) -> *mut c_void {
        // SAFETY: the inner is alive, so the outer is, and its AddRef can be called: `aggregate`'s caller has promised both.
        unsafe {
            let outer = (*this).outer;
            ((*(*outer).lpVtbl).AddRef)(outer);
        }
        ObjectBox::interface(Self::object(this), index)
    }

    /// # Safety
    ///
    /// `this` is alive; `riid` and `ppv` are NULL or valid for a read and a write, at any address.
    unsafe fn query(this: *mut InnerBox<T>, riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT {
        // SAFETY: the caller's promise; the inner is alive.
        unsafe {
            answer(riid, ppv, |asked, out| {
                if asked.is_unknown() {
                    ObjectBox::add_ref(Self::object(this));
                    return out.give(this.cast());
                }
                let found = |index| out.give(Self::hand_out(this, index));
                T::Interfaces::find(asked, found, || out.refuse())
            })
        }
    }

    /// # Safety
    ///
    /// `this` is alive, and the caller gives up a reference of its own.
    unsafe fn release(this: *mut InnerBox<T>) -> u32 {
        // SAFETY: the inner is alive until the reference has been given back; the last one is alone with it, and the
        // box is that of `aggregate`, whose layout `MaybeUninit` has.
        unsafe {
            let object = Self::object(this);
            let left = ObjectBox::give_back(object);
            if left == 0 {
                // The box goes last: the payload's own drop may call IUnknown's methods, which find their way by it.
                let _caught = ObjectBox::drop_payload(object);
                drop(Box::from_raw(this.cast::<MaybeUninit<InnerBox<T>>>()));
            }
            left
        }
    }
}

unsafe extern "system" fn own_query_interface<T: Class>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM's rules for the caller, here the outer; only an inner of `T` has this function, in its own IUnknown.
    unsafe { InnerBox::<T>::query(this.cast(), riid, ppv) }
}

unsafe extern "system" fn own_add_ref<T: Class>(this: *mut IUnknown) -> u32 {
    // SAFETY: as above.
    unsafe { ObjectBox::add_ref(InnerBox::<T>::object(this.cast())) }
}

unsafe extern "system" fn own_release<T: Class>(this: *mut IUnknown) -> u32 {
    // SAFETY: as above, and the caller gives up a reference of its own.
    unsafe { InnerBox::<T>::release(this.cast()) }
}
