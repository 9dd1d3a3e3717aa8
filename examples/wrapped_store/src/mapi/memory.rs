//! MAPI's allocator, which it passes to a provider.
//!
//! A provider must not link with MAPI. With the functions that it receives, it allocates the
//! buffers that it returns, and frees those that it gets.

use super::MapiBuffer;
use mapisync::{HRESULT, Result};
use std::ffi::c_void;
use std::fmt;
use std::ptr;

/// `MAPIAllocateBuffer`: makes a buffer. Returns an `SCODE`, which has the values of an `HRESULT`.
pub type AllocateBuffer = unsafe extern "system" fn(size: u32, buffer: *mut *mut c_void) -> HRESULT;

/// `MAPIAllocateMore`: makes a buffer that is freed together with the buffer `object`.
pub type AllocateMore =
    unsafe extern "system" fn(size: u32, object: *mut c_void, buffer: *mut *mut c_void) -> HRESULT;

/// `MAPIFreeBuffer`: frees a buffer, and those that belong to it. NULL is allowed.
pub type FreeBuffer = unsafe extern "system" fn(buffer: *mut c_void) -> u32;

/// MAPI's allocator.
#[derive(Clone, Copy)]
pub struct MapiMemory {
    // Invariant: the functions are those of one allocator, as `new` requires.
    allocate: AllocateBuffer,
    more: AllocateMore,
    free: FreeBuffer,
}

impl MapiMemory {
    /// Takes the functions. Returns `None` if one of them is NULL.
    ///
    /// # Safety
    ///
    /// The functions must be `MAPIAllocateBuffer`, `MAPIAllocateMore` and `MAPIFreeBuffer` of one
    /// allocator, or functions with their contracts. They must stay loaded, and must accept calls on
    /// any thread.
    pub unsafe fn new(
        allocate: Option<AllocateBuffer>,
        more: Option<AllocateMore>,
        free: Option<FreeBuffer>,
    ) -> Option<MapiMemory> {
        Some(MapiMemory { allocate: allocate?, more: more?, free: free? })
    }

    /// Returns the functions, to pass them on.
    pub fn functions(&self) -> (AllocateBuffer, AllocateMore, FreeBuffer) {
        (self.allocate, self.more, self.free)
    }

    /// Takes over a buffer of this allocator that a call has returned. Returns `None` for NULL.
    ///
    /// # Safety
    ///
    /// `buffer` must be NULL, or a buffer of this allocator that contains a valid `T`. The caller
    /// must own it, and gives it up.
    pub unsafe fn take<T>(&self, buffer: *mut T) -> Option<MapiBuffer<T>> {
        // SAFETY: the contract is this function's.
        unsafe { MapiBuffer::new(buffer, self.free) }
    }

    /// Copies values into a new buffer. Returns the pointer to the first.
    ///
    /// # Errors
    ///
    /// The code of `MAPIAllocateBuffer`, `MAPI_E_TOO_BIG` if the size exceeds 32 bits.
    pub fn allocate<T: Copy>(&self, values: &[T]) -> Result<MapiBuffer<T>> {
        let buffer = self.filled(values, |size, buffer| {
            // SAFETY: the function has its contract, by the invariant.
            unsafe { (self.allocate)(size, buffer) }
        })?;
        // SAFETY: it is a new buffer of this allocator, with a valid `T` if there is one.
        unsafe { self.take(buffer) }.ok_or(HRESULT::MAPI_E_NOT_ENOUGH_MEMORY.into())
    }

    /// Copies values into a new buffer that is freed together with `owner`.
    ///
    /// # Errors
    ///
    /// The code of `MAPIAllocateMore`, `MAPI_E_TOO_BIG` if the size exceeds 32 bits.
    pub fn allocate_more<T: Copy, O>(&self, owner: &MapiBuffer<O>, values: &[T]) -> Result<*mut T> {
        self.filled(values, |size, buffer| {
            // SAFETY: the function has its contract, by the invariant, and `owner` is a live buffer.
            unsafe { (self.more)(size, owner.as_ptr().cast(), buffer) }
        })
    }

    fn filled<T: Copy>(
        &self,
        values: &[T],
        allocate: impl FnOnce(u32, *mut *mut c_void) -> HRESULT,
    ) -> Result<*mut T> {
        // An empty buffer is a buffer, too, but not every allocator makes one of 0 bytes.
        let size =
            u32::try_from(size_of_val(values).max(1)).map_err(|_| HRESULT::MAPI_E_TOO_BIG)?;
        let mut buffer = ptr::null_mut();
        allocate(size, &mut buffer).ok()?;
        let buffer = buffer.cast::<T>();
        if buffer.is_null() || !buffer.is_aligned() {
            return Err(HRESULT::MAPI_E_NOT_ENOUGH_MEMORY.into());
        }
        // SAFETY: the buffer has room for the values, is aligned, and is new.
        unsafe { ptr::copy_nonoverlapping(values.as_ptr(), buffer, values.len()) };
        Ok(buffer)
    }
}

impl fmt::Debug for MapiMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapiMemory").finish_non_exhaustive()
    }
}
