//! The object model and the values of the ABI: one module for each idea.

mod aggregate;
mod auto_traits;
mod bad_input;
mod com_interface;
mod counts;
mod create_instance;
mod debug;
mod layout;
mod misbehavior;
mod outer;
mod panics;
mod part;
mod query_interface;
mod rules;
mod values;
mod wrapped;

use mapisync::abi::{HANDLE, IMAPISync, IUnknown, MAPISIB};
use mapisync::{ComPtr, HRESULT, Interface};
use std::ptr;
use test_support::{garbage, request};

/// Calls a store without a session. Returns the code and the handle that the store has written to
/// the event handle location.
fn synchronize<I: Interface>(
    sync: &ComPtr<IMAPISync>,
    callback: Option<&ComPtr<I>>,
) -> (HRESULT, HANDLE) {
    let callback = callback.map_or(ptr::null_mut(), |callback| callback.as_raw().cast());
    let mut event_handle = garbage();
    let code = call(sync, &mut request(callback, &mut event_handle));
    (code, event_handle)
}

/// Calls a store with a request that any test may have made.
fn call(sync: &ComPtr<IMAPISync>, psibpb: *mut MAPISIB) -> HRESULT {
    // SAFETY: every test passes NULL or memory that is readable for `ulSize` bytes, at least for
    // 4 and at most for those of `MAPISIB`. Its pointers are NULL or valid.
    unsafe { sync.synchronize_in_background(psibpb) }
}

/// Calls a store without a callback.
fn synchronize_alone(sync: &ComPtr<IMAPISync>) -> (HRESULT, HANDLE) {
    synchronize::<IUnknown>(sync, None)
}
