//! `aggregate_foreign`: an outer of this crate around a foreign inner.

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

/// Makes an aggregate that has the interfaces of `T` and those of a foreign inner. `create` makes
/// the inner.
///
/// `create` receives the controlling unknown and makes the inner with it. It may call
/// `CoCreateInstance` or `IClassFactory::CreateInstance` with a `pUnkOuter`, or another function of
/// the inner's library. It must request `IID_IUnknown`, and returns the inner's non-delegating
/// `IUnknown`. A class that cannot be aggregated fails with `CLASS_E_NOAGGREGATION`.
///
/// The crate allocates twice. The result owns the only reference to the aggregate. When the last
/// reference is released, the inner is released first, and then the payload is dropped.
///
/// `QueryInterface` of the aggregate tries `T::Interfaces` first. For the inner's interfaces it
/// fails with `E_NOINTERFACE` until `create` has returned, and during the destruction. The
/// aggregate cannot itself be aggregated.
///
/// ```
/// use mapisync::abi::{IMAPISync, IUnknown};
/// use mapisync::{Class, ComPtr, HRESULT, MapiSync, Result, SyncRequest, aggregation};
/// use std::ptr;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicPtr, Ordering};
///
/// /// Calls the store that it aggregates. It holds a pointer to the aggregate without a reference,
/// /// because a reference would keep the aggregate alive forever.
/// struct Sync {
///     aggregate: Arc<AtomicPtr<IUnknown>>,
/// }
///
/// impl Class for Sync {
///     type Interfaces = (IMAPISync,);
/// }
///
/// impl MapiSync for Sync {
///     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
///         // SAFETY: the caller of this method holds a reference to the aggregate.
///         let aggregate = unsafe { ComPtr::from_raw_borrowed(self.aggregate.load(Ordering::Acquire)) };
///         let _store = aggregate.map(|this| this.cast::<IUnknown>()); // your IMsgStore, for the closure
///         request.spawn(|job| job.position(1, 1))
///     }
/// }
///
/// /// The function of another library that makes a store inside an outer.
/// type MakeStore = unsafe extern "system" fn(outer: *mut IUnknown, inner: *mut *mut IUnknown) -> HRESULT;
///
/// fn with_sync(make_store: MakeStore) -> Result<ComPtr<IUnknown>> {
///     let aggregate = Arc::new(AtomicPtr::new(ptr::null_mut()));
///     // SAFETY: the store is a MAPI object, so it is free-threaded, and meets the contract.
///     unsafe {
///         aggregation::aggregate_foreign(Sync { aggregate: aggregate.clone() }, |outer| {
///             aggregate.store(outer.as_ptr(), Ordering::Release);
///             let mut inner = ptr::null_mut();
///             make_store(outer.as_ptr(), &mut inner).ok().map(|()| inner)
///         })
///     }
/// }
/// ```
///
/// # Errors
///
/// It fails with the error of `create`, or with
/// [`Error::NullInterface`](crate::Error::NullInterface) if it returns NULL. The payload is dropped
/// in both cases.
///
/// # Panics
///
/// If `create` panics. The payload is dropped.
///
/// # Safety
///
/// - `create` must return NULL, or the non-delegating `IUnknown` of a new object. It must give up
///   the only reference to it.
/// - Every other reference to that `IUnknown` must be released before the aggregate is destroyed.
///   The last `Release` must destroy the inner before it returns.
/// - The inner's controlling unknown must be the pointer that `create` received. The `IUnknown`
///   methods of the inner's other interfaces must delegate to it.
/// - That pointer may be used without a reference only by:
///   - `create`, until it returns, fails or panics;
///   - the inner, while it lives;
///   - methods of the payload, while they are called.
/// - A reference that is added during the destruction, in the inner's destructor or in the
///   payload's `Drop`, must be released there.
/// - The contract of [`ComPtr::from_raw`] must hold for the inner. Its non-delegating `IUnknown`
///   must be free-threaded, too.
/// - The payload's `Drop` must not use the foreign inner, which is already destroyed. It may call
///   only the `IUnknown` methods of the aggregate and of `T`'s interfaces.
#[doc(alias("pUnkOuter", "CoCreateInstance"))]
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
    // - The pointer derives from the outer's box. The outer's `IUnknown` does not unwind. It is
    //   free-threaded: its count is atomic, and so are the inners' counts.
    // - The outer releases its inners in `destroy`, when no caller holds one of their interfaces.
    // - It can be called until both are destroyed. Its memory is freed last, and its count is
    //   pinned in the step that makes it 0.
    // - The payload's `Drop` is as this function's contract demands.
    // - QueryInterface of the outer asks the payload's inner first, except for `IUnknown`.
    //
    // `from_non_null`: the reference is the count's 1. The outer's methods do not unwind, and
    // interfaces of the foreign inner are free-threaded by this function's contract.
    let aggregate = unsafe {
        (*outer.as_ptr()).payload_inner = InnerObject::new(controlling, payload).into_raw();
        ComPtr::from_non_null(controlling)
    };
    // If this fails, `aggregate` is dropped, which destroys the outer and drops the payload.
    let inner = create(controlling)?;
    if inner.is_null() {
        return Err(null_interface_error::<IUnknown>());
    }
    // SAFETY: the outer is alive while `aggregate` owns a reference, and the field is atomic.
    unsafe { (*outer.as_ptr()).foreign_inner.store(inner, Ordering::Release) };
    Ok(aggregate)
}

/// The allocation of the outer. The inner with the payload is a second allocation.
#[repr(C)]
struct OuterBox {
    /// The address of this field is the controlling unknown.
    vtable: *const IUnknownVtbl,
    count: RefCount,
    /// The non-delegating `IUnknown` of the inner with the payload. It is written before `create`
    /// runs.
    payload_inner: *mut IUnknown,
    /// The non-delegating `IUnknown` of the foreign inner. NULL until `create` has returned it, and
    /// while it is destroyed.
    foreign_inner: AtomicPtr<IUnknown>,
}

impl OuterBox {
    const VTABLE: &'static IUnknownVtbl = &IUnknownVtbl {
        QueryInterface: outer_query_interface,
        AddRef: outer_add_ref,
        Release: outer_release,
    };

    /// Implements `QueryInterface` of the aggregate. On success `*found` owns a reference;
    /// otherwise it is NULL.
    ///
    /// # Safety
    ///
    /// `this` must point to a live outer.
    unsafe fn find(this: *mut OuterBox, iid: &GUID, found: &mut *mut c_void) -> HRESULT {
        // SAFETY: the outer is alive, by this function's contract. So is the payload's inner, whose
        // QueryInterface works even while the payload is dropped. The foreign inner is alive while
        // `foreign_inner` holds its pointer, and does not unwind, by the contract of
        // `aggregate_foreign`.
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

    /// Destroys the outer. The foreign inner is released first, because it may still call the
    /// payload's interfaces. The outer's memory is freed last, because both inners may call its
    /// `IUnknown`.
    ///
    /// # Safety
    ///
    /// `this` must come from `aggregate_foreign`, its count must have become 0, and this must be
    /// called once.
    #[cold]
    unsafe fn destroy(this: *mut OuterBox) {
        // SAFETY: this is the only call, by this function's contract. The outer owns a reference to
        // each inner's non-delegating IUnknown, so both are alive until it is released here. When
        // they are destroyed, nothing uses the outer without a reference, by the contract of
        // `aggregate_foreign`. The box is the one made there.
        unsafe {
            let foreign = (*this).foreign_inner.swap(ptr::null_mut(), Ordering::Acquire);
            if !foreign.is_null() {
                ((*(*foreign).lpVtbl).Release)(foreign);
            }
            let payload = (*this).payload_inner;
            ((*(*payload).lpVtbl).Release)(payload);
            drop(Box::from_raw(this));
        }
    }
}

unsafe extern "system" fn outer_query_interface(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it is an outer. COM requires that the caller holds
    // a reference and that the arguments are valid.
    unsafe { with_arguments(riid, ppv, |iid, found| OuterBox::find(this.cast(), iid, found)) }
}

unsafe extern "system" fn outer_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: `this` comes from this vtable, so it is an outer. COM requires that the caller holds
    // a reference.
    unsafe { (*this.cast::<OuterBox>()).count.add() }
}

unsafe extern "system" fn outer_release(this: *mut IUnknown) -> u32 {
    let this = this.cast::<OuterBox>();
    // SAFETY: `this` comes from this vtable, so it is an outer. COM requires that the caller owns a
    // reference and gives it up. The count becomes 0 once, so `destroy` is called once.
    unsafe {
        let count = (*this).count.release_and_pin_at_zero();
        if count == 0 {
            OuterBox::destroy(this);
        }
        count
    }
}
