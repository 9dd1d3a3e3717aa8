//! `MapiBuffer`: a buffer of MAPI's allocator, which is freed when it is dropped.

use super::FreeBuffer;
use std::ptr::NonNull;

/// A buffer of MAPI's allocator. Dropping it frees it, and the buffers that belong to it.
pub struct MapiBuffer<T> {
    // Invariant: a buffer that `free` may free once, with a valid `T` in it.
    buffer: NonNull<T>,
    free: FreeBuffer,
}

impl<T> MapiBuffer<T> {
    /// Takes over a buffer. Returns `None` for NULL.
    ///
    /// # Safety
    ///
    /// `buffer` must be NULL, or contain a valid `T` and be a buffer that `free` may free. The caller
    /// must own it, and gives it up.
    pub(super) unsafe fn new(buffer: *mut T, free: FreeBuffer) -> Option<MapiBuffer<T>> {
        NonNull::new(buffer).map(|buffer| MapiBuffer { buffer, free })
    }

    /// Returns the pointer, for a call that borrows the buffer.
    pub fn as_ptr(&self) -> *mut T {
        self.buffer.as_ptr()
    }

    /// Gives up the buffer, to a structure or a caller that frees it.
    pub fn into_raw(self) -> *mut T {
        std::mem::ManuallyDrop::new(self).buffer.as_ptr()
    }
}

impl<T> Drop for MapiBuffer<T> {
    fn drop(&mut self) {
        // SAFETY: the buffer may be freed once, by the invariant.
        unsafe { (self.free)(self.buffer.as_ptr().cast()) };
    }
}
