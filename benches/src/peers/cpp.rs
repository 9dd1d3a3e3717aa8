//! C++ by `g++ -O2`: its objects, and its calls of every peer's objects. The limits compare this crate
//! with it.

use crate::{Callback, IMissing, Peer, Subject, Unknown};
use mapisync::abi::{IID_IMAPISyncProgressCallback, IMAPISyncProgressCallback, IUnknown};
use mapisync::{ComPtr, ComRef, GUID, Interface};

/// The peer's name.
pub const NAME: &str = "C++";

type CallbackRef<'a> = ComRef<'a, IMAPISyncProgressCallback>;

// SAFETY: `objects.cpp` and `callers.cpp` define these functions with these signatures. A `ComRef`
// is a pointer to a live object. The `safe` functions accept all values of their parameters' types.
unsafe extern "C" {
    safe fn cpp_last_position() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_may_throw() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_throwing() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_two() -> *mut IUnknown;
    safe fn cpp_four() -> *mut IUnknown;
    safe fn cpp_create(n: u64);
    safe fn cpp_create_interface(n: u64);

    /// Runs an empty loop.
    pub safe fn cpp_loop(n: u64);
    safe fn cpp_call(callback: CallbackRef<'_>, n: u64);
    fn cpp_call_with_utf8(callback: CallbackRef<'_>, string: *const u8, length: usize, n: u64);
    safe fn cpp_report(callback: CallbackRef<'_>, n: u64);
    fn cpp_report_with_utf8(callback: CallbackRef<'_>, string: *const u8, length: usize, n: u64);
    safe fn cpp_count(object: CallbackRef<'_>, n: u64);
    fn cpp_query(object: *mut IUnknown, iid: &GUID, n: u64);
    safe fn cpp_query_release(object: ComRef<'_, IUnknown>, iid: &GUID, n: u64);
}

/// Takes over the reference that a function above returns.
fn owned<I: Interface>(object: *mut I) -> ComPtr<I> {
    // SAFETY: `objects.cpp` returns a new object with a reference count of 1. The count is atomic,
    // and no exception leaves a method: `MayThrow` throws only at an index that no case passes.
    unsafe { ComPtr::from_raw(object) }.unwrap()
}

/// Makes a callback that stores the index.
pub fn last_position() -> Callback {
    owned(cpp_last_position())
}

/// Makes an object with two interfaces.
pub fn two() -> Unknown {
    owned(cpp_two())
}

/// Calls `Progress` without a string.
pub fn call(callback: &Callback, n: u64) {
    cpp_call(callback.into(), n);
}

/// Reports as a store's worker does, with indices from 0 to `n`.
pub fn report(callback: &Callback, n: u64) {
    cpp_report(callback.into(), n);
}

/// Reports in the same way, each time with a string in UTF-8.
pub fn report_with_utf8(callback: &Callback, string: &str, n: u64) {
    // SAFETY: the string is valid UTF-8 of this length.
    unsafe { cpp_report_with_utf8(callback.into(), string.as_ptr(), string.len(), n) }
}

/// Calls AddRef and Release.
pub fn count(callback: &Callback, n: u64) {
    cpp_count(callback.into(), n);
}

/// Calls QueryInterface alone: the references are kept, and the object is leaked.
pub fn query(object: Unknown, iid: &GUID, n: u64) {
    assert!(n < 1 << 30, "the reference count would overflow");
    // SAFETY: the object is live.
    unsafe { cpp_query(object.into_raw(), iid, n) }
}

pub(crate) const PEER: Peer = Peer {
    name: NAME,
    last_position,
    may_panic: || owned(cpp_may_throw()),
    two,
    four: || owned(cpp_four()),
    create: |n| cpp_create(n),
    create_interface: |n| cpp_create_interface(n),
    call,
    clone: count,
    cast: |object, n| cpp_query_release(object.into(), &IID_IMAPISyncProgressCallback, n),
    cast_miss: |object, n| cpp_query_release(object.into(), &IMissing::IID, n),
    string: |callback, string, n| {
        // SAFETY: the string is valid UTF-8 of this length.
        unsafe { cpp_call_with_utf8(callback.into(), string.as_ptr(), string.len(), n) }
    },
};

/// Returns the further cases that only this crate and C++ have.
pub(crate) fn subjects() -> [Subject; 2] {
    [
        // C++ has one kind of pointer, which stands for both of ours.
        Subject::new("call_ref", NAME, |n| call(&last_position(), n)),
        Subject::new("panic", NAME, |n| call(&owned(cpp_throwing()), n)),
    ]
}
