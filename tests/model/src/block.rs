//! Memory of the exact size that a caller must provide, so that AddressSanitizer detects an access
//! to the first byte beyond it.

use arbitrary::Arbitrary;
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

/// The value of the bytes before the block, which must not change.
const MARGIN: u8 = 0xA5;

/// A block of bytes at any address.
pub struct Block {
    bytes: Box<[Cell<u8>]>,
    shift: usize,
}

impl Block {
    /// Copies `bytes` to an address `shift` bytes after the start of an allocation.
    pub fn new(bytes: &[u8], shift: u8) -> Block {
        let shift = usize::from(shift % 16);
        let all = [&vec![MARGIN; shift], bytes].concat();
        Block { bytes: all.into_iter().map(Cell::new).collect(), shift }
    }

    /// Returns the address of the block, which is readable and writable while `self` is alive.
    pub fn at<T>(&self) -> *mut T {
        self.bytes[self.shift..].as_ptr().cast_mut().cast()
    }

    /// Returns the present bytes of the block.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<_> = self.bytes.iter().map(Cell::get).collect();
        let block = bytes.split_off(self.shift);
        assert!(bytes.iter().all(|byte| *byte == MARGIN), "before the block");
        block
    }
}

/// The place of a pointer that a call writes.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Place {
    /// Memory of its own, at this offset from an aligned address.
    Own(u8),
    Null,
    /// Within the structure or the IID that the call reads, at this offset.
    Inside(u8),
}

/// The memory of a pointer that a call writes, which may lie within the memory that it reads.
pub struct Out {
    block: Option<Block>,
    /// The offset in the other memory, if the pointer lies there.
    pub inside: Option<usize>,
}

impl Out {
    pub const SIZE: usize = size_of::<*mut c_void>();
    const GARBAGE: [u8; Out::SIZE] = [0x5A; Out::SIZE];

    /// Places the pointer. `size` is that of the other memory, if the pointer can lie there.
    pub fn new(place: Place, size: Option<usize>) -> Out {
        let (mut block, mut inside) = (None, None);
        match (place, size) {
            (Place::Null, _) => {}
            (Place::Inside(offset), Some(size)) => {
                inside = Some(usize::from(offset) % (size - Out::SIZE + 1));
            }
            (Place::Own(shift) | Place::Inside(shift), _) => {
                block = Some(Block::new(&Out::GARBAGE, shift));
            }
        }
        Out { block, inside }
    }

    /// Returns the pointer's address. `other` is the memory that the call reads.
    pub fn at(&self, other: Option<&Block>) -> *mut *mut c_void {
        match (&self.block, self.inside, other) {
            (Some(block), ..) => block.at(),
            (None, Some(offset), Some(other)) => other.at::<u8>().wrapping_add(offset).cast(),
            _ => ptr::null_mut(),
        }
    }

    /// Returns the pointer, if there is one.
    pub fn value(&self, other: Option<&Block>) -> Option<*mut c_void> {
        let at = self.at(other);
        // SAFETY: the pointer lies in one of the two blocks, which are alive. It may be unaligned.
        (!at.is_null()).then(|| unsafe { at.read_unaligned() })
    }

    pub fn is_unchanged(&self) -> bool {
        let block = self.block.as_ref();
        block.is_none_or(|block| block.bytes() == Out::GARBAGE)
    }
}
