//! The other way round: an object of ours around somebody else's, which lives inside it.
//!
//! A store that was made to be aggregated gets `IMAPISync` this way without being changed at all: whoever makes it passes an
//! outer along, and the outer is ours. It consists of little: an `IUnknown`, a count, and two inners, one of
//! [`aggregate`](ComObject::aggregate) and the foreign one.

use crate::abi::{GUID, HRESULT, IUnknown, IUnknownVtbl};
use crate::error::{Error, Result};
use crate::object::count::Count;
use crate::object::{Class, ComObject, ComPtr, Interface};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

impl<T: Class> ComObject<T> {
    /// Makes an object that has the interfaces of `T` and, beside them, those of an object which `create` makes inside it:
    /// what `CoCreateInstance` with a `pUnkOuter`, a class factory or `DllGetClassObject` gives. `create` gets the
    /// controlling unknown and returns the new inner's own `IUnknown`, with its reference.
    ///
    /// Two allocations of ours, with a count of 1 that the result owns. Of the foreign inner it owns the one reference; with
    /// the last one to the whole, the inner is released and then the payload is dropped. `QueryInterface` asks the list of
    /// `T` first.
    ///
    /// A payload that calls the inner asks the inner's own `IUnknown` for the interface, gives the reference that it gets
    /// back to the outer, and keeps the raw pointer: with the reference the object would keep itself alive.
    ///
    /// ```
    /// use mapisync::abi::{IMAPISync, IUnknown};
    /// use mapisync::{Class, ComObject, ComPtr, HRESULT, MapiSync, Result, SyncRequest};
    /// use std::ffi::c_void;
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
    /// /// What makes a store inside another object, in somebody's library.
    /// type MakeStore = unsafe extern "system" fn(outer: *mut IUnknown, inner: *mut *mut IUnknown) -> HRESULT;
    ///
    /// fn with_sync(make_store: MakeStore) -> Result<ComPtr<IUnknown>> {
    ///     // SAFETY: the store is a MAPI object, so it is free-threaded, and keeps the rules for inners.
    ///     unsafe {
    ///         ComObject::with_inner(Sync, |outer| {
    ///             let mut inner = std::ptr::null_mut();
    ///             make_store(outer.as_ptr(), &mut inner).ok().map(|_| inner)
    ///         })
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// What `create` returns, and [`Error::NullInterface`] for NULL. The payload is dropped then.
    ///
    /// # Panics
    ///
    /// If `create` does; the payload is dropped then.
    ///
    /// # Safety
    ///
    /// - `create` returns NULL or the own `IUnknown` of a new object, with a reference that it gives up. That object has the
    ///   pointer given to `create` for its controlling unknown: the `IUnknown` methods of its other interfaces are that one's.
    /// - The pointer given to `create` is used by that object alone, and no longer than it lives. Where `create` fails,
    ///   nobody has kept it.
    /// - The object keeps the promise of [`ComPtr::from_raw`]: no method of it unwinds, and every
    ///   [`FreeThreaded`](crate::FreeThreaded) interface that it reaches is free-threaded. Its own `IUnknown` is too.
    /// - The payload's `Drop` calls no method of the object's but the three of `IUnknown`.
    pub unsafe fn with_inner(
        payload: T,
        create: impl FnOnce(NonNull<IUnknown>) -> Result<*mut IUnknown>,
    ) -> Result<ComPtr<IUnknown>> {
        let outer = Box::into_raw(Box::new(Outer {
            own: Outer::OWN,
            count: Count::new(),
            ours: ptr::null_mut(),
            theirs: AtomicPtr::new(ptr::null_mut()),
        }));
        // SAFETY: a box is never NULL. The outer releases its inners in its end, when nobody has a pointer to their
        // interfaces any more, and its IUnknown can be called until they are gone; it is free-threaded as far as the inner
        // in it is, which the caller has promised. Nobody else knows the outer yet, so its field can be written.
        let unknown = unsafe {
            let controlling = NonNull::new_unchecked(outer.cast::<IUnknown>());
            (*outer).ours = ComObject::aggregate(controlling, payload).into_raw();
            ComPtr::from_raw(controlling.as_ptr()).unwrap_unchecked()
        };
        // SAFETY: never NULL.
        let theirs = create(unsafe { NonNull::new_unchecked(unknown.as_raw()) })?;
        if theirs.is_null() {
            return Err(Error::NullInterface {
                interface: "IUnknown",
                iid: IUnknown::IID,
            });
        }
        // SAFETY: the outer is alive; the field is only ever used shared.
        unsafe { (*outer).theirs.store(theirs, Ordering::Release) };
        Ok(unknown)
    }
}

/// The outer: the one allocation beside that of the inner of ours.
#[repr(C)]
struct Outer {
    /// The controlling unknown is the address of this.
    own: *const IUnknownVtbl,
    count: Count,
    /// The own `IUnknown` of the inner of ours, from before anybody knows the outer to its end.
    ours: *mut IUnknown,
    /// That of the foreign inner; NULL before it is made and while it is ended.
    theirs: AtomicPtr<IUnknown>,
}

impl Outer {
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
    /// The count has come to 0, and this is called once.
    #[cold]
    unsafe fn end(this: *mut Outer) {
        // SAFETY: nobody else ends the outer, and each inner is released by its own IUnknown, of which the outer has the one
        // reference. The box is that of `with_inner`.
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
    if ppv.is_null() {
        return HRESULT::E_POINTER;
    }
    let mut found = ptr::null_mut();
    let answer = if riid.is_null() {
        HRESULT::E_POINTER
    } else {
        // SAFETY: COM's rules for the caller: `riid` is valid for a read, at any address, and `this` is a live outer, since
        // nothing else has this function.
        unsafe { find(this.cast(), &riid.read_unaligned(), &mut found) }
    };
    // What a failing inner may have left is no reference.
    let found = if answer.is_ok() {
        found
    } else {
        ptr::null_mut()
    };
    // SAFETY: `ppv` is not NULL, so it is valid for a write, says COM.
    unsafe { ppv.write_unaligned(found) };
    answer
}

/// What the whole has under an identifier, with a reference.
///
/// # Safety
///
/// `this` is alive.
unsafe fn find(this: *mut Outer, iid: &GUID, found: &mut *mut c_void) -> HRESULT {
    // SAFETY: the outer is alive, and with it the inners; what is passed on is valid and aligned.
    unsafe {
        if *iid == IUnknown::IID {
            (*this).count.add();
            *found = this.cast();
            return HRESULT::S_OK;
        }
        let ours = (*this).ours;
        let answer = ((*(*ours).lpVtbl).QueryInterface)(ours, iid, found);
        let theirs = (*this).theirs.load(Ordering::Acquire);
        if answer != HRESULT::E_NOINTERFACE || theirs.is_null() {
            return answer;
        }
        ((*(*theirs).lpVtbl).QueryInterface)(theirs, iid, found)
    }
}

unsafe extern "system" fn add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM's rules for the caller; only an outer has this function.
    unsafe { (*this.cast::<Outer>()).count.add() }
}

unsafe extern "system" fn release(this: *mut IUnknown) -> u32 {
    let this = this.cast::<Outer>();
    // SAFETY: as above, and the caller gives up a reference of its own; the last one ends the outer.
    unsafe {
        let left = (*this).count.release();
        if left == 0 {
            Outer::end(this);
        }
        left
    }
}
