//! COM's allocator. A provider only passes it on.

use super::P;
use mapisync::abi::IUnknown;
use mapisync::com_interface;
use std::ptr;

com_interface! {
    /// COM's allocator.
    // SAFETY: the order is that of `IMalloc` in objidl.h, which a test compares. COM's allocator is
    // free-threaded. HeapMinimize has no arguments.
    pub unsafe interface IMalloc: IUnknown("00000002-0000-0000-C000-000000000046") {
        vtable IMallocVtbl;
        trait Malloc;
        calls IMallocCalls;
        free_threaded;
        unsafe fn Alloc(cb: usize) -> P = ptr::null_mut();
        unsafe fn Realloc(pv: P, cb: usize) -> P = ptr::null_mut();
        unsafe fn Free(pv: P);
        unsafe fn GetSize(pv: P) -> usize = 0;
        unsafe fn DidAlloc(pv: P) -> i32 = -1;
        fn HeapMinimize();
    }
}
