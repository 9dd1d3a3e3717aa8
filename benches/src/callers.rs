//! C++ as the caller: of its own objects, and of everybody else's.

use crate::{Callback, Unknown};
use mapisync::abi::{IMAPISyncProgressCallback, IUnknown};
use mapisync::{ComPtr, FreeThreaded, GUID, Interface};
use std::hint::black_box;

// SAFETY: as `callers.cpp` and `host.cpp` have them; those two that take numbers alone are safe to call with any.
unsafe extern "C" {
    safe fn cpp_loop(n: u64);
    fn cpp_call(callback: *mut IMAPISyncProgressCallback, n: u64);
    fn cpp_wide(callback: *mut IMAPISyncProgressCallback, text: *const u16, n: u64);
    fn cpp_text(callback: *mut IMAPISyncProgressCallback, text: *const u8, length: usize, n: u64);
    fn cpp_report(callback: *mut IMAPISyncProgressCallback, text: *const u16, n: u64);
    fn cpp_report_text(
        callback: *mut IMAPISyncProgressCallback,
        text: *const u8,
        length: usize,
        n: u64,
    );
    fn cpp_count(object: *mut IUnknown, n: u64);
    safe fn cpp_run(reports: u32, n: u64) -> bool;
    fn cpp_query(object: *mut IUnknown, iid: *const GUID, n: u64);
    fn cpp_query_release(object: *mut IUnknown, iid: *const GUID, n: u64);
}

/// An empty loop, in C++.
pub fn nothing(n: u64) {
    cpp_loop(n);
}

/// An empty loop, in Rust.
pub fn nothing_in_rust(n: u64) {
    for _ in 0..n {
        black_box(());
    }
}

/// `Progress` without a text.
pub fn call(callback: &Callback, n: u64) {
    // SAFETY: a live object, which bears these arguments.
    unsafe { cpp_call(callback.as_raw(), n) }
}

/// `Progress` with a text that is in UTF-16 already.
pub fn wide(callback: &Callback, text: &[u16], n: u64) {
    assert_eq!(text.last(), Some(&0));
    // SAFETY: a live object and a terminated text.
    unsafe { cpp_wide(callback.as_raw(), text.as_ptr(), n) }
}

/// `Progress` with a text that is in UTF-8.
pub fn text(callback: &Callback, text: &str, n: u64) {
    // SAFETY: a live object, and a text of this length.
    unsafe { cpp_text(callback.as_raw(), text.as_ptr(), text.len(), n) }
}

/// What a store's worker does: reports the position, from 0 to `n`.
pub fn report(callback: &Callback, n: u64) {
    // SAFETY: a live object, which takes NULL.
    unsafe { cpp_report(callback.as_raw(), std::ptr::null(), n) }
}

/// The same with a text that is in UTF-8.
pub fn report_text(callback: &Callback, text: &str, n: u64) {
    // SAFETY: a live object, and a text of this length.
    unsafe { cpp_report_text(callback.as_raw(), text.as_ptr(), text.len(), n) }
}

/// AddRef and Release.
pub fn count<I: Interface>(object: &ComPtr<I>, n: u64) {
    // SAFETY: a live object; every interface begins with IUnknown's slots.
    unsafe { cpp_count(object.as_raw().cast(), n) }
}

/// The same on two threads at once, half of it on each.
pub fn count_on_two_threads<I: FreeThreaded>(object: &ComPtr<I>, n: u64) {
    std::thread::scope(|scope| {
        scope.spawn(|| count(object, n / 2));
        count(object, n - n / 2);
    });
}

/// Whole runs of so many reports, both sides in C++.
pub fn run(reports: u32, n: u64) {
    assert!(cpp_run(reports, n));
}

/// QueryInterface. What it gives is kept, so the object is leaked, with a count of `n` more: that is the price of seeing
/// it alone.
pub fn query(object: Unknown, iid: &GUID, n: u64) {
    assert!(n < 1 << 30, "the count would overflow");
    // SAFETY: a live object and a valid identifier.
    unsafe { cpp_query(object.into_raw(), iid, n) }
}

/// QueryInterface, and Release where it succeeds.
pub fn query_release(object: &Unknown, iid: &GUID, n: u64) {
    // SAFETY: as above.
    unsafe { cpp_query_release(object.as_raw(), iid, n) }
}
