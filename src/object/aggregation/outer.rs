//! `aggregate_foreign`: an object around a foreign one.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::error::Result;
use crate::object::aggregation::InnerObject;
use crate::object::interface::null_interface_error;
use crate::object::query_interface::{query_checked, with_arguments};
use crate::object::ref_count::RefCount;
use crate::object::{Class, ComPtr, Interface};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

/// Makes an object that has the interfaces of `T` and those of a foreign inner, which `create`
/// makes.
///
/// `create` gets the controlling unknown and makes the inner with it: by `CoCreateInstance` or
/// `IClassFactory::CreateInstance` with a `pUnkOuter`, or by another function of its library. It
/// must ask for `IID_IUnknown`, and returns the inner's own `IUnknown`. A class that cannot be
/// aggregated fails with `CLASS_E_NOAGGREGATION`.
///
/// This takes two allocations of ours. The result owns the only reference to the whole. When the
/// last reference is released, the inner is released first, and then the payload is dropped.
///
/// `QueryInterface` of the whole looks in the list of `T` first. For the inner's interfaces it
/// fails with `E_NOINTERFACE` until `create` has returned, and again when the whole has begun to
/// end. The whole cannot itself be aggregated.
///
/// ```
/// use mapisync::abi::{IMAPISync, IUnknown};
/// use mapisync::{Class, ComPtr, HRESULT, MapiSync, Result, SyncRequest, aggregation};
/// use std::ptr;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicPtr, Ordering};
///
/// /// It calls the store that it is made around. It knows the whole by a pointer without a
/// /// reference, because with one the object would keep itself alive.
/// struct Sync {
///     whole: Arc<AtomicPtr<IUnknown>>,
/// }
///
/// impl Class for Sync {
///     type Interfaces = (IMAPISync,);
/// }
///
/// impl MapiSync for Sync {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         // SAFETY: the caller of this method holds a reference to the whole.
///         let whole = unsafe { ComPtr::from_raw_borrowed(self.whole.load(Ordering::Acquire)) };
///         let _store = whole.map(|whole| whole.cast::<IUnknown>()); // your IMsgStore; move it to the worker
///         request.spawn(|job| job.position(1, 1))
///     }
/// }
///
/// /// The function of another library that makes a store inside an outer.
/// type MakeStore = unsafe extern "system" fn(outer: *mut IUnknown, inner: *mut *mut IUnknown) -> HRESULT;
///
/// fn with_sync(make_store: MakeStore) -> Result<ComPtr<IUnknown>> {
///     let whole = Arc::new(AtomicPtr::new(ptr::null_mut()));
///     // SAFETY: the store is a MAPI object, so it is free-threaded, and keeps the rules for inners.
///     unsafe {
///         aggregation::aggregate_foreign(Sync { whole: whole.clone() }, |outer| {
///             whole.store(outer.as_ptr(), Ordering::Release);
///             let mut inner = ptr::null_mut();
///             make_store(outer.as_ptr(), &mut inner).ok().map(|_| inner)
///         })
///     }
/// }
/// ```
///
/// # Errors
///
/// The error that `create` returns, and [`Error::NullInterface`](crate::Error::NullInterface) if it
/// returns NULL. The payload is dropped in both cases.
///
/// # Panics
///
/// If `create` panics. The payload is dropped.
///
/// # Safety
///
/// - `create` must return NULL, or the own `IUnknown` of a new object with the only reference to
///   it, which it gives up. Every other reference to it must be released before the whole ends. The
///   object must end with that reference, before `Release` returns. Its controlling unknown must be
///   the pointer that `create` got: the `IUnknown` methods of its other interfaces must go there.
/// - The pointer that `create` got may be used without a reference by `create` until it returns, by
///   the inner while it lives, and by methods of the payload while they are called. References that
///   are taken after the end has begun, in the inner's destructor or in the payload's `Drop`, must
///   be released there. If `create` fails or panics, the pointer must not be used again without a
///   reference.
/// - The inner must keep the promise of [`ComPtr::from_raw`]: no method of it unwinds, and every
///   [`FreeThreaded`](crate::FreeThreaded) interface that it reaches is free-threaded. Its own
///   `IUnknown` must be free-threaded, too.
/// - The payload's `Drop` must not use the inner, which is gone by then. Of the whole and of `T`'s
///   interfaces it may call the methods of `IUnknown` only.
pub unsafe fn aggregate_foreign<T: Class>(
    payload: T,
    create: impl FnOnce(NonNull<IUnknown>) -> Result<*mut IUnknown>,
) -> Result<ComPtr<IUnknown>> {
    let outer = NonNull::from(Box::leak(Box::new(OuterBox {
        vtable: OuterBox::VTABLE,
        count: RefCount::new(),
        payload_inner: ptr::null_mut(),
        foreign_inner: AtomicPtr::new(ptr::null_mut()),
    })));
    let controlling = outer.cast::<IUnknown>();
    // SAFETY: no other code knows the outer yet, so its field can be written.
    //
    // The contract of `InnerObject::new`:
    // - The pointer is the one that the outer hands out. The outer's IUnknown does not unwind, and
    //   is free-threaded: its count is atomic, and so are both inners' IUnknowns, the foreign one's
    //   by this function's contract.
    // - The outer releases its inners in its end, when no caller has one of their interfaces.
    // - It can be called until they are gone: its memory goes last, and its count is pinned in the
    //   same step that makes it 0.
    // - The payload's `Drop` is as this function's contract demands.
    // - QueryInterface of the outer asks the own inner first.
    //
    // `from_non_null`: the reference is the count's 1. The outer's methods do not unwind, and
    // interfaces of the foreign inner are free-threaded by this function's contract.
    let whole = unsafe {
        (*outer.as_ptr()).payload_inner = InnerObject::new(controlling, payload).into_raw();
        ComPtr::from_non_null(controlling)
    };
    let inner = create(controlling)?;
    if inner.is_null() {
        return Err(null_interface_error::<IUnknown>());
    }
    // SAFETY: the outer is alive while `whole` owns a reference, and the field is atomic.
    unsafe {
        (*outer.as_ptr())
            .foreign_inner
            .store(inner, Ordering::Release)
    };
    Ok(whole)
}

/// The allocation of the outer. Another one is that of its own inner, with the payload.
#[repr(C)]
struct OuterBox {
    /// The address of this field is the controlling unknown.
    vtable: *const IUnknownVtbl,
    count: RefCount,
    /// The own `IUnknown` of the inner with the payload. It is written before `create` runs.
    payload_inner: *mut IUnknown,
    /// The own `IUnknown` of the foreign inner, and NULL before it is made and while it ends.
    foreign_inner: AtomicPtr<IUnknown>,
}

impl OuterBox {
    const VTABLE: &'static IUnknownVtbl = &IUnknownVtbl {
        QueryInterface: outer_query_interface,
        AddRef: outer_add_ref,
        Release: outer_release,
    };

    /// Finds the interface of the whole for `iid`. On success `*found` owns a reference; otherwise
    /// it is NULL.
    ///
    /// # Safety
    ///
    /// `this` must be alive.
    unsafe fn find(this: *mut OuterBox, iid: &GUID, found: &mut *mut c_void) -> HRESULT {
        // SAFETY: the outer is alive, by this function's contract, and so is its own inner, whose
        // QueryInterface works even while its payload is dropped. The foreign inner is alive while
        // its pointer is here.
        unsafe {
            if *iid == IUnknown::IID {
                (*this).count.add();
                *found = this.cast();
                return HRESULT::S_OK;
            }
            let code = query_checked((*this).payload_inner, iid, found);
            let foreign = (*this).foreign_inner.load(Ordering::Acquire);
            if code != HRESULT::E_NOINTERFACE || foreign.is_null() {
                return code;
            }
            query_checked(foreign, iid, found)
        }
    }

    /// Ends the outer. The foreign inner goes first, while everything that it may call is whole.
    /// The outer's memory goes last, because either inner may still call its `IUnknown`.
    ///
    /// # Safety
    ///
    /// `this` must come from `aggregate_foreign`, its count must have become 0, and this must be
    /// called once.
    #[cold]
    unsafe fn destroy(this: *mut OuterBox) {
        // SAFETY: this is the only call, by this function's contract. The outer owns a reference to
        // each inner's own IUnknown, so both are alive until it is released here. When they are
        // gone, nothing uses the outer without a reference, by the contract of `aggregate_foreign`.
        // The box is the one made there.
        unsafe {
            let foreign = (*this)
                .foreign_inner
                .swap(ptr::null_mut(), Ordering::Acquire);
            if !foreign.is_null() {
                ((*(*foreign).lpVtbl).Release)(foreign);
            }
            let own = (*this).payload_inner;
            ((*(*own).lpVtbl).Release)(own);
            drop(Box::from_raw(this));
        }
    }
}

unsafe extern "system" fn outer_query_interface(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is an outer. COM requires of the caller that it
    // holds a reference and that the arguments are valid.
    unsafe {
        with_arguments(riid, ppv, |iid, found| {
            OuterBox::find(this.cast(), iid, found)
        })
    }
}

unsafe extern "system" fn outer_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it is an outer. COM requires of the caller that it
    // holds a reference.
    unsafe { (*this.cast::<OuterBox>()).count.add() }
}

unsafe extern "system" fn outer_release(this: *mut IUnknown) -> u32 {
    let this = this.cast::<OuterBox>();
    // SAFETY: `this` comes from this vtable, so it is an outer. COM requires of the caller that it
    // owns a reference and gives it up. The count becomes 0 once, so `end` is called once.
    unsafe {
        let count = (*this).count.release_and_pin_at_zero();
        if count == 0 {
            OuterBox::destroy(this);
        }
        count
    }
}
