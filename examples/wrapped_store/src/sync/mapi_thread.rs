//! `MapiThread`: MAPI, initialized for a thread.

use crate::library::{Library, library_of};
use crate::mapi::MapiMemory;
use mapisync::{HRESULT, Result};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::transmute;
use std::ptr;

type Initialize = unsafe extern "system" fn(options: *mut c_void) -> HRESULT;
type Uninitialize = unsafe extern "system" fn();

/// MAPI, initialized for this thread until it is dropped.
///
/// A provider must not link with MAPI, because a machine can have several. It takes the functions
/// from the library that has loaded it. That is the one whose allocator it has received.
pub struct MapiThread {
    uninitialize: Option<Uninitialize>,
    /// The type is not `Send`: the thread that has initialized MAPI must uninitialize it.
    thread: PhantomData<*const ()>,
}

impl MapiThread {
    /// Calls `MAPIInitialize`. It does nothing if that library has no such function, as in a test.
    ///
    /// # Errors
    ///
    /// The code of `MAPIInitialize`.
    pub fn initialize(memory: &MapiMemory) -> Result<MapiThread> {
        let (allocate, ..) = memory.functions();
        let functions = library_of(allocate as *const c_void).and_then(|mapi| functions(&mapi));
        let Some((initialize, uninitialize)) = functions else {
            return Ok(MapiThread { uninitialize: None, thread: PhantomData });
        };
        // SAFETY: the function accepts NULL for the default options, on any thread.
        unsafe { initialize(ptr::null_mut()) }.ok()?;
        Ok(MapiThread { uninitialize: Some(uninitialize), thread: PhantomData })
    }
}

/// Returns `MAPIInitialize` and `MAPIUninitialize` of a library that has both.
fn functions(mapi: &Library) -> Option<(Initialize, Uninitialize)> {
    let initialize = mapi.symbol(c"MAPIInitialize")?.as_ptr();
    let uninitialize = mapi.symbol(c"MAPIUninitialize")?.as_ptr();
    // SAFETY: exports of these names have these types, as MAPI documents them. MAPI stays loaded
    // while a provider uses it.
    unsafe {
        Some((
            transmute::<*const c_void, Initialize>(initialize),
            transmute::<*const c_void, Uninitialize>(uninitialize),
        ))
    }
}

impl Drop for MapiThread {
    fn drop(&mut self) {
        if let Some(uninitialize) = self.uninitialize {
            // SAFETY: `initialize` has succeeded on this thread, because the type is not `Send`. This
            // is the only call for it.
            unsafe { uninitialize() };
        }
    }
}
