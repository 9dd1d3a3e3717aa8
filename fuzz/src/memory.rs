//! Memory of the exact size that a caller must provide, so that AddressSanitizer detects an access
//! to the first byte beyond it.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// The value of the bytes before the block, which must not change.
const MARGIN: u8 = 0xA5;

/// A block of bytes with a chosen alignment.
pub struct Block {
    start: NonNull<u8>,
    shift: usize,
    layout: Layout,
}

impl Block {
    /// Copies `bytes` to an address `shift` bytes after an aligned one.
    pub fn new(bytes: &[u8], shift: u8) -> Block {
        let shift = usize::from(shift % 16);
        let layout = Layout::from_size_align(shift + bytes.len().max(1), 16).expect("it is small");
        // SAFETY: `alloc` requires a size other than 0, and the layout has at least one byte.
        let start = NonNull::new(unsafe { alloc(layout) });
        let start = start.unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: both writes lie within the new allocation, which no other code can access.
        unsafe {
            start.write_bytes(MARGIN, shift);
            start
                .add(shift)
                .copy_from(NonNull::from(bytes).cast(), bytes.len());
        }
        Block {
            start,
            shift,
            layout,
        }
    }

    /// Creates a string of the units and a NUL.
    pub fn string(units: &[u16], shift: u8) -> Block {
        let bytes = units.iter().chain([&0]).flat_map(|unit| unit.to_ne_bytes());
        Block::new(&bytes.collect::<Vec<_>>(), shift)
    }

    /// Returns the address of the block, which is readable and writable while `self` is alive.
    pub fn at<T>(&self) -> *mut T {
        self.start.as_ptr().wrapping_add(self.shift).cast()
    }

    /// Returns the present bytes of the block.
    pub fn bytes(&self) -> Vec<u8> {
        let len = self.layout.size() - self.shift;
        // SAFETY: both slices lie within the allocation, which is initialized. No other code writes
        // to it during the call.
        unsafe {
            let margin = std::slice::from_raw_parts(self.start.as_ptr(), self.shift);
            assert!(
                margin.iter().all(|byte| *byte == MARGIN),
                "written before the block"
            );
            std::slice::from_raw_parts(self.at::<u8>(), len).to_vec()
        }
    }

    /// Returns the pointer in the block at `offset`.
    pub fn pointer<T>(&self, offset: usize) -> *mut T {
        assert!(self.shift + offset + size_of::<*mut T>() <= self.layout.size());
        // SAFETY: the assertion shows that the read lies within the allocation. It may be
        // unaligned.
        unsafe {
            self.at::<u8>()
                .add(offset)
                .cast::<*mut T>()
                .read_unaligned()
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `start` was allocated with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}
