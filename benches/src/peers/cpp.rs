//! C++ by g++ -O2, on either side. It is what all others are measured against.

use crate::{Callback, Objects, Pointers, Subject, Unknown, callers, texts};
use mapisync::ComPtr;
use mapisync::abi::{IID_IMAPISyncProgressCallback, IMAPISyncProgressCallback, IUnknown};

/// Its name.
pub const NAME: &str = "C++";

// SAFETY: as `objects.cpp` has them.
unsafe extern "C" {
    safe fn cpp_listener() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_doubter() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_reader() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_thrower() -> *mut IMAPISyncProgressCallback;
    safe fn cpp_two() -> *mut IUnknown;
    safe fn cpp_four() -> *mut IUnknown;
    safe fn cpp_create(n: u64);
    safe fn cpp_create_interface(n: u64);
}

/// An object that notes the last position.
pub fn listener() -> Callback {
    // SAFETY: a new object with a count of 1, which counts atomically and does not throw; so below.
    unsafe { ComPtr::from_raw(cpp_listener()) }.unwrap()
}

fn doubter() -> Callback {
    // SAFETY: as above; it throws where nobody calls it so.
    unsafe { ComPtr::from_raw(cpp_doubter()) }.unwrap()
}

fn reader() -> Callback {
    // SAFETY: as above.
    unsafe { ComPtr::from_raw(cpp_reader()) }.unwrap()
}

fn thrower() -> Callback {
    // SAFETY: as above; what it throws does not leave it.
    unsafe { ComPtr::from_raw(cpp_thrower()) }.unwrap()
}

/// An object with two interfaces.
pub fn two() -> Unknown {
    // SAFETY: as above.
    unsafe { ComPtr::from_raw(cpp_two()) }.unwrap()
}

fn four() -> Unknown {
    // SAFETY: as above.
    unsafe { ComPtr::from_raw(cpp_four()) }.unwrap()
}

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        listener,
        doubter,
        reader: Some(reader),
        two,
        four: Some(four),
        create: Some(|n| cpp_create(n)),
        create_interface: |n| cpp_create_interface(n),
    };
    let pointers = Pointers {
        call: callers::call,
        clone: callers::count,
        cast: |object, n| callers::query_release(object, &IID_IMAPISyncProgressCallback, n),
        cast_miss: |object, n| callers::query_release(object, &crate::IID_NOBODYS, n),
        text: callers::text,
        wide: |callback, n| callers::wide(callback, texts::WIDE, n),
    };
    let mut subjects = objects.subjects(NAME);
    subjects.extend(pointers.subjects(NAME));
    // There is one kind of pointer in C++.
    subjects.push(Subject::new("call_ref", NAME, |n| {
        callers::call(&listener(), n)
    }));
    subjects.push(Subject::new("panic", NAME, |n| {
        callers::call(&thrower(), n)
    }));
    subjects
}
