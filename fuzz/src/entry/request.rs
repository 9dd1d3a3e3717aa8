//! A `MAPISIB` in memory of the stated size, with the program's event handle location.

use super::program::{EventLocation, Memory, SyncCall};
use crate::memory::Block;
use mapisync::abi::{HANDLE, IMAPISession, IUnknown, MAPISIB};
use std::ptr;

const SIZE: usize = size_of::<MAPISIB>();

/// The bytes of an event handle location before the call.
const GARBAGE: [u8; size_of::<HANDLE>()] = [0x5A; size_of::<HANDLE>()];

pub struct Request {
    structure: Option<Block>,
    location: Option<Block>,
    /// The offset of the event handle location in the structure, if it lies there.
    inside: Option<usize>,
    /// The bytes of the structure before the call.
    before: Vec<u8>,
}

impl Request {
    pub fn new(call: &SyncCall, session: *mut IMAPISession, callback: *mut IUnknown) -> Request {
        let (shift, filling) = match call.memory {
            Memory::Whole { shift } => (shift, 0),
            Memory::Sized { shift, filling, .. } => (shift, filling),
            Memory::Null => (0, 0),
        };
        let structure = call.memory.size().map(|size| {
            // The contract of the entry point requires that `ulSize` bytes are readable, and at
            // least four. A later version's structure is longer, but not as long as a hostile
            // `ulSize`.
            let len = size.clamp(size_of::<u32>() as u32, SIZE as u32 + 8) as usize;
            let mut bytes = vec![filling; len];
            bytes[..size_of::<u32>()].copy_from_slice(&size.to_ne_bytes());
            Block::new(&bytes, shift)
        });
        let whole = structure
            .as_ref()
            .filter(|block| block.bytes().len() >= SIZE);
        let mut location = None;
        let mut inside = None;
        let at = match (&call.location, whole) {
            (EventLocation::Null, _) => ptr::null_mut(),
            (EventLocation::Inside { offset }, Some(block)) => {
                let offset = usize::from(*offset) % (SIZE - GARBAGE.len() + 1);
                inside = Some(offset);
                block.at::<u8>().wrapping_add(offset).cast()
            }
            (EventLocation::Inside { offset: shift } | EventLocation::Own { shift }, _) => {
                location.insert(Block::new(&GARBAGE, *shift)).at()
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
            // SAFETY: `whole` is at least as long as the structure. The write may be unaligned.
            unsafe { block.at::<MAPISIB>().write_unaligned(request) };
        }
        let before = structure.as_ref().map_or(vec![], Block::bytes);
        Request {
            structure,
            location,
            inside,
            before,
        }
    }

    pub fn psibpb(&self) -> *mut MAPISIB {
        self.structure.as_ref().map_or(ptr::null_mut(), Block::at)
    }

    /// Returns the event handle after the call, and checks that the call wrote nothing else.
    /// Returns `None` if there is no event handle location, or if the call was refused early and
    /// must not have written to it.
    pub fn event_handle(&self, refused: bool) -> Option<HANDLE> {
        let after = self.structure.as_ref().map_or(vec![], Block::bytes);
        let mut expected = self.before.clone();
        let mut handle = None;
        if let (Some(offset), Some(block), false) = (self.inside, &self.structure, refused) {
            let end = offset + GARBAGE.len();
            expected[offset..end].copy_from_slice(&after[offset..end]);
            handle = Some(block.pointer(offset));
        }
        assert_eq!(after, expected, "the structure is only read");
        if let Some(location) = &self.location {
            let bytes = location.bytes();
            if refused {
                assert_eq!(bytes, GARBAGE, "the event handle is unchanged");
            } else {
                handle = Some(location.pointer(0));
            }
        }
        handle
    }
}
