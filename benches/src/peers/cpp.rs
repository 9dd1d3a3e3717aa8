//! C++ by `g++ -O2`, on either side. The limits compare this crate with it.

use crate::{Callback, Objects, Pointers, Subject, Unknown, callers};
use mapisync::abi::{IID_IMAPISyncProgressCallback, IMAPISyncProgressCallback, IUnknown};
use mapisync::{ComPtr, Interface};

/// The peer's name.
pub const NAME: &str = "C++";

// SAFETY: `objects.cpp` defines these functions with these signatures.
unsafe extern "C" {
    safe fn cpp_last_position() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_may_throw() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_decoder() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_throwing() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_two() -> *mut IUnknown;
    safe fn cpp_four() -> *mut IUnknown;
    safe fn cpp_create(n: u64);
    safe fn cpp_create_interface(n: u64);
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

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        last_position,
        may_panic: || owned(cpp_may_throw()),
        decoder: Some(|| owned(cpp_decoder())),
        two,
        four: Some(|| owned(cpp_four())),
        create: Some(|n| cpp_create(n)),
        create_interface: |n| cpp_create_interface(n),
    };
    let pointers = Pointers {
        call: callers::call,
        clone: callers::count,
        cast: |object, n| callers::query_release(object, &IID_IMAPISyncProgressCallback, n),
        cast_miss: |object, n| callers::query_release(object, &crate::IID_MISSING, n),
        string: callers::call_with_utf8,
    };
    let mut subjects = objects.subjects(NAME);
    subjects.extend(pointers.subjects(NAME));
    subjects.extend([
        // C++ has one kind of pointer, which stands for both of ours.
        Subject::new("call_ref", NAME, |n| callers::call(&last_position(), n)),
        Subject::new("panic", NAME, |n| callers::call(&owned(cpp_throwing()), n)),
    ]);
    subjects
}
