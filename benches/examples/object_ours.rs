//! A library with one object of this peer, built for its size.

use mapisync_benches::peers::ours;
use std::ffi::c_void;

/// Makes the object.
// SAFETY: no other function in this library has this name.
#[unsafe(no_mangle)]
pub extern "system" fn make() -> *mut c_void {
    ours::two().into_raw().cast()
}
