//! A library with one object by this peer, to be weighed.

use mapisync_benches::peers::ours;
use std::ffi::c_void;

/// Makes the object.
// SAFETY: no other function of that name is in this library.
#[unsafe(no_mangle)]
pub extern "system" fn make() -> *mut c_void {
    ours::two().into_raw().cast()
}
