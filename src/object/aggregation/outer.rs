//! The other way round: an object of ours around somebody else's, which lives inside it.
//!
//! A store that was made to be aggregated gets `IMAPISync` this way without being changed at all: whoever makes it passes an
//! outer along, and the outer is ours. It consists of little: an `IUnknown`, a count, and two inners, one of
//! [`aggregate`](ComObject::aggregate) and the foreign one.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::error::Result;
use crate::object::interface::given_null;
use crate::object::query_interface::{query_checked, with_arguments};
use crate::object::ref_count::RefCount;
use crate::object::{Class, ComObject, ComPtr, Interface};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

impl<T: Class> ComObject<T> {
    /// Makes an object that has the interfaces of `T` and, beside them, those of an object which `create` makes inside it:
    /// by `CoCreateInstance` or `IClassFactory::CreateInstance` with a `pUnkOuter`, or by a function of the other's own.
    /// `create` gets the controlling unknown, asks for `IID_IUnknown` (an inner gives nothing else to its maker) and returns
    /// what it gets, the inner's own `IUnknown`. Not every class can be an inner; one that can't answers
    /// `CLASS_E_NOAGGREGATION`.
    ///
    /// Two allocations of ours, with a count of 1 that the result owns. With the last reference to the whole, the inner is
    /// released, and then the payload dropped. `QueryInterface` asks the list of `T` first; for the other's interfaces it
    /// fails with `E_NOINTERFACE` until `create` has returned, and again when the end has begun. The whole cannot be a part
    /// of a third object.
    ///
    /// ```
    /// use mapisync::abi::{IMAPISync, IUnknown};
    /// use mapisync::{Class, ComObject, ComPtr, HRESULT, MapiSync, Result, SyncRequest};
    /// use std::ptr;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicPtr, Ordering};
    ///
    /// /// It calls the store around which it is made, and knows the whole by a pointer without a reference: with one, the
    /// /// object would keep itself alive.
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
    ///         // SAFETY: who calls a method of the whole has a reference to it. For a thread, move this one there.
    ///         let whole = unsafe { ComPtr::from_raw_borrowed(self.whole.load(Ordering::Acquire)) };
    ///         let _store = whole.map(|whole| whole.cast::<IUnknown>()); // your IMsgStore
    ///         request.spawn(|job| job.position(1, 1))
    ///     }
    /// }
    ///
    /// /// What makes a store inside another object, in somebody's library.
    /// type MakeStore = unsafe extern "system" fn(outer: *mut IUnknown, inner: *mut *mut IUnknown) -> HRESULT;
    ///
    /// fn with_sync(make_store: MakeStore) -> Result<ComPtr<IUnknown>> {
    ///     let whole = Arc::new(AtomicPtr::new(ptr::null_mut()));
    ///     // SAFETY: the store is a MAPI object, so it is free-threaded, and keeps the rules for inners.
    ///     unsafe {
    ///         ComObject::with_inner(Sync { whole: whole.clone() }, |outer| {
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
    /// What `create` returns, and [`Error::NullInterface`](crate::Error::NullInterface) for NULL. The payload is dropped then.
    ///
    /// # Panics
    ///
    /// If `create` does; the payload is dropped then.
    ///
    /// # Safety
    ///
    /// - `create` returns NULL or the own `IUnknown` of a new object, with the only reference to it, and gives that up; nobody
    ///   takes another that is not given back before the whole ends. With that reference the object ends, before `Release`
    ///   returns. Its controlling unknown is the pointer given to `create`: the `IUnknown` methods of its other interfaces are
    ///   that one's.
    /// - Without a reference, the pointer given to `create` is used by `create` until it returns, by that object while it
    ///   lives, and by methods of the payload while somebody calls them. References that are taken when the end has begun, in
    ///   the object's destructor or in the payload's `Drop`, are given back there. After a `create` that fails or panics nobody
    ///   uses the pointer without a reference.
    /// - The object keeps the promise of [`ComPtr::from_raw`]: no method of it unwinds, and every
    ///   [`FreeThreaded`](crate::FreeThreaded) interface that it reaches is free-threaded. Its own `IUnknown` is too.
    /// - The payload's `Drop` uses nothing of that object, which is gone by then. Of the whole and of `T`'s interfaces it calls
    ///   the three methods of `IUnknown`, if any.
    pub unsafe fn with_inner(
        payload: T,
        create: impl FnOnce(NonNull<IUnknown>) -> Result<*mut IUnknown>,
    ) -> Result<ComPtr<IUnknown>> {
        let outer = NonNull::from(Box::leak(Box::new(OuterBox {
            own: OuterBox::OWN,
            count: RefCount::new(),
            ours: ptr::null_mut(),
            theirs: AtomicPtr::new(ptr::null_mut()),
        })));
        let controlling = outer.cast::<IUnknown>();
        // SAFETY: nobody else knows the outer yet, so its field can be written. What `aggregate` demands: the pointer is that
        // of the outer's box, and its IUnknown is free-threaded, since its count is atomic and the inners' IUnknowns are
        // free-threaded too. It releases its inners in its end, when nobody has a pointer to their interfaces any more; it
        // can be called until they are gone, since the memory goes last, and pairs of AddRef and Release do not end it
        // again, since its count is pinned in the step that makes it 0; QueryInterface asks the inner of ours first; the
        // payload's drop is as the caller has promised. And `from_non_null`: the reference is the count's 1, no method
        // unwinds, and what is free-threaded in the foreign inner is by the caller's promise.
        let unknown = unsafe {
            (*outer.as_ptr()).ours = ComObject::aggregate(controlling, payload).into_raw();
            ComPtr::from_non_null(controlling)
        };
        let theirs = create(controlling)?;
        if theirs.is_null() {
            return Err(given_null::<IUnknown>());
        }
        // SAFETY: the outer is alive, by the reference of `unknown`; the field is only ever used shared.
        unsafe { (*outer.as_ptr()).theirs.store(theirs, Ordering::Release) };
        Ok(unknown)
    }
}

/// The outer: the one allocation beside that of the inner of ours.
#[repr(C)]
struct OuterBox {
    /// The controlling unknown is the address of this.
    own: *const IUnknownVtbl,
    count: RefCount,
    /// The own `IUnknown` of the inner of ours, from before anybody knows the outer to its end.
    ours: *mut IUnknown,
    /// That of the foreign inner; NULL before it is made and while it is ended.
    theirs: AtomicPtr<IUnknown>,
}

impl OuterBox {
    const OWN: &'static IUnknownVtbl = &IUnknownVtbl {
        QueryInterface: query_interface,
        AddRef: add_ref,
        Release: release,
    };

    /// Ends an outer to which nobody has a reference any more. The foreign inner goes first, as long as all that it may call
    /// is whole; the memory goes last, since either inner may still call `IUnknown`.
    ///
    /// # Safety
    ///
    /// `this` is the outer that `with_inner` made, its count has come to 0, and this is called once.
    #[cold]
    unsafe fn end(this: *mut OuterBox) {
        // SAFETY: nobody else ends the outer, and each inner is released by its own IUnknown, of which the outer has the one
        // reference, so it is alive until then. When both are gone, so is all that may use the outer without a reference, by
        // `with_inner`'s contract; the box, which is the one made there, goes last.
        unsafe {
            let theirs = (*this).theirs.swap(ptr::null_mut(), Ordering::Acquire);
            if !theirs.is_null() {
                ((*(*theirs).lpVtbl).Release)(theirs);
            }
            let ours = (*this).ours;
            ((*(*ours).lpVtbl).Release)(ours);
            drop(Box::from_raw(this));
        }
    }
}

unsafe extern "system" fn query_interface(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM requires of the caller that `riid` and `ppv` are NULL or valid, and that it holds a reference. `this` is a
    // live outer, since no other vtable has this function.
    unsafe { with_arguments(riid, ppv, |iid, found| find(this.cast(), iid, found)) }
}

/// Finds the interface of the whole that has this identifier. On success `*found` owns a reference; otherwise it is NULL.
///
/// # Safety
///
/// `this` must be alive.
unsafe fn find(this: *mut OuterBox, iid: &GUID, found: &mut *mut c_void) -> HRESULT {
    // SAFETY: the outer is alive. So is the inner of ours, whose QueryInterface does not use its payload and works even while
    // that is dropped. The foreign inner is found here only until its end begins.
    unsafe {
        if *iid == IUnknown::IID {
            (*this).count.add();
            *found = this.cast();
            return HRESULT::S_OK;
        }
        let code = query_checked((*this).ours, iid, found);
        let theirs = (*this).theirs.load(Ordering::Acquire);
        if code != HRESULT::E_NOINTERFACE || theirs.is_null() {
            return code;
        }
        query_checked(theirs, iid, found)
    }
}

unsafe extern "system" fn add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM's rules for the caller; only an outer has this function.
    unsafe { (*this.cast::<OuterBox>()).count.add() }
}

unsafe extern "system" fn release(this: *mut IUnknown) -> u32 {
    let this = this.cast::<OuterBox>();
    // SAFETY: as above, and the caller gives up a reference of its own; the last one ends the outer.
    unsafe {
        let left = (*this).count.release_last_pinned();
        if left == 0 {
            OuterBox::end(this);
        }
        left
    }
}
