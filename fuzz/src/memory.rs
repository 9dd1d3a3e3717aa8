//! Memory of exactly the size that a caller has to provide, so that AddressSanitizer sees the first byte too many.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// What lies before the block, and has to lie there afterwards.
const MARGIN: u8 = 0xA5;

/// A block of bytes at an address of the caller's choosing, as far as alignment goes.
pub struct Block {
    start: NonNull<u8>,
    shift: usize,
    layout: Layout,
}

impl Block {
    /// `bytes`, at an address that lies `shift` bytes behind an aligned one.
    pub fn new(bytes: &[u8], shift: u8) -> Block {
        let shift = usize::from(shift % 16);
        let layout = Layout::from_size_align(shift + bytes.len().max(1), 16).expect("it is small");
        // SAFETY: the layout has a size.
        let start = NonNull::new(unsafe { alloc(layout) });
        let start = start.unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: within the allocation, of which nobody else knows yet.
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

    /// UTF-16 units and their NUL.
    pub fn text(units: &[u16], shift: u8) -> Block {
        let bytes = units.iter().chain([&0]).flat_map(|unit| unit.to_ne_bytes());
        Block::new(&bytes.collect::<Vec<_>>(), shift)
    }

    /// Where the block begins; good for reading and writing as long as `self` lives.
    pub fn at<T>(&self) -> *mut T {
        self.start.as_ptr().wrapping_add(self.shift).cast()
    }

    /// What the block holds by now.
    pub fn bytes(&self) -> Vec<u8> {
        let len = self.layout.size() - self.shift;
        // SAFETY: within the allocation, which has been filled, and nobody writes to it meanwhile.
        unsafe {
            let margin = std::slice::from_raw_parts(self.start.as_ptr(), self.shift);
            assert!(
                margin.iter().all(|byte| *byte == MARGIN),
                "written before the block"
            );
            std::slice::from_raw_parts(self.at::<u8>(), len).to_vec()
        }
    }

    /// The pointer that the block holds at `offset`.
    pub fn pointer<T>(&self, offset: usize) -> *mut T {
        assert!(self.shift + offset + size_of::<*mut T>() <= self.layout.size());
        // SAFETY: within the allocation, at any address.
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
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}
