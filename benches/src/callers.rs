//! C++ as the caller of its own objects and of every other peer's.

use crate::{Callback, Unknown};
use mapisync::abi::{IMAPISyncProgressCallback, IUnknown};
use mapisync::{ComPtr, FreeThreaded, GUID, Interface};
use std::hint::black_box;

// SAFETY: `callers.cpp` and `host.cpp` define these functions with these signatures. The two that
// take only numbers accept any numbers.
unsafe extern "C" {
    safe fn cpp_loop(n: u64);
    fn cpp_call(callback: *mut IMAPISyncProgressCallback, string: *const u16, n: u64);
    fn cpp_call_with_utf8(
        callback: *mut IMAPISyncProgressCallback,
        string: *const u8,
        length: usize,
        n: u64,
    );
    fn cpp_report(callback: *mut IMAPISyncProgressCallback, n: u64);
    fn cpp_report_with_utf8(
        callback: *mut IMAPISyncProgressCallback,
        string: *const u8,
        length: usize,
        n: u64,
    );
    fn cpp_count(object: *mut IUnknown, n: u64);
    safe fn cpp_run(reports: u32, n: u64) -> bool;
    fn cpp_query(object: *mut IUnknown, iid: *const GUID, n: u64);
    fn cpp_query_release(object: *mut IUnknown, iid: *const GUID, n: u64);
}

/// Runs an empty loop in C++.
pub fn empty_loop_in_cpp(n: u64) {
    cpp_loop(n);
}

/// Runs an empty loop in Rust.
pub fn empty_loop_in_rust(n: u64) {
    for _ in 0..n {
        black_box(());
    }
}

/// Calls `Progress` without a string.
pub fn call(callback: &Callback, n: u64) {
    // SAFETY: `callback` points to a live object, and `Progress` accepts NULL.
    unsafe { cpp_call(callback.as_raw(), std::ptr::null(), n) }
}

/// Calls `Progress` with a string in UTF-16, which must end with NUL.
pub fn call_with_utf16(callback: &Callback, string: &[u16], n: u64) {
    assert_eq!(string.last(), Some(&0));
    // SAFETY: `callback` points to a live object, and the string is terminated.
    unsafe { cpp_call(callback.as_raw(), string.as_ptr(), n) }
}

/// Calls `Progress` with a string in UTF-8.
pub fn call_with_utf8(callback: &Callback, string: &str, n: u64) {
    // SAFETY: `callback` points to a live object, and the string is valid UTF-8 of this length.
    unsafe { cpp_call_with_utf8(callback.as_raw(), string.as_ptr(), string.len(), n) }
}

/// Reports as a store's worker does, with indices from 0 to `n`.
pub fn report(callback: &Callback, n: u64) {
    // SAFETY: `callback` points to a live object.
    unsafe { cpp_report(callback.as_raw(), n) }
}

/// Reports in the same way, each time with a string in UTF-8.
pub fn report_with_utf8(callback: &Callback, string: &str, n: u64) {
    // SAFETY: `callback` points to a live object, and the string is valid UTF-8 of this length.
    unsafe { cpp_report_with_utf8(callback.as_raw(), string.as_ptr(), string.len(), n) }
}

/// Calls AddRef and Release.
pub fn count<I: Interface>(object: &ComPtr<I>, n: u64) {
    // SAFETY: `object` is live, and every interface begins with IUnknown's vtable slots.
    unsafe { cpp_count(object.as_raw().cast(), n) }
}

/// Calls AddRef and Release on two threads at once, half of the times on each.
pub fn count_on_two_threads<I: FreeThreaded>(object: &ComPtr<I>, n: u64) {
    std::thread::scope(|scope| {
        scope.spawn(|| count(object, n / 2));
        count(object, n - n / 2);
    });
}

/// Does whole runs with this many reports, both sides in C++.
pub fn run(reports: u32, n: u64) {
    assert!(cpp_run(reports, n));
}

/// Calls QueryInterface alone: the references are kept, and the object is leaked.
pub fn query(object: Unknown, iid: &GUID, n: u64) {
    assert!(n < 1 << 30, "the reference count would overflow");
    // SAFETY: the object is live, and `iid` is valid.
    unsafe { cpp_query(object.into_raw(), iid, n) }
}

/// Calls QueryInterface, and Release where it succeeds.
pub fn query_release(object: &Unknown, iid: &GUID, n: u64) {
    // SAFETY: the object is live, and `iid` is valid.
    unsafe { cpp_query_release(object.as_raw(), iid, n) }
}
