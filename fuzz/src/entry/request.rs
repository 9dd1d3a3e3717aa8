//! A MAPISIB in memory of the stated size, with a slot that lies where the program wants it.

use super::program::{Call, Memory, Slot};
use crate::memory::Block;
use mapisync::abi::{HANDLE, IMAPISession, IUnknown, MAPISIB};
use std::ptr;

const SIZE: usize = size_of::<MAPISIB>();

/// What lies in a slot before the call.
const GARBAGE: [u8; size_of::<HANDLE>()] = [0x5A; size_of::<HANDLE>()];

pub struct Request {
    structure: Option<Block>,
    slot: Option<Block>,
    /// Where in the structure the slot lies.
    inside: Option<usize>,
    /// The structure as it was.
    before: Vec<u8>,
}

impl Request {
    pub fn new(call: &Call, session: *mut IMAPISession, callback: *mut IUnknown) -> Request {
        let (shift, filling) = match call.memory {
            Memory::Whole { shift } => (shift, 0),
            Memory::Sized { shift, filling, .. } => (shift, filling),
            Memory::Null => (0, 0),
        };
        let structure = call.memory.size().map(|size| {
            // As the entry point's contract has it: readable for the bytes of `ulSize`, four at least. A later
            // version's structure is longer than ours, though not as long as a hostile `ulSize`.
            let len = size.clamp(size_of::<u32>() as u32, SIZE as u32 + 8) as usize;
            let mut bytes = vec![filling; len];
            bytes[..size_of::<u32>()].copy_from_slice(&size.to_ne_bytes());
            Block::new(&bytes, shift)
        });
        let whole = structure
            .as_ref()
            .filter(|block| block.bytes().len() >= SIZE);
        let mut slot = None;
        let mut inside = None;
        let at = match (&call.slot, whole) {
            (Slot::Null, _) => ptr::null_mut(),
            (Slot::Inside { offset }, Some(block)) => {
                let offset = usize::from(*offset) % (SIZE - GARBAGE.len() + 1);
                inside = Some(offset);
                block.at::<u8>().wrapping_add(offset).cast()
            }
            (Slot::Inside { offset: shift } | Slot::Own { shift }, _) => {
                slot.insert(Block::new(&GARBAGE, *shift)).at()
            }
        };
        if let (Some(block), Some(size)) = (whole, call.memory.size()) {
            let request = MAPISIB {
                ulSize: size,
                ulFlags: call.flags,
                psesSync: session,
                punkCallBack: callback,
                phSyncDoneEvent: at,
            };
            // SAFETY: the block is as long as the structure.
            unsafe { block.at::<MAPISIB>().write_unaligned(request) };
        }
        let before = structure.as_ref().map_or(vec![], Block::bytes);
        Request {
            structure,
            slot,
            inside,
            before,
        }
    }

    pub fn psibpb(&self) -> *mut MAPISIB {
        self.structure.as_ref().map_or(ptr::null_mut(), Block::at)
    }

    /// What is in the slot after the call, when nothing but the slot has been written. `None` where there was no slot to
    /// be written, or none that might have been.
    pub fn slot(&self, refused: bool) -> Option<HANDLE> {
        let after = self.structure.as_ref().map_or(vec![], Block::bytes);
        let mut expected = self.before.clone();
        let mut handle = None;
        if let (Some(offset), Some(block), false) = (self.inside, &self.structure, refused) {
            let end = offset + GARBAGE.len();
            expected[offset..end].copy_from_slice(&after[offset..end]);
            handle = Some(block.pointer(offset));
        }
        assert_eq!(after, expected, "the structure is only read");
        if let Some(slot) = &self.slot {
            let bytes = slot.bytes();
            if refused {
                assert_eq!(bytes, GARBAGE, "the slot is untouched");
            } else {
                handle = Some(slot.pointer(0));
            }
        }
        handle
    }
}
