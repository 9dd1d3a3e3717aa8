//! A `MAPISIB` in memory of the stated size, with the program's event handle location.

use super::program::{Memory, SyncCall};
use crate::block::{Block, Out};
use mapisync::HRESULT;
use mapisync::abi::{HANDLE, IMAPISession, IUnknown, MAPISIB};
use std::ptr;

const SIZE: usize = size_of::<MAPISIB>();

pub struct Request {
    structure: Option<Block>,
    location: Out,
    /// The bytes of the structure before the call.
    before: Vec<u8>,
    /// The code with which the thunk fails without a call of the store, if it fails.
    pub refusal: Option<HRESULT>,
}

impl Request {
    pub fn new(call: &SyncCall, session: *mut IMAPISession, callback: *mut IUnknown) -> Request {
        let (size, filling) = match call.memory {
            Memory::Whole => (Some(SIZE as u32), 0),
            Memory::Null => (None, 0),
            Memory::Near(size, filling) => (Some(u32::from(size % 48)), filling),
            Memory::Any(size, filling) => (Some(size), filling),
        };
        let structure = size.map(|size| {
            // The contract of the entry point requires that `ulSize` bytes are readable, and at
            // least four. A later version's structure is longer, but not as long as a hostile
            // `ulSize`.
            let len = size.clamp(size_of::<u32>() as u32, SIZE as u32 + 8) as usize;
            let mut bytes = vec![filling; len];
            bytes[..size_of::<u32>()].copy_from_slice(&size.to_ne_bytes());
            Block::new(&bytes, call.shift)
        });
        let whole = structure.as_ref().zip(size).filter(|(_, size)| *size as usize >= SIZE);
        let location = Out::new(call.location, whole.map(|_| SIZE));
        let at = location.at(structure.as_ref());
        if let Some((block, size)) = whole {
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
        let refusal = match (size, whole) {
            (None, _) => Some(HRESULT::E_POINTER),
            (Some(_), Some(_)) if !at.is_null() => None,
            (Some(_), _) => Some(HRESULT::E_INVALIDARG),
        };
        Request {
            before: structure.as_ref().map_or(vec![], Block::bytes),
            structure,
            location,
            refusal,
        }
    }

    pub fn psibpb(&self) -> *mut MAPISIB {
        self.structure.as_ref().map_or(ptr::null_mut(), Block::at)
    }

    /// Returns the event handle after the call, and checks that the call wrote nothing else. It is
    /// NULL if the call was refused early and must not have written it.
    pub fn event_handle(&self) -> HANDLE {
        let after = self.structure.as_ref().map_or(vec![], Block::bytes);
        let mut expected = self.before.clone();
        let mut handle = ptr::null_mut();
        if self.refusal.is_some() {
            assert!(self.location.is_unchanged());
        } else {
            handle = self.location.value(self.structure.as_ref()).unwrap();
            if let Some(offset) = self.location.inside {
                let written = offset..offset + Out::SIZE;
                expected[written.clone()].copy_from_slice(&after[written]);
            }
        }
        assert_eq!(after, expected, "the structure is only read");
        handle
    }
}
