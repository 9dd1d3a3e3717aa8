//! com-scrape-types 0.1: its `ComWrapper` and its pointers, with the bindings of
//! `tests/interop_crates`.

use crate::{IFourth, IMissing, IThird, Peer, Progress, record, repeat, store, to_utf16};
use com_scrape_types::{Class, ComPtr, ComRef, ComWrapper, MakeHeader};
use mapisync::abi::{HANDLE, IMAPISync, IMAPISyncProgressCallback, MAPISIB};
use mapisync::{HRESULT, Interface};
use mapisync_interop_crates::{Their, TheirCallback, TheirSync};
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::AtomicU32;

/// The peer's name.
pub const NAME: &str = "com-scrape-types 0.1";

/// An object with this number of interfaces. Its `Progress` calls a function.
struct Object<const INTERFACES: usize, F>(AtomicU32, F);

impl<F: Progress> Class for Object<1, F> {
    type Interfaces = (Their<IMAPISyncProgressCallback>,);
}

impl<F: Progress> Class for Object<2, F> {
    type Interfaces = (Their<IMAPISync>, Their<IMAPISyncProgressCallback>);
}

impl<F: Progress> Class for Object<4, F> {
    type Interfaces =
        (Their<IMAPISync>, Their<IMAPISyncProgressCallback>, Their<IThird>, Their<IFourth>);
}

impl<const INTERFACES: usize, F: Progress> TheirSync for Object<INTERFACES, F>
where
    Self: Class,
{
    unsafe fn synchronize(&self, _: *mut MAPISIB) -> HRESULT {
        HRESULT::E_NOTIMPL
    }
}

impl<const INTERFACES: usize, F: Progress> TheirCallback for Object<INTERFACES, F>
where
    Self: Class,
{
    unsafe fn progress(&self, _: *const u16, index: u32, _: u32) -> HRESULT {
        (self.1)(&self.0, index);
        HRESULT::S_OK
    }
    unsafe fn error(&self, _: HRESULT, _: *const u16) -> HRESULT {
        HRESULT::S_OK
    }
    unsafe fn done(&self, _: HANDLE, _: HRESULT) -> HRESULT {
        HRESULT::S_OK
    }
}

fn object<const INTERFACES: usize, F: Progress>(progress: F) -> ComWrapper<Object<INTERFACES, F>>
where
    Object<INTERFACES, F>:
        Class<Interfaces: MakeHeader<Object<INTERFACES, F>, ComWrapper<Object<INTERFACES, F>>>>,
{
    ComWrapper::new(Object(AtomicU32::new(0), progress))
}

/// Returns a pointer of theirs to a new callback.
fn pointer(progress: impl Progress) -> ComPtr<Their<IMAPISyncProgressCallback>> {
    object::<1, _>(progress).to_com_ptr().unwrap()
}

/// Turns a pointer of theirs into one of this crate. The reference moves along.
fn ours<I: Interface>(theirs: ComPtr<Their<I>>) -> mapisync::ComPtr<I> {
    // SAFETY: `ComWrapper` counts atomically and the classes are `Sync`, so the objects are
    // free-threaded. No case makes a method panic.
    unsafe { mapisync::ComPtr::from_raw(theirs.into_raw().cast()) }.unwrap()
}

/// Borrows a pointer of this crate as one of theirs.
fn borrow<I: Interface>(ours: &mapisync::ComPtr<I>) -> ComRef<'_, Their<I>> {
    // SAFETY: it is the same interface on both sides, and `ours` keeps the object alive.
    unsafe { ComRef::from_raw(ours.as_raw().cast()) }.unwrap()
}

/// Calls `Progress` as their generator writes it.
///
/// # Safety
///
/// `string` must be NULL or point to a string that ends with NUL.
#[inline]
unsafe fn call(callback: ComRef<'_, Their<IMAPISyncProgressCallback>>, string: *const u16) {
    let this = callback.as_ptr();
    // SAFETY: the object is live, and this function's contract is that of `Progress`.
    let _ = unsafe { ((*(*this).0).Progress)(this.cast(), string, 1, 2) };
}

pub(crate) const PEER: Peer = Peer {
    name: NAME,
    last_position: || ours(pointer(store)),
    may_panic: || ours(pointer(record)),
    two: || ours(object::<2, _>(store).to_com_ptr().unwrap()),
    four: || ours(object::<4, _>(store).to_com_ptr().unwrap()),
    create: |n| repeat(n, || black_box(object::<1, _>(store))),
    create_interface: |n| {
        repeat(n, || black_box(pointer(store)));
    },
    call: |callback, n| {
        let callback = borrow(callback);
        // SAFETY: NULL is allowed.
        repeat(n, || unsafe { call(callback, ptr::null()) });
    },
    clone: |callback, n| {
        let callback = borrow(callback);
        repeat(n, || callback.to_com_ptr());
    },
    cast: |object, n| {
        let object = borrow(object);
        repeat(n, || object.cast::<Their<IMAPISyncProgressCallback>>());
    },
    cast_miss: |object, n| {
        let object = borrow(object);
        repeat(n, || object.cast::<Their<IMissing>>());
    },
    string: |callback, string, n| {
        let callback = borrow(callback);
        // SAFETY: the string is terminated and outlives the call.
        repeat(n, || unsafe { call(callback, to_utf16(string).as_ptr()) });
    },
};
